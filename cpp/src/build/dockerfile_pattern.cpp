// Patterns of substitutions. BuildKit turns them into regular expressions and takes the leftmost match, stars short or
// long; here a table of what still can match gives the same answer in a bounded time.
#include <fmt/format.h>

#include <algorithm>

#include "dockerfile_impl.hpp"

namespace shipset::build::dockerfile {

namespace {

constexpr std::size_t max_table = 4u << 20;

struct Token {
  enum Kind : std::uint8_t { literal, any, star } kind = literal;
  std::string text;  ///< one character in UTF-8
};

// Characters of UTF-8; a byte that belongs to none stands alone.
std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    for (std::size_t k = 1; k < length; ++k)
      if (i + k >= text.size() || (static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) length = 1;
    out.push_back(text.substr(i, length));
    i += length;
  }
  return out;
}

Result<std::vector<Token>> read_pattern(std::string_view pattern) {
  std::vector<Token> out;
  const auto all = characters(pattern);
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto c = all[i];
    if (c == "*" || c == "?") {
      out.push_back({c == "*" ? Token::star : Token::any, {}});
      continue;
    }
    if (c == "\\") {
      c = i + 1 < all.size() ? all[i + 1] : std::string_view();
      if (c == "}" || c == "/") continue;
      if (c != "*" && c != "?" && c != "\\")
        return Error(ErrorKind::spec,
                     fmt::format("the pattern \"{}\" has a backslash before what needs none", pattern));
      ++i;
    }
    out.push_back({Token::literal, std::string(c)});
  }
  return out;
}

class Matcher {
 public:
  Matcher(const std::vector<Token>& tokens, const std::vector<std::string_view>& value)
      : tokens_(tokens), value_(value), width_(value.size() + 1), can_((tokens.size() + 1) * width_) {
    for (std::size_t j = 0; j < width_; ++j) set(tokens_.size(), j, true);
    for (std::size_t i = tokens_.size(); i-- > 0;)
      for (std::size_t j = width_; j-- > 0;) {
        const bool here = j < value_.size() && takes(i, j);
        if (tokens_[i].kind == Token::star)
          set(i, j, can(i + 1, j) || (here && can(i, j + 1)));
        else
          set(i, j, here && can(i + 1, j + 1));
      }
  }

  [[nodiscard]] bool starts_at(std::size_t from) const { return can(0, from); }

  /// End of the match that starts at `from`: every star takes as much (or as little) as it can, the first one first.
  [[nodiscard]] std::size_t end(std::size_t from, bool longest) const {
    std::size_t j = from;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].kind != Token::star) {
        ++j;
        continue;
      }
      std::size_t best = j;
      bool found = false;
      for (std::size_t k = j; k < width_ && !(found && !longest); ++k) {
        if (can(i + 1, k)) best = k, found = true;
        if (k < value_.size() && !takes(i, k)) break;
      }
      j = best;
    }
    return j;
  }

 private:
  [[nodiscard]] bool takes(std::size_t i, std::size_t j) const {
    return tokens_[i].kind == Token::literal ? value_[j] == tokens_[i].text : value_[j] != "\n";
  }
  [[nodiscard]] bool can(std::size_t i, std::size_t j) const { return can_[i * width_ + j]; }
  void set(std::size_t i, std::size_t j, bool value) { can_[i * width_ + j] = value; }

  const std::vector<Token>& tokens_;
  const std::vector<std::string_view>& value_;
  std::size_t width_;
  std::vector<bool> can_;
};

Result<void> check_size(std::size_t tokens, std::size_t value, Budget& budget) {
  const std::size_t cells = (tokens + 1) * (value + 1);
  if (cells > max_table || !budget.take(cells))
    return Error(ErrorKind::spec, "the pattern of a substitution takes too much work");
  return {};
}

std::string join_from(const std::vector<std::string_view>& value, std::size_t from) {
  std::string out;
  for (std::size_t i = from; i < value.size(); ++i) out += value[i];
  return out;
}

// $name and ${name} in a replacement of all matches mean groups, of which there is only the whole match.
std::string fill_template(std::string_view text, std::string_view match) {
  const auto is_name = [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    if (text[i + 1] == '$') {
      out += text[++i];
      continue;
    }
    const bool brace = text[i + 1] == '{';
    const std::size_t begin = i + 1 + (brace ? 1 : 0);
    std::size_t end = begin;
    while (end < text.size() && is_name(text[end])) ++end;
    if (end == begin || (brace && (end == text.size() || text[end] != '}'))) {
      out += text[i];
      continue;
    }
    const auto name = text.substr(begin, end - begin);
    if (std::all_of(name.begin(), name.end(), [](char c) { return c == '0'; }) && name.size() == 1) out += match;
    i = brace ? end : end - 1;
  }
  return out;
}

}  // namespace

Result<std::string> cut_pattern(std::string_view value, std::string_view pattern, Cut cut, bool longest,
                                Budget& budget) {
  SHIPSET_TRY(auto tokens, read_pattern(pattern));
  auto text = characters(value);
  SHIPSET_CHECK(check_size(tokens.size(), text.size(), budget));
  if (cut == Cut::suffix) {
    std::reverse(tokens.begin(), tokens.end());
    std::reverse(text.begin(), text.end());
  }
  const Matcher matcher(tokens, text);
  if (!matcher.starts_at(0)) return std::string(value);
  const std::size_t end = matcher.end(0, longest);
  if (cut == Cut::prefix) return join_from(text, end);
  text.erase(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end));
  std::reverse(text.begin(), text.end());
  return join_from(text, 0);
}

Result<std::string> replace_pattern(std::string_view value, std::string_view pattern, std::string_view replacement,
                                    bool all, Budget& budget) {
  SHIPSET_TRY(const auto tokens, read_pattern(pattern));
  const auto text = characters(value);
  SHIPSET_CHECK(check_size(tokens.size(), text.size(), budget));
  const Matcher matcher(tokens, text);
  std::string out;
  std::size_t at = 0, copied = 0;
  bool after_match = false;
  while (at <= text.size()) {
    if (!matcher.starts_at(at)) {
      ++at;
      after_match = false;
      continue;
    }
    const std::size_t end = matcher.end(at, true);
    if (!budget.take((end - at) * (tokens.size() + 1) + replacement.size() + 1) || out.size() > (64u << 10))
      return Error(ErrorKind::spec, "the replacements of a substitution take too much work");
    if (end > at || !after_match) {  // an empty match right behind a match does not count
      for (; copied < at; ++copied) out += text[copied];
      std::string match;
      for (; copied < end; ++copied) match += text[copied];
      out += all ? fill_template(replacement, match) : std::string(replacement);
      if (!all) break;
    }
    after_match = end > at;
    at = end > at ? end : at + 1;
  }
  return out + join_from(text, copied);
}

}  // namespace shipset::build::dockerfile
