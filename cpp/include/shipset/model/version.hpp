// Versions by scheme, for order and parts. semver is complete; pep440, calver, integer parse and order their plain
// forms. A version that is not of the scheme has no order. Values only, thread-safe.
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
Result<VersionScheme> parse_version_scheme(std::string_view text);

class Version {
 public:
  /// Strict for the scheme; one leading `v` is allowed and kept in raw(). Error kind usage.
  static Result<Version> parse(std::string_view text, VersionScheme scheme);
  [[nodiscard]] const std::string& raw() const noexcept { return raw_; }
  [[nodiscard]] std::string plain() const;  ///< without the leading v
  [[nodiscard]] const std::vector<std::uint64_t>& numbers() const noexcept { return numbers_; }
  [[nodiscard]] const std::string& prerelease() const noexcept { return prerelease_; }
  [[nodiscard]] const std::string& build() const noexcept { return build_; }
  [[nodiscard]] bool stable() const noexcept { return prerelease_.empty(); }
  /// <0, 0, >0 by the scheme's precedence (build metadata does not count).
  [[nodiscard]] int compare(const Version& other) const;

 private:
  std::string raw_;
  VersionScheme scheme_ = VersionScheme::semver;
  std::vector<std::uint64_t> numbers_;
  std::string prerelease_, build_;
};

}  // namespace shipset
