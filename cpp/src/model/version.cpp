#include "shipset/model/version.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "shipset/base/text.hpp"
#include "version_impl.hpp"

namespace shipset {

namespace detail {

namespace {

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_digit);
}

int sign(int order) {
  return (order > 0) - (order < 0);
}

// Numbers of any length, without leading zeros.
int compare_numbers(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
  return sign(left.compare(right));
}

std::string_view take_field(std::string_view& text) {
  const std::size_t end = text.find('.');
  const std::string_view field = text.substr(0, end);
  text = end == text.npos ? std::string_view() : text.substr(end + 1);
  return field;
}

}  // namespace

int compare_prereleases(std::string_view left, std::string_view right) {
  if (left.empty() || right.empty()) return static_cast<int>(left.empty()) - static_cast<int>(right.empty());
  while (!left.empty() && !right.empty()) {
    const std::string_view l = take_field(left), r = take_field(right);
    const bool l_number = all_digits(l), r_number = all_digits(r);
    int order = 0;
    if (l_number && r_number) {
      order = compare_numbers(l, r);
    } else if (l_number != r_number) {
      order = l_number ? -1 : 1;
    } else {
      order = sign(l.compare(r));
    }
    if (order != 0) return order;
  }
  return static_cast<int>(right.empty()) - static_cast<int>(left.empty());
}

}  // namespace detail

namespace {

using detail::is_digit;
using detail::is_letter;
using detail::take_number;

constexpr std::size_t max_version_bytes = 256;

// Dot-separated fields of [0-9A-Za-z-]; numbers in a pre-release have no leading zeros.
bool are_fields(std::string_view text, bool strict_numbers) {
  if (text.empty() || text.back() == '.') return false;
  for (const auto& field : split(text, '.')) {
    if (field.empty()) return false;
    if (!std::all_of(field.begin(), field.end(), [](char c) { return is_digit(c) || is_letter(c) || c == '-'; }))
      return false;
    if (strict_numbers && field.size() > 1 && field[0] == '0' && std::all_of(field.begin(), field.end(), is_digit))
      return false;
  }
  return true;
}

// `text` begins with '-' or '+', or is empty.
bool read_suffixes(std::string_view text, std::string& prerelease, std::string& build) {
  const std::size_t plus = text.find('+');
  if (plus != text.npos) {
    build = text.substr(plus + 1);
    if (!are_fields(build, false)) return false;
    text = text.substr(0, plus);
  }
  if (text.empty()) return true;
  if (text.front() != '-') return false;
  prerelease = text.substr(1);
  return are_fields(prerelease, true);
}

bool has_leading_zero(std::string_view text) {
  return text.size() > 1 && text[0] == '0' && is_digit(text[1]);
}

template <class T>
int compare_padded(const std::vector<T>& left, const std::vector<T>& right) {
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    const T l = i < left.size() ? left[i] : 0, r = i < right.size() ? right[i] : 0;
    if (l != r) return l < r ? -1 : 1;
  }
  return 0;
}

constexpr std::string_view scheme_names[] = {"semver", "pep440", "calver", "integer", "none"};

std::string_view form_of(VersionScheme scheme) {
  constexpr std::string_view forms[] = {"1.2.3 or 1.2.3-rc.1", "1.2.3, 1.2rc1 or 1.2.post1", "2026.01 or 2026.1.9.2",
                                        "1234 or b1234", ""};
  return forms[static_cast<std::size_t>(scheme)];
}

}  // namespace

std::string_view to_string(VersionScheme scheme) noexcept {
  return scheme_names[static_cast<std::size_t>(scheme)];
}

Result<VersionScheme> parse_version_scheme(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::size(scheme_names); ++i) {
    if (text == scheme_names[i]) return static_cast<VersionScheme>(i);
    names.emplace_back(scheme_names[i]);
  }
  const auto nearest = nearest_name(text, names);
  return Error(ErrorKind::usage, fmt::format("unknown version scheme \"{}\"", printable(text, 100)), {},
               nearest.empty() ? fmt::format("schemes are {}", join(names, ", "))
                               : fmt::format("did you mean \"{}\"?", nearest));
}

