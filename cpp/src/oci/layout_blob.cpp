#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "layout_impl.hpp"

namespace shipset::oci::detail {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t piece_bytes = 1u << 20;

/// Reads a blob and compares digest and size when its last byte goes out. The last piece of a wrong blob is withheld.
class VerifyingReader final : public Reader {
 public:
  VerifyingReader(OpenFile file, fs::path path, const Descriptor& blob, std::string store)
      : file_(std::move(file)),
        path_(std::move(path)),
        digest_(blob.digest),
        size_(blob.size),
        store_(std::move(store)) {
    if (digest_.computable()) hasher_.emplace(digest_.algorithm());
  }

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (failed_) return failure("it was read on after an error");
    if (done_ == size_ && ended_) return std::size_t(0);
    auto count = file_.read(buffer, path_);
    if (!count) return std::move(count).error().with("store", store_).with("digest", digest_.str());
    if (hasher_) hasher_->update(buffer.subspan(0, *count));
    done_ += *count;
    if (done_ > size_ || (*count == 0 && done_ < size_)) return failure("its size is not " + std::to_string(size_));
    if (done_ == size_ && !ended_) {
      ended_ = true;
      if (!hasher_) return failure("this program cannot compute " + std::string(digest_.algorithm()) + " digests");
      if (const auto found = hasher_->finish(); found != digest_)
        return failure("its bytes have digest " + found.str());
    }
    return *count;
  }

 private:
  Error failure(std::string why) {
    failed_ = true;
    return Error(ErrorKind::verify, "blob " + digest_.str() + " in " + store_ + " does not verify", std::move(why),
                 "the file was changed or damaged after it was written: remove it and fetch or build it again")
        .with("store", store_)
        .with("digest", digest_.str());
  }

  OpenFile file_;
  fs::path path_;
  Digest digest_;
  std::uint64_t size_, done_ = 0;
  std::string store_;
  std::optional<Hasher> hasher_;
  bool ended_ = false, failed_ = false;
};

/// From an offset on, where no digest can be computed.
class PlainReader final : public Reader {
 public:
  PlainReader(OpenFile file, fs::path path) : file_(std::move(file)), path_(std::move(path)) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override { return file_.read(buffer, path_); }

 private:
  OpenFile file_;
  fs::path path_;
};

/// A blob of a layout. Its file is never written to again, so another layout may share it by a hard link.
class LayoutBlob final : public Source {
 public:
  LayoutBlob(fs::path path, Descriptor blob, std::string store)
      : path_(std::move(path)), blob_(std::move(blob)), store_(std::move(store)) {}
  [[nodiscard]] std::uint64_t size() const override { return blob_.size; }
  [[nodiscard]] std::optional<fs::path> file() const override { return path_; }
  [[nodiscard]] Result<std::unique_ptr<Reader>> open(std::uint64_t offset) const override {
    auto file = OpenFile::open(path_);
    if (!file) return std::move(file).error().with("store", store_).with("digest", blob_.digest.str());
    if (offset == 0)
      return std::unique_ptr<Reader>(std::make_unique<VerifyingReader>(std::move(*file), path_, blob_, store_));
    if (::lseek(file->fd, static_cast<off_t>(offset), SEEK_SET) < 0)
      return io_error("cannot seek in " + path_.string(), errno);
    return std::unique_ptr<Reader>(std::make_unique<PlainReader>(std::move(*file), path_));
  }

 private:
  fs::path path_;
  Descriptor blob_;
  std::string store_;
};

class LayoutBlobWriter final : public LayoutStore::BlobWriter {
 public:
  LayoutBlobWriter(DiskLayout& layout, TempFile temp) : layout_(layout), temp_(std::move(temp)) {}
  Result<void> write(std::span<const std::byte> bytes) override {
    if (auto written = temp_.write(bytes); !written) return layout_.mark(std::move(written).error());
    hasher_.update(bytes);
    size_ += bytes.size();
    return {};
  }
  Result<Descriptor> commit(std::string_view media_type) override {
    Descriptor out;
    out.media_type = media_type;
    out.digest = hasher_.finish();
    out.size = size_;
    SHIPSET_CHECK(layout_.place(std::move(temp_), out.digest));
    return out;
  }

 private:
  DiskLayout& layout_;
  TempFile temp_;
  Hasher hasher_;
  std::uint64_t size_ = 0;
};

Error wrong_content(const Descriptor& blob, std::string why) {
  return Error(ErrorKind::verify, "cannot store blob " + blob.digest.str(), std::move(why));
}

}  // namespace

