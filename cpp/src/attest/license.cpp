#include <algorithm>
#include <vector>

#include "license_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::attest {

namespace {

constexpr std::size_t max_text = 2000;
constexpr int max_depth = 32;

std::string_view find_identifier(std::span<const std::string_view> table, std::string_view text) {
  const std::string wanted = to_lower(text);
  const auto at =
      std::lower_bound(table.begin(), table.end(), wanted,
                       [](std::string_view entry, const std::string& key) { return to_lower(entry) < key; });
  return at != table.end() && to_lower(*at) == wanted ? *at : std::string_view{};
}

std::vector<std::string_view> tokens_of(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == ' ' || text[i] == '\t') {
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    if (text[i] != '(' && text[i] != ')') end = std::min(text.find_first_of(" \t()", i), text.size());
    out.push_back(text.substr(i, end - i));
    i = end;
  }
  return out;
}

/// Recursive descent; OR binds weaker than AND, WITH binds to one licence.
class Parser {
 public:
  explicit Parser(std::vector<std::string_view> tokens) : tokens_(std::move(tokens)) {}

  bool whole(std::string& out) { return alternatives(out, 0) && at_ == tokens_.size(); }

 private:
  bool take(std::string_view word) {
    if (at_ == tokens_.size() || to_lower(tokens_[at_]) != word) return false;
    ++at_;
    return true;
  }
  bool alternatives(std::string& out, int depth) {
    if (!conjunction(out, depth)) return false;
    while (take("or")) {
      out += " OR ";
      if (!conjunction(out, depth)) return false;
    }
    return true;
  }
  bool conjunction(std::string& out, int depth) {
    if (!single(out, depth)) return false;
    while (take("and")) {
      out += " AND ";
      if (!single(out, depth)) return false;
    }
    return true;
  }
  bool single(std::string& out, int depth) {
    if (take("(")) {
      out += '(';
      if (depth >= max_depth || !alternatives(out, depth + 1) || !take(")")) return false;
      out += ')';
      return true;
    }
    if (at_ == tokens_.size() || !license(tokens_[at_++], out)) return false;
    if (!take("with")) return true;
    if (at_ == tokens_.size()) return false;
    const auto exception = find_identifier(exception_identifiers(), tokens_[at_++]);
    out.append(" WITH ").append(exception);
    return !exception.empty();
  }
  static bool license(std::string_view token, std::string& out) {
    auto found = find_identifier(license_identifiers(), token);
    const bool or_later = found.empty() && token.ends_with('+');
    if (or_later) found = find_identifier(license_identifiers(), token.substr(0, token.size() - 1));
    out += found;
    if (or_later) out += '+';
    return !found.empty();
  }

  std::vector<std::string_view> tokens_;
  std::size_t at_ = 0;
};

}  // namespace

std::string canonical_license(std::string_view text) {
  if (text.empty() || text.size() > max_text) return {};
  std::string out;
  return Parser(tokens_of(text)).whole(out) ? out : std::string{};
}

}  // namespace shipset::attest
