// What the files of the promotion share. Private to them.
#pragma once

#include <functional>

#include "promotion.hpp"
#include "shipset/base/parallel.hpp"

namespace shipset::release {

/// The client has its own limits for each registry; this one is for threads.
inline constexpr std::size_t promotion_requests_at_once = 32;

inline std::string digest_of(const std::optional<oci::Descriptor>& descriptor) {
  return descriptor ? descriptor->digest.str() : std::string();
}
inline std::string old_of(const Move& move) {
  return move.old ? move.old->descriptor.digest.str() : std::string();
}
inline std::string wanted_of(const Move& move) {
  return move.wanted.descriptor.digest.str();
}

/// What stands where an answer belongs until it is there.
inline Error unanswered() {
  return {ErrorKind::internal, "a question to a registry was not asked"};
}

/// All at once, none stops another one.
inline void all(const std::vector<std::function<void()>>& work) {
  const auto ignored = parallel_for(work.size(), promotion_requests_at_once, {}, [&](std::size_t i) -> Result<void> {
    work[i]();
    return {};
  });
  (void)ignored;  // each keeps its own outcome
}

}  // namespace shipset::release
