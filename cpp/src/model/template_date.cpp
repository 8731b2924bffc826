#include <fmt/format.h>

#include "template_impl.hpp"

namespace shipset::detail {

namespace {

constexpr std::string_view weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr std::string_view months[] = {"January", "February", "March",     "April",   "May",      "June",
                                       "July",    "August",   "September", "October", "November", "December"};

struct Moment {
  std::int64_t unix_s = 0, year = 0;
  int month = 1, day = 1, hour = 0, minute = 0, second = 0;
  int weekday = 0;      // 0 = Sunday
  int day_of_year = 1;  // 1 = 1 January
  int iso_week = 1;
  std::int64_t iso_year = 0;
};

bool is_leap(std::int64_t year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int weeks_of_iso_year(std::int64_t year) {
  const auto last_weekday = [](std::int64_t y) { return (y + y / 4 - y / 100 + y / 400) % 7; };
  return last_weekday(year) == 4 || last_weekday(year - 1) == 3 ? 53 : 52;
}

Moment moment_of(std::int64_t unix_s) {
  Moment m;
  m.unix_s = unix_s;
  std::int64_t days = unix_s / 86400, rest = unix_s % 86400;
  if (rest < 0) rest += 86400, --days;
  m.hour = static_cast<int>(rest / 3600);
  m.minute = static_cast<int>(rest % 3600 / 60);
  m.second = static_cast<int>(rest % 60);
  m.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);

  // Days are counted from 1 March of year 0 in eras of 400 years, so that the leap day is the last of its year.
  const std::int64_t shifted = days + 719468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const std::int64_t of_era = shifted - era * 146097;
  const std::int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * of_year + 2) / 153;
  m.day = static_cast<int>(of_year - (153 * month_from_march + 2) / 5 + 1);
  m.month = static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  m.year = year_of_era + era * 400 + (m.month <= 2 ? 1 : 0);

  constexpr int before_month[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  m.day_of_year = before_month[m.month - 1] + m.day + (m.month > 2 && is_leap(m.year) ? 1 : 0);
  const int iso_weekday = m.weekday == 0 ? 7 : m.weekday;
  m.iso_year = m.year;
  m.iso_week = (m.day_of_year - iso_weekday + 10) / 7;
  if (m.iso_week < 1) {
    m.iso_week = weeks_of_iso_year(--m.iso_year);
  } else if (m.iso_week > weeks_of_iso_year(m.year)) {
    m.iso_week = 1;
    ++m.iso_year;
  }
  return m;
}

// Appends one conversion; false when it is not known.
bool append(std::string& out, const Moment& m, char conversion) {
  const auto two = [&](std::int64_t n) { out += fmt::format("{:02}", n); };
  switch (conversion) {
    case 'Y':
      out += fmt::format("{:04}", m.year);
      return true;
    case 'C':
      two(m.year / 100);
      return true;
    case 'y':
      two(m.year % 100);
      return true;
    case 'm':
      two(m.month);
      return true;
    case 'd':
      two(m.day);
      return true;
    case 'e':
      out += fmt::format("{:2}", m.day);
      return true;
    case 'H':
      two(m.hour);
      return true;
    case 'I':
      two(m.hour % 12 == 0 ? 12 : m.hour % 12);
      return true;
    case 'M':
      two(m.minute);
      return true;
    case 'S':
      two(m.second);
      return true;
    case 'p':
      out += m.hour < 12 ? "AM" : "PM";
      return true;
    case 'j':
      out += fmt::format("{:03}", m.day_of_year);
      return true;
    case 'a':
      out += weekdays[m.weekday].substr(0, 3);
      return true;
    case 'A':
      out += weekdays[m.weekday];
      return true;
    case 'b':
      out += months[m.month - 1].substr(0, 3);
      return true;
    case 'B':
      out += months[m.month - 1];
      return true;
    case 'u':
      out += std::to_string(m.weekday == 0 ? 7 : m.weekday);
      return true;
    case 'w':
      out += std::to_string(m.weekday);
      return true;
    case 'G':
      out += fmt::format("{:04}", m.iso_year);
      return true;
    case 'V':
      two(m.iso_week);
      return true;
    case 's':
      out += std::to_string(m.unix_s);
      return true;
    case 'z':
      out += "+0000";
      return true;
    case 'Z':
      out += "UTC";
      return true;
    case '%':
      out += '%';
      return true;
    default:
      return false;
  }
}

std::string_view expansion(char conversion) {
  switch (conversion) {
    case 'F':
      return "Y-m-d";
    case 'T':
      return "H:M:S";
    case 'R':
      return "H:M";
    case 'D':
      return "m/d/y";
    default:
      return {};
  }
}

}  // namespace

Result<std::string> format_date(std::int64_t unix_s, std::string_view format) {
  constexpr std::int64_t year_0 = -62167219200, year_10000 = 253402300800;
  if (unix_s < year_0 || unix_s >= year_10000)
    return Error(ErrorKind::spec, "date is out of range", fmt::format("{} s is outside the years 0 to 9999", unix_s));
  const Moment m = moment_of(unix_s);
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    const char conversion = ++i < format.size() ? format[i] : '\0';
    if (const auto parts = expansion(conversion); !parts.empty()) {
      for (const char part : parts)
        if (!append(out, m, part)) out += part;
    } else if (!append(out, m, conversion)) {
      return Error(ErrorKind::spec, fmt::format("date format \"{}\" cannot be used", format),
                   conversion == '\0' ? std::string("it ends in a lone %")
                                      : fmt::format("%{} is not a known conversion", conversion),
                   "use for example %Y-%m-%d, %Y%m%d, %H%M%S, %j, %G-W%V or %s");
    }
  }
  return out;
}

Value presented(std::string_view name, Value value) {
  const auto* seconds = std::get_if<std::int64_t>(&value);
  if (name != "date" || seconds == nullptr) return value;
  auto text = format_date(*seconds, "%Y-%m-%d");
  return text ? Value(std::move(text).value()) : value;
}

}  // namespace shipset::detail
