// A running digest that can go back. It leaves marks behind, close together near its end and ever wider towards its
// start, so that after a break content is gone over again from shortly before the break and not from byte 0; memory is
// a few dozen hash states whatever the length. A trail belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "shipset/base/digest.hpp"

namespace shipset {

class HashTrail {
 public:
  /// "sha256" or "sha512". A mark every `spacing` bytes at most.
  explicit HashTrail(std::string_view algorithm = "sha256", std::uint64_t spacing = 4u << 20);
  HashTrail(HashTrail&&) noexcept;
  HashTrail& operator=(HashTrail&&) noexcept;
  ~HashTrail();

  void update(std::span<const std::byte> bytes);
  [[nodiscard]] std::uint64_t position() const noexcept;
  /// Goes back to the last mark at or before `offset` (the start is one) and tells where that is. Never goes forward.
  std::uint64_t rewind(std::uint64_t offset);
  /// Digest of everything up to the position; the trail goes on from there.
  [[nodiscard]] Digest digest() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace shipset
