// Compression of layers. gzip by libdeflate: one member per 1 MiB block, the same bytes on every CPU; gzip-fast by
// ISA-L, level 2 (bytes depend on CPU); zstd. Blocks are compressed on several threads, written in order.
// Memory is bounded by threads × block. A Compressor belongs to one thread; it owns its workers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "shipset/base/bytes.hpp"

namespace shipset {

enum class Compression : std::uint8_t { none, gzip, gzip_fast, zstd };
std::string_view to_string(Compression compression) noexcept;  ///< "none", "gzip", "gzip-fast", "zstd"
Result<Compression> parse_compression(std::string_view text);

/// gzip_fast where library and CPU have it, else gzip (the caller tells people).
Compression available(Compression wanted) noexcept;

/// A Writer that compresses into `out`. finish() must be called.
class Compressor : public Writer {
 public:
  virtual Result<void> finish() = 0;
};
/// `threads` 0 = number of cores. `out` is written from the calling thread or one internal thread, in order.
std::unique_ptr<Compressor> make_compressor(Compression compression, Writer& out, unsigned threads = 0);

/// Decompresses gzip (all members), zstd or passes plain tar through; found by magic bytes.
/// More than `limit` bytes of output is an error of kind verify.
Result<std::unique_ptr<Reader>> make_decompressor(std::unique_ptr<Reader> in,
                                                  std::uint64_t limit = std::uint64_t(1) << 42);

}  // namespace shipset
