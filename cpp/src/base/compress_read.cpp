#include <libdeflate.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#ifdef SHIPSET_HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include "compress_impl.hpp"

namespace shipset {

namespace compress {

Error truncated(std::string_view format) {
  return Error(ErrorKind::verify, "cannot decompress", "the " + std::string(format) + " data is truncated");
}
Error damaged(std::string_view format, std::string_view why) {
  std::string text = "the " + std::string(format) + " data is damaged";
  if (!why.empty()) text.append(": ").append(why);
  return Error(ErrorKind::verify, "cannot decompress", std::move(text));
}

Result<bool> Feed::need(std::size_t wanted) {
  constexpr std::size_t kept = 8;
  while (end_ - begin_ < wanted) {
    if (begin_ > kept) {
      const std::size_t from = begin_ - kept;
      std::memmove(buffer_.data(), buffer_.data() + from, end_ - from);
      end_ -= from;
      begin_ = kept;
    }
    SHIPSET_TRY(const std::size_t count, in_->read(std::span(buffer_).subspan(end_)));
    if (count == 0) return false;
    end_ += count;
  }
  return true;
}

namespace {

unsigned at(std::span<const std::byte> bytes, std::size_t index) {
  return std::to_integer<unsigned>(bytes[index]);
}
std::uint32_t little_endian(std::span<const std::byte> bytes, std::size_t index) {
  return at(bytes, index) | at(bytes, index + 1) << 8 | at(bytes, index + 2) << 16 | at(bytes, index + 3) << 24;
}

#ifdef SHIPSET_HAVE_ISAL
class IsalInflater final : public Inflater {
 public:
  IsalInflater() { reset(); }
  void reset() override {
    isal_inflate_init(&state_);
    state_.crc_flag = ISAL_DEFLATE;
  }
  Result<std::size_t> read(Feed& feed, std::span<std::byte> out) override {
    while (state_.block_state != ISAL_BLOCK_FINISH) {
      const auto in = feed.rest();
      state_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(in.data()));
      state_.avail_in = static_cast<std::uint32_t>(in.size());
      state_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
      state_.avail_out = static_cast<std::uint32_t>(std::min<std::size_t>(out.size(), 1u << 30));
      const auto space = state_.avail_out;
      const int code = isal_inflate(&state_);
      if (code < 0) return damaged("gzip", "ISA-L code " + std::to_string(code));
      feed.use(in.size() - state_.avail_in);
      const std::size_t count = space - state_.avail_out;
      if (state_.block_state == ISAL_BLOCK_FINISH) {
        feed.unuse(static_cast<std::size_t>(state_.read_in_length) / 8);
        state_.read_in_length = 0;
      }
      if (count != 0) return count;
      if (state_.block_state == ISAL_BLOCK_FINISH) break;
      SHIPSET_TRY(const bool more, feed.need(1));
      if (!more) return truncated("gzip");
    }
    return std::size_t(0);
  }

 private:
  inflate_state state_{};
};
#endif

class GzipReader final : public Reader {
 public:
  GzipReader(Feed feed, std::unique_ptr<Inflater> inflater) : feed_(std::move(feed)), inflater_(std::move(inflater)) {}

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (buffer.empty()) return std::size_t(0);
    for (;;) {
      if (!in_member_) {
        SHIPSET_TRY(const bool more, feed_.need(1));
        if (!more) return std::size_t(0);
        SHIPSET_CHECK(header());
      }
      SHIPSET_TRY(const std::size_t count, inflater_->read(feed_, buffer));
      if (count != 0) {
        crc_ = libdeflate_crc32(crc_, buffer.data(), count);
        size_ += static_cast<std::uint32_t>(count);
        return count;
      }
      SHIPSET_CHECK(trailer());
    }
  }

 private:
  Result<void> need(std::size_t count) {
    SHIPSET_TRY(const bool there, feed_.need(count));
    if (!there) return truncated("gzip");
    return {};
  }
  Result<void> skip(std::size_t count) {
    for (; count != 0; --count) {
      SHIPSET_CHECK(need(1));
      feed_.use(1);
    }
    return {};
  }
  Result<void> skip_text() {
    for (;;) {
      SHIPSET_CHECK(need(1));
      const bool end = at(feed_.rest(), 0) == 0;
      feed_.use(1);
      if (end) return {};
    }
  }
  /// RFC 1952 §2.3: fixed part, then the optional fields that the flags name.
  Result<void> header() {
    constexpr unsigned has_crc = 2, has_extra = 4, has_name = 8, has_comment = 16, reserved = 0xe0;
    SHIPSET_TRY(const bool enough, feed_.need(10));
    const auto bytes = feed_.rest();
    if (bytes.size() < 2 || at(bytes, 0) != 0x1f || at(bytes, 1) != 0x8b) {
      if (members_ != 0) return damaged("gzip", "something else follows its last member");
    }
    if (!enough) return truncated("gzip");
    const unsigned flags = at(bytes, 3);
    if (at(bytes, 2) != 8 || (flags & reserved) != 0) return damaged("gzip", "its header is not that of RFC 1952");
    feed_.use(10);
    if ((flags & has_extra) != 0) {
      SHIPSET_CHECK(need(2));
      const std::size_t size = at(feed_.rest(), 0) | at(feed_.rest(), 1) << 8;
      SHIPSET_CHECK(skip(2 + size));
    }
    if ((flags & has_name) != 0) SHIPSET_CHECK(skip_text());
    if ((flags & has_comment) != 0) SHIPSET_CHECK(skip_text());
    if ((flags & has_crc) != 0) SHIPSET_CHECK(skip(2));
    inflater_->reset();
    crc_ = size_ = 0;
    in_member_ = true;
    ++members_;
    return {};
  }
  Result<void> trailer() {
    SHIPSET_CHECK(need(8));
    const auto bytes = feed_.rest();
    if (little_endian(bytes, 0) != crc_) return damaged("gzip", "the CRC-32 of its content is wrong");
    if (little_endian(bytes, 4) != size_) return damaged("gzip", "the length of its content is wrong");
    feed_.use(8);
    in_member_ = false;
    return {};
  }

