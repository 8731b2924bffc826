// What this client put a moment ago. Some registries do not show a manifest at once, or still show what a tag held
// before; a reader that knows better asks again instead of believing it. Thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "shipset/base/digest.hpp"

namespace shipset::registry {

/// Looks at something that was put a moment ago; under two seconds in all.
inline constexpr unsigned lag_attempts = 4;

class RecentPuts {
 public:
  using Clock = std::chrono::steady_clock;
  /// Within this time after a put a registry may lag behind.
  static constexpr std::chrono::seconds lag{10};

  /// `repository`: API host and path; `reference`: tag or digest.
  void remember(const std::string& repository, const std::string& reference, const Digest& digest,
                Clock::time_point now = Clock::now());
  /// The reference was deleted, and with a digest every tag that held it.
  void forget(const std::string& repository, const std::string& reference);
  std::optional<Digest> find(const std::string& repository, const std::string& reference,
                             Clock::time_point now = Clock::now()) const;

 private:
  struct Put {
    Digest digest;
    Clock::time_point at;
  };
  void drop_old(Clock::time_point now);
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Put> puts_;
};

}  // namespace shipset::registry
