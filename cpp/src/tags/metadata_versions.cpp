#include <algorithm>

#include "metadata_versions_impl.hpp"
#include "script_pattern_impl.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/version.hpp"

namespace shipset::tags::detail {

namespace {

constexpr std::uint64_t max_safe_integer = 9007199254740991;
constexpr std::size_t max_safe_digits = 15;
constexpr std::size_t max_version_bytes = 256;

// PEP 440, appendix B, as one pattern; the groups are named by their numbers below.
constexpr std::string_view pep440_pattern =
    "^\\s*v?(?:(\\d+)!)?(\\d+(?:\\.\\d+)*)([-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\\d+)?)?"
    "((?:-(\\d+))|(?:[-_.]?(?:post|rev|r)[-_.]?(\\d+)?))?([-_.]?dev[-_.]?(\\d+)?)?(?:\\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))"
    "?\\s*$";
enum Group { epoch = 1, release, pre, pre_word, pre_number, post, post_bare, post_number, dev, dev_number, local };

std::string join_commas(std::string_view dotted) {
  std::string out(dotted);
  std::replace(out.begin(), out.end(), '.', ',');
  return out;
}

// Without leading zeros; an absent number is 0.
std::string number(const std::optional<std::string>& digits) {
  if (!digits || digits->empty()) return "0";
  return digits->substr(std::min(digits->find_first_not_of('0'), digits->size() - 1));
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

std::string pre_release(const std::string& word, const std::optional<std::string>& digits) {
  const char first = word[0];
  return (first == 'a' ? "a" : first == 'b' ? "b" : "rc") + number(digits);
}

// The action writes the parts of a local version with commas between, which become dashes in a tag.
std::string local_version(std::string text) {
  for (char& c : text)
    if (c == '-' || c == '_') c = '.';
  std::vector<std::string> fields = split(text, '.');
  for (auto& field : fields)
    if (is_digits(field)) field = number(field);
  return join(fields, ",");
}

}  // namespace

std::optional<VersionScope> VersionScope::semver(std::string_view text) {
  const auto version = Version::parse(text, VersionScheme::semver);
  if (!version) return std::nullopt;
  for (const std::uint64_t part : version->numbers())
    if (part > max_safe_integer) return std::nullopt;
  VersionScope scope;
  const auto add = [&](std::string name, std::string value, bool is_true) {
    scope.names_.emplace(std::move(name), Value(std::move(value), is_true));
  };
  constexpr std::string_view names[] = {"major", "minor", "patch"};
  std::vector<std::string> numbers;
  for (std::size_t i = 0; i < 3; ++i) {
    numbers.push_back(std::to_string(version->numbers()[i]));
    add(std::string(names[i]), numbers[i], version->numbers()[i] != 0);
  }
  const std::string& pre_text = version->prerelease();
  add("raw", std::string(text), true);
  add("version", join(numbers, ".") + (pre_text.empty() ? "" : "-" + pre_text), true);
  add("prerelease", join_commas(pre_text), !pre_text.empty());
  add("build", join_commas(version->build()), !version->build().empty());
  add("loose", "true", true);
  add("includePrerelease", "false", false);
  scope.passing_ = !version->stable();
  return scope;
}

Result<std::optional<VersionScope>> VersionScope::pep440(std::string_view text) {
  if (text.size() > max_version_bytes) return std::optional<VersionScope>();
  SHIPSET_TRY(const auto found, match_pattern(pep440_pattern, "i", text));
  if (!found) return std::optional<VersionScope>();
  const PatternMatch& parts = *found;
  const auto lower = [&](std::size_t group) { return to_lower(*parts[group]); };
  std::vector<std::string> numbers;
  for (const auto& digits : split(*parts[release], '.')) numbers.push_back(number(digits));
  std::vector<std::string> all = numbers;
  for (const Group group : {epoch, pre_number, post_bare, post_number, dev_number}) all.push_back(number(parts[group]));
  for (const auto& digits : all)
    if (digits.size() > max_safe_digits)
      return Error(ErrorKind::usage, "the version " + printable(text, 120) + " cannot be used",
                   "a number in it has more than 15 digits");

  std::string version = number(parts[epoch]) == "0" ? "" : number(parts[epoch]) + "!";
  version += join(numbers, ".");
  if (parts[pre]) version += pre_release(lower(pre_word), parts[pre_number]);
  if (parts[post]) version += ".post" + number(parts[post_bare] ? parts[post_bare] : parts[post_number]);
  if (parts[dev]) version += ".dev" + number(parts[dev_number]);
  if (parts[local]) version += "+" + local_version(lower(local));

  VersionScope scope;
  const auto add = [&](std::string name, std::string value) {
    scope.names_.emplace(std::move(name), Value(value, value != "0"));
  };
  numbers.resize(std::max<std::size_t>(numbers.size(), 3), "0");
  add("raw", std::string(text));
  add("version", std::move(version));
  add("major", numbers[0]);
  add("minor", numbers[1]);
  add("patch", numbers[2]);
  scope.passing_ = parts[pre] || parts[post] || parts[dev];
  return std::optional(std::move(scope));
}

Result<std::optional<TemplateScope::Value>> VersionScope::value(std::string_view name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? std::optional<Value>() : std::optional(found->second);
}

Result<std::optional<std::string>> VersionScope::call(const TemplateCall&) const {
  return std::optional<std::string>();
}

}  // namespace shipset::tags::detail
