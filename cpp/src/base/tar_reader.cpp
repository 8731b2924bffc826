#include <algorithm>
#include <cstring>
#include <vector>

#include "shipset/base/tar.hpp"
#include "shipset/base/text.hpp"
#include "tar_impl.hpp"

namespace shipset {

namespace {

using tar::Header;
using tar::refused;

constexpr std::size_t buffer_bytes = 256 * 1024;

bool all_zero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

/// Extended headers that were met before the next entry.
struct Extension {
  std::optional<tar::PaxRecords> pax;
  std::optional<std::string> long_name, long_link;
  [[nodiscard]] bool any() const { return pax || long_name || long_link; }
};

/// Keys of a global pax header that change entries: some readers apply them and some do not.
bool is_harmless_global(const tar::PaxRecords& records) {
  return std::all_of(records.begin(), records.end(), [](const auto& record) {
    const auto& key = record.first;
    return key == "comment" || key == "hdrcharset" || key == "charset" ||
           (key.find('.') != std::string::npos && !key.starts_with("SCHILY.") && !key.starts_with("GNU."));
  });
}

}  // namespace

struct TarReader::Impl {
  Reader& in;
  TarLimits limits;
  std::vector<std::byte> buffer = std::vector<std::byte>(buffer_bytes);
  std::size_t begin = 0, end = 0;  ///< of what is in the buffer
  std::uint64_t offset = 0;        ///< of the next byte that is taken
  std::uint64_t remaining = 0, padding = 0;
  std::uint64_t entries = 0, content_bytes = 0;
  bool ended = false;
  tar::PathSet symlinks, linkable;

  Impl(Reader& in_, TarLimits limits_) : in(in_), limits(limits_) {}

  Error truncated() const {
    return Error(ErrorKind::verify, "cannot read the tar archive",
                 "it is truncated: the data ends at byte " + std::to_string(offset + end - begin));
  }
  Result<bool> fill();
  Result<std::size_t> take(std::span<std::byte> out);
  Result<bool> block(std::string& out);
  Result<void> skip(std::uint64_t count);
  Result<std::string> extension_data(const Header& header, std::uint64_t limit);
  Result<void> extend(const Header& header, Extension& extension);
  Result<bool> end_marker();
  Result<void> check_links(TarEntry& entry);
  Result<TarEntry> make_entry(Header header, const Extension& extension);
  Result<bool> next(TarEntry& entry);
};

/// Gets more input into the empty buffer; false at the end.
Result<bool> TarReader::Impl::fill() {
  SHIPSET_TRY(end, in.read(buffer));
  begin = 0;
  return end != 0;
}

Result<std::size_t> TarReader::Impl::take(std::span<std::byte> out) {
  if (out.empty()) return std::size_t(0);
  std::size_t count = 0;
  if (begin == end && out.size() >= buffer.size()) {
    SHIPSET_TRY(count, in.read(out));
  } else {
    if (begin == end) {
      SHIPSET_TRY(const bool more, fill());
      if (!more) return std::size_t(0);
    }
    count = std::min(out.size(), end - begin);
    std::memcpy(out.data(), buffer.data() + begin, count);
    begin += count;
  }
  offset += count;
  return count;
}

/// One header block; false when the input ends exactly before it.
Result<bool> TarReader::Impl::block(std::string& out) {
  out.resize(tar::block_bytes);
  std::size_t have = 0;
  while (have < out.size()) {
    SHIPSET_TRY(const std::size_t count, take({reinterpret_cast<std::byte*>(out.data()) + have, out.size() - have}));
    if (count == 0 && have == 0) return false;
    if (count == 0) return truncated();
    have += count;
  }
  return true;
}

Result<void> TarReader::Impl::skip(std::uint64_t count) {
  while (count != 0) {
    if (begin == end) {
      SHIPSET_TRY(const bool more, fill());
      if (!more) return truncated();
    }
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(count, end - begin));
    begin += step;
    offset += step;
    count -= step;
  }
  return {};
}

