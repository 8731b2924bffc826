#include <algorithm>

#include "buildinfo_impl.hpp"

namespace shipset::attest {

namespace {

constexpr std::string_view magic = "\xff Go buildinf:";
constexpr std::size_t alignment = 16;
constexpr std::size_t header_bytes = 32;
constexpr std::size_t max_program_headers = 128;
constexpr std::size_t max_header_area = 64u << 10;

/// Unsigned LEB128 of at most 5 bytes; false when `at` ends before it does, or it is longer.
bool read_varint(std::string_view& at, std::uint64_t& value) {
  value = 0;
  for (std::size_t i = 0; i < 5 && i < at.size(); ++i) {
    const auto byte = static_cast<unsigned char>(at[i]);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) == 0) {
      at.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

bool is_version(std::string_view text) {
  return text.starts_with("go1") || text.starts_with("devel ");
}

/// The linker wraps the module lines into two 16-byte marks.
std::string_view without_marks(std::string_view text) {
  if (text.size() >= 33 && text[text.size() - 17] == '\n') return text.substr(16, text.size() - 32);
  return {};
}

}  // namespace

std::uint64_t BuildInfoScan::number(std::string_view bytes, std::size_t width) const {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[big_endian_ ? i : width - 1 - i]);
    out = out << 8 | byte;
  }
  return out;
}

bool BuildInfoScan::feed(std::string_view piece) {
  if (stage_ == Stage::nothing || stage_ == Stage::found) return false;
  if (stage_ == Stage::pointers || stage_ == Stage::strings) {
    fill(piece, position_);
    position_ += piece.size();
    return stage_ == Stage::pointers || stage_ == Stage::strings;
  }
  if (stage_ == Stage::header) {
    buffer_.append(piece);
    if (!parse_header()) return stage_ != Stage::nothing;
    const std::string start = std::move(buffer_);
    buffer_.clear();
    return search(start);
  }
  if (buffer_.empty()) return search(piece);  // the common case: nothing is copied
  buffer_.append(piece);
  const std::string whole = std::move(buffer_);
  buffer_.clear();
  return search(whole);
}

/// False: not yet, or no ELF file (stage `nothing`).
bool BuildInfoScan::parse_header() {
  const std::string_view file = buffer_;
  if (file.size() < 64) {
    if (!std::string_view("\x7f"
                          "ELF")
             .starts_with(file.substr(0, 4)))
      stage_ = Stage::nothing;
    return false;
  }
  if (!file.starts_with("\x7f"
                        "ELF")) {
    stage_ = Stage::nothing;
    return false;
  }
  wide_ = file[4] == 2;
  big_endian_ = file[5] == 2;
  const auto table = wide_ ? number(file.substr(32), 8) : number(file.substr(28), 4);
  const auto entry = number(file.substr(wide_ ? 54 : 42), 2);
  const auto count = number(file.substr(wide_ ? 56 : 44), 2);
  const std::size_t least = wide_ ? 56 : 32;
  if (entry < least || count == 0 || count > max_program_headers || table > max_header_area) {
    stage_ = Stage::nothing;  // object files have no program headers, and no build information
    return false;
  }
  if (file.size() < table + entry * count) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = file.substr(table + i * entry, entry);
    if (number(at, 4) != 1) continue;  // PT_LOAD
    const auto flags = number(at.substr(wide_ ? 4 : 24), 4);
    Segment segment{wide_ ? number(at.substr(8), 8) : number(at.substr(4), 4),
                    wide_ ? number(at.substr(16), 8) : number(at.substr(8), 4),
                    wide_ ? number(at.substr(32), 8) : number(at.substr(16), 4), (flags & 2) != 0};
    if ((flags & 1) != 0 && !segment.writable) continue;  // code holds no data of the linker
    if (segment.offset + segment.size < segment.offset) continue;
    segments_.push_back(segment);
    last_wanted_ = std::max(last_wanted_, segment.offset + segment.size);
  }
  stage_ = segments_.empty() ? Stage::nothing : Stage::search;
  return stage_ == Stage::search;
}

const BuildInfoScan::Segment* BuildInfoScan::segment_at(std::uint64_t offset) const {
  for (const auto& segment : segments_)
    if (offset >= segment.offset && offset - segment.offset < segment.size) return &segment;
  return nullptr;
}

bool BuildInfoScan::search(std::string_view bytes) {
  std::size_t at = 0;
  while (stage_ == Stage::search && at + alignment <= bytes.size()) {
    if (bytes[at] != magic[0] || bytes.substr(at, magic.size()) != magic) {
      at += alignment;
      continue;
    }
    const auto used = candidate(bytes.substr(at), position_ + at);
    if (used == 0) break;
    at += used;
  }
  if (stage_ == Stage::pointers) {
    fill(bytes, position_);
    position_ += bytes.size();
    return stage_ == Stage::pointers || stage_ == Stage::strings;
  }
  buffer_ = bytes.substr(at);
  position_ += at;
  if (stage_ == Stage::search && position_ >= last_wanted_) return false;
  return stage_ == Stage::search;
}

