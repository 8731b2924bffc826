#include <algorithm>
#include <charconv>

#include "shipset/base/tar.hpp"
#include "shipset/base/text.hpp"
#include "tar_impl.hpp"

namespace shipset::tar {

namespace {

std::optional<std::int64_t> parse_base256(std::string_view field) {
  const bool negative = (static_cast<unsigned char>(field[0]) & 0x40) != 0;
  const unsigned char flip = negative ? 0xff : 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < field.size(); ++i) {
    auto byte = static_cast<unsigned char>(field[i] ^ flip);
    if (i == 0) byte &= 0x7f;
    if ((value >> 55) != 0) return std::nullopt;
    value = value << 8 | byte;
  }
  return negative ? -static_cast<std::int64_t>(value) - 1 : static_cast<std::int64_t>(value);
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<std::int64_t> parse_number(std::string_view field) {
  if (!field.empty() && (static_cast<unsigned char>(field[0]) & 0x80) != 0) return parse_base256(field);
  std::size_t at = 0;
  while (at < field.size() && field[at] == ' ') ++at;
  std::uint64_t value = 0;
  for (; at < field.size() && field[at] >= '0' && field[at] <= '7'; ++at) {
    if ((value >> 60) != 0) return std::nullopt;
    value = value << 3 | static_cast<std::uint64_t>(field[at] - '0');
  }
  for (; at < field.size(); ++at)
    if (field[at] != ' ' && field[at] != '\0') return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::string_view parse_text(std::string_view field) {
  return field.substr(0, field.find('\0'));
}

std::uint64_t checksum(std::string_view block) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block_bytes; ++i) {
    const bool own = i >= checksum_field.at && i < checksum_field.at + checksum_field.size;
    sum += own ? ' ' : static_cast<unsigned char>(block[i]);
  }
  return sum;
}

std::int64_t signed_checksum(std::string_view block) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < block_bytes; ++i) {
    const bool own = i >= checksum_field.at && i < checksum_field.at + checksum_field.size;
    sum += own ? ' ' : static_cast<signed char>(block[i]);
  }
  return sum;
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto dot = text.find('.');
  const auto fraction = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  if (dot != std::string_view::npos && !fraction.empty() && !is_digits(fraction)) return std::nullopt;
  if (!is_digits(text.substr(0, dot))) return std::nullopt;
  const auto seconds = parse_decimal(text.substr(0, dot));
  if (!seconds || *seconds > std::uint64_t(1) << 62) return std::nullopt;
  const bool rest = fraction.find_first_not_of('0') != std::string_view::npos;
  return negative ? -static_cast<std::int64_t>(*seconds) - (rest ? 1 : 0) : static_cast<std::int64_t>(*seconds);
}

std::optional<PaxRecords> parse_pax(std::string_view data) {
  PaxRecords records;
  while (!data.empty()) {
    const auto space = data.find(' ');
    if (space == std::string_view::npos || space > 19) return std::nullopt;
    const auto length = parse_decimal(data.substr(0, space));
    if (!length || *length < space + 4 || *length > data.size() || data[*length - 1] != '\n') return std::nullopt;
    const auto record = data.substr(space + 1, *length - space - 2);
    const auto equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) return std::nullopt;
    std::string key(record.substr(0, equals));
    if (key.find('\0') != std::string::npos) return std::nullopt;
    if (equals + 1 == record.size())
      records.erase(key);
    else
      records.insert_or_assign(std::move(key), std::string(record.substr(equals + 1)));
    data.remove_prefix(*length);
  }
  return records;
}

std::string format_pax(const PaxRecords& records) {
  std::string out;
  for (const auto& [key, value] : records) {
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t length = rest + std::to_string(rest).size();
    // The length counts its own digits, so it may need one more.
    length = rest + std::to_string(length).size();
    out.append(std::to_string(length)).append(1, ' ').append(key).append(1, '=').append(value).append(1, '\n');
  }
  return out;
}

std::size_t PathSet::place(std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at] != 0 && slots_[at] != hash) at = (at + 1) & mask;
  return at;
}

void PathSet::add(std::uint64_t hash) {
  if ((used_ + 1) * 4 > slots_.size() * 3) {
    auto old = std::move(slots_);
    slots_.assign(old.empty() ? 64 : old.size() * 2, 0);
    for (const auto value : old)
      if (value != 0) slots_[place(value)] = value;
  }
  auto& slot = slots_[place(hash)];
  used_ += slot == 0 ? 1 : 0;
  slot = hash;
}

bool PathSet::has(std::uint64_t hash) const {
  return used_ != 0 && slots_[place(hash)] != 0;
}

namespace {
// FNV-1a; extended byte by byte, so that the hashes of all parents of a path come out of one pass over it.
constexpr std::uint64_t hash_start = 0xcbf29ce484222325;
constexpr std::uint64_t extend(std::uint64_t hash, char c) {
  return (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
}
constexpr std::uint64_t finish_hash(std::uint64_t hash) {
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
  hash ^= hash >> 33;
  return hash == 0 ? 1 : hash;
}
}  // namespace

std::uint64_t hash_path(std::string_view path) {
  std::uint64_t hash = hash_start;
  for (const char c : path) hash = extend(hash, c);
  return finish_hash(hash);
}

bool has_parent_in(const PathSet& set, std::string_view path) {
  if (set.empty()) return false;
  std::uint64_t hash = hash_start;
  for (const char c : path) {
    if (c == '/' && set.has(finish_hash(hash))) return true;
    hash = extend(hash, c);
  }
  return false;
}

}  // namespace shipset::tar

namespace shipset {

std::string_view to_string(TarType type) noexcept {
  switch (type) {
    case TarType::file:
      return "file";
    case TarType::hardlink:
      return "hard link";
    case TarType::symlink:
      return "symbolic link";
    case TarType::char_device:
      return "character device";
    case TarType::block_device:
      return "block device";
    case TarType::directory:
      return "directory";
    case TarType::fifo:
      return "fifo";
  }
  return "unknown";
}

Result<std::string> normal_tar_path(std::string_view path, std::uint64_t limit) {
  const auto refuse = [&](std::string why) {
    auto shown = printable(path, 200);
    return Error(ErrorKind::verify, "path \"" + shown + "\" is refused", std::move(why)).with("entry", shown);
  };
  if (path.empty()) return refuse("it is empty");
  if (path.size() > limit) return refuse("it is longer than " + std::to_string(limit) + " bytes");
  if (path.find('\0') != std::string_view::npos) return refuse("it holds a NUL byte");
  if (path.front() == '/') return refuse("it is absolute");
  std::string out;
  while (!path.empty()) {
    const auto slash = std::min(path.find('/'), path.size());
    const auto part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") return refuse("\"..\" leads out of the archive");
    if (!out.empty()) out += '/';
    out += part;
  }
  if (out.empty()) out = ".";
  return out;
}

}  // namespace shipset
