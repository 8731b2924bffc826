// The only source that includes toml++: its header costs seconds per inclusion.
#define TOML_EXCEPTIONS 0
#define TOML_MAX_NESTED_VALUES 64
// Version 3.3 asserts what bad input breaks (in a release build it even lets the compiler assume it) and then reports
// it as an error all the same. Only with NDEBUG away can its assertions be replaced.
#ifdef NDEBUG
#define SHIPSET_HAD_NDEBUG
#undef NDEBUG
#endif
#define TOML_ASSERT(expression) static_cast<void>(0)
// Its test for blanks calls unreachable what a letter beyond ASCII reaches; "no" is the answer there.
#include <toml++/impl/forward_declarations.h>
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE return false
#include <toml++/impl/unicode.h>
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE __builtin_unreachable()
#include <toml++/toml.h>
#ifdef SHIPSET_HAD_NDEBUG
#define NDEBUG
#endif

#include <algorithm>
#include <sstream>

#include "node_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::detail {

namespace {

constexpr std::size_t max_bytes = std::size_t{10} << 20;
constexpr int max_depth = 64;
constexpr std::size_t max_values = 1'000'000;

Error problem_at(const std::string& file, Place at, std::string message, std::string hint = {}) {
  Error error(ErrorKind::spec, file + " is not a valid release file");
  Problem problem;
  problem.file = file;
  problem.line = at.line;
  problem.column = at.column;
  problem.message = std::move(message);
  problem.hint = std::move(hint);
  error.problems.push_back(std::move(problem));
  return error;
}

/// Finds keys with too many dots and counts values before toml++ builds (and recursively frees) what they describe.
class Prescan {
 public:
  explicit Prescan(std::string_view text) : text_(text) {}

  /// Null when the text is within bounds, else what is wrong; place() says where.
  const char* run() {
    while (i_ < text_.size()) {
      const char c = text_[i_];
      if (c == '#')
        skip_comment();
      else if (c == '"' || c == '\'')
        skip_string(c);
      else
        structure(c);
      if (dots_ > max_depth) return "a key has more than 64 parts";
      if (values_ > max_values) return "there are more than 1,000,000 values";
    }
    return nullptr;
  }
  [[nodiscard]] Place place() const { return {line_, static_cast<int>(i_ - line_start_) + 1}; }

 private:
  void newline() {
    ++line_;
    line_start_ = i_ + 1;
  }

  void structure(char c) {
    if (c == '\n') newline();
    if (c == '.') ++dots_;
    if (c == '\n' || c == '=' || c == '[' || c == ']' || c == '{' || c == '}' || c == ',') dots_ = 0;
    if (c == '=' || c == '[' || c == '{' || c == ',') ++values_;
    ++i_;
  }

  void skip_comment() {
    while (i_ < text_.size() && text_[i_] != '\n') ++i_;
  }

  void skip_string(char quote) {
    const std::string_view triple = quote == '"' ? "\"\"\"" : "'''";
    const bool multi_line = text_.substr(i_, 3) == triple;
    i_ += multi_line ? 3 : 1;
    while (i_ < text_.size()) {
      const char c = text_[i_];
      if (c == '\n') {
        if (!multi_line) return;
        newline();
      }
      if (c == '\\' && quote == '"' && i_ + 1 < text_.size() && text_[i_ + 1] != '\n') {
        i_ += 2;
        continue;
      }
      if (c == quote && (!multi_line || text_.substr(i_, 3) == triple)) {
        i_ += multi_line ? 3 : 1;
        return;
      }
      ++i_;
    }
  }

  std::string_view text_;
  std::size_t i_ = 0, line_start_ = 0, values_ = 0;
  int line_ = 1, dots_ = 0;
};

Place place_of(const toml::source_position& position) {
  return {static_cast<int>(position.line), static_cast<int>(position.column)};
}

class Converter {
 public:
  explicit Converter(std::string_view text) {
    std::size_t start = 0;
    while (start <= text.size()) {
      const std::size_t end = std::min(text.find('\n', start), text.size());
      lines_.push_back(text.substr(start, end - start));
      start = end + 1;
    }
  }