Result<void> hash_stream(const Descriptor& blob, const std::function<Result<std::size_t>(std::span<std::byte>)>& read,
                         const std::function<Result<void>(std::span<const std::byte>)>& sink) {
  Hasher hasher(blob.digest.algorithm());
  std::vector<std::byte> buffer(std::min<std::uint64_t>(piece_bytes, blob.size) + 1);
  std::uint64_t done = 0;
  for (;;) {
    SHIPSET_TRY(const std::size_t count, read(buffer));
    if (count == 0) break;
    done += count;
    if (done > blob.size) return wrong_content(blob, "it has more than " + std::to_string(blob.size) + " bytes");
    hasher.update(std::span(buffer).subspan(0, count));
    SHIPSET_CHECK(sink(std::span(buffer).subspan(0, count)));
  }
  if (done < blob.size)
    return wrong_content(blob, "it has " + std::to_string(done) + " bytes, not " + std::to_string(blob.size));
  if (const auto found = hasher.finish(); found != blob.digest)
    return wrong_content(blob, "its bytes have digest " + found.str());
  return {};
}

OpenFile& OpenFile::operator=(OpenFile&& other) noexcept {
  std::swap(fd, other.fd);
  std::swap(size, other.size);
  return *this;
}

OpenFile::~OpenFile() {
  if (fd >= 0) ::close(fd);
}

Result<OpenFile> OpenFile::open(const fs::path& path) {
  OpenFile out;
  out.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (out.fd < 0 && (errno == ENOENT || errno == ENOTDIR))
    return Error(ErrorKind::not_found, "cannot read " + path.string(), "there is no such file");
  if (out.fd < 0) return io_error("cannot read " + path.string(), errno);
  struct stat info {};
  if (::fstat(out.fd, &info) != 0) return io_error("cannot read " + path.string(), errno);
  if (!S_ISREG(info.st_mode)) return Error(ErrorKind::io, "cannot read " + path.string(), "it is not a regular file");
  out.size = static_cast<std::uint64_t>(info.st_size);
  return out;
}

Result<std::size_t> OpenFile::read(std::span<std::byte> buffer, const fs::path& path) const {
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return io_error("cannot read " + path.string(), errno);
  }
}

Result<std::string> OpenFile::read_all(std::uint64_t limit, const fs::path& path) const {
  if (size > limit)
    return Error(ErrorKind::verify, "cannot read " + path.string(),
                 "it has " + std::to_string(size) + " bytes; the limit is " + std::to_string(limit));
  std::string out(size, '\0');
  std::size_t done = 0;
  while (done < out.size()) {
    SHIPSET_TRY(const std::size_t count,
                read({reinterpret_cast<std::byte*>(out.data()) + done, out.size() - done}, path));
    if (count == 0) break;
    done += count;
  }
  out.resize(done);
  return out;
}

fs::path DiskLayout::blob_path(const Digest& digest) const {
  return path_ / "blobs" / digest.algorithm() / digest.encoded();
}

Result<std::string> DiskLayout::read_verified(const Digest& digest, std::uint64_t limit) const {
  const auto path = blob_path(digest);
  auto file = OpenFile::open(path);
  if (!file && file.error().kind == ErrorKind::not_found)
    return mark(Error(ErrorKind::not_found, "cannot read " + digest.str() + " in " + name(), "it is not there"),
                digest);
  if (!file) return mark(std::move(file).error(), digest);
  auto bytes = file->read_all(limit, path);
  if (!bytes) return mark(std::move(bytes).error(), digest);
  if (!digest.computable())
    return mark(Error(ErrorKind::verify, "cannot verify " + digest.str() + " in " + name(),
                      "this program cannot compute " + std::string(digest.algorithm()) + " digests"),
                digest);
  Hasher hasher(digest.algorithm());
  hasher.update(*bytes);
  if (const auto found = hasher.finish(); found != digest)
    return mark(Error(ErrorKind::verify, digest.str() + " in " + name() + " does not verify",
                      "its bytes have digest " + found.str(),
                      "the file was changed or damaged after it was written: remove it and fetch or build it again"),
                digest);
  return bytes;
}

Result<bool> DiskLayout::has_blob(const Descriptor& blob) {
  auto file = OpenFile::open(blob_path(blob.digest));
  // A file of another size is a leftover of a crash below us: it counts as missing and is replaced on writing.
  if (file) return file->size == blob.size;
  if (file.error().kind == ErrorKind::not_found) return false;
  return mark(std::move(file).error(), blob.digest);
}

Result<std::unique_ptr<Source>> DiskLayout::blob(const Descriptor& blob) {
  const auto path = blob_path(blob.digest);
  auto file = OpenFile::open(path);
  if (!file && file.error().kind == ErrorKind::not_found)
    return mark(
        Error(ErrorKind::not_found, "cannot read blob " + blob.digest.str() + " in " + name(), "it is not there"),
        blob.digest);
  if (!file) return mark(std::move(file).error(), blob.digest);
  if (file->size != blob.size)
    return mark(Error(ErrorKind::verify, "blob " + blob.digest.str() + " in " + name() + " does not verify",
                      "it has " + std::to_string(file->size) + " bytes, not " + std::to_string(blob.size)),
                blob.digest);
  return std::unique_ptr<Source>(std::make_unique<LayoutBlob>(path, blob, name()));
}

