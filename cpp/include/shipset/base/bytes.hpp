// Streams of bytes: Reader (once through), Source (can be opened again, so a retry is possible), Writer.
// Everything large moves through these in bounded pieces. A Reader or Writer belongs to one thread at a time;
// a Source may be opened from several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "shipset/base/result.hpp"

namespace shipset {

class Reader {
 public:
  virtual ~Reader() = default;
  /// Fills at most buffer.size() bytes; 0 means the end. Never returns 0 before the end.
  virtual Result<std::size_t> read(std::span<std::byte> buffer) = 0;
};

class Writer {
 public:
  virtual ~Writer() = default;
  virtual Result<void> write(std::span<const std::byte> bytes) = 0;
};

class Source {
 public:
  virtual ~Source() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;  ///< bytes
  /// A reader that starts at `offset`.
  [[nodiscard]] virtual Result<std::unique_ptr<Reader>> open(std::uint64_t offset = 0) const = 0;
  /// The plain file that holds exactly these bytes, if there is one (for hard links and sendfile).
  [[nodiscard]] virtual std::optional<std::filesystem::path> file() const { return std::nullopt; }
};

/// Bytes in memory.
std::unique_ptr<Source> memory_source(std::string bytes);
/// A regular file; its size is read now. Error kind: io.
Result<std::unique_ptr<Source>> file_source(const std::filesystem::path& path);

/// Reads to the end, at most `limit` bytes; one more is an error (kind given by the caller's object name).
Result<std::string> read_all(Reader& reader, std::uint64_t limit, std::string_view object);

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace shipset
