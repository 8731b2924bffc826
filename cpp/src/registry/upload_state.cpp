#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "shipset/base/file.hpp"
#include "shipset/base/json.hpp"
#include "state_directory_impl.hpp"
#include "upload_state_impl.hpp"

namespace shipset::registry {

namespace fs = std::filesystem;

namespace {
constexpr std::string_view folder_name = "uploads";
constexpr std::uint64_t schema = 1;
constexpr std::uint64_t file_limit = 64u << 10;
constexpr std::int64_t longest_life_s = 7 * 24 * 3600;
constexpr std::int64_t clock_error_s = 24 * 3600;
constexpr unsigned entries_looked_at = 10'000;
constexpr int number_width = 20;

/// The lock file, held; -1 when somebody else holds it. The holder removes the file, so what was opened may be a file
/// that has no name any more: then the next one is tried.
Result<int> hold(const fs::path& path) {
  for (;;) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return io_error("cannot open the lock " + path.string(), errno);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const int reason = errno;
      ::close(fd);
      if (reason == EWOULDBLOCK) return -1;
      if (reason == EINTR) continue;
      return io_error("cannot lock " + path.string(), reason);
    }
    struct stat mine {
    }, named{};
    if (::fstat(fd, &mine) == 0 && ::lstat(path.c_str(), &named) == 0 && mine.st_ino == named.st_ino &&
        mine.st_dev == named.st_dev)
      return fd;
    ::close(fd);
  }
}

std::string padded(std::uint64_t number) {
  char text[number_width + 1];
  std::snprintf(text, sizeof text, "%*llu", number_width, static_cast<unsigned long long>(number));
  return text;
}

template <class T>
bool holds(const Json& object, const char* name, const T& value) {
  const auto found = object.find(name);
  return found != object.end() && *found == value;
}

fs::path lock_of(fs::path file) {
  return file.replace_extension(".lock");
}
}  // namespace

UploadState::UploadState(UploadState&& other) noexcept
    : file_(std::move(other.file_)),
      lock_fd_(std::exchange(other.lock_fd_, -1)),
      file_fd_(std::exchange(other.file_fd_, -1)),
      sent_at_(other.sent_at_),
      started_(other.started_),
      head_(std::move(other.head_)),
      left_(std::move(other.left_)) {}

UploadState& UploadState::operator=(UploadState&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(lock_fd_, other.lock_fd_);
  std::swap(file_fd_, other.file_fd_);
  std::swap(sent_at_, other.sent_at_);
  std::swap(started_, other.started_);
  std::swap(head_, other.head_);
  std::swap(left_, other.left_);
  return *this;
}

UploadState::~UploadState() {
  if (file_fd_ >= 0) ::close(file_fd_);
  if (lock_fd_ < 0) return;
  ::unlink(lock_of(file_).c_str());
  ::close(lock_fd_);
}

Result<std::optional<UploadState>> UploadState::take(const std::string& state_directory, const std::string& host,
                                                     const std::string& repository, const oci::Descriptor& blob) {
  SHIPSET_TRY(const auto folder, state_folder(state_directory, folder_name));
  const Digest key = Digest::of(host + "\n" + repository + "\n" + blob.digest.str());
  const fs::path file = folder / (std::string(key.encoded()) + ".json");
  SHIPSET_TRY(const int lock, hold(lock_of(file)));
  if (lock < 0) return std::optional<UploadState>();
  UploadState out(file, lock);
  out.read(host, repository, blob);
  return std::optional<UploadState>(std::move(out));
}