Result<void> DiskLayout::move_in(const fs::path& temp, const Digest& digest) {
  const auto target = blob_path(digest);
  {
    SHIPSET_TRY(const auto guard, lock_for_writing());
    SHIPSET_CHECK(make_directories(target.parent_path()));
    // Renamed over what may be there: both hold the same content, or the old file is damaged.
    if (::rename(temp.c_str(), target.c_str()) != 0)
      return mark(io_error("cannot write " + target.string(), errno), digest);
  }
  if (!options_.durable) return {};
  const int directory = ::open(target.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = directory >= 0 && (::fsync(directory) == 0 || errno == EINVAL || errno == ENOTSUP);
  const int reason = errno;
  if (directory >= 0) ::close(directory);
  if (!synced) return mark(io_error("cannot sync " + target.parent_path().string(), reason), digest);
  return {};
}

Result<void> DiskLayout::place(TempFile temp, const Digest& digest) {
  // Flushed before the lock is taken, so that writers do not wait for each other's disk. The file stays open until it
  // has its name: its flock keeps others from clearing it away.
  if (::fchmod(temp.descriptor(), 0644) != 0 || (options_.durable && ::fsync(temp.descriptor()) != 0))
    return mark(io_error("cannot write " + temp.path().string(), errno), digest);
  return move_in(temp.path(), digest);
}

Result<std::unique_ptr<LayoutStore::BlobWriter>> DiskLayout::new_blob() {
  SHIPSET_TRY(auto temp, new_temp());
  return std::unique_ptr<BlobWriter>(std::make_unique<LayoutBlobWriter>(*this, std::move(temp)));
}

Result<bool> DiskLayout::try_link(const Descriptor& blob, const Source& content, const CancelToken& cancel) {
  const auto* other = dynamic_cast<const LayoutBlob*>(&content);
  if (!other) return false;
  const auto from = *other->file();
  SHIPSET_TRY(const auto file, OpenFile::open(from));
  // Held on the file itself, so it also guards the new name against clearing.
  if (::flock(file.fd, LOCK_SH | LOCK_NB) != 0) return false;
  SHIPSET_TRY(auto temp, new_temp());
  struct stat mine {
  }, linked{};
  if (::unlink(temp.path().c_str()) != 0 || ::link(from.c_str(), temp.path().c_str()) != 0) return false;
  if (::fstat(file.fd, &mine) != 0 || ::lstat(temp.path().c_str(), &linked) != 0 || mine.st_ino != linked.st_ino ||
      mine.st_dev != linked.st_dev)
    return false;
  auto read = [&](std::span<std::byte> buffer) -> Result<std::size_t> {
    SHIPSET_CHECK(cancel.check());
    return file.read(buffer, from);
  };
  SHIPSET_CHECK(hash_stream(blob, read, [](std::span<const std::byte>) { return Result<void>(); }));
  // The other layout may not have flushed it.
  if (options_.durable && ::fsync(file.fd) != 0)
    return mark(io_error("cannot write " + from.string(), errno), blob.digest);
  SHIPSET_CHECK(move_in(temp.path(), blob.digest));
  return true;
}

Result<BlobPut> DiskLayout::put_blob(const Descriptor& blob, const Source& content, const EventSink& events,
                                     const CancelToken& cancel) {
  SHIPSET_TRY(const bool present, has_blob(blob));
  if (present) return BlobPut{};
  if (!blob.digest.computable())
    return mark(wrong_content(blob, "this program cannot compute its digest"), blob.digest);
  if (content.size() != blob.size)
    return mark(
        wrong_content(blob, "it has " + std::to_string(content.size()) + " bytes, not " + std::to_string(blob.size)),
        blob.digest);
  SHIPSET_TRY(const bool linked, try_link(blob, content, cancel));
  if (linked) return BlobPut{};
  if (blob.size >= partial_from_bytes && !content.file()) {
    SHIPSET_TRY(auto partial, open_partial(blob));
    if (partial) return put_resumable(blob, content, std::move(*partial), events, cancel);
  }
  SHIPSET_TRY(const auto reader, content.open());
  SHIPSET_TRY(auto temp, new_temp());
  Told told{events, blob};
  auto read = [&](std::span<std::byte> buffer) -> Result<std::size_t> {
    SHIPSET_CHECK(cancel.check());
    return reader->read(buffer);
  };
  auto sink = [&](std::span<const std::byte> bytes) -> Result<void> {
    if (auto written = temp.write(bytes); !written) return mark(std::move(written).error(), blob.digest);
    told.more(bytes.size());
    return {};
  };
  SHIPSET_CHECK(hash_stream(blob, read, sink));
  SHIPSET_CHECK(place(std::move(temp), blob.digest));
  return BlobPut{told.done};
}

}  // namespace shipset::oci::detail
