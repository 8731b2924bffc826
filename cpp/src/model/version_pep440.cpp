// PEP 440, appendix B: the spellings that installers accept, in their order.
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "shipset/base/text.hpp"
#include "shipset/model/version.hpp"
#include "version_impl.hpp"

namespace shipset {

namespace {

using detail::is_digit;
using detail::is_letter;
using detail::Pep440Parts;
using detail::take_number;

bool is_separator(char c) {
  return c == '.' || c == '-' || c == '_';
}

struct Word {
  std::string_view text;
  std::int64_t meaning;
};

// Takes `[sep]word[sep][number]` where a word of the list comes; a missing number is 0. `fits` turns false when the
// number is too large.
bool take_segment(std::string_view& text, std::span<const Word> words, std::int64_t& meaning, std::int64_t& number,
                  bool& fits) {
  std::string_view rest = text;
  if (!rest.empty() && is_separator(rest.front())) rest.remove_prefix(1);
  for (const auto& word : words) {
    if (!rest.starts_with(word.text)) continue;
    rest.remove_prefix(word.text.size());
    meaning = word.meaning;
    if (!rest.empty() && is_separator(rest.front())) rest.remove_prefix(1);
    std::uint64_t value = 0;
    if (!rest.empty() && is_digit(rest.front())) fits = fits && take_number(rest, value);
    number = static_cast<std::int64_t>(value);
    text = rest;
    return true;
  }
  return false;
}

bool take_release(std::string_view& text, std::vector<std::uint64_t>& numbers) {
  std::uint64_t number = 0;
  if (!take_number(text, number)) return false;
  numbers.push_back(number);
  while (text.size() > 1 && text[0] == '.' && is_digit(text[1])) {
    text.remove_prefix(1);
    if (!take_number(text, number)) return false;
    numbers.push_back(number);
  }
  return true;
}

bool take_epoch(std::string_view& text, Pep440Parts& parts) {
  const std::size_t mark = text.find('!');
  if (mark == text.npos) return true;
  std::uint64_t number = 0;
  std::string_view epoch = text.substr(0, mark);
  if (!take_number(epoch, number) || !epoch.empty()) return false;
  parts.epoch = static_cast<std::int64_t>(number);
  text.remove_prefix(mark + 1);
  return true;
}

// Letters and digits joined by single separators; written with dots and without leading zeros of numbers.
bool read_local(std::string_view text, std::string& out) {
  std::string dotted(text);
  for (char& c : dotted)
    if (is_separator(c)) c = '.';
  std::vector<std::string> fields = split(dotted, '.');
  for (auto& field : fields) {
    bool digits = !field.empty();
    for (const char c : field) {
      if (!is_digit(c) && !is_letter(c)) return false;
      digits = digits && is_digit(c);
    }
    if (field.empty()) return false;
    if (digits) field.erase(0, std::min(field.find_first_not_of('0'), field.size() - 1));
  }
  out = join(fields, ".");
  return true;
}

}  // namespace

bool Version::read_pep440(std::string_view original) {
  constexpr Word pre[] = {{"alpha", 0},   {"a", 0},   {"beta", 1}, {"b", 1},
                          {"preview", 2}, {"pre", 2}, {"c", 2},    {"rc", 2}};
  constexpr Word post[] = {{"post", 0}, {"rev", 0}, {"r", 0}};
  constexpr Word dev[] = {{"dev", 0}};
  const std::string lower = to_lower(original);
  std::string_view text = lower;
  if (const std::size_t plus = text.find('+'); plus != text.npos) {
    if (!read_local(text.substr(plus + 1), build_)) return false;
    text = text.substr(0, plus);
  }
  Pep440Parts parts;
  if (!take_epoch(text, parts) || !take_release(text, numbers_)) return false;

  bool fits = true;
  std::int64_t ignored = 0;
  const bool has_pre = take_segment(text, pre, parts.pre_kind, parts.pre_number, fits);
  if (text.size() > 1 && text[0] == '-' && is_digit(text[1])) {
    text.remove_prefix(1);
    std::uint64_t number = 0;
    fits = fits && take_number(text, number);
    parts.post = static_cast<std::int64_t>(number);
  } else {
    take_segment(text, post, ignored, parts.post, fits);
  }
  const bool has_dev = take_segment(text, dev, ignored, parts.dev, fits);
  if (!fits || !text.empty()) return false;

  if (!has_pre && has_dev && parts.post == Pep440Parts::lowest) parts.pre_kind = Pep440Parts::lowest;
  if (has_pre) {
    constexpr std::string_view letters[] = {"a", "b", "rc"};
    prerelease_ = fmt::format("{}{}", letters[parts.pre_kind], parts.pre_number);
  }
  if (has_dev) prerelease_ += fmt::format("{}dev{}", prerelease_.empty() ? "" : ".", parts.dev);
  rank_ = {parts.epoch, parts.pre_kind, parts.pre_number, parts.post, parts.dev};
  return true;
}

}  // namespace shipset