Result<std::string> TarReader::Impl::extension_data(const Header& header, std::uint64_t limit) {
  if (header.size < 0 || static_cast<std::uint64_t>(header.size) > limit)
    return refused(header.path, "its extended header has " + std::to_string(header.size) + " bytes; the limit is " +
                                    std::to_string(limit));
  std::string data(static_cast<std::size_t>(header.size), '\0');
  std::size_t have = 0;
  while (have < data.size()) {
    SHIPSET_TRY(const std::size_t count, take({reinterpret_cast<std::byte*>(data.data()) + have, data.size() - have}));
    if (count == 0) return truncated();
    have += count;
  }
  SHIPSET_CHECK(skip(tar::padding_of(data.size())));
  return data;
}

/// Takes in an extended header (types x, g, L, K).
Result<void> TarReader::Impl::extend(const Header& header, Extension& extension) {
  const bool name = header.flag == 'L';
  const bool link = header.flag == 'K';
  const auto limit = name || link ? limits.path_bytes + 1 : limits.pax_bytes;
  SHIPSET_TRY(std::string data, extension_data(header, limit));
  if (name || link) {
    auto& place = name ? extension.long_name : extension.long_link;
    if (place) return refused(data, "it has two GNU long names");
    if (data.ends_with('\0')) data.pop_back();
    place = std::move(data);
    return {};
  }
  auto records = tar::parse_pax(data);
  if (!records) return refused(header.path, "its pax header is malformed");
  if (header.flag == 'g') {
    if (is_harmless_global(*records)) return {};
    return refused(header.path, "a global pax header changes entries, on which tar readers disagree");
  }
  if (extension.pax) return refused(header.path, "it has two pax headers");
  extension.pax = std::move(records);
  return {};
}

/// After a zero block: the second one, and in strict mode nothing but zeros to the end of the input.
Result<bool> TarReader::Impl::end_marker() {
  ended = true;
  std::string second;
  SHIPSET_TRY(const bool more, block(second));
  if (!more && limits.strict_end)
    return Error(ErrorKind::verify, "cannot read the tar archive", "its end marker is cut off");
  if (more && !all_zero(second))
    return Error(ErrorKind::verify, "cannot read the tar archive",
                 "a lone zero block at byte " + std::to_string(offset - 2 * tar::block_bytes) + " is followed by data");
  while (more && limits.strict_end) {
    if (!all_zero(as_text(std::span(buffer).subspan(begin, end - begin))))
      return Error(ErrorKind::verify, "cannot read the tar archive", "there is data after its end marker");
    SHIPSET_TRY(const bool rest, fill());
    if (!rest) break;
  }
  return false;
}

Result<void> TarReader::Impl::check_links(TarEntry& entry) {
  const auto own = tar::hash_path(entry.path);
  if (tar::has_parent_in(symlinks, entry.path))
    return refused(entry.path, "a directory above it is a symbolic link of the same archive (link-through)");
  if (symlinks.has(own) && entry.type != TarType::symlink)
    return refused(entry.path, "an earlier entry of this path is a symbolic link (link-through)");
  if (entry.type == TarType::hardlink) {
    auto target = normal_tar_path(entry.link, limits.path_bytes);
    if (!target) return refused(entry.path, "of the target of its hard link: " + target.error().why);
    entry.link = std::move(*target);
    const auto hash = tar::hash_path(entry.link);
    if (tar::has_parent_in(symlinks, entry.link))
      return refused(entry.path, "its hard link leads through a symbolic link of the same archive (link-through)");
    if (!linkable.has(hash) || entry.link == entry.path)
      return refused(entry.path, "its hard link points to \"" + printable(entry.link, 200) +
                                     "\", which is no earlier file of the archive");
    // A second name of a symbolic link is as dangerous as the link.
    if (symlinks.has(hash)) symlinks.add(own);
  } else if (entry.type == TarType::symlink) {
    if (entry.link.empty()) return refused(entry.path, "its symbolic link has no target");
    symlinks.add(own);
  }
  if (entry.type != TarType::directory) linkable.add(own);
  return {};
}

