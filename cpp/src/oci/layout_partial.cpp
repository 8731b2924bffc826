#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "layout_impl.hpp"
#include "layout_partial_impl.hpp"
#include "shipset/base/file.hpp"

namespace shipset::oci::detail {

namespace fs = std::filesystem;

namespace {
constexpr std::int64_t longest_life_s = 7 * 24 * 3600;

bool old(const struct stat& info) {
  return static_cast<std::int64_t>(std::time(nullptr)) - info.st_mtime > longest_life_s;
}
}  // namespace

PartialBlob::PartialBlob(PartialBlob&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      read_(other.read_),
      kept_(other.kept_) {}

PartialBlob::~PartialBlob() {
  if (fd_ < 0) return;
  if (!kept_) {
    // Only if the name still is this file's: it may have been moved into place.
    struct stat mine {
    }, named{};
    if (::fstat(fd_, &mine) == 0 && ::lstat(path_.c_str(), &named) == 0 && mine.st_ino == named.st_ino)
      ::unlink(path_.c_str());
  }
  ::close(fd_);
}

std::optional<PartialBlob> PartialBlob::open(const fs::path& layout, const Descriptor& blob) {
  const fs::path path = layout / (std::string(partial_prefix) + std::string(blob.digest.algorithm()) + "-" +
                                  std::string(blob.digest.encoded()));
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (fd < 0) return std::nullopt;
  struct stat info {};
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0 || ::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink != 1) {
    ::close(fd);
    return std::nullopt;
  }
  PartialBlob out(path, fd, static_cast<std::uint64_t>(info.st_size));
  if (out.size_ > blob.size || old(info) || info.st_uid != ::geteuid())
    if (!out.clear()) return std::nullopt;
  return out;
}

Result<std::size_t> PartialBlob::read(std::span<std::byte> buffer) {
  const auto room = std::min<std::uint64_t>(buffer.size(), size_ - read_);
  for (;;) {
    const ssize_t count = ::pread(fd_, buffer.data(), static_cast<std::size_t>(room), static_cast<off_t>(read_));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error("cannot read " + path_.string(), errno);
    read_ += static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
  }
}

Result<void> PartialBlob::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error("cannot write " + path_.string(), errno);
    size_ += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> PartialBlob::clear() {
  if (::ftruncate(fd_, 0) != 0) return io_error("cannot write " + path_.string(), errno);
  size_ = read_ = 0;
  return {};
}

std::uint64_t remove_old_partials(const fs::path& layout, bool dry_run) {
  std::uint64_t bytes = 0;
  std::error_code code;
  for (fs::directory_iterator it(layout, code), end; !code && it != end; it.increment(code)) {
    const auto& file = it->path();
    if (file.filename().string().rfind(partial_prefix, 0) != 0) continue;
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0) continue;
    struct stat info {};
    const bool dead =
        ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && old(info) && ::flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (dead && (dry_run || ::unlink(file.c_str()) == 0)) bytes += static_cast<std::uint64_t>(info.st_size);
    ::close(fd);
  }
  return bytes;
}

Result<std::optional<PartialBlob>> DiskLayout::open_partial(const Descriptor& blob) {
  SHIPSET_TRY(const auto guard, lock_for_writing());
  return PartialBlob::open(path_, blob);
}

Result<BlobPut> DiskLayout::put_resumable(const Descriptor& blob, const Source& content, PartialBlob partial,
                                          const EventSink& events, const CancelToken& cancel) {
  BlobPut put;
  for (;;) {
    put.kept = partial.size();
    Told told{events, blob};
    std::unique_ptr<Reader> reader;
    std::uint64_t prefix = partial.size();
    bool source_failed = false;
    auto read = [&](std::span<std::byte> buffer) -> Result<std::size_t> {
      SHIPSET_CHECK(cancel.check());
      if (prefix > 0) {
        SHIPSET_TRY(
            const std::size_t count,
            partial.read(buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), prefix)))));
        prefix -= count;
        if (count > 0) return count;
      }
      if (!reader) {
        auto opened = content.open(partial.size());
        source_failed = !opened;
        if (!opened) return std::move(opened).error();
        reader = std::move(*opened);
      }
      auto count = reader->read(buffer);
      source_failed = !count;
      return count;
    };
    auto sink = [&](std::span<const std::byte> bytes) -> Result<void> {
      if (told.done >= put.kept) {
        if (auto written = partial.append(bytes); !written) return mark(std::move(written).error(), blob.digest);
        put.sent += bytes.size();
      }
      told.more(bytes.size());
      return {};
    };
    auto hashed = hash_stream(blob, read, sink);
    if (hashed) break;
    const bool from_before = put.kept > 0 && hashed.error().kind == ErrorKind::verify;
    if (!from_before) {
      // Good for another try unless the content or this disk is what is wrong.
      const ErrorKind kind = hashed.error().kind;
      const bool innocent = kind == ErrorKind::cancelled || (source_failed && kind != ErrorKind::verify);
      if (innocent && partial.size() > 0) partial.keep();
      return std::move(hashed).error();
    }
    // What an earlier process left may be damaged: once more, from the start.
    put.again += put.kept;
    if (auto cleared = partial.clear(); !cleared) return mark(std::move(cleared).error(), blob.digest);
  }
  if (::fchmod(partial.descriptor(), 0644) != 0 || (options_.durable && ::fsync(partial.descriptor()) != 0))
    return mark(io_error("cannot write " + partial.path().string(), errno), blob.digest);
  SHIPSET_CHECK(move_in(partial.path(), blob.digest));
  return put;
}

}  // namespace shipset::oci::detail
