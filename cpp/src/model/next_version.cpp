#include "shipset/model/next_version.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "shipset/base/text.hpp"
#include "version_impl.hpp"

namespace shipset {

namespace {

constexpr std::string_view step_names[] = {"patch", "minor", "major", "prerelease"};

std::string joined(const std::vector<std::uint64_t>& numbers) {
  std::vector<std::string> texts;
  for (const auto number : numbers) texts.push_back(std::to_string(number));
  return join(texts, ".");
}

// The digits at the end counted on, as decimal text, so that a leading zero stays and nothing overflows.
std::string counted_on(std::string text) {
  std::size_t at = text.size();
  while (at > 0 && detail::is_digit(text[at - 1])) {
    if (text[--at] != '9') {
      ++text[at];
      return text;
    }
    text[at] = '0';
  }
  if (at == text.size()) return text + ".1";
  return text.insert(at, "1");
}

// One step from one version; what is not higher than it is nothing that the caller takes.
class Step {
 public:
  Step(VersionStep step, std::int64_t date_unix_s, bool padded)
      : step_(step), date_unix_s_(date_unix_s), padded_(padded) {}

  [[nodiscard]] std::vector<std::string> from(const Version& version) const {
    switch (version.scheme()) {
      case VersionScheme::integer:
        return {(version.raw().starts_with('b') ? "b" : "") + std::to_string(version.numbers()[0] + 1)};
      case VersionScheme::calver:
        return calendar(version);
      default:
        return numbered(version);
    }
  }

  [[nodiscard]] std::string first(VersionScheme scheme) const {
    if (scheme == VersionScheme::integer) return "1";
    const bool calver = scheme == VersionScheme::calver;
    const std::string start = calver ? today(2) : step_ == VersionStep::major ? "1.0.0" : "0.1.0";
    return step_ == VersionStep::prerelease ? start + first_prerelease(scheme) : start;
  }

 private:
  static std::string first_prerelease(VersionScheme scheme) {
    // A number of its own is ordered as a number: rc.10 is above rc.9, rc10 is not above rc9.
    return scheme == VersionScheme::pep440 ? "rc1" : "-rc.1";
  }

  // semver and pep440, the best first.
  [[nodiscard]] std::vector<std::string> numbered(const Version& version) const {
    const bool pep440 = version.scheme() == VersionScheme::pep440;
    const std::string plain = version.plain();
    const std::size_t mark = pep440 ? plain.find('!') : std::string::npos;
    const std::string epoch = mark == std::string::npos ? "" : plain.substr(0, mark + 1);
    auto numbers = version.numbers();
    const std::string same = epoch + joined(numbers);
    if (!version.stable() && step_ == VersionStep::prerelease) {
      const std::string next = counted_on(version.prerelease());
      return {same + (!pep440 ? "-" : next.starts_with("dev") ? "." : "") + next};
    }
    const std::size_t at = step_ == VersionStep::major ? 0 : step_ == VersionStep::minor ? 1 : 2;
    std::vector<std::string> out;
    const auto behind = numbers.begin() + static_cast<std::ptrdiff_t>(std::min(at + 1, numbers.size()));
    if (!version.stable() && std::all_of(behind, numbers.end(), [](auto number) { return number == 0; }))
      out.push_back(same);
    numbers.resize(std::max(numbers.size(), at + 1));
    ++numbers[at];
    std::fill(numbers.begin() + static_cast<std::ptrdiff_t>(at) + 1, numbers.end(), 0);
    const bool pre = step_ == VersionStep::prerelease;
    out.push_back(epoch + joined(numbers) + (pre ? first_prerelease(version.scheme()) : ""));
    return out;
  }

  [[nodiscard]] std::vector<std::string> calendar(const Version& version) const {
    const std::string plain = version.plain();
    const std::string same = plain.substr(0, plain.find_first_of("-+"));
    if (!version.stable() && step_ == VersionStep::prerelease) return {same + "-" + counted_on(version.prerelease())};
    const std::size_t count = version.numbers().size();
    const std::string pre = step_ == VersionStep::prerelease ? first_prerelease(version.scheme()) : "";
    std::vector<std::string> out;
    if (step_ != VersionStep::patch) out.push_back(today(count) + pre);
    if (!version.stable()) {
      out.push_back(same);
    } else if (count == 2) {
      out.push_back(same + ".1" + pre);
    } else {
      auto numbers = split(same, '.');
      numbers.back() = counted_on(numbers.back());
      out.push_back(join(numbers, ".") + pre);
    }
    return out;
  }

