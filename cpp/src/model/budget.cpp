#include <fmt/format.h>

#include <array>

#include "budget_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::detail {

namespace {

constexpr std::uint64_t most_bytes = 1ULL << 44;
constexpr std::uint64_t most_percent = 10'000;
constexpr std::size_t most_digits = 15;

constexpr std::array<std::pair<std::string_view, std::uint64_t>, 10> units{{
    {"B", 1},
    {"kB", 1000},
    {"KB", 1000},
    {"MB", 1'000'000},
    {"GB", 1'000'000'000},
    {"TB", 1'000'000'000'000},
    {"KiB", 1ULL << 10},
    {"MiB", 1ULL << 20},
    {"GiB", 1ULL << 30},
    {"TiB", 1ULL << 40},
}};

Error bad(std::string_view text, std::string_view what, std::string why, std::string hint) {
  return Error(ErrorKind::spec, fmt::format("\"{}\" is not a {}", printable(text, 80), what), std::move(why),
               std::move(hint));
}

/// A decimal number without sign as an integer and a power of ten below it.
struct Decimal {
  std::uint64_t digits = 0, scale = 1;
  std::string_view rest;
};

std::optional<Decimal> read_decimal(std::string_view text) {
  Decimal out;
  std::size_t at = 0, count = 0;
  bool point = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && !point && count > 0) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    if (++count > most_digits) return std::nullopt;
    out.digits = out.digits * 10 + static_cast<std::uint64_t>(c - '0');
    if (point) out.scale *= 10;
  }
  if (count == 0 || text[at - 1] == '.') return std::nullopt;
  out.rest = trim(text.substr(at));
  return out;
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::string_view hint = "write a number and its unit, e.g. \"1.5 GiB\" or \"800 MB\"";
  const auto number = read_decimal(text);
  if (!number) return bad(text, "size", "it does not begin with a number", std::string(hint));
  for (const auto& [name, factor] : units) {
    if (number->rest != name) continue;
    // Fifteen digits times a terabyte is more than an integer of 64 bits holds.
    const long double bytes = static_cast<long double>(number->digits) * static_cast<long double>(factor) /
                              static_cast<long double>(number->scale);
    if (bytes > static_cast<long double>(most_bytes))
      return bad(text, "size of a budget", "it is more than 16 TiB", std::string(hint));
    if (bytes < 1) return bad(text, "size of a budget", "it is less than a byte", std::string(hint));
    return static_cast<std::uint64_t>(bytes);
  }
  return bad(
      text, "size",
      number->rest.empty() ? "its unit is missing" : fmt::format("\"{}\" is not a unit", printable(number->rest, 20)),
      number->rest.empty() ? std::string(hint) : "units are B, kB, MB, GB, TB, KiB, MiB, GiB and TiB");
}

Result<std::uint32_t> parse_percent(std::string_view text) {
  constexpr std::string_view hint = "write a number and %, e.g. \"10%\"";
  const auto number = read_decimal(text);
  if (!number) return bad(text, "percentage", "it does not begin with a number", std::string(hint));
  if (number->rest != "%")
    return bad(text, "percentage", "it does not end in %",
               parse_size(text) ? "a growth in bytes is `growth_bytes`" : std::string(hint));
  if (number->scale > 100) return bad(text, "percentage", "it has more than two decimals", std::string(hint));
  if (number->digits > most_percent * number->scale)
    return bad(text, "percentage of a budget", "it is more than 10000 %", std::string(hint));
  return static_cast<std::uint32_t>(number->digits * 100 / number->scale);
}

}  // namespace shipset::detail
