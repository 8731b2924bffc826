#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "description_impl.hpp"
#include "evaluate_impl.hpp"
#include "formats_impl.hpp"
#include "options_impl.hpp"
#include "problems_impl.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/expression.hpp"
#include "shipset/model/template.hpp"

namespace shipset::detail {

bool is_conditional(const Node& node) noexcept {
  if (!node.is_array() || node.children.empty()) return false;
  // Whatever is not quite so was refused when the file was checked; in free tables it is data.
  return std::all_of(node.children.begin(), node.children.end(), [](const Node& alternative) {
    return alternative.is_table() && alternative.find("value") != nullptr &&
           alternative.children.size() == (alternative.find("when") != nullptr ? 2u : 1u);
  });
}

TextProblem to_text_problem(const Error& error) {
  TextProblem out;
  out.message = error.why.empty() ? error.what : fmt::format("{}: {}", error.what, error.why);
  out.hint = error.hint;
  if (const auto offset = error.context.find("offset"); offset != error.context.end())
    out.offset = std::strtoul(offset->second.c_str(), nullptr, 10);
  return out;
}

void Faults::report(const Node& node, const TextProblem& problem) {
  ++count_;
  last_ = problem.message;
  if (problems_ == nullptr || !seen_.emplace(std::pair(&node, problem.message), true).second) return;
  TextProblem full = problem;
  if (!about_.empty()) full.message += about_;
  problems_->error(node, full);
}

void Faults::report(const Node& node, std::string message, std::string hint) {
  report(node, TextProblem{0, std::move(message), std::move(hint)});
}

void Evaluation::report(const Node& node, const Error& error) const {
  faults_.report(node, to_text_problem(error));
}

std::optional<bool> Evaluation::condition(const Node& when) const {
  if (when.condition == nullptr) return std::nullopt;
  const std::size_t before = faults_.count();
  auto result = when.condition->evaluate(scope_);
  if (result) return *result;
  if (faults_.count() == before) report(when, result.error());
  return std::nullopt;
}

const Node* Evaluation::chosen(const Node& node, Outcome& outcome) const {
  outcome = Outcome::set;
  if (!is_conditional(node)) return &node;
  for (const auto& alternative : node.children) {
    if (const Node* when = alternative.find("when")) {
      const auto holds = condition(*when);
      if (!holds) return outcome = Outcome::failed, nullptr;
      if (!*holds) continue;
    }
    return alternative.find("value");
  }
  outcome = Outcome::unset;
  return nullptr;
}

Outcome Evaluation::plain_value(const Node& node, Value& out) const {
  switch (node.type) {
    case Node::Type::boolean:
      out = node.flag;
      return Outcome::set;
    case Node::Type::integer:
      out = node.number;
      return Outcome::set;
    case Node::Type::string:
      break;
    default:
      faults_.report(node, fmt::format("{} cannot stand here", describe(node.type)));
      return Outcome::failed;
  }
  if (node.text_template == nullptr) {
    out = node.text;
    return Outcome::set;
  }
  const std::size_t before = faults_.count();
  const bool typed = node.spec != nullptr && node.spec->leaf != Leaf::string;
  if (typed) {
    auto result = node.text_template->evaluate_value(scope_);
    if (result) return out = std::move(*result), Outcome::set;
    if (faults_.count() == before) report(node, result.error());
    return Outcome::failed;
  }
  auto result = node.text_template->evaluate(scope_);
  if (faults_.count() != before) return Outcome::failed;
  if (!result) return report(node, result.error()), Outcome::failed;
  if (node.spec != nullptr) {
    if (const auto wrong = check_text(*node.spec, *result)) {
      faults_.report(node, TextProblem{0, wrong->message, wrong->hint});
      return Outcome::failed;
    }
  }
  out = std::move(*result);
  return Outcome::set;
}

Outcome Evaluation::value(const Node& node, Value& out) const {
  Outcome outcome = Outcome::set;
  const Node* source = chosen(node, outcome);
  return source == nullptr ? outcome : plain_value(*source, out);
}

Outcome Evaluation::text(const Node& node, std::string& out) const {
  Value found;
  const Outcome outcome = value(node, found);
  if (outcome == Outcome::set)
    out = std::holds_alternative<std::string>(found) ? std::move(std::get<std::string>(found)) : to_text(found);
  return outcome;
}

Outcome Evaluation::boolean(const Node& node, bool& out) const {
  Value found;
  const Outcome outcome = value(node, found);
  if (outcome != Outcome::set) return outcome;
  if (const bool* flag = std::get_if<bool>(&found)) return out = *flag, Outcome::set;
  faults_.report(
      node, fmt::format("expected a boolean, found the {} \"{}\"", type_name(found), printable(to_text(found), 80)));
  return Outcome::failed;
}

Outcome Evaluation::integer(const Node& node, std::int64_t& out) const {
  Value found;
  const Outcome outcome = value(node, found);
  if (outcome != Outcome::set) return outcome;
  if (const auto* number = std::get_if<std::int64_t>(&found)) return out = *number, Outcome::set;
  faults_.report(
      node, fmt::format("expected an integer, found the {} \"{}\"", type_name(found), printable(to_text(found), 80)));
  return Outcome::failed;
}

std::vector<const Node*> Evaluation::entries(const Node& list) const {
  std::vector<const Node*> out;
  out.reserve(list.children.size());
  for (const auto& entry : list.children) {
    if (entry.is_table() && entry.find("value") != nullptr) {
      // One alternative alone may stand without its list.
      const Node* when = entry.find("when");
      if (when == nullptr || condition(*when).value_or(false)) out.push_back(entry.find("value"));
      continue;
    }
    Outcome outcome = Outcome::set;
    if (const Node* source = chosen(entry, outcome)) out.push_back(source);
  }
  return out;
}

std::vector<std::string> Evaluation::texts(const Node& list) const {
  std::vector<std::string> out;
  for (const Node* entry : entries(list)) {
    std::string one;
    if (text(*entry, one) == Outcome::set) out.push_back(std::move(one));
  }
  return out;
}

}  // namespace shipset::detail