std::size_t BuildInfoScan::candidate(std::string_view at, std::uint64_t offset) {
  const auto* segment = segment_at(offset);
  if (segment == nullptr) return alignment;
  if (at.size() < header_bytes) return 0;
  const auto flags = static_cast<unsigned char>(at[15]);
  if ((flags & 2) != 0) return inline_form(at, segment->writable);
  if (segment->writable && pointer_form(at)) stage_ = Stage::pointers;
  return alignment;
}

/// A copy of another program's information can lie in read-only data (embedded files): the program's own is writable.
std::size_t BuildInfoScan::inline_form(std::string_view at, bool writable) {
  auto rest = at.substr(header_bytes);
  std::uint64_t length = 0;
  const bool enough = rest.size() >= 5;
  if (!read_varint(rest, length)) return enough ? alignment : 0;
  if (length > max_version) return alignment;
  if (rest.size() < length) return 0;
  const auto version = rest.substr(0, length);
  if (!is_version(version)) return alignment;
  rest.remove_prefix(length);
  const bool enough_again = rest.size() >= 5;
  if (!read_varint(rest, length)) return enough_again ? alignment : 0;
  if (length > max_modules) return alignment;
  if (rest.size() < length) return 0;
  if (!writable && have_fallback_) return alignment;
  found_.go_version = version;
  found_.modules = without_marks(rest.substr(0, length));
  if (writable) stage_ = Stage::found;
  have_fallback_ = true;
  return alignment;
}

bool BuildInfoScan::pointer_form(std::string_view at) {
  pointer_bytes_ = static_cast<unsigned char>(at[14]);
  if (pointer_bytes_ != 4 && pointer_bytes_ != 8) return false;
  big_endian_ = (at[15] & 1) != 0;
  const auto version = number(at.substr(16), pointer_bytes_);
  const auto modules = number(at.substr(16 + pointer_bytes_), pointer_bytes_);
  const auto length = 2 * pointer_bytes_;
  first_ = second_ = {};
  if (!file_offset(version, length, first_.offset)) return false;
  first_.length = length;
  if (file_offset(modules, length, second_.offset)) second_.length = length;
  return true;
}

/// Both string headers are there: where the strings themselves are.
bool BuildInfoScan::pointers_to_strings() {
  const auto follow = [&](const Range& header, std::uint64_t limit) {
    Range out;
    if (header.length == 0) return out;
    const auto address = number(header.got, pointer_bytes_);
    const auto length = number(std::string_view(header.got).substr(pointer_bytes_), pointer_bytes_);
    if (length <= limit && file_offset(address, length, out.offset)) out.length = length;
    return out;
  };
  first_ = follow(first_, max_version);
  second_ = follow(second_, max_modules);
  return first_.length != 0;
}

void BuildInfoScan::fill(std::string_view piece, std::uint64_t offset) {
  const auto copy = [&](Range& range) {
    const auto next = range.offset + range.got.size();
    if (range.full() || next < offset || next - offset >= piece.size()) return;
    range.got.append(piece.substr(next - offset, range.length - range.got.size()));
  };
  copy(first_);
  copy(second_);
  if (stage_ == Stage::pointers && first_.full() && second_.full()) {
    stage_ = pointers_to_strings() ? Stage::strings : Stage::nothing;
    if (stage_ == Stage::strings) {
      copy(first_);
      copy(second_);
    }
  }
  if (stage_ == Stage::strings && first_.full() && second_.full()) {
    stage_ = is_version(first_.got) ? Stage::found : Stage::nothing;
    found_ = {std::move(first_.got), std::string(without_marks(second_.got))};
  }
}

bool BuildInfoScan::file_offset(std::uint64_t address, std::uint64_t length, std::uint64_t& offset) const {
  for (const auto& segment : segments_) {
    if (address < segment.address || length > segment.size || address - segment.address > segment.size - length)
      continue;
    offset = segment.offset + (address - segment.address);
    return true;
  }
  return false;
}

bool BuildInfoScan::rewind() {
  buffer_.clear();
  position_ = 0;
  if (stage_ != Stage::pointers && stage_ != Stage::strings) return false;
  first_.got.clear();
  second_.got.clear();
  return true;
}

bool BuildInfoScan::take(BuildInfo& out) {
  if (stage_ != Stage::found && !have_fallback_) return false;
  out = std::move(found_);
  return true;
}

}  // namespace shipset::attest
