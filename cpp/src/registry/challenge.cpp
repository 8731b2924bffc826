#include <algorithm>

#include "challenge_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
constexpr std::size_t field_limit = 16u << 10;
constexpr std::size_t challenge_limit = 16;
constexpr std::size_t value_limit = 32;
constexpr std::size_t scope_limit = 32;

bool token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  [[nodiscard]] bool end() const { return text_.empty(); }
  [[nodiscard]] char peek() const { return text_.empty() ? '\0' : text_.front(); }
  void skip(std::string_view set) {
    while (!text_.empty() && set.find(text_.front()) != std::string_view::npos) text_.remove_prefix(1);
  }
  void drop() { text_.remove_prefix(1); }
  std::string token() {
    std::size_t n = 0;
    while (n < text_.size() && token_char(text_[n])) ++n;
    std::string out(text_.substr(0, n));
    text_.remove_prefix(n);
    return out;
  }
  /// A quoted string with its quotes; an unclosed one ends with the text.
  std::string quoted() {
    std::string out;
    drop();
    while (!text_.empty() && text_.front() != '"') {
      if (text_.front() == '\\' && text_.size() > 1) drop();
      out += text_.front();
      drop();
    }
    if (!text_.empty()) drop();
    return out;
  }
  /// The rest of a value that is neither token nor quoted string, up to a comma.
  void skip_item() {
    while (!text_.empty() && text_.front() != ',') text_.remove_prefix(1);
  }

 private:
  std::string_view text_;
};

void parse_field(std::string_view field, std::vector<Challenge>& out) {
  Scanner scan(field.substr(0, field_limit));
  while (scan.skip(" \t,"), !scan.end()) {
    const std::string name = scan.token();
    if (name.empty()) {
      scan.skip_item();
      continue;
    }
    scan.skip(" \t");
    if (scan.peek() != '=') {  // a scheme; its parameters, or a token68, follow
      if (out.size() >= challenge_limit) return;
      out.push_back({to_lower(name), {}});
      continue;
    }
    scan.drop();
    scan.skip(" \t");
    const std::string value = scan.peek() == '"' ? scan.quoted() : scan.token();
    if (!out.empty() && out.back().values.size() < value_limit) out.back().values.emplace(to_lower(name), value);
    if (scan.peek() != ',' && scan.peek() != ' ' && scan.peek() != '\t') scan.skip_item();
  }
}

/// "repository:o/app:pull,push" → {"repository:o/app", "pull,push"}; the name may hold colons.
std::pair<std::string, std::string> split_scope(const std::string& scope) {
  const auto colon = scope.rfind(':');
  if (colon == std::string::npos) return {scope, {}};
  return {scope.substr(0, colon), scope.substr(colon + 1)};
}
}  // namespace

std::vector<Challenge> parse_challenges(const std::vector<std::string>& fields) {
  std::vector<Challenge> out;
  for (const auto& field : fields) parse_field(field, out);
  return out;
}

void merge_scopes(std::vector<std::string>& scopes, std::string_view more) {
  for (const auto& item : split(more.substr(0, field_limit), ' ')) {
    if (item.empty()) continue;
    const auto [resource, actions] = split_scope(item);
    const auto same = std::find_if(scopes.begin(), scopes.end(),
                                   [&, &wanted = resource](const auto& s) { return split_scope(s).first == wanted; });
    if (same == scopes.end()) {
      if (scopes.size() < scope_limit) scopes.push_back(item);
      continue;
    }
    auto have = split(split_scope(*same).second, ',');
    const auto before = have.size();
    for (const auto& action : split(actions, ','))
      if (!action.empty() && std::find(have.begin(), have.end(), action) == have.end()) have.push_back(action);
    if (have.size() != before) *same = resource + ":" + join(have, ",");
  }
}

}  // namespace shipset::registry
