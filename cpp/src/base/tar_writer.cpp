#include <algorithm>
#include <array>
#include <cstring>

#include "shipset/base/tar.hpp"
#include "shipset/base/text.hpp"
#include "tar_impl.hpp"

namespace shipset {

namespace {

using tar::Field;
using Block = std::array<char, tar::block_bytes>;
constexpr std::array<std::byte, 2 * tar::block_bytes> zeros{};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}
std::string to_ascii(std::string_view text, std::size_t limit) {
  std::string out(text.substr(0, limit));
  for (char& c : out)
    if (static_cast<unsigned char>(c) >= 0x80) c = '_';
  return out;
}

char type_flag(TarType type) {
  switch (type) {
    case TarType::file:
      return '0';
    case TarType::hardlink:
      return '1';
    case TarType::symlink:
      return '2';
    case TarType::char_device:
      return '3';
    case TarType::block_device:
      return '4';
    case TarType::directory:
      return '5';
    case TarType::fifo:
      return '6';
  }
  return '0';
}

constexpr bool fits_octal(std::uint64_t value, Field field) {
  return value >> (3 * (field.size - 1)) == 0;
}

void put_text(Block& block, Field field, std::string_view text) {
  std::memcpy(block.data() + field.at, text.data(), std::min(text.size(), field.size));
}
void put_octal(Block& block, Field field, std::uint64_t value) {
  for (std::size_t i = field.size - 1; i-- > 0; value >>= 3) block[field.at + i] = static_cast<char>('0' + (value & 7));
}
void put_checksum(Block& block) {
  put_octal(block, {tar::checksum_field.at, 7}, tar::checksum({block.data(), block.size()}));
  block[tar::checksum_field.at + 7] = ' ';
}

/// Name and prefix as ustar wants them; false when the path does not fit.
bool put_path(Block& block, std::string_view path) {
  if (!is_ascii(path)) return false;
  if (path.size() <= tar::name_field.size) {
    put_text(block, tar::name_field, path);
    return true;
  }
  const auto slash = path.substr(0, std::min(path.size() - 1, tar::prefix_field.size + 1)).rfind('/');
  if (slash == std::string_view::npos || slash == 0 || path.size() - slash - 1 > tar::name_field.size) return false;
  put_text(block, tar::prefix_field, path.substr(0, slash));
  put_text(block, tar::name_field, path.substr(slash + 1));
  return true;
}

Error unfit(const TarEntry& entry, std::string why) {
  const auto shown = printable(entry.path, 200);
  return Error(ErrorKind::usage, "cannot write tar entry \"" + shown + "\"", std::move(why)).with("entry", shown);
}

Result<void> check(const TarEntry& entry) {
  const auto path = normal_tar_path(entry.path);
  if (!path) return unfit(entry, path.error().why);
  if (*path != entry.path) return unfit(entry, "the path is not in its plain form, \"" + printable(*path, 200) + "\"");
  if (entry.path == "." && entry.type != TarType::directory) return unfit(entry, "the root can only be a directory");
  if (entry.type != TarType::file && entry.size_bytes != 0) return unfit(entry, "only a file has content");
  if (entry.size_bytes >> 62 != 0) return unfit(entry, "the size is out of range");
  if ((entry.mode & ~07777u) != 0) return unfit(entry, "the mode has bits beyond 07777");
  if (entry.uid >> 62 != 0 || entry.gid >> 62 != 0) return unfit(entry, "the owner is out of range");
  if (entry.type == TarType::hardlink) {
    const auto target = normal_tar_path(entry.link);
    if (!target || *target != entry.link) return unfit(entry, "the target of the hard link is no plain path");
  } else if (entry.type == TarType::symlink) {
    if (entry.link.empty() || entry.link.find('\0') != std::string::npos)
      return unfit(entry, "the target of the symbolic link is empty or holds a NUL byte");
  } else if (!entry.link.empty()) {
    return unfit(entry, "a " + std::string(to_string(entry.type)) + " has no link target");
  }
  for (const auto& [name, value] : entry.xattrs)
    if (name.empty() || value.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos)
      return unfit(entry, "extended attribute \"" + printable(name, 100) + "\" cannot be expressed in a pax header");
  return {};
}

/// Fills the ustar header; what does not fit goes to `pax` and leaves a harmless value behind.
Block make_header(const TarEntry& entry, tar::PaxRecords& pax) {
  Block block{};
  const std::string path = entry.type == TarType::directory ? entry.path + "/" : entry.path;
  if (!put_path(block, path)) {
    pax["path"] = path;
    put_text(block, tar::name_field, to_ascii(path, tar::name_field.size));
  }
  if (entry.link.size() > tar::link_field.size || !is_ascii(entry.link)) pax["linkpath"] = entry.link;
  put_text(block, tar::link_field, to_ascii(entry.link, tar::link_field.size));
  const auto number = [&](Field field, const char* key, std::uint64_t value) {
    const bool fits = fits_octal(value, field);
    if (!fits) pax[key] = std::to_string(value);
    put_octal(block, field, fits ? value : 0);
  };
  put_octal(block, tar::mode_field, entry.mode);
  number(tar::uid_field, "uid", entry.uid);
  number(tar::gid_field, "gid", entry.gid);
  number(tar::size_field, "size", entry.size_bytes);
  if (entry.mtime_unix_s < 0) {
    pax["mtime"] = std::to_string(entry.mtime_unix_s);
    put_octal(block, tar::mtime_field, 0);
  } else {
    number(tar::mtime_field, "mtime", static_cast<std::uint64_t>(entry.mtime_unix_s));
  }
  for (const auto& [name, value] : entry.xattrs) pax["SCHILY.xattr." + name] = value;
  block[tar::type_field.at] = type_flag(entry.type);
  put_text(block, tar::magic_field, tar::ustar_magic);
  put_octal(block, tar::major_field, entry.device_major);
  put_octal(block, tar::minor_field, entry.device_minor);
  put_checksum(block);
  return block;
}

Block make_pax_header(const TarEntry& entry, std::size_t size) {
  Block block{};
  const auto slash = entry.path.rfind('/');
  const auto base = slash == std::string::npos ? entry.path : entry.path.substr(slash + 1);
  put_text(block, tar::name_field, "PaxHeaders.0/" + to_ascii(base, tar::name_field.size - 13));
  put_octal(block, tar::mode_field, 0644);
  put_octal(block, tar::uid_field, 0);
  put_octal(block, tar::gid_field, 0);
  put_octal(block, tar::size_field, size);
  put_octal(block, tar::mtime_field, 0);
  block[tar::type_field.at] = 'x';
  put_text(block, tar::magic_field, tar::ustar_magic);
  put_octal(block, tar::major_field, 0);
  put_octal(block, tar::minor_field, 0);
  put_checksum(block);
  return block;
}

std::span<const std::byte> bytes_of(const Block& block) {
  return as_bytes({block.data(), block.size()});
}

}  // namespace

