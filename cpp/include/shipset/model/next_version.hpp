// The version after those that exist, by version order and never by date. Pure functions on texts; where the texts
// come from (git tags, tags of a repository read backwards) is the caller's business. Thread-safe. product.md §6
// "version next", §3 `version = "auto:…"`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/model/version.hpp"

namespace shipset {

enum class VersionStep : std::uint8_t { patch, minor, major, prerelease };
std::string_view to_string(VersionStep step) noexcept;
/// Error kind usage, with the nearest name as hint.
Result<VersionStep> parse_version_step(std::string_view text);

struct NextVersion {
  std::string version;  ///< is of the scheme, and higher than `highest`
  std::string highest;  ///< the one it comes after, as it was given; "" when there was none
};

/// Of `existing`, texts that are no versions of the scheme are left out. The highest of the others that is not
/// withdrawn decides; of equal ones (v1.0.0 and 1.0.0) the first, whose `v` (or `b`) is kept. Numbers of withdrawn
/// versions are never given again: the step is taken once more.
///   A pre-release goes on to the version that it is a pre-release of, where that is what the step asks for: patch of
///   1.3.0-rc1 gives 1.3.0, major gives 2.0.0; prerelease gives 1.3.0-rc2. prerelease of a stable version gives
///   the first one of its next patch, 1.3.1-rc.1 (pep440: 1.3.1rc1).
///   calver: patch counts on in the month or day of the highest; the others take the date given (UTC) in the form of
///   the highest, and count on where that is not higher. integer: every step counts on. Without any: 0.1.0
///   (major: 1.0.0), the month of the date, 1.
/// Error kind usage: scheme none, a pre-release of an integer, or no higher version by this step (1.3.0-rc9 → rc10,
/// which semver orders before rc9).
Result<NextVersion> next_version(const std::vector<std::string>& existing, VersionStep step, VersionScheme scheme,
                                 const std::vector<std::string>& withdrawn, std::int64_t date_unix_s);

}  // namespace shipset