  /// False when the tree is too deep; `too_deep` says where.
  bool convert(const toml::node& from, Node& to, int depth) {
    to.at = place_of(from.source().begin);
    if (depth > max_depth) {
      too_deep = to.at;
      return false;
    }
    switch (from.type()) {
      case toml::node_type::table:
        return table(*from.as_table(), to, depth);
      case toml::node_type::array:
        return array(*from.as_array(), to, depth);
      case toml::node_type::string:
        to.type = Node::Type::string;
        to.text = from.as_string()->get();
        to.plain = stands_as_it_is(to);
        return true;
      case toml::node_type::integer:
        to.type = Node::Type::integer;
        to.number = from.as_integer()->get();
        return true;
      case toml::node_type::floating_point:
        to.type = Node::Type::floating;
        to.real = from.as_floating_point()->get();
        return true;
      case toml::node_type::boolean:
        to.type = Node::Type::boolean;
        to.flag = from.as_boolean()->get();
        return true;
      default:
        return datetime(from, to);
    }
  }

  Place too_deep;

 private:
  bool table(const toml::table& from, Node& to, int depth) {
    to.type = Node::Type::table;
    std::vector<std::pair<Place, toml::table::const_iterator>> members;
    members.reserve(from.size());
    for (auto member = from.cbegin(); member != from.cend(); ++member)
      members.emplace_back(place_of(member->first.source().begin), member);
    std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    to.children.reserve(from.size());
    for (const auto& [place, member] : members) {
      auto& child = to.children.emplace_back();
      child.key = std::string(member->first.str());
      child.key_at = place;
      if (!convert(member->second, child, depth + 1)) return false;
    }
    return true;
  }

  bool array(const toml::array& from, Node& to, int depth) {
    to.type = Node::Type::array;
    to.children.reserve(from.size());
    for (const auto& value : from) {
      auto& child = to.children.emplace_back();
      if (!convert(value, child, depth + 1)) return false;
      child.key_at = child.at;
    }
    return true;
  }

  static bool datetime(const toml::node& from, Node& to) {
    to.type = Node::Type::datetime;
    std::ostringstream text;
    if (const auto* date = from.as_date()) text << date->get();
    if (const auto* time = from.as_time()) text << time->get();
    if (const auto* both = from.as_date_time()) text << both->get();
    to.text = text.str();
    return true;
  }

  [[nodiscard]] bool stands_as_it_is(const Node& node) const {
    const auto line = static_cast<std::size_t>(node.at.line);
    if (line == 0 || line > lines_.size()) return false;
    const std::string_view text = lines_[line - 1];
    // Columns count characters; only lines of ASCII are mapped.
    const auto column = static_cast<std::size_t>(node.at.column);
    if (column == 0 || column + node.text.size() > text.size()) return false;
    return (text[column - 1] == '"' || text[column - 1] == '\'') && text.substr(column, node.text.size()) == node.text;
  }

  std::vector<std::string_view> lines_;
};

}  // namespace

Result<Node> read_toml(std::string_view text, const std::string& file) {
  if (text.size() > max_bytes)
    return problem_at(file, {}, "the file is larger than 10 MiB", "a release file holds settings only");
  Prescan prescan(text);
  if (const char* message = prescan.run()) return problem_at(file, prescan.place(), message);

  const auto parsed = toml::parse(text);
  if (!parsed) {
    const auto& error = parsed.error();
    return problem_at(file, place_of(error.source().begin), printable(error.description()),
                      "the file is not valid TOML at this place; see https://toml.io");
  }
  Node root;
  Converter converter(text);
  if (!converter.convert(parsed.table(), root, 0))
    return problem_at(file, converter.too_deep, "tables and lists are nested more than 64 deep");
  return root;
}

}  // namespace shipset::detail
