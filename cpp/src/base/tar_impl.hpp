// Private to the tar writer and reader: the 512-byte header block (POSIX.1-2001 "ustar Interchange Format"), its
// numbers, and pax records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/tar.hpp"

namespace shipset::tar {

inline constexpr std::size_t block_bytes = 512;

struct Field {
  std::size_t at, size;
};
inline constexpr Field name_field{0, 100}, mode_field{100, 8}, uid_field{108, 8}, gid_field{116, 8},
    size_field{124, 12}, mtime_field{136, 12}, checksum_field{148, 8}, type_field{156, 1}, link_field{157, 100},
    magic_field{257, 8}, major_field{329, 8}, minor_field{337, 8}, prefix_field{345, 155}, star_prefix_field{345, 131},
    star_magic_field{508, 4};
inline constexpr std::string_view ustar_magic{
    "ustar\0"
    "00",
    8};
inline constexpr std::string_view gnu_magic{"ustar  \0", 8};

/// Zeros up to the next multiple of 512.
constexpr std::uint64_t padding_of(std::uint64_t size) {
  return (block_bytes - size % block_bytes) % block_bytes;
}

/// Octal text, or base-256 when the first bit is set (GNU, star). nullopt: no number, or more than 63 bits.
std::optional<std::int64_t> parse_number(std::string_view field);
/// Text up to the first NUL.
std::string_view parse_text(std::string_view field);
/// Sum of the header's bytes with the checksum field as spaces.
std::uint64_t checksum(std::string_view block);
/// Signed variant that some historic programs wrote.
std::int64_t signed_checksum(std::string_view block);

using PaxRecords = std::map<std::string, std::string>;
/// Records `length key=value\n`. An empty value removes the key. nullopt: malformed.
std::optional<PaxRecords> parse_pax(std::string_view data);
std::string format_pax(const PaxRecords& records);
/// Decimal without sign.
std::optional<std::uint64_t> parse_decimal(std::string_view text);
/// Decimal seconds with optional sign and fraction, rounded down.
std::optional<std::int64_t> parse_time(std::string_view text);

/// Error of kind verify about one entry; its path is made printable.
Error refused(std::string_view path, std::string why);

/// The ustar header with what extended headers say about it.
struct Header {
  char flag = '0';
  std::string path;
  std::string link;
  std::int64_t mode = 0, uid = 0, gid = 0, size = 0, mtime = 0, major = 0, minor = 0;
  std::map<std::string, std::string> xattrs;
};

/// Checks the checksum and reads every field. `offset`: of the block, for the message.
Result<Header> parse_header(std::string_view block, std::uint64_t offset);
/// Applies pax records over the ustar header (pax "Extended Header Keywords").
Result<void> apply_pax(const PaxRecords& records, Header& header);
/// Refuses sparse files, volumes, and types that nobody knows.
Result<TarType> type_of(const Header& header);

/// Set of paths by hash: no path that was added is ever missed, which is what refusing needs.
class PathSet {
 public:
  void add(std::uint64_t hash);
  [[nodiscard]] bool has(std::uint64_t hash) const;
  [[nodiscard]] bool empty() const noexcept { return used_ == 0; }

 private:
  [[nodiscard]] std::size_t place(std::uint64_t hash) const;
  std::vector<std::uint64_t> slots_;
  std::size_t used_ = 0;
};
std::uint64_t hash_path(std::string_view path);
/// Whether a proper parent of `path` is in the set.
bool has_parent_in(const PathSet& set, std::string_view path);

}  // namespace shipset::tar
