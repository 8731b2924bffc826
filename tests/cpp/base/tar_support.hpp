// Readers, writers and handmade archives that the tests of tar share.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "catch_shim.hpp"
#include "shipset/base/tar.hpp"
#include "tar_impl.hpp"

namespace shipset::test_tar {

struct StringWriter final : Writer {
  std::string text;
  Result<void> write(std::span<const std::byte> bytes) override {
    text += as_text(bytes);
    return {};
  }
};

/// Gives out its text in pieces of a size of its choice, as sockets and pipes do.
struct StringReader final : Reader {
  std::string text;
  std::size_t at = 0, piece;
  explicit StringReader(std::string t, std::size_t p = 1000) : text(std::move(t)), piece(p) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto count = std::min({buffer.size(), piece, text.size() - at});
    std::copy_n(reinterpret_cast<const std::byte*>(text.data()) + at, count, buffer.data());
    at += count;
    return count;
  }
};

inline TarEntry file(std::string path, std::uint64_t size = 0) {
  TarEntry entry;
  entry.path = std::move(path);
  entry.size_bytes = size;
  return entry;
}
inline TarEntry of_type(TarType type, std::string path, std::string link = {}) {
  TarEntry entry;
  entry.path = std::move(path);
  entry.type = type;
  entry.link = std::move(link);
  return entry;
}

inline std::string archive(const std::vector<TarEntry>& entries) {
  StringWriter out;
  TarWriter writer(out);
  for (const auto& entry : entries) {
    REQUIRE(writer.entry(entry));
    REQUIRE(writer.content(as_bytes(std::string(entry.size_bytes, 'c'))));
  }
  REQUIRE(writer.finish());
  return out.text;
}

/// A header block by hand, for what the writer refuses to write.
struct Raw {
  std::string name, link, magic{tar::ustar_magic}, prefix;
  char flag = '0';
  std::string size = "00000000000";
  std::string content;
  [[nodiscard]] std::string block() const {
    std::string b(tar::block_bytes, '\0');
    const auto put = [&](tar::Field f, const std::string& text) { b.replace(f.at, text.size(), text); };
    put(tar::name_field, name);
    put(tar::mode_field, "0000644");
    put(tar::uid_field, "0000000");
    put(tar::gid_field, "0000000");
    put(tar::size_field, size);
    put(tar::mtime_field, "00000000000");
    put(tar::link_field, link);
    put(tar::magic_field, magic);
    put(tar::prefix_field, prefix);
    b[tar::type_field.at] = flag;
    char sum[8];
    std::snprintf(sum, sizeof(sum), "%06o", static_cast<unsigned>(tar::checksum(b)));
    put(tar::checksum_field, std::string(sum, 6) + std::string("\0 ", 2));
    return b + content + std::string(tar::padding_of(content.size()), '\0');
  }
};
inline std::string octal(std::size_t value) {
  char text[16];
  std::snprintf(text, sizeof(text), "%011zo", value);
  return text;
}
inline Raw extension(char flag, std::string content) {
  Raw raw;
  raw.name = "ext";
  raw.flag = flag;
  raw.size = octal(content.size());
  raw.content = std::move(content);
  return raw;
}
inline std::string raw_archive(const std::vector<Raw>& blocks) {
  std::string out;
  for (const auto& each : blocks) out += each.block();
  return out + std::string(1024, '\0');
}

inline Result<std::vector<TarEntry>> list(std::string text, TarLimits limits = {}, std::size_t piece = 1000) {
  StringReader in(std::move(text), piece);
  TarReader reader(in, limits);
  std::vector<TarEntry> entries;
  for (;;) {
    TarEntry entry;
    SHIPSET_TRY(const bool more, reader.next(entry));
    if (!more) return entries;
    entries.push_back(entry);
  }
}
/// why of the refusal, which must be of kind verify.
inline std::string refusal(std::string text, TarLimits limits = {}) {
  const auto listed = list(std::move(text), limits);
  if (listed) return "accepted";
  CHECK(listed.error().kind == ErrorKind::verify);
  return listed.error().what + ": " + listed.error().why;
}
inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace shipset::test_tar
