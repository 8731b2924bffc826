// Compression of layers. gzip by libdeflate: one member per 1 MiB block, the same bytes on every CPU; gzip-fast by
// ISA-L, level 2 (bytes depend on CPU); zstd, one frame per block. Blocks are compressed on several threads and
// written in order, so the bytes do not depend on the number of threads. Memory is bounded by threads × block.
// A Compressor belongs to one thread; it owns its workers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "shipset/base/bytes.hpp"
#include "shipset/base/digest.hpp"

namespace shipset {

enum class Compression : std::uint8_t { none, gzip, gzip_fast, zstd };
std::string_view to_string(Compression compression) noexcept;  ///< "none", "gzip", "gzip-fast", "zstd"
/// Error kind usage.
Result<Compression> parse_compression(std::string_view text);

/// gzip_fast where library and CPU have it, else gzip (the caller tells people).
Compression available(Compression wanted) noexcept;

/// A Writer that compresses into `out`. finish() must be called; without it the output is cut short.
class Compressor : public Writer {
 public:
  virtual Result<void> finish() = 0;
};
/// `threads` 0 = number of cores this process may use; at most 16. `out` is written from the calling thread, in
/// order. `content`, if given, is updated with the uncompressed bytes by a thread of the Compressor; it is complete,
/// and may be touched again, after finish().
std::unique_ptr<Compressor> make_compressor(Compression compression, Writer& out, unsigned threads = 0,
                                            Hasher* content = nullptr);

/// Decompresses gzip (all members), zstd (all frames) or passes other bytes through; found by magic bytes.
/// Damaged or truncated input, and more than `limit` bytes of output, are errors of kind verify.
/// zstd windows up to 128 MiB are accepted; gzip needs 32 KiB.
Result<std::unique_ptr<Reader>> make_decompressor(std::unique_ptr<Reader> in,
                                                  std::uint64_t limit = (std::uint64_t(1) << 42));

}  // namespace shipset