Result<Version> Version::parse(std::string_view text, VersionScheme scheme) {
  const auto fail = [&](std::string why) {
    return Error(ErrorKind::usage, fmt::format("\"{}\" is not a {} version", printable(text, 100), to_string(scheme)),
                 std::move(why), form_of(scheme).empty() ? "" : fmt::format("write for example {}", form_of(scheme)));
  };
  if (text.size() > max_version_bytes) return fail(fmt::format("it is longer than {} characters", max_version_bytes));
  Version out;
  out.raw_ = text;
  out.scheme_ = scheme;
  const std::string plain = out.plain();
  bool read = false;
  switch (scheme) {
    case VersionScheme::semver:
      read = out.read_semver(plain);
      break;
    case VersionScheme::pep440:
      read = out.read_pep440(plain);
      break;
    case VersionScheme::calver:
      read = out.read_calver(plain);
      break;
    case VersionScheme::integer:
      read = out.read_integer(plain);
      break;
    case VersionScheme::none:
      return fail("the scheme \"none\" gives versions no order");
  }
  if (!read) return fail(text.empty() ? "it is empty" : "");
  return out;
}

std::string Version::plain() const {
  return raw_.starts_with('v') ? raw_.substr(1) : raw_;
}

bool Version::read_semver(std::string_view text) {
  for (int i = 0; i < 3; ++i) {
    if (i > 0) {
      if (!text.starts_with('.')) return false;
      text.remove_prefix(1);
    }
    std::uint64_t number = 0;
    if (has_leading_zero(text) || !take_number(text, number)) return false;
    numbers_.push_back(number);
  }
  return read_suffixes(text, prerelease_, build_);
}

bool Version::read_calver(std::string_view text) {
  const std::size_t end = std::min(text.find_first_of("-+"), text.size());
  const auto parts = split(text.substr(0, end), '.');
  if (parts.size() < 2 || parts.size() > 4 || parts[0].size() != 4 || parts[0][0] == '0') return false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::string_view part = parts[i];
    std::uint64_t number = 0;
    const bool padded = has_leading_zero(part);
    const bool calendar = i < 3;  // month and day may be written with two digits
    if ((padded && (!calendar || part.size() != 2)) || !take_number(part, number) || !part.empty()) return false;
    numbers_.push_back(number);
  }
  if (numbers_[1] < 1 || numbers_[1] > 12) return false;
  if (numbers_.size() == 4 && (numbers_[2] < 1 || numbers_[2] > 31)) return false;
  return read_suffixes(text.substr(end), prerelease_, build_);
}

bool Version::read_integer(std::string_view text) {
  if (text.starts_with('b') && !raw_.starts_with('v')) text.remove_prefix(1);
  std::uint64_t number = 0;
  if (has_leading_zero(text) || !take_number(text, number) || !text.empty()) return false;
  numbers_.push_back(number);
  return true;
}

int Version::compare(const Version& other) const {
  if (scheme_ != other.scheme_) return scheme_ < other.scheme_ ? -1 : 1;
  const bool pep440 = scheme_ == VersionScheme::pep440;
  if (pep440 && rank_[0] != other.rank_[0]) return rank_[0] < other.rank_[0] ? -1 : 1;
  if (const int order = compare_padded(numbers_, other.numbers_); order != 0) return order;
  if (!pep440) return detail::compare_prereleases(prerelease_, other.prerelease_);
  if (const int order = compare_padded(rank_, other.rank_); order != 0) return order;
  // A local version comes after the same version without one, and its numbers after its words.
  if (build_.empty() || other.build_.empty())
    return static_cast<int>(other.build_.empty()) - static_cast<int>(build_.empty());
  const auto left = split(build_, '.'), right = split(other.build_, '.');
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    const bool l_number = is_digit(left[i][0]) && std::all_of(left[i].begin(), left[i].end(), is_digit);
    const bool r_number = is_digit(right[i][0]) && std::all_of(right[i].begin(), right[i].end(), is_digit);
    if (l_number != r_number) return l_number ? 1 : -1;
    if (const int order = detail::compare_prereleases(left[i], right[i]); order != 0) return order;
  }
  return static_cast<int>(left.size() > right.size()) - static_cast<int>(left.size() < right.size());
}

}  // namespace shipset
