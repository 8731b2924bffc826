// Scanning of versions, shared by the schemes.
#pragma once

#include <charconv>
#include <cstdint>
#include <limits>
#include <string_view>

namespace shipset::detail {

inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
inline bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Takes the digits at the start of `text`; false when there are none or they do not fit into 63 bits.
inline bool take_number(std::string_view& text, std::uint64_t& number) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  const auto [end, code] = std::from_chars(text.data(), text.data() + count, number);
  if (count == 0 || code != std::errc() ||
      number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return false;
  text.remove_prefix(count);
  return true;
}

/// Precedence of semver pre-releases: dot-separated, numbers before words, numbers by value, more fields later.
int compare_prereleases(std::string_view left, std::string_view right);

/// The parts of a PEP 440 version besides its release numbers.
struct Pep440Parts {
  static constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
  std::int64_t epoch = 0;
  std::int64_t pre_kind = highest;  ///< 0 alpha, 1 beta, 2 candidate; highest: none; lowest: a development release
  std::int64_t pre_number = 0;
  std::int64_t post = lowest;
  std::int64_t dev = highest;
};

}  // namespace shipset::detail
