// The small grammars inside of one instruction: flags, words with quotes, fields of a mount.
#include "dockerfile_impl.hpp"

namespace shipset::build::dockerfile {

namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Length of the white space character at the beginning, 0 when there is none.
std::size_t space_at(std::string_view text) {
  if (text.empty()) return 0;
  if (is_space(text[0])) return 1;
  constexpr std::string_view wide[] = {"\u0085", "\u00a0", "\u1680", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
  for (const auto each : wide)
    if (text.starts_with(each)) return each.size();
  if (text.starts_with("\xe2\x80") && text.size() > 2 && static_cast<unsigned char>(text[2]) >= 0x80 &&
      static_cast<unsigned char>(text[2]) <= 0x8a)
    return 3;  // U+2000 to U+200A
  return 0;
}

}  // namespace

std::string_view trim_left(std::string_view text) {
  while (const std::size_t length = space_at(text)) text.remove_prefix(length);
  return text;
}

std::string_view trim_both(std::string_view text) {
  text = trim_left(text);
  for (bool cut = true; cut && !text.empty();) {
    cut = false;
    for (std::size_t length = 1; length <= 3 && length <= text.size() && !cut; ++length)
      if (space_at(text.substr(text.size() - length)) == length) {
        text.remove_suffix(length);
        cut = true;
      }
  }
  return text;
}

std::vector<std::string> split_blanks(std::string_view text, std::size_t limit) {
  const auto blank = [](char c) { return is_space(c) && c != '\n'; };
  std::vector<std::string> out;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (!blank(text[i])) {
      ++i;
      continue;
    }
    if (limit != 0 && out.size() + 1 == limit) break;
    out.emplace_back(text.substr(begin, i - begin));
    while (i < text.size() && blank(text[i])) ++i;
    begin = i;
  }
  out.emplace_back(text.substr(begin));
  return out;
}

std::vector<std::string> take_flags(std::string_view text, char escape, std::string& rest) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (true) {
    while (at < text.size() && is_space(text[at])) ++at;
    rest = text.substr(at);
    if (text.substr(at, 2) != "--") return out;
    std::string word;
    char quote = '\0';
    for (; at < text.size(); ++at) {
      char c = text[at];
      if (quote == '\0' && is_space(c)) break;
      if (quote == '\0' ? c == '\'' || c == '"' : c == quote) {
        quote = quote == '\0' ? c : '\0';
        continue;
      }
      if (c == escape) {
        if (at + 1 == text.size()) continue;
        c = text[++at];
      }
      word += c;
    }
    rest = text.substr(at);
    if (word == "--") return out;
    out.push_back(std::move(word));
  }
}

std::vector<std::string> quoted_words(std::string_view text, char escape) {
  std::vector<std::string> out;
  std::string word;
  bool in_word = false, keep_empty = false;
  char quote = '\0';
  const auto end = [&] {
    if (keep_empty || !word.empty()) out.push_back(std::move(word));
    word.clear();
    in_word = keep_empty = false;
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote == '\0' && space_at(text.substr(at)) != 0) {
      const std::size_t length = space_at(text.substr(at));
      if (in_word) end();
      at += length - 1;
      continue;
    }
    in_word = true;
    if (quote == '\0' ? c == '\'' || c == '"' : c == quote) {
      keep_empty = true;
      quote = quote == '\0' ? c : '\0';
    } else if (c == escape && quote != '\'') {
      if (at + 1 == text.size()) continue;
      word += c;
      ++at;
    }
    word += text[at];
  }
  end();
  return out;
}

std::optional<std::vector<std::string>> csv_fields(std::string_view line) {
  std::vector<std::string> out;
  while (true) {
    if (!line.starts_with('"')) {
      const std::size_t comma = line.find(',');
      const auto field = line.substr(0, comma);
      if (field.find('"') != field.npos) return std::nullopt;
      out.emplace_back(field);
      if (comma == line.npos) return out;
      line.remove_prefix(comma + 1);
      continue;
    }
    std::string field;
    for (line.remove_prefix(1);;) {
      const std::size_t quote = line.find('"');
      if (quote == line.npos) return std::nullopt;
      field += line.substr(0, quote);
      line.remove_prefix(quote + 1);
      if (!line.starts_with('"')) break;
      field += '"';
      line.remove_prefix(1);
    }
    out.push_back(std::move(field));
    if (line.empty()) return out;
    if (!line.starts_with(',')) return std::nullopt;
    line.remove_prefix(1);
  }
}

std::optional<std::string> flag_value(const std::vector<std::string>& flags, std::string_view name) {
  std::optional<std::string> out;
  for (const std::string_view flag : flags)
    if (flag.size() > name.size() + 2 && flag.starts_with("--") && flag.substr(2, name.size()) == name &&
        flag[name.size() + 2] == '=')
      out = flag.substr(name.size() + 3);
  return out;
}

}  // namespace shipset::build::dockerfile
