// Private to compression: one encoder per kind for single blocks, and the two inflaters behind gzip reading.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "shipset/base/compress.hpp"

namespace shipset::compress {

inline constexpr std::size_t block_bytes = 1u << 20;

/// Compresses one block into a gzip member or zstd frame. The result depends on nothing but the block.
class BlockEncoder {
 public:
  virtual ~BlockEncoder() = default;
  [[nodiscard]] virtual std::size_t bound() const = 0;  ///< of a block's output
  virtual Result<std::size_t> encode(std::span<const std::byte> in, std::span<std::byte> out) = 0;
};
/// Not for Compression::none. Error kind internal: out of memory.
Result<std::unique_ptr<BlockEncoder>> make_encoder(Compression compression);
bool has_isal() noexcept;

/// Cores that this process may run on, 1 to 16.
unsigned usable_cores() noexcept;

/// Input in pieces, with what was read but not yet used.
class Feed {
 public:
  explicit Feed(std::unique_ptr<Reader> in) : in_(std::move(in)) {}
  [[nodiscard]] std::span<const std::byte> rest() const { return std::span(buffer_).subspan(begin_, end_ - begin_); }
  void use(std::size_t count) { begin_ += count; }
  /// Takes back up to 8 of the bytes that were used last.
  void unuse(std::size_t count) { begin_ -= count; }
  /// Reads until there are `wanted` bytes (at most 64) or the input ends; false when there are fewer.
  Result<bool> need(std::size_t wanted);

 private:
  std::unique_ptr<Reader> in_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(128 * 1024);
  std::size_t begin_ = 0, end_ = 0;
};

Error truncated(std::string_view format);
Error damaged(std::string_view format, std::string_view why);

/// One DEFLATE stream (RFC 1951), as part of a gzip member.
class Inflater {
 public:
  virtual ~Inflater() = default;
  /// Forgets everything; a new stream begins.
  virtual void reset() = 0;
  /// At least one byte, or 0 at the end of the stream; then `feed` stands behind its last byte.
  virtual Result<std::size_t> read(Feed& feed, std::span<std::byte> out) = 0;
};
/// ISA-L where it was built in, else portable.
std::unique_ptr<Inflater> make_inflater();
std::unique_ptr<Inflater> make_portable_inflater();

/// All members of a gzip file (RFC 1952).
std::unique_ptr<Reader> make_gzip_reader(Feed feed, std::unique_ptr<Inflater> inflater);

}  // namespace shipset::compress
