#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <tuple>
#include <utility>

#include "moment_impl.hpp"

namespace shipset::tags::detail {

namespace {

constexpr std::array<std::string_view, 7> weekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                      "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months = {"January",   "February", "March",    "April",
                                                     "May",       "June",     "July",     "August",
                                                     "September", "October",  "November", "December"};

// Longest first; what is no token stands for itself. The order is Moment's where one is the beginning of another.
constexpr std::string_view tokens[] = {
    "Hmmss",  "hmmss", "Hmm",  "hmm", "Mo",    "MMMM", "MMM", "MM", "M",  "Do", "DDDo",  "DDDD", "DDD", "DD",
    "D",      "dddd",  "ddd",  "dd",  "do",    "d",    "wo",  "ww", "w",  "Wo", "WW",    "W",    "Qo",  "Q",
    "YYYYYY", "YYYYY", "YYYY", "YY",  "Y",     "yyyy", "yyy", "yy", "yo", "y",  "NNNNN", "NNNN", "NNN", "NN",
    "N",      "ggggg", "gggg", "gg",  "GGGGG", "GGGG", "GG",  "e",  "E",  "a",  "A",     "hh",   "h",   "HH",
    "H",      "kk",    "k",    "mm",  "m",     "ss",   "s",   "x",  "X",  "zz", "z",     "ZZ",   "Z"};

constexpr std::pair<std::string_view, std::string_view> long_tokens[] = {
    {"LTS", "h:mm:ss A"},   {"LT", "h:mm A"},    {"LLLL", "dddd, MMMM D, YYYY h:mm A"}, {"LLL", "MMMM D, YYYY h:mm A"},
    {"LL", "MMMM D, YYYY"}, {"L", "MM/DD/YYYY"}, {"llll", "ddd, MMM D, YYYY h:mm A"},   {"lll", "MMM D, YYYY h:mm A"},
    {"ll", "MMM D, YYYY"},  {"l", "M/D/YYYY"}};

std::string ordinal(int number) {
  const int last = number % 10;
  const bool teen = number % 100 / 10 == 1;
  const char* ending = teen ? "th" : last == 1 ? "st" : last == 2 ? "nd" : last == 3 ? "rd" : "th";
  return fmt::format("{}{}", number, ending);
}

struct Moment {
  std::int64_t unix_ms = 0;
  const ZoneOffset* zone = nullptr;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, millisecond = 0;
  int weekday = 0, day_of_year = 0;     // 0 = Sunday; 1 = 1 January
  int week = 0, week_year = 0;          // weeks begin on Sunday, the first holds 1 January
  int iso_week = 0, iso_week_year = 0;  // ISO 8601
};

using Days = std::chrono::sys_days;

Days first_of(int year, unsigned month = 1, unsigned day = 1) {
  return Days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day));
}

int weekday_of(Days date) {
  return static_cast<int>(std::chrono::weekday(date).c_encoding());
}

// The week that holds `anchor` of January is the first; `begins` is the weekday with which weeks begin.
std::pair<int, int> week_of(Days date, int year, unsigned anchor, int begins) {
  const auto first_week = [&](int of) {
    const Days day = first_of(of, 1, anchor);
    return day - std::chrono::days((weekday_of(day) - begins + 7) % 7);
  };
  for (const int candidate : {year + 1, year, year - 1})
    if (date >= first_week(candidate))
      return {candidate, static_cast<int>((date - first_week(candidate)).count() / 7 + 1)};
  return {year, 1};
}

Moment moment_of(std::int64_t unix_ms, const ZoneOffset& zone) {
  const std::chrono::sys_time<std::chrono::milliseconds> local{
      std::chrono::milliseconds(unix_ms + std::int64_t{zone.east_s} * 1000)};
  const auto date = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day calendar(date);
  const auto in_day = static_cast<int>((local - date).count());
  Moment m;
  m.unix_ms = unix_ms;
  m.zone = &zone;
  m.year = static_cast<int>(calendar.year());
  m.month = static_cast<int>(static_cast<unsigned>(calendar.month()));
  m.day = static_cast<int>(static_cast<unsigned>(calendar.day()));
  m.hour = in_day / 3'600'000;
  m.minute = in_day / 60'000 % 60;
  m.second = in_day / 1000 % 60;
  m.millisecond = in_day % 1000;
  m.weekday = weekday_of(date);
  m.day_of_year = static_cast<int>((date - first_of(m.year)).count()) + 1;
  std::tie(m.week_year, m.week) = week_of(date, m.year, 1, 0);
  std::tie(m.iso_week_year, m.iso_week) = week_of(date, m.year, 4, 1);
  return m;
}

std::string offset_text(const ZoneOffset& zone, std::string_view separator) {
  const int minutes = zone.east_s / 60, size = minutes < 0 ? -minutes : minutes;
  return fmt::format("{}{:02}{}{:02}", minutes < 0 ? '-' : '+', size / 60, separator, size % 60);
}

std::string padded(int number, std::size_t width) {
  return fmt::format("{:0{}}", number, width);
}