  Feed feed_;
  std::unique_ptr<Inflater> inflater_;
  bool in_member_ = false;
  std::uint64_t members_ = 0;
  std::uint32_t crc_ = 0, size_ = 0;
};

class ZstdReader final : public Reader {
 public:
  ZstdReader(Feed feed, ZSTD_DCtx* state) : feed_(std::move(feed)), state_(state) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (buffer.empty()) return std::size_t(0);
    for (;;) {
      // Inside a frame the decoder may hold output back, so it is asked before more input is.
      if (feed_.rest().empty() && !pending_) {
        SHIPSET_TRY(const bool more, feed_.need(1));
        if (!more && in_frame_) return truncated("zstd");
        if (!more) return std::size_t(0);
      }
      const auto bytes = feed_.rest();
      ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
      ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
      const std::size_t code = ZSTD_decompressStream(state_.get(), &out, &in);
      if (ZSTD_isError(code) != 0) return damaged("zstd", ZSTD_getErrorName(code));
      feed_.use(in.pos);
      in_frame_ = code != 0;
      pending_ = in_frame_ && out.pos == out.size;
      if (out.pos != 0) return out.pos;
    }
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* state) const { ZSTD_freeDCtx(state); }
  };
  Feed feed_;
  std::unique_ptr<ZSTD_DCtx, Free> state_;
  bool in_frame_ = false, pending_ = false;
};

class PlainReader final : public Reader {
 public:
  explicit PlainReader(Feed feed) : feed_(std::move(feed)) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    SHIPSET_TRY(const bool more, feed_.need(1));
    if (!more || buffer.empty()) return std::size_t(0);
    const auto bytes = feed_.rest();
    const std::size_t count = std::min(bytes.size(), buffer.size());
    std::memcpy(buffer.data(), bytes.data(), count);
    feed_.use(count);
    return count;
  }

 private:
  Feed feed_;
};

class LimitReader final : public Reader {
 public:
  LimitReader(std::unique_ptr<Reader> in, std::uint64_t limit) : in_(std::move(in)), limit_(limit), left_(limit) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    SHIPSET_TRY(const std::size_t count, in_->read(buffer));
    if (count > left_)
      return Error(ErrorKind::verify, "cannot decompress",
                   "it unpacks to more than the limit of " + std::to_string(limit_) + " bytes");
    left_ -= count;
    return count;
  }

 private:
  std::unique_ptr<Reader> in_;
  std::uint64_t limit_, left_;
};

bool begins_with(std::span<const std::byte> bytes, std::string_view magic) {
  return as_text(bytes).starts_with(magic);
}

}  // namespace

std::unique_ptr<Inflater> make_inflater() {
#ifdef SHIPSET_HAVE_ISAL
  return std::make_unique<IsalInflater>();
#else
  return make_portable_inflater();
#endif
}

std::unique_ptr<Reader> make_gzip_reader(Feed feed, std::unique_ptr<Inflater> inflater) {
  return std::make_unique<GzipReader>(std::move(feed), std::move(inflater));
}

}  // namespace compress

Result<std::unique_ptr<Reader>> make_decompressor(std::unique_ptr<Reader> in, std::uint64_t limit) {
  compress::Feed feed(std::move(in));
  SHIPSET_CHECK(feed.need(10));
  const auto bytes = feed.rest();
  std::unique_ptr<Reader> reader;
  if (compress::begins_with(bytes, "\x1f\x8b")) {
    reader = compress::make_gzip_reader(std::move(feed), compress::make_inflater());
  } else if (compress::begins_with(bytes, "\x28\xb5\x2f\xfd") ||
             (bytes.size() >= 4 && (compress::at(bytes, 0) & 0xf0) == 0x50 &&
              compress::begins_with(bytes.subspan(1), "\x2a\x4d\x18"))) {
    auto* state = ZSTD_createDCtx();
    if (state == nullptr) return Error(ErrorKind::internal, "cannot decompress", "there is no memory");
    reader = std::make_unique<compress::ZstdReader>(std::move(feed), state);
  } else if (compress::begins_with(bytes,
                                   "\xfd"
                                   "7zXZ") ||
             compress::begins_with(bytes, "BZh91AY&SY")) {
    return Error(ErrorKind::verify, "cannot decompress", "it is compressed with xz or bzip2",
                 "use gzip, zstd or no compression");
  } else {
    reader = std::make_unique<compress::PlainReader>(std::move(feed));
  }
  return std::unique_ptr<Reader>(std::make_unique<compress::LimitReader>(std::move(reader), limit));
}

}  // namespace shipset
