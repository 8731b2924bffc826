// Tar archives (POSIX.1-2001 pax, GNU long names on reading): a deterministic writer and a bounded, suspicious reader.
// The writer adds nothing of the host: no user names, no clocks, no device numbers it was not given.
// Not thread-safe: one object, one thread. OCI image-spec layer.md says what a layer may hold.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "shipset/base/bytes.hpp"

namespace shipset {

enum class TarType : std::uint8_t { file, hardlink, symlink, char_device, block_device, directory, fifo };
std::string_view to_string(TarType type) noexcept;  ///< "file", "hard link", "symbolic link", …

struct TarEntry {
  std::string path;  ///< relative, without leading "./"; directories without the final "/"; "." is the root itself
  TarType type = TarType::file;
  std::uint32_t mode = 0644;  ///< permission bits incl. setuid, setgid, sticky
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::int64_t mtime_unix_s = 0;  ///< fractions of a second are dropped on reading
  std::uint64_t size_bytes = 0;   ///< of the content; 0 for everything but files
  std::string link;               ///< target of a hard link (a path as above) or of a symbolic link (any text)
  std::uint32_t device_major = 0, device_minor = 0;
  std::map<std::string, std::string> xattrs;  ///< SCHILY.xattr.*

  bool operator==(const TarEntry&) const = default;
};

/// A path of an archive in its plain form: no leading "./", no doubled or final "/". "." for the root.
/// Errors (kind verify, named "path"): empty, absolute, "..", NUL, more than `limit` bytes.
Result<std::string> normal_tar_path(std::string_view path, std::uint64_t limit = 4096);

/// Writes ustar headers, and pax headers only for what does not fit (long or non-ASCII names, large numbers, times
/// before 1970, xattrs). Paths that a TarReader would refuse are errors of kind usage.
class TarWriter {
 public:
  explicit TarWriter(Writer& out) : out_(out) {}
  /// Header of the next entry; exactly size_bytes of content must follow by content().
  Result<void> entry(const TarEntry& entry);
  Result<void> content(std::span<const std::byte> bytes);
  /// Two zero blocks. Call once, last.
  Result<void> finish();

 private:
  Writer& out_;
  std::uint64_t remaining_ = 0;
  std::uint64_t padding_ = 0;
};

struct TarLimits {
  std::uint64_t entries = 4'000'000;
  std::uint64_t path_bytes = 4096;
  std::uint64_t pax_bytes = 1u << 20;  ///< of one pax header
  std::uint64_t total_bytes = std::uint64_t(1) << 42;
  /// The end marker must be there and only zeros may follow it; the reader then reads to the end of its input.
  /// Without it an archive may end after any complete entry, as tar programs allow.
  bool strict_end = false;
};

/// Reads an archive once through, and may read ahead. Paths are normalised; what could escape is an error of kind
/// verify that names the entry (context "entry"): absolute paths, "..", NUL, and entries at or below a symbolic link
/// of the same archive (link-through). A hard link must point to an earlier entry that is no directory. Sparse and
/// multi-volume archives are refused, and so is everything on which tar readers are known to disagree.
/// Memory: 8 to 24 bytes per entry.
class TarReader {
 public:
  explicit TarReader(Reader& in, TarLimits limits = {});
  ~TarReader();
  TarReader(TarReader&&) noexcept;
  /// The next entry; false at the end. Skips what is left of the former content.
  Result<bool> next(TarEntry& entry);
  /// Content of the current entry; 0 at its end.
  Result<std::size_t> read(std::span<std::byte> buffer);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace shipset
