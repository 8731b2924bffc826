#include <libdeflate.h>
#include <zstd.h>

#include <cstring>
#include <new>
#ifdef SHIPSET_HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include "compress_impl.hpp"

namespace shipset::compress {

namespace {

// The levels were chosen by measurement (tests/bench/packing.py): the next one up costs 40 % more time for 2 % less
// output with libdeflate, 70 % for 6 % with zstd's fastest.
constexpr int gzip_level = 1;
constexpr int zstd_level = 3;

Error no_memory(std::string_view what) {
  return Error(ErrorKind::internal, "cannot start " + std::string(what) + " compression", "there is no memory");
}
Error failed(std::string_view what, std::string_view why) {
  return Error(ErrorKind::internal, std::string(what) + " compression failed", std::string(why));
}

class GzipEncoder final : public BlockEncoder {
 public:
  explicit GzipEncoder(libdeflate_compressor* state) : state_(state) {}
  std::size_t bound() const override { return libdeflate_gzip_compress_bound(state_.get(), block_bytes); }
  Result<std::size_t> encode(std::span<const std::byte> in, std::span<std::byte> out) override {
    const auto size = libdeflate_gzip_compress(state_.get(), in.data(), in.size(), out.data(), out.size());
    if (size == 0) return failed("gzip", "the block did not fit its bound");
    return size;
  }

 private:
  struct Free {
    void operator()(libdeflate_compressor* state) const { libdeflate_free_compressor(state); }
  };
  std::unique_ptr<libdeflate_compressor, Free> state_;
};

class ZstdEncoder final : public BlockEncoder {
 public:
  explicit ZstdEncoder(ZSTD_CCtx* state) : state_(state) {}
  std::size_t bound() const override { return ZSTD_compressBound(block_bytes); }
  Result<std::size_t> encode(std::span<const std::byte> in, std::span<std::byte> out) override {
    const auto size = ZSTD_compressCCtx(state_.get(), out.data(), out.size(), in.data(), in.size(), zstd_level);
    if (ZSTD_isError(size) != 0) return failed("zstd", ZSTD_getErrorName(size));
    return size;
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* state) const { ZSTD_freeCCtx(state); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> state_;
};

#ifdef SHIPSET_HAVE_ISAL
class FastGzipEncoder final : public BlockEncoder {
 public:
  std::size_t bound() const override { return block_bytes + block_bytes / 1024 + 4096; }
  Result<std::size_t> encode(std::span<const std::byte> in, std::span<std::byte> out) override {
    // ISA-L's matches depend on what an earlier block left in its tables, so they start empty each time.
    std::memset(tables_.data(), 0, tables_.size());
    std::memset(&stream_, 0, sizeof(stream_));
    isal_deflate_stateless_init(&stream_);
    stream_.level = 2;
    stream_.level_buf = tables_.data();
    stream_.level_buf_size = static_cast<std::uint32_t>(tables_.size());
    stream_.gzip_flag = IGZIP_GZIP;
    stream_.end_of_stream = 1;
    stream_.flush = NO_FLUSH;
    stream_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(in.data()));
    stream_.avail_in = static_cast<std::uint32_t>(in.size());
    stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream_.avail_out = static_cast<std::uint32_t>(out.size());
    const int code = isal_deflate_stateless(&stream_);
    if (code != COMP_OK || stream_.avail_in != 0) return failed("gzip-fast", "ISA-L code " + std::to_string(code));
    return static_cast<std::size_t>(stream_.total_out);
  }

 private:
  std::vector<std::uint8_t> tables_ = std::vector<std::uint8_t>(ISAL_DEF_LVL2_DEFAULT);
  isal_zstream stream_{};
};
#endif

}  // namespace

bool has_isal() noexcept {
#if !defined(SHIPSET_HAVE_ISAL)
  return false;
#elif defined(__x86_64__)
  // Below this ISA-L falls back to plain C, which is slower than libdeflate.
  return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
#else
  return true;
#endif
}

Result<std::unique_ptr<BlockEncoder>> make_encoder(Compression compression) {
  if (compression == Compression::zstd) {
    auto* state = ZSTD_createCCtx();
    if (state == nullptr) return no_memory("zstd");
    return std::unique_ptr<BlockEncoder>(std::make_unique<ZstdEncoder>(state));
  }
#ifdef SHIPSET_HAVE_ISAL
  if (compression == Compression::gzip_fast && has_isal())
    return std::unique_ptr<BlockEncoder>(std::make_unique<FastGzipEncoder>());
#endif
  auto* state = libdeflate_alloc_compressor(gzip_level);
  if (state == nullptr) return no_memory("gzip");
  return std::unique_ptr<BlockEncoder>(std::make_unique<GzipEncoder>(state));
}

}  // namespace shipset::compress

namespace shipset {

std::string_view to_string(Compression compression) noexcept {
  switch (compression) {
    case Compression::none:
      return "none";
    case Compression::gzip:
      return "gzip";
    case Compression::gzip_fast:
      return "gzip-fast";
    case Compression::zstd:
      return "zstd";
  }
  return "none";
}

Result<Compression> parse_compression(std::string_view text) {
  for (const auto each : {Compression::none, Compression::gzip, Compression::gzip_fast, Compression::zstd})
    if (text == to_string(each)) return each;
  return Error(ErrorKind::usage, "unknown compression \"" + std::string(text.substr(0, 100)) + "\"", {},
               "known are gzip, gzip-fast, zstd and none");
}

Compression available(Compression wanted) noexcept {
  return wanted == Compression::gzip_fast && !compress::has_isal() ? Compression::gzip : wanted;
}

}  // namespace shipset
