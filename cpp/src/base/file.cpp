#include "shipset/base/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

namespace shipset {

namespace fs = std::filesystem;

Error io_error(std::string what, int errno_value) {
  Error error(ErrorKind::io, std::move(what), std::system_category().message(errno_value));
  if (errno_value == ENOSPC || errno_value == EDQUOT) error.hint = "free space on that file system and run it again";
  if (errno_value == EACCES || errno_value == EPERM) error.hint = "check owner and permissions of that path";
  if (errno_value == EROFS) error.hint = "the file system is mounted read-only; choose another place";
  return std::move(error).with("errno", std::to_string(errno_value));
}

Result<std::string> read_file(const fs::path& path, std::uint64_t limit) {
  SHIPSET_TRY(const auto source, file_source(path));
  if (source->size() > limit)
    return Error(
        ErrorKind::io, "cannot read " + path.string(),
        "it has " + std::to_string(source->size()) + " bytes, more than the limit of " + std::to_string(limit));
  SHIPSET_TRY(const auto reader, source->open());
  return read_all(*reader, limit, path.string());
}

Result<void> make_directories(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (code) return io_error("cannot create directory " + path.string(), code.value());
  return {};
}

namespace {

Result<void> sync_directory(const fs::path& directory) {
  const int fd = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return io_error("cannot open directory " + directory.string(), errno);
  const int outcome = ::fsync(fd);
  const int reason = errno;
  ::close(fd);
  // Some network and overlay file systems refuse fsync on directories; the rename itself is done.
  if (outcome != 0 && reason != EINVAL && reason != ENOTSUP)
    return io_error("cannot sync " + directory.string(), reason);
  return {};
}

}  // namespace

Result<void> write_file_atomic(const fs::path& path, std::string_view bytes, unsigned mode) {
  SHIPSET_TRY(auto file, TempFile::create(path.parent_path()));
  SHIPSET_CHECK(file.write(as_bytes(bytes)));
  return file.commit(path, true, mode);
}

Result<TempFile> TempFile::create(const fs::path& directory, std::string_view prefix) {
  std::string pattern = ((directory.empty() ? fs::path(".") : directory) / (std::string(prefix) + "XXXXXX")).string();
  const int fd = ::mkostemp(pattern.data(), O_CLOEXEC);
  if (fd < 0) return io_error("cannot create a temporary file in " + directory.string(), errno);
  return TempFile(pattern, fd);
}

TempFile::TempFile(TempFile&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {
  other.path_.clear();
}
TempFile& TempFile::operator=(TempFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}
TempFile::~TempFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<void> TempFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return io_error("cannot write " + path_.string(), errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> TempFile::commit(const fs::path& target, bool durable, unsigned mode) {
  if (::fchmod(fd_, static_cast<mode_t>(mode)) != 0) return io_error("cannot set the mode of " + path_.string(), errno);
  if (durable && ::fsync(fd_) != 0) return io_error("cannot sync " + path_.string(), errno);
  const int closed = ::close(std::exchange(fd_, -1));
  if (closed != 0) return io_error("cannot close " + path_.string(), errno);
  if (::rename(path_.c_str(), target.c_str()) != 0) return io_error("cannot write " + target.string(), errno);
  path_.clear();
  if (durable) return sync_directory(target.parent_path());
  return {};
}

Result<TempDirectory> TempDirectory::create(const fs::path& parent, std::string_view prefix) {
  std::string pattern = ((parent.empty() ? fs::path(".") : parent) / (std::string(prefix) + "XXXXXX")).string();
  if (::mkdtemp(pattern.data()) == nullptr)
    return io_error("cannot create a temporary directory in " + parent.string(), errno);
  return TempDirectory(pattern);
}
TempDirectory::TempDirectory(TempDirectory&& other) noexcept : path_(std::move(other.path_)) {
  other.path_.clear();
}
TempDirectory& TempDirectory::operator=(TempDirectory&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}
TempDirectory::~TempDirectory() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<FileLock> FileLock::acquire(const fs::path& path, std::chrono::milliseconds wait, const CancelToken& cancel,
                                   const std::function<void()>& on_wait) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return io_error("cannot open the lock " + path.string(), errno);
  FileLock lock(fd);
  const auto deadline = std::chrono::steady_clock::now() + wait;
  bool told = false;
  for (;;) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno != EWOULDBLOCK && errno != EINTR) return io_error("cannot lock " + path.string(), errno);
    if (!told && on_wait) on_wait();
    told = true;
    SHIPSET_CHECK(cancel.check());
    if (std::chrono::steady_clock::now() >= deadline)
      return Error(ErrorKind::io, "cannot lock " + path.string(),
                   "another process has held it for " + std::to_string(wait.count() / 1000) + " s",
                   "wait until that process has ended (fuser " + path.string() + " shows it), then run it again");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}
FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace shipset
