#include "shipset/base/bytes.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "shipset/base/file.hpp"

namespace shipset {

namespace {

class MemoryReader final : public Reader {
 public:
  MemoryReader(std::shared_ptr<const std::string> bytes, std::size_t at) : bytes_(std::move(bytes)), at_(at) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min(buffer.size(), bytes_->size() - at_);
    std::memcpy(buffer.data(), bytes_->data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  std::shared_ptr<const std::string> bytes_;
  std::size_t at_;
};

class MemorySource final : public Source {
 public:
  explicit MemorySource(std::string bytes) : bytes_(std::make_shared<const std::string>(std::move(bytes))) {}
  std::uint64_t size() const override { return bytes_->size(); }
  Result<std::unique_ptr<Reader>> open(std::uint64_t offset) const override {
    const auto at = static_cast<std::size_t>(std::min<std::uint64_t>(offset, bytes_->size()));
    return std::unique_ptr<Reader>(std::make_unique<MemoryReader>(bytes_, at));
  }

 private:
  std::shared_ptr<const std::string> bytes_;
};

class FileReader final : public Reader {
 public:
  FileReader(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}
  FileReader(const FileReader&) = delete;
  ~FileReader() override { ::close(fd_); }
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    for (;;) {
      const ssize_t count = ::read(fd_, buffer.data(), buffer.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) return io_error("cannot read " + path_.string(), errno);
    }
  }

 private:
  int fd_;
  std::filesystem::path path_;
};

class FileSource final : public Source {
 public:
  FileSource(std::filesystem::path path, std::uint64_t size) : path_(std::move(path)), size_(size) {}
  std::uint64_t size() const override { return size_; }
  std::optional<std::filesystem::path> file() const override { return path_; }
  Result<std::unique_ptr<Reader>> open(std::uint64_t offset) const override {
    const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return io_error("cannot open " + path_.string(), errno);
    if (offset != 0 && ::lseek(fd, static_cast<off_t>(offset), SEEK_SET) < 0) {
      const int reason = errno;
      ::close(fd);
      return io_error("cannot seek in " + path_.string(), reason);
    }
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return std::unique_ptr<Reader>(std::make_unique<FileReader>(fd, path_));
  }

 private:
  std::filesystem::path path_;
  std::uint64_t size_;
};

}  // namespace

std::unique_ptr<Source> memory_source(std::string bytes) {
  return std::make_unique<MemorySource>(std::move(bytes));
}

Result<std::unique_ptr<Source>> file_source(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return io_error("cannot open " + path.string(), errno);
  if (!S_ISREG(info.st_mode)) return Error(ErrorKind::io, "cannot read " + path.string(), "it is not a regular file");
  return std::unique_ptr<Source>(std::make_unique<FileSource>(path, static_cast<std::uint64_t>(info.st_size)));
}

Result<std::string> read_all(Reader& reader, std::uint64_t limit, std::string_view object) {
  std::string out;
  std::string buffer(64 * 1024, '\0');
  for (;;) {
    SHIPSET_TRY(const std::size_t count, reader.read({reinterpret_cast<std::byte*>(buffer.data()), buffer.size()}));
    if (count == 0) return out;
    if (out.size() + count > limit)
      return Error(ErrorKind::verify, std::string(object) + " is too large",
                   "it has more than the limit of " + std::to_string(limit) + " bytes");
    out.append(buffer, 0, count);
  }
}

}  // namespace shipset