  [[nodiscard]] std::string today(std::size_t numbers) const {
    const std::string date = rfc3339(std::max<std::int64_t>(date_unix_s_, 0));
    const auto two = [&](std::size_t at) {
      return !padded_ && date[at] == '0' ? date.substr(at + 1, 1) : date.substr(at, 2);
    };
    std::string out = date.substr(0, 4) + "." + two(5);
    if (numbers == 4) out += "." + two(8);
    return numbers == 2 ? out : out + ".0";
  }

  VersionStep step_;
  std::int64_t date_unix_s_;
  bool padded_;
};

// Months below ten show how the project writes them; the highest version that has one counts.
bool is_padded(const std::vector<Version>& versions) {
  const Version* shown = nullptr;
  for (const auto& version : versions)
    if (version.numbers()[1] < 10 && (shown == nullptr || version.compare(*shown) > 0)) shown = &version;
  return shown == nullptr || shown->plain()[5] == '0';
}

std::vector<Version> parsed(const std::vector<std::string>& texts, VersionScheme scheme) {
  std::vector<Version> out;
  for (const auto& text : texts)
    if (auto version = Version::parse(text, scheme)) out.push_back(std::move(version).value());
  return out;
}

Error no_step(const Version& from, VersionStep step) {
  return Error(ErrorKind::usage, fmt::format("there is no next {} after {}", to_string(step), from.raw()),
               fmt::format("what it gives is not higher in the order of {}", to_string(from.scheme())),
               step == VersionStep::prerelease
                   ? "number pre-releases in a field of their own (rc.10, not rc10), or give this version by hand"
                   : "give this version by hand");
}

}  // namespace

std::string_view to_string(VersionStep step) noexcept {
  return step_names[static_cast<std::size_t>(step)];
}

Result<VersionStep> parse_version_step(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::size(step_names); ++i) {
    if (text == step_names[i]) return static_cast<VersionStep>(i);
    names.emplace_back(step_names[i]);
  }
  const auto nearest = nearest_name(text, names);
  return Error(
      ErrorKind::usage, fmt::format("\"{}\" is no step to a next version", printable(text, 100)), {},
      nearest.empty() ? fmt::format("steps are {}", join(names, ", ")) : fmt::format("did you mean \"{}\"?", nearest));
}

Result<NextVersion> next_version(const std::vector<std::string>& existing, VersionStep step, VersionScheme scheme,
                                 const std::vector<std::string>& withdrawn, std::int64_t date_unix_s) {
  const auto fail = [&](std::string why, std::string hint) {
    return Error(ErrorKind::usage, fmt::format("there is no next {}", to_string(step)), std::move(why),
                 std::move(hint));
  };
  if (scheme == VersionScheme::none)
    return fail("the scheme \"none\" gives versions no order", "set release.scheme, or give the version by hand");
  if (scheme == VersionScheme::integer && step == VersionStep::prerelease)
    return fail("integers have no pre-releases", "patch, minor and major all count on by one");

  const auto versions = parsed(existing, scheme);
  const auto gone = parsed(withdrawn, scheme);
  const auto is_gone = [&](const Version& version) {
    return std::any_of(gone.begin(), gone.end(), [&](const Version& one) { return one.compare(version) == 0; });
  };
  const Version* highest = nullptr;
  for (const auto& version : versions)
    if (!is_gone(version) && (highest == nullptr || version.compare(*highest) > 0)) highest = &version;

  const Step steps(step, date_unix_s, scheme != VersionScheme::calver || is_padded(versions));
  const std::string v = highest != nullptr && highest->raw().starts_with('v') ? "v" : "";
  std::optional<Version> at;
  if (highest != nullptr) at = *highest;
  for (std::size_t used = 0; used <= gone.size(); ++used) {
    const auto candidates = at ? steps.from(*at) : std::vector<std::string>{steps.first(scheme)};
    std::optional<Version> next;
    for (const auto& text : candidates) {
      auto version = Version::parse(v + text, scheme);
      if (next || !version || (at && version->compare(*at) <= 0)) continue;
      next = std::move(version).value();
    }
    if (!next) return no_step(*at, step);
    at = std::move(next);
    if (!is_gone(*at)) return NextVersion{at->raw(), highest == nullptr ? "" : highest->raw()};
  }
  return no_step(*at, step);
}

}  // namespace shipset