Result<TarEntry> TarReader::Impl::make_entry(Header header, const Extension& extension) {
  if (extension.pax) SHIPSET_CHECK(tar::apply_pax(*extension.pax, header));
  const bool twice = extension.pax && ((extension.long_name && extension.pax->contains("path")) ||
                                       (extension.long_link && extension.pax->contains("linkpath")));
  if (twice) return refused(header.path, "it has its name in a pax header and in a GNU one");
  if (extension.long_name) header.path = *extension.long_name;
  if (extension.long_link) header.link = *extension.long_link;

  TarEntry entry;
  auto path = normal_tar_path(header.path, limits.path_bytes);
  if (!path) return refused(header.path, path.error().why);
  SHIPSET_TRY(entry.type, tar::type_of(header));
  entry.path = std::move(*path);
  if (entry.path == "." && entry.type != TarType::directory)
    return refused(header.path, "the root of the archive can only be a directory");
  if (header.size < 0 || header.uid < 0 || header.gid < 0 || header.major < 0 || header.minor < 0 ||
      header.major > UINT32_MAX || header.minor > UINT32_MAX)
    return refused(entry.path, "a number in its header is out of range");
  if (entry.type != TarType::file && header.size != 0)
    return refused(entry.path, "a " + std::string(to_string(entry.type)) + " with content, on which readers disagree");
  if (header.link.size() > limits.path_bytes || header.link.find('\0') != std::string::npos)
    return refused(entry.path, "its link target is too long or holds a NUL byte");
  entry.mode = static_cast<std::uint32_t>(header.mode & 07777);
  entry.uid = static_cast<std::uint64_t>(header.uid);
  entry.gid = static_cast<std::uint64_t>(header.gid);
  entry.mtime_unix_s = header.mtime;
  entry.size_bytes = static_cast<std::uint64_t>(header.size);
  if (entry.type == TarType::hardlink || entry.type == TarType::symlink) entry.link = std::move(header.link);
  entry.device_major = static_cast<std::uint32_t>(header.major);
  entry.device_minor = static_cast<std::uint32_t>(header.minor);
  entry.xattrs = std::move(header.xattrs);
  SHIPSET_CHECK(check_links(entry));
  return entry;
}

Result<bool> TarReader::Impl::next(TarEntry& entry) {
  if (ended) return false;
  SHIPSET_CHECK(skip(remaining + padding));
  remaining = padding = 0;
  Extension extension;
  std::string bytes;
  for (;;) {
    SHIPSET_TRY(const bool more, block(bytes));
    const bool zero = more && all_zero(bytes);
    if ((!more || zero) && extension.any())
      return Error(ErrorKind::verify, "cannot read the tar archive", "it ends after an extended header");
    if (zero) return end_marker();
    if (!more && limits.strict_end)
      return Error(ErrorKind::verify, "cannot read the tar archive",
                   "it ends at byte " + std::to_string(offset) + " without an end marker, so it may be truncated");
    if (!more) return !(ended = true);
    if (++entries > limits.entries)
      return Error(ErrorKind::verify, "cannot read the tar archive",
                   "it has more than " + std::to_string(limits.entries) + " entries");
    SHIPSET_TRY(Header header, tar::parse_header(bytes, offset - tar::block_bytes));
    if (std::string_view("xgLK").find(header.flag) != std::string_view::npos) {
      SHIPSET_CHECK(extend(header, extension));
      continue;
    }
    SHIPSET_TRY(entry, make_entry(std::move(header), extension));
    remaining = entry.size_bytes;
    padding = tar::padding_of(remaining);
    if (remaining > limits.total_bytes - content_bytes)
      return refused(entry.path,
                     "the archive has more than " + std::to_string(limits.total_bytes) + " bytes of content");
    content_bytes += remaining;
    return true;
  }
}

TarReader::TarReader(Reader& in, TarLimits limits) : impl_(std::make_unique<Impl>(in, limits)) {}
TarReader::~TarReader() = default;
TarReader::TarReader(TarReader&&) noexcept = default;

Result<bool> TarReader::next(TarEntry& entry) {
  auto more = impl_->next(entry);
  // After an error the position is unknown: nothing that follows may pass for an entry.
  if (!more) impl_->ended = true, impl_->remaining = 0;
  return more;
}

Result<std::size_t> TarReader::read(std::span<std::byte> buffer) {
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), impl_->remaining));
  if (wanted == 0) return std::size_t(0);
  SHIPSET_TRY(const std::size_t count, impl_->take(buffer.first(wanted)));
  if (count == 0) return impl_->truncated();
  impl_->remaining -= count;
  return count;
}

}  // namespace shipset