void UploadState::read(const std::string& host, const std::string& repository, const oci::Descriptor& blob) {
  const std::int64_t now = std::time(nullptr);
  started_ = now;
  head_ = "{\"schema\":" + std::to_string(schema) + ",\"host\":" + json_quote(host) +
          ",\"repository\":" + json_quote(repository) + ",\"digest\":" + json_quote(blob.digest.str()) +
          ",\"size\":" + std::to_string(blob.size);
  const auto text = read_private_file(file_, file_limit);
  const auto json = text ? parse_json(*text, "state of an upload", ErrorKind::io, {file_limit, 4, 100})
                         : Result<Json>(Error(ErrorKind::io, "absent"));
  const auto valid = [&] {
    if (!json || !json->is_object() || !holds(*json, "schema", schema) || !holds(*json, "host", host) ||
        !holds(*json, "repository", repository) || !holds(*json, "digest", blob.digest.str()) ||
        !holds(*json, "size", blob.size))
      return false;
    const auto location = json->find("location"), started = json->find("started"), sent = json->find("sent");
    if (location == json->end() || !location->is_string() || started == json->end() || !started->is_number_unsigned() ||
        sent == json->end() || !sent->is_number_unsigned())
      return false;
    const auto age = now - static_cast<std::int64_t>(started->get<std::uint64_t>());
    return age <= longest_life_s && age >= -clock_error_s && sent->get<std::uint64_t>() <= blob.size;
  };
  if (!valid()) {
    ::unlink(file_.c_str());
    return;
  }
  started_ = static_cast<std::int64_t>((*json)["started"].get<std::uint64_t>());
  left_ = Left{(*json)["location"].get<std::string>(), (*json)["sent"].get<std::uint64_t>()};
}

Result<void> UploadState::record(const std::string& location, std::uint64_t sent) {
  std::string text =
      head_ + ",\"started\":" + std::to_string(started_) + ",\"location\":" + json_quote(location) + ",\"sent\":";
  const auto number_at = static_cast<std::int64_t>(text.size());
  text += padded(sent) + "}\n";
  if (text.size() > file_limit) return Error(ErrorKind::io, "the upload's location is too long to be kept");
  // Not flushed: after a crash of the whole machine the upload begins anew, which costs less than waiting for disks.
  SHIPSET_TRY(auto temp, TempFile::create(file_.parent_path()));
  SHIPSET_CHECK(temp.write(as_bytes(text)));
  const int fd = ::fcntl(temp.descriptor(), F_DUPFD_CLOEXEC, 0);
  if (auto placed = temp.commit(file_, false, 0600); !placed) {
    if (fd >= 0) ::close(fd);
    return placed;
  }
  if (file_fd_ >= 0) ::close(file_fd_);
  file_fd_ = fd;
  sent_at_ = number_at;
  return {};
}

void UploadState::note_sent(std::uint64_t sent) noexcept {
  char text[number_width + 1];
  std::snprintf(text, sizeof text, "%*llu", number_width, static_cast<unsigned long long>(sent));
  // A number that could not be written is only a little older than it might be.
  if (file_fd_ >= 0 && ::pwrite(file_fd_, text, number_width, sent_at_) < 0) return;
}

void UploadState::forget() noexcept {
  if (lock_fd_ >= 0) ::unlink(file_.c_str());
  if (file_fd_ >= 0) ::close(std::exchange(file_fd_, -1));
  left_.reset();
}

void remove_old_uploads(const std::string& state_directory) noexcept {
  const auto folder = state_folder(state_directory, folder_name);
  if (!folder) return;
  const std::int64_t now = std::time(nullptr);
  std::error_code code;
  unsigned seen = 0;
  for (fs::directory_iterator it(*folder, code), end; !code && it != end && seen < entries_looked_at;
       it.increment(code), ++seen) {
    struct stat info {};
    const fs::path file = it->path();
    if (::lstat(file.c_str(), &info) != 0 || S_ISDIR(info.st_mode) || now - info.st_mtime <= longest_life_s) continue;
    const bool has_lock = file.extension() == ".json" || file.extension() == ".lock";
    const int lock = has_lock ? ::open(lock_of(file).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (lock < 0 || ::flock(lock, LOCK_EX | LOCK_NB) == 0) ::unlink(file.c_str());
    if (lock >= 0) ::close(lock);
  }
}

}  // namespace shipset::registry
