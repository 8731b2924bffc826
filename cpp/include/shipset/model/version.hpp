// Versions by scheme, for order and parts. One leading `v` is allowed everywhere.
//   semver   2.0.0, strict: 1.2.3-rc.1+build
//   pep440   PEP 440 with its spellings: 1!2.0rc1.post2.dev3+local
//   calver   YYYY.MM[.DD][.MICRO], optionally with a semver pre-release: 2026.01, 2026.1.9.2-rc1
//   integer  1234 or b1234
//   none     nothing parses: such versions have no order
// A version that is not of the scheme has no order. Values only, thread-safe. product.md §3 "moves".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/result.hpp"

namespace shipset {

enum class VersionScheme : std::uint8_t { semver, pep440, calver, integer, none };
std::string_view to_string(VersionScheme scheme) noexcept;
/// Error kind usage, with the nearest name as hint.
Result<VersionScheme> parse_version_scheme(std::string_view text);

class Version {
 public:
  /// Strict for the scheme; one leading `v` is allowed and kept in raw(). Error kind usage.
  static Result<Version> parse(std::string_view text, VersionScheme scheme);
  [[nodiscard]] const std::string& raw() const noexcept { return raw_; }
  [[nodiscard]] std::string plain() const;  ///< without the leading v
  [[nodiscard]] VersionScheme scheme() const noexcept { return scheme_; }
  /// Release numbers: major, minor, patch of semver; as many as are written for pep440 and calver; one for integer.
  [[nodiscard]] const std::vector<std::uint64_t>& numbers() const noexcept { return numbers_; }
  /// "rc.1"; for pep440 in normal form and with the development release: "rc1", "dev3", "a1.dev2".
  [[nodiscard]] const std::string& prerelease() const noexcept { return prerelease_; }
  /// After `+`: build metadata of semver, local version of pep440.
  [[nodiscard]] const std::string& build() const noexcept { return build_; }
  [[nodiscard]] bool stable() const noexcept { return prerelease_.empty(); }
  /// <0, 0, >0 by the scheme's precedence. Build metadata of semver does not count; a local version of pep440 does.
  /// Versions of different schemes are ordered by scheme, so that sorting stays well defined.
  [[nodiscard]] int compare(const Version& other) const;

 private:
  bool read_semver(std::string_view text);
  bool read_pep440(std::string_view text);
  bool read_calver(std::string_view text);
  bool read_integer(std::string_view text);

  std::string raw_;
  VersionScheme scheme_ = VersionScheme::semver;
  std::vector<std::uint64_t> numbers_;
  std::string prerelease_, build_;
  std::vector<std::int64_t> rank_;  // pep440: epoch before the numbers; pre-release, post and dev after them
};

}  // namespace shipset
