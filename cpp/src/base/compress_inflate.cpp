// Inflating without a library that streams: libdeflate wants a whole member in memory, and layers of other tools are
// one member of any size. RFC 1951; 32 KiB of history, one table look-up per symbol.
#include <algorithm>

#include "compress_impl.hpp"

namespace shipset::compress {

namespace {

constexpr unsigned max_code_bits = 15;
constexpr std::size_t history_bytes = 32 * 1024;

constexpr std::array<std::uint16_t, 29> length_base{3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                                    31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
constexpr std::array<std::uint8_t, 29> length_extra{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                    2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
constexpr std::array<std::uint16_t, 30> distance_base{1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                                      33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                                      1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
constexpr std::array<std::uint8_t, 30> distance_extra{0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                                      6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

/// A canonical Huffman code as a table over the next `bits` bits of input: symbol << 4 | length; 0 = no such code.
struct Code {
  unsigned bits = 0;
  std::vector<std::uint16_t> table;

  /// False for a set of lengths that is no code. As zlib does, a lone code of one bit may stay incomplete.
  bool build(std::span<const std::uint8_t> lengths) {
    std::array<std::uint16_t, max_code_bits + 2> next{};
    std::array<std::uint16_t, max_code_bits + 1> count{};
    for (const auto length : lengths) ++count[length];
    count[0] = 0;
    bits = max_code_bits;
    while (bits > 1 && count[bits] == 0) --bits;
    int left = 1;
    for (unsigned length = 1; length <= max_code_bits; ++length) {
      left = left * 2 - count[length];
      if (left < 0) return false;
      next[length + 1] = static_cast<std::uint16_t>((next[length] + count[length]) << 1);
    }
    if (left > 0 && bits > 1) return false;
    table.assign(std::size_t(1) << bits, 0);
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
      const unsigned length = lengths[symbol];
      if (length == 0) continue;
      unsigned code = next[length]++;
      unsigned reversed = 0;
      for (unsigned i = 0; i < length; ++i, code >>= 1) reversed = reversed << 1 | (code & 1);
      for (std::size_t place = reversed; place < table.size(); place += std::size_t(1) << length)
        table[place] = static_cast<std::uint16_t>(symbol << 4 | length);
    }
    return true;
  }
};

class PortableInflater final : public Inflater {
 public:
  PortableInflater() : history_(history_bytes) {}
  void reset() override {
    state_ = State::block_header;
    last_ = false;
    word_ = held_ = 0;
    total_ = 0;
    copy_left_ = stored_left_ = 0;
  }
  Result<std::size_t> read(Feed& feed, std::span<std::byte> out) override;

 private:
  enum class State : std::uint8_t { block_header, stored, codes, done };

  Result<void> refill(Feed& feed) {
    while (held_ <= 56) {
      if (feed.rest().empty()) {
        SHIPSET_TRY(const bool more, feed.need(1));
        if (!more) break;
      }
      word_ |= std::to_integer<std::uint64_t>(feed.rest().front()) << held_;
      feed.use(1);
      held_ += 8;
    }
    return {};
  }
  unsigned peek(unsigned count) const { return static_cast<unsigned>(word_ & ((std::uint64_t(1) << count) - 1)); }
  void drop(unsigned count) {
    word_ >>= count;
    held_ -= count;
  }
  Result<unsigned> take(Feed& feed, unsigned count) {
    if (held_ < count) SHIPSET_CHECK(refill(feed));
    if (held_ < count) return truncated("gzip");
    const unsigned value = peek(count);
    drop(count);
    return value;
  }
  Result<unsigned> symbol(Feed& feed, const Code& code) {
    if (held_ < max_code_bits) SHIPSET_CHECK(refill(feed));
    const unsigned entry = code.table[peek(code.bits)];
    if (entry == 0) return held_ < code.bits ? truncated("gzip") : damaged("gzip", "there is a code without a meaning");
    if ((entry & 15) > held_) return truncated("gzip");
    drop(entry & 15);
    return entry >> 4;
  }
  Result<void> block_header(Feed& feed);
  Result<void> fixed_codes();
  Result<void> dynamic_codes(Feed& feed);
  Result<void> match(Feed& feed, unsigned length_symbol);
  void put(std::span<std::byte> out, std::size_t& at, std::byte byte) {
    out[at++] = byte;
    history_[total_++ % history_bytes] = byte;
  }

  State state_ = State::block_header;
  bool last_ = false;
  std::uint64_t word_ = 0;  ///< input bits, lowest first
  unsigned held_ = 0;       ///< how many
  std::vector<std::byte> history_;
  std::uint64_t total_ = 0;
  std::size_t copy_left_ = 0, copy_distance_ = 0, stored_left_ = 0;
  Code literals_, distances_;
};

Result<void> PortableInflater::fixed_codes() {
  std::array<std::uint8_t, 288> lengths{};
  std::fill_n(lengths.begin(), 144, std::uint8_t(8));
  std::fill_n(lengths.begin() + 144, 112, std::uint8_t(9));
  std::fill_n(lengths.begin() + 256, 24, std::uint8_t(7));
  std::fill_n(lengths.begin() + 280, 8, std::uint8_t(8));
  std::array<std::uint8_t, 32> distances{};
  distances.fill(5);
  if (!literals_.build(lengths) || !distances_.build(distances)) return damaged("gzip", "");
  return {};
}

/// RFC 1951 §3.2.7.
Result<void> PortableInflater::dynamic_codes(Feed& feed) {
  constexpr std::array<std::uint8_t, 19> order{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  SHIPSET_TRY(const unsigned literal_count, take(feed, 5));
  SHIPSET_TRY(const unsigned distance_count, take(feed, 5));
  SHIPSET_TRY(const unsigned order_count, take(feed, 4));
  const std::size_t literals = literal_count + 257;
  const std::size_t total = literals + distance_count + 1;
  if (literals > 286 || distance_count + 1 > 30) return damaged("gzip", "a block has too many codes");
  std::array<std::uint8_t, 19> meta{};
  for (std::size_t i = 0; i < order_count + 4; ++i) {
    SHIPSET_TRY(const unsigned length, take(feed, 3));
    meta[order[i]] = static_cast<std::uint8_t>(length);
  }
  Code code;
  if (!code.build(meta)) return damaged("gzip", "the code of a block's code lengths is invalid");
  std::array<std::uint8_t, 286 + 30> lengths{};
  for (std::size_t i = 0; i < total;) {
    SHIPSET_TRY(const unsigned value, symbol(feed, code));
    if (value < 16) {
      lengths[i++] = static_cast<std::uint8_t>(value);
      continue;
    }
    if (value == 16 && i == 0) return damaged("gzip", "a block repeats a code length before the first");
    const unsigned extra_bits = value == 16 ? 2 : value == 17 ? 3 : 7;
    SHIPSET_TRY(const unsigned extra, take(feed, extra_bits));
    const std::size_t repeat = extra + (value == 18 ? 11 : 3);
    if (repeat > total - i) return damaged("gzip", "a block has more code lengths than codes");
    const std::uint8_t filler = value == 16 ? lengths[i - 1] : std::uint8_t(0);
    std::fill_n(lengths.begin() + static_cast<std::ptrdiff_t>(i), repeat, filler);
    i += repeat;
  }
  if (lengths[256] == 0) return damaged("gzip", "a block has no end");
  const std::span<const std::uint8_t> all(lengths);
  if (!literals_.build(all.first(literals)) || !distances_.build(all.subspan(literals, total - literals)))
    return damaged("gzip", "the codes of a block are invalid");
  return {};
}

Result<void> PortableInflater::block_header(Feed& feed) {
  if (last_) {
    // Whole bytes that were read ahead belong to the trailer.
    feed.unuse(held_ / 8);
    word_ = held_ = 0;
    state_ = State::done;
    return {};
  }
  SHIPSET_TRY(const unsigned header, take(feed, 3));
  last_ = (header & 1) != 0;
  switch (header >> 1) {
    case 0: {
      drop(held_ % 8);
      SHIPSET_TRY(const unsigned size, take(feed, 16));
      SHIPSET_TRY(const unsigned complement, take(feed, 16));
      if ((size ^ complement) != 0xffff) return damaged("gzip", "the length of a stored block is wrong");
      stored_left_ = size;
      state_ = State::stored;
      return {};
    }
    case 1:
      state_ = State::codes;
      return fixed_codes();
    case 2:
      state_ = State::codes;
      return dynamic_codes(feed);
    default:
      return damaged("gzip", "a block has an unknown type");
  }
}

Result<void> PortableInflater::match(Feed& feed, unsigned length_symbol) {
  const std::size_t index = length_symbol - 257;
  if (index >= length_base.size()) return damaged("gzip", "there is a length code that does not exist");
  SHIPSET_TRY(const unsigned length_more, take(feed, length_extra[index]));
  SHIPSET_TRY(const unsigned code, symbol(feed, distances_));
  if (code >= distance_base.size()) return damaged("gzip", "there is a distance code that does not exist");
  SHIPSET_TRY(const unsigned distance_more, take(feed, distance_extra[code]));
  copy_left_ = length_base[index] + length_more;
  copy_distance_ = distance_base[code] + distance_more;
  if (copy_distance_ > total_) return damaged("gzip", "it refers to content before its beginning");
  return {};
}

Result<std::size_t> PortableInflater::read(Feed& feed, std::span<std::byte> out) {
  std::size_t at = 0;
  while (at < out.size() && state_ != State::done) {
    if (copy_left_ != 0) {
      for (; copy_left_ != 0 && at < out.size(); --copy_left_)
        put(out, at, history_[(total_ - copy_distance_) % history_bytes]);
      continue;
    }
    switch (state_) {
      case State::block_header: {
        SHIPSET_CHECK(block_header(feed));
        break;
      }
      case State::stored: {
        if (stored_left_ == 0) {
          state_ = State::block_header;
          break;
        }
        SHIPSET_TRY(const unsigned byte, take(feed, 8));
        put(out, at, static_cast<std::byte>(byte));
        --stored_left_;
        break;
      }
      case State::codes: {
        SHIPSET_TRY(const unsigned value, symbol(feed, literals_));
        if (value < 256)
          put(out, at, static_cast<std::byte>(value));
        else if (value == 256)
          state_ = State::block_header;
        else
          SHIPSET_CHECK(match(feed, value));
        break;
      }
      case State::done:
        break;
    }
  }
  return at;
}

}  // namespace

std::unique_ptr<Inflater> make_portable_inflater() {
  return std::make_unique<PortableInflater>();
}

}  // namespace shipset::compress
