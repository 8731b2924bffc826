#include <fmt/format.h>

#include "expression_impl.hpp"
#include "shipset/base/text.hpp"
#include "template_impl.hpp"

namespace shipset {

namespace {

using detail::error_at;
using Node = Expression::Node;

// A type as far as it is known before values are: `open` may turn out to be anything.
enum class Type : std::uint8_t { none, boolean, integer, string, open };

std::string_view name_of(Type type) {
  constexpr std::string_view names[] = {"none", "boolean", "integer", "string", "open"};
  return names[static_cast<std::size_t>(type)];
}

Type type_of(const Value& value) {
  return static_cast<Type>(value.index());
}

std::string describe(const Node& node) {
  if (node.kind == Node::Kind::name) return fmt::format("\"{}\"", node.name);
  if (node.kind != Node::Kind::literal) return "this part";
  const auto* text = std::get_if<std::string>(&node.value);
  if (text != nullptr) return fmt::format("the string \"{}\"", printable(*text));
  return std::holds_alternative<std::monostate>(node.value) ? "none" : to_text(node.value);
}

std::string_view article(Type type) {
  if (type == Type::none) return "";
  return type == Type::integer ? "an " : "a ";
}

Error not_boolean(const Node& node, Type type) {
  std::string hint;
  if (node.kind == Node::Kind::name) {
    hint = type == Type::none      ? fmt::format("compare it: {0} == none or {0} != none", node.name)
           : type == Type::integer ? fmt::format("compare it, for example {} == 1", node.name)
                                   : fmt::format("compare it, for example {0} == \"…\" or {0} != none", node.name);
  }
  return error_at(node.offset, fmt::format("{} is {}{}, not a boolean", describe(node), article(type), name_of(type)),
                  {}, std::move(hint));
}

Error not_comparable(const Node& node, Type left, Type right) {
  const Node& first = node.children[0];
  std::string hint;
  if (first.kind == Node::Kind::negation) hint = "\"not\" binds tighter than \"==\": write not (… == …)";
  return error_at(node.offset,
                  fmt::format("cannot compare {} ({}) with {} ({})", describe(first), name_of(left),
                              describe(node.children[1]), name_of(right)),
                  "the types differ", std::move(hint));
}

// A result of an operator is never none, so such a comparison is a slip.
bool compares_result_with_none(const Node& node, Type left, Type right) {
  const auto is_operator = [](const Node& n) { return n.kind != Node::Kind::literal && n.kind != Node::Kind::name; };
  return (is_operator(node.children[0]) && right == Type::none) ||
         (is_operator(node.children[1]) && left == Type::none);
}

class Evaluator {
 public:
  explicit Evaluator(const Scope& scope) : scope_(scope) {}

  [[nodiscard]] Result<bool> boolean(const Node& node) const {
    SHIPSET_TRY(const Value found, value(node));
    if (const bool* flag = std::get_if<bool>(&found)) return *flag;
    return not_boolean(node, type_of(found));
  }

 private:
  [[nodiscard]] Result<Value> value(const Node& node) const {
    switch (node.kind) {
      case Node::Kind::literal:
        return node.value;
      case Node::Kind::name:
        return name(node);
      case Node::Kind::negation: {
        SHIPSET_TRY(const bool flag, boolean(node.children[0]));
        return Value(!flag);
      }
      case Node::Kind::equal:
      case Node::Kind::unequal:
        return compared(node);
      case Node::Kind::conjunction:
      case Node::Kind::disjunction:
        return chained(node);
    }
    return Error(ErrorKind::internal, "unknown kind of expression node");
  }

  [[nodiscard]] Result<Value> name(const Node& node) const {
    auto found = scope_.lookup(node.name);
    if (!found) return detail::unknown_name(node.offset, node.name, scope_);
    return detail::presented(node.name, std::move(*found));
  }

  [[nodiscard]] Result<Value> compared(const Node& node) const {
    SHIPSET_TRY(const Value left, value(node.children[0]));
    SHIPSET_TRY(const Value right, value(node.children[1]));
    const Type l = type_of(left), r = type_of(right);
    if ((l != r && l != Type::none && r != Type::none) || compares_result_with_none(node, l, r))
      return not_comparable(node, l, r);
    return Value((left == right) == (node.kind == Node::Kind::equal));
  }

  [[nodiscard]] Result<Value> chained(const Node& node) const {
    const bool stop_at = node.kind == Node::Kind::disjunction;
    for (const auto& child : node.children) {
      SHIPSET_TRY(const bool flag, boolean(child));
      if (flag == stop_at) return Value(stop_at);
    }
    return Value(!stop_at);
  }

  const Scope& scope_;
};

class Checker {
 public:
  explicit Checker(const Scope& scope) : scope_(scope) {}

  void want_boolean(const Node& node) {
    const Type type = check(node);
    if (type != Type::boolean && type != Type::open) report(node, not_boolean(node, type));
  }

  std::vector<TextProblem> problems;

 private:
  void report(const Node& node, const Error& error) { problems.push_back(detail::as_problem(error, node.offset)); }

  Type check(const Node& node) {
    switch (node.kind) {
      case Node::Kind::literal:
        return type_of(node.value);
      case Node::Kind::name: {
        const auto found = scope_.lookup(node.name);
        if (!found) return report(node, detail::unknown_name(node.offset, node.name, scope_)), Type::open;
        const Type type = type_of(detail::presented(node.name, *found));
        return type == Type::none ? Type::open : type;
      }
      case Node::Kind::equal:
      case Node::Kind::unequal: {
        const Type left = check(node.children[0]), right = check(node.children[1]);
        const bool known = left != Type::open && right != Type::open && left != Type::none && right != Type::none;
        if ((known && left != right) || compares_result_with_none(node, left, right))
          report(node, not_comparable(node, left, right));
        return Type::boolean;
      }
      case Node::Kind::negation:
      case Node::Kind::conjunction:
      case Node::Kind::disjunction:
        for (const auto& child : node.children) want_boolean(child);
        return Type::boolean;
    }
    return Type::open;
  }

  const Scope& scope_;
};

}  // namespace

Result<bool> Expression::evaluate(const Scope& scope) const {
  if (!root_) return Error(ErrorKind::internal, "an empty expression was evaluated");
  return Evaluator(scope).boolean(*root_);
}

std::vector<TextProblem> Expression::problems(const Scope& scope) const {
  Checker checker(scope);
  if (root_) checker.want_boolean(*root_);
  return std::move(checker.problems);
}

}  // namespace shipset
