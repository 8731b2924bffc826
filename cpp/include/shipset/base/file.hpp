// Files as shipset uses them: bounded reads, atomic writes, temporary files that never leak, a lock between processes.
// Errors have kind io, name the path and carry the system's reason. Thread-safe unless said otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "shipset/base/bytes.hpp"
#include "shipset/base/cancel.hpp"

namespace shipset {

/// Whole file, at most `limit` bytes.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit);
/// Writes a temporary file beside `path`, fsyncs it and renames it over: readers see old or new, never half.
Result<void> write_file_atomic(const std::filesystem::path& path, std::string_view bytes, unsigned mode = 0644);
/// mkdir -p.
Result<void> make_directories(const std::filesystem::path& path);
/// Error for the current errno, e.g. `cannot write /x` / `No space left on device`.
Error io_error(std::string what, int errno_value);

/// A file that is deleted unless it is moved into place.
class TempFile final : public Writer {
 public:
  /// Created in `directory` (same file system as the final place), mode 0600, name starts with `prefix`.
  static Result<TempFile> create(const std::filesystem::path& directory, std::string_view prefix = ".tmp-");
  TempFile(TempFile&&) noexcept;
  TempFile& operator=(TempFile&&) noexcept;
  ~TempFile() override;
  Result<void> write(std::span<const std::byte> bytes) override;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] int descriptor() const noexcept { return fd_; }
  /// fsync (if `durable`), chmod and rename to `target`.
  Result<void> commit(const std::filesystem::path& target, bool durable = true, unsigned mode = 0644);

 private:
  TempFile(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::filesystem::path path_;
  int fd_ = -1;
};

/// A directory that is deleted with everything in it.
class TempDirectory {
 public:
  static Result<TempDirectory> create(const std::filesystem::path& parent, std::string_view prefix = ".tmp-");
  TempDirectory(TempDirectory&&) noexcept;
  TempDirectory& operator=(TempDirectory&&) noexcept;
  ~TempDirectory();
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  explicit TempDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

/// Advisory exclusive lock on a file (flock), held while the object lives. The file stays.
class FileLock {
 public:
  /// Waits up to `wait`; then error kind io, which says who may hold it and what to do. `on_wait` is called once
  /// when waiting begins.
  static Result<FileLock> acquire(const std::filesystem::path& path, std::chrono::milliseconds wait,
                                  const CancelToken& cancel = {}, const std::function<void()>& on_wait = {});
  FileLock(FileLock&&) noexcept;
  FileLock& operator=(FileLock&&) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace shipset
