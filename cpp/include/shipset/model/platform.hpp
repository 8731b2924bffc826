// Platforms as `os/arch[/variant]` (containerd/platforms): parsed as written, compared normalised.
// linux/arm64/v8 ≡ linux/arm64, linux/arm ≡ linux/arm/v7, x86_64 → amd64. Values only, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/result.hpp"

namespace shipset {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;
  std::string os_version;
  std::vector<std::string> os_features;

  /// `os/arch[/variant]`, or `os(version+feature)/arch`; a lone os or architecture is completed by this machine's.
  static Result<Platform> parse(std::string_view text);
  /// os/arch[/variant] as written (after aliases).
  [[nodiscard]] std::string str() const;
  /// str() with version and features of the operating system: windows(10.0.17763+win32k)/amd64. Parses back.
  [[nodiscard]] std::string full_str() const;
  /// Canonical form for comparison.
  [[nodiscard]] Platform normalized() const;
  /// x86_64, aarch64, armv7l, …: the name that `uname -m` uses.
  [[nodiscard]] std::string machine() const;
  /// `linux-arm64` or `linux-arm-v7`, then version and features of the operating system; for file names and tags.
  [[nodiscard]] std::string file_name() const;
  [[nodiscard]] bool unknown() const { return os == "unknown" || architecture == "unknown"; }
  /// Same platform after normalisation (os_version must be equal too, features too).
  [[nodiscard]] bool matches(const Platform& other) const;

  auto operator<=>(const Platform&) const = default;
};

}  // namespace shipset