std::string date_token(const Moment& m, std::string_view token) {
  const auto month = static_cast<std::size_t>(m.month - 1), weekday = static_cast<std::size_t>(m.weekday);
  const int quarter = (m.month + 2) / 3;
  switch (token[0]) {
    case 'Y':
      if (token == "YY") return padded(m.year % 100, 2);
      if (token == "Y") return std::to_string(m.year);
      return (token == "YYYYYY" ? "+" : "") + padded(m.year, token.size());
    case 'y':
      return token == "yo" ? ordinal(m.year) : padded(m.year, token.size());
    case 'N':
      return token == "NNNN" ? "Anno Domini" : "AD";
    case 'M':
      if (token == "Mo") return ordinal(m.month);
      if (token == "MMMM") return std::string(months[month]);
      if (token == "MMM") return std::string(months[month].substr(0, 3));
      return padded(m.month, token.size());
    case 'D':
      if (token == "Do") return ordinal(m.day);
      if (token == "DDDo") return ordinal(m.day_of_year);
      if (token.size() > 2) return padded(m.day_of_year, token == "DDDD" ? 3 : 1);
      return padded(m.day, token.size());
    case 'd':
      if (token == "do") return ordinal(m.weekday);
      if (token == "dddd") return std::string(weekdays[weekday]);
      if (token.size() > 1) return std::string(weekdays[weekday].substr(0, token.size()));
      return std::to_string(m.weekday);
    case 'e':
      return std::to_string(m.weekday);
    case 'E':
      return std::to_string(m.weekday == 0 ? 7 : m.weekday);
    case 'w':
      return token == "wo" ? ordinal(m.week) : padded(m.week, token.size());
    case 'W':
      return token == "Wo" ? ordinal(m.iso_week) : padded(m.iso_week, token.size());
    case 'g':
      return token == "gg" ? padded(m.week_year % 100, 2) : padded(m.week_year, token.size());
    case 'G':
      return token == "GG" ? padded(m.iso_week_year % 100, 2) : padded(m.iso_week_year, token.size());
    default:  // Q
      return token == "Qo" ? ordinal(quarter) : std::to_string(quarter);
  }
}

std::string time_token(const Moment& m, std::string_view token) {
  const int half = m.hour % 12 == 0 ? 12 : m.hour % 12;
  if (token.size() > 2) {  // Hmm, hmmss, …
    const std::string start = std::to_string(token[0] == 'H' ? m.hour : half) + padded(m.minute, 2);
    return token.size() == 5 ? start + padded(m.second, 2) : start;
  }
  switch (token[0]) {
    case 'H':
      return padded(m.hour, token.size());
    case 'h':
      return padded(half, token.size());
    case 'k':
      return padded(m.hour == 0 ? 24 : m.hour, token.size());
    case 'm':
      return padded(m.minute, token.size());
    case 's':
      return padded(m.second, token.size());
    case 'a':
      return m.hour < 12 ? "am" : "pm";
    case 'A':
      return m.hour < 12 ? "AM" : "PM";
    case 'x':
      return std::to_string(m.unix_ms);
    case 'X':
      return std::to_string((m.unix_ms - m.millisecond) / 1000);
    case 'z':
      return m.zone->abbreviation;
    default:  // Z
      return offset_text(*m.zone, token == "Z" ? ":" : "");
  }
}

// `[text]` at the beginning, without the brackets inside; empty when there is none.
std::string_view bracketed(std::string_view rest) {
  if (!rest.starts_with('[')) return {};
  const std::size_t end = rest.find_first_of("[]", 1);
  return end != rest.npos && rest[end] == ']' ? rest.substr(0, end + 1) : std::string_view();
}

// L, LT, ll, … written out.
std::string expanded(std::string_view format) {
  std::string out;
  for (std::size_t i = 0; i < format.size();) {
    const std::string_view rest = format.substr(i);
    std::string_view taken = bracketed(rest), replaced = taken;
    if (taken.empty())
      for (const auto& [token, meaning] : long_tokens)
        if (taken.empty() && rest.starts_with(token)) taken = token, replaced = meaning;
    if (taken.empty()) taken = replaced = rest.substr(0, 1);
    out += replaced;
    i += taken.size();
  }
  return out;
}

std::string_view token_at(std::string_view rest) {
  for (const std::string_view token : tokens)
    if (rest.starts_with(token)) return token;
  return {};
}

}  // namespace

Result<std::string> format_moment(std::int64_t unix_ms, const ZoneOffset& zone, std::string_view format) {
  constexpr std::int64_t year_1 = -62'135'596'800'000 + 86'400'000, year_10000 = 253'402'300'800'000 - 86'400'000;
  if (unix_ms < year_1 || unix_ms >= year_10000)
    return Error(ErrorKind::usage, "a date in a tag rule cannot be written", "it is outside of the years 1 to 9999");
  const Moment m = moment_of(unix_ms, zone);
  const std::string pattern = format.empty()
                                  ? std::string(zone.east_s == 0 ? "YYYY-MM-DDTHH:mm:ss[Z]" : "YYYY-MM-DDTHH:mm:ssZ")
                                  : expanded(format);
  std::string out;
  for (std::size_t i = 0; i < pattern.size();) {
    const std::string_view rest = std::string_view(pattern).substr(i);
    if (const auto text = bracketed(rest); !text.empty()) {
      out += text.substr(1, text.size() - 2);
      i += text.size();
    } else if (rest[0] == 'S') {  // fractions of a second, as many digits as letters
      const std::size_t digits = std::min<std::size_t>(std::min(rest.find_first_not_of('S'), rest.size()), 9);
      out += (padded(m.millisecond, 3) + "000000").substr(0, digits);
      i += digits;
    } else if (const auto token = token_at(rest); !token.empty()) {
      const bool is_date = std::string_view("YyNMDdeEwWgGQ").find(token[0]) != std::string_view::npos;
      out += is_date ? date_token(m, token) : time_token(m, token);
      i += token.size();
    } else if (rest[0] == '\\' && rest.size() > 1) {
      const auto escaped = token_at(rest.substr(1));
      const std::size_t size = escaped.empty() ? 1 : escaped.size();
      out += rest.substr(1, size);
      i += 1 + size;
    } else {
      out += rest[0];
      ++i;
    }
  }
  return out;
}

}  // namespace shipset::tags::detail
