#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "shipset/base/file.hpp"
#include "state_directory_impl.hpp"

namespace shipset::registry {

namespace fs = std::filesystem;

namespace {
struct Opened {
  int fd = -1;
  struct stat info {};
  explicit Opened(const fs::path& path, int flags) : fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW)) {
    if (fd >= 0 && ::fstat(fd, &info) != 0) {
      ::close(fd);
      fd = -1;
    }
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() {
    if (fd >= 0) ::close(fd);
  }
  [[nodiscard]] bool ours() const { return info.st_uid == ::geteuid(); }
};

std::string absolute_from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && value[0] == '/' ? std::string(value) : std::string();
}

/// mkdir -p in which every folder that is made belongs to this user alone.
Result<void> make_private(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return {};
  if (path.has_parent_path() && path.parent_path() != path) SHIPSET_CHECK(make_private(path.parent_path()));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return io_error("cannot create directory " + path.string(), errno);
  return {};
}
}  // namespace

std::string resolve_state_directory(const std::string& configured) {
  if (!configured.empty()) return configured;
  if (const auto base = absolute_from_environment("XDG_STATE_HOME"); !base.empty()) return base + "/shipset";
  if (const auto home = absolute_from_environment("HOME"); !home.empty()) return home + "/.local/state/shipset";
  return {};
}

Result<fs::path> state_folder(const std::string& state_directory, std::string_view name) {
  if (state_directory.empty())
    return Error(ErrorKind::io, "there is no place for the client's state", "neither XDG_STATE_HOME nor HOME is set");
  const fs::path folder = fs::path(state_directory) / name;
  SHIPSET_CHECK(make_private(folder));
  const Opened opened(folder, O_RDONLY | O_DIRECTORY);
  if (opened.fd < 0) return io_error("cannot use the directory " + folder.string(), errno);
  if (!opened.ours())
    return Error(ErrorKind::io, "cannot use the directory " + folder.string(), "it belongs to another user");
  if ((opened.info.st_mode & 0777) != 0700 && ::fchmod(opened.fd, 0700) != 0)
    return io_error("cannot set the mode of " + folder.string(), errno);
  return folder;
}

std::optional<std::string> read_private_file(const fs::path& path, std::uint64_t limit) {
  const Opened opened(path, O_RDONLY | O_NONBLOCK);
  if (opened.fd < 0 || !S_ISREG(opened.info.st_mode) || !opened.ours() || (opened.info.st_mode & 0077) != 0)
    return std::nullopt;
  if (static_cast<std::uint64_t>(opened.info.st_size) > limit) return std::nullopt;
  std::string out(static_cast<std::size_t>(opened.info.st_size), '\0');
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t count = ::read(opened.fd, out.data() + done, out.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  out.resize(done);
  return out;
}

}  // namespace shipset::registry
