// Content digests (OCI image-spec, descriptor.md "Digests") and the streaming SHA-256 behind them.
// Only sha256 and sha512 are computed; other algorithms that fit the grammar parse and compare.
// Thread-safety: Digest is a value; a Hasher belongs to one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "shipset/base/result.hpp"

namespace shipset {

class Digest {
 public:
  Digest() = default;  ///< empty: no digest
  /// `algorithm:encoded`; sha256 wants 64 and sha512 128 lowercase hex digits. Error kind: usage.
  static Result<Digest> parse(std::string_view text);
  /// sha256 of a buffer.
  static Digest of(std::span<const std::byte> bytes);
  static Digest of(std::string_view bytes);
  /// sha256 from 64 lowercase hex digits known to be right (asserted).
  static Digest from_hex(std::string_view hex);

  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  [[nodiscard]] std::string_view algorithm() const noexcept;
  [[nodiscard]] std::string_view encoded() const noexcept;
  /// First 12 characters of the encoded part, for people.
  [[nodiscard]] std::string_view brief() const noexcept { return encoded().substr(0, 12); }
  /// Whether this library can recompute it.
  [[nodiscard]] bool computable() const noexcept;

  auto operator<=>(const Digest&) const = default;

 private:
  explicit Digest(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// Streaming digest of one algorithm ("sha256" or "sha512").
class Hasher {
 public:
  explicit Hasher(std::string_view algorithm = "sha256");
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();
  void update(std::span<const std::byte> bytes);
  void update(std::string_view bytes);
  /// Ends the stream; the hasher may not be used afterwards.
  Digest finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace shipset

template <>
struct std::hash<shipset::Digest> {
  std::size_t operator()(const shipset::Digest& d) const noexcept { return std::hash<std::string>{}(d.str()); }
};
