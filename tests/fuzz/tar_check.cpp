#include "tar_check.hpp"

#include <algorithm>
#include <array>
#include <random>

#include "shipset/base/compress.hpp"
#include "shipset/base/tar.hpp"

namespace shipset::fuzz {

namespace {

class BytesReader final : public Reader {
 public:
  explicit BytesReader(std::string_view bytes) : bytes_(bytes) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    // Pieces of changing size, so that every boundary of the parsers is crossed.
    const auto count = std::min({buffer.size(), bytes_.size(), std::size_t(1) + (step_++ * 7919) % 4096});
    std::copy_n(as_bytes(bytes_).begin(), count, buffer.begin());
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
  std::size_t step_ = 0;
};

std::string fault(const TarEntry& entry) {
  const auto plain = normal_tar_path(entry.path);
  if (!plain || *plain != entry.path) return "path is not plain: " + entry.path;
  if (entry.type != TarType::file && entry.size_bytes != 0) return "content on something that is no file";
  if (entry.type == TarType::hardlink) {
    const auto target = normal_tar_path(entry.link);
    if (!target || *target != entry.link) return "hard link to a path that is not plain: " + entry.link;
  }
  if ((entry.mode & ~07777u) != 0) return "mode out of range";
  return {};
}

}  // namespace

std::string check_tar(std::string_view bytes) {
  auto packed = make_decompressor(std::make_unique<BytesReader>(bytes), 16u << 20);
  if (!packed) return {};
  TarLimits limits;
  limits.entries = 10000;
  limits.pax_bytes = 1u << 16;
  limits.strict_end = bytes.size() % 2 == 1;
  TarReader reader(**packed, limits);
  std::array<std::byte, 1000> piece;
  for (;;) {
    TarEntry entry;
    const auto more = reader.next(entry);
    if (!more && more.error().kind != ErrorKind::verify) return "an error of another kind: " + more.error().what;
    if (!more || !*more) break;
    if (auto found = fault(entry); !found.empty()) return found;
    std::uint64_t size = 0;
    for (;;) {
      const auto count = reader.read(piece);
      if (!count || *count == 0) break;
      size += *count;
    }
    if (size > entry.size_bytes) return "more content than the header says";
  }
  TarEntry after;
  const auto more = reader.next(after);
  if (more && *more) return "an entry after the end";
  return {};
}

std::string mutate(std::string bytes, std::uint32_t seed) {
  std::mt19937 random(seed);
  constexpr std::array<std::string_view, 12> tokens{
      "../",  "/",    "path=",         "size=",       "\0",        "\xff\xff\xff\xff",
      "\x80", "xgLK", "SCHILY.xattr.", "77777777777", "linkpath=", "\n"};
  for (auto round = 1 + random() % 6; round-- > 0 && !bytes.empty();) {
    const auto at = random() % bytes.size();
    switch (random() % 6) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes.erase(at, random() % 600);
        break;
      case 2:
        bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 1100));
        break;
      case 3: {
        const auto token = tokens[random() % tokens.size()];
        bytes.replace(at, std::min(token.size(), bytes.size() - at), token);
        break;
      }
      case 4:
        bytes.resize(at);
        break;
      default:
        // A whole block somewhere else: entries in an order that nobody writes.
        bytes.insert(at / 512 * 512, bytes.substr(random() % bytes.size() / 512 * 512, 512));
    }
  }
  return bytes;
}

std::string repair_checksums(std::string bytes) {
  for (std::size_t at = 0; at + 512 <= bytes.size(); at += 512) {
    if (bytes.compare(at + 257, 5, "ustar") != 0) continue;
    unsigned sum = 8 * ' ';
    for (std::size_t i = 0; i < 512; ++i)
      if (i < 148 || i >= 156) sum += static_cast<unsigned char>(bytes[at + i]);
    for (std::size_t i = 6; i-- > 0; sum >>= 3) bytes[at + 148 + i] = static_cast<char>('0' + (sum & 7));
    bytes[at + 154] = '\0';
    bytes[at + 155] = ' ';
  }
  return bytes;
}

}  // namespace shipset::fuzz