Result<void> TarWriter::entry(const TarEntry& entry) {
  if (remaining_ != 0)
    return unfit(entry, "the entry before it still wants " + std::to_string(remaining_) + " bytes of content");
  SHIPSET_CHECK(check(entry));
  if (!fits_octal(entry.device_major, tar::major_field) || !fits_octal(entry.device_minor, tar::minor_field))
    return unfit(entry, "the device number is out of range");
  tar::PaxRecords pax;
  const Block header = make_header(entry, pax);
  if (!pax.empty()) {
    const auto records = tar::format_pax(pax);
    SHIPSET_CHECK(out_.write(bytes_of(make_pax_header(entry, records.size()))));
    SHIPSET_CHECK(out_.write(as_bytes(records)));
    SHIPSET_CHECK(out_.write(std::span(zeros).first(tar::padding_of(records.size()))));
  }
  SHIPSET_CHECK(out_.write(bytes_of(header)));
  remaining_ = entry.size_bytes;
  padding_ = tar::padding_of(entry.size_bytes);
  return {};
}

Result<void> TarWriter::content(std::span<const std::byte> bytes) {
  if (bytes.size() > remaining_)
    return Error(ErrorKind::internal, "cannot write tar content", "there is more than the header of the entry says");
  if (bytes.empty()) return {};
  SHIPSET_CHECK(out_.write(bytes));
  remaining_ -= bytes.size();
  if (remaining_ == 0 && padding_ != 0) SHIPSET_CHECK(out_.write(std::span(zeros).first(padding_)));
  return {};
}

Result<void> TarWriter::finish() {
  if (remaining_ != 0)
    return Error(ErrorKind::internal, "cannot finish the tar archive",
                 "the last entry still wants " + std::to_string(remaining_) + " bytes of content");
  return out_.write(zeros);
}

}  // namespace shipset
