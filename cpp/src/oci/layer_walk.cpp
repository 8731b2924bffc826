// From the file system into a tar: a walk in the order of whole paths, and files read exactly.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>

#include "layer_impl.hpp"
#include "shipset/base/file.hpp"
#include "shipset/base/text.hpp"

namespace shipset::oci::detail {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t piece_bytes = 256 * 1024;
constexpr std::uint32_t shared_write = 022;

Error changed(const fs::path& path, std::string why) {
  return Error(ErrorKind::build, "cannot pack " + path.string(), std::move(why),
               "build from a directory that nothing writes to");
}
Error unfit(const fs::path& path, std::string why, std::string hint) {
  return Error(ErrorKind::build, "cannot pack " + path.string(), std::move(why), std::move(hint));
}

struct Fd {
  int value;
  ~Fd() {
    if (value >= 0) ::close(value);
  }
};

std::uint32_t directory_mode(const struct stat& info) {
  const auto mode = static_cast<std::uint32_t>(info.st_mode) & 01777;
  return (mode & 01000) != 0 ? mode : mode & ~shared_write;
}
std::uint32_t file_mode(const struct stat& info) {
  return static_cast<std::uint32_t>(info.st_mode) & 07777 & ~shared_write;
}

Result<std::string> read_link(const fs::path& path) {
  std::string target(4096, '\0');
  const auto size = ::readlink(path.c_str(), target.data(), target.size());
  if (size < 0) return io_error("cannot read symbolic link " + path.string(), errno);
  if (static_cast<std::size_t>(size) == target.size()) return unfit(path, "its target is too long", {});
  target.resize(static_cast<std::size_t>(size));
  return target;
}

/// One name of a directory. A directory takes two turns: "name" is its own entry and "name/" is what it holds, so
/// that "a-b" comes between "a" and "a/b", as in a sort of whole paths.
struct Turn {
  std::string key;
  [[nodiscard]] bool holds() const { return key.ends_with('/'); }
};

Result<std::vector<Turn>> list(const fs::path& directory) {
  struct Close {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  const std::unique_ptr<DIR, Close> dir(::opendir(directory.c_str()));
  if (!dir) return io_error("cannot read directory " + directory.string(), errno);
  std::vector<Turn> turns;
  for (;;) {
    errno = 0;
    const auto* found = ::readdir(dir.get());
    if (found == nullptr && errno != 0) return io_error("cannot read directory " + directory.string(), errno);
    if (found == nullptr) break;
    const std::string name = found->d_name;
    if (name == "." || name == "..") continue;
    if (name.starts_with(".wh."))
      return unfit(directory / name, "names that begin with \".wh.\" delete files of lower layers",
                   "rename it, or put the deletion into a tar if it is meant");
    struct stat info {};
    if (::lstat((directory / name).c_str(), &info) != 0)
      return io_error("cannot read " + (directory / name).string(), errno);
    if (S_ISDIR(info.st_mode)) turns.push_back({name + '/'});
    turns.push_back({name});
  }
  std::sort(turns.begin(), turns.end(), [](const Turn& a, const Turn& b) { return a.key < b.key; });
  return turns;
}

class Walk {
 public:
  Walk(const LayerPlan& plan, TarWriter& out) : plan_(plan), out_(out) {}

  Result<void> directory(const fs::path& path, const std::string& prefix) {
    SHIPSET_CHECK(plan_.options.cancel.check());
    SHIPSET_TRY(const auto turns, list(path));
    for (const auto& turn : turns) {
      if (turn.holds())
        SHIPSET_CHECK(directory(path / turn.key.substr(0, turn.key.size() - 1), prefix + turn.key));
      else
        SHIPSET_CHECK(entry(path / turn.key, prefix + turn.key));
    }
    return {};
  }

 private:
  Result<void> entry(const fs::path& path, const std::string& name) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return io_error("cannot read " + path.string(), errno);
    switch (info.st_mode & S_IFMT) {
      case S_IFDIR:
        return out_.entry(plan_.entry(TarType::directory, name, directory_mode(info)));
      case S_IFLNK: {
        auto link = plan_.entry(TarType::symlink, name, 0777);
        SHIPSET_TRY(link.link, read_link(path));
        return out_.entry(link);
      }
      case S_IFREG:
        return file(path, name, info);
      default:
        return unfit(path, "it is a socket, fifo or device", "leave it out, or put devices and fifos into a tar");
    }
  }

  Result<void> file(const fs::path& path, const std::string& name, const struct stat& info) {
    if (info.st_nlink > 1) {
      const auto [first, is_new] = first_names_.try_emplace({info.st_dev, info.st_ino}, name);
      if (!is_new) {
        auto link = plan_.entry(TarType::hardlink, name, plan_.input.mode.value_or(file_mode(info)));
        link.link = first->second;
        return out_.entry(link);
      }
    }
    return write_file(plan_, path, name, false, out_);
  }

  const LayerPlan& plan_;
  TarWriter& out_;
  std::map<std::pair<dev_t, ino_t>, std::string> first_names_;
};

}  // namespace

Result<void> write_file(const LayerPlan& plan, const fs::path& path, const std::string& name, bool follow,
                        TarWriter& out) {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW))};
  if (fd.value < 0) return io_error("cannot read " + path.string(), errno);
  struct stat info {};
  if (::fstat(fd.value, &info) != 0) return io_error("cannot read " + path.string(), errno);
  if (!S_ISREG(info.st_mode)) return changed(path, "it stopped being a regular file while it was read");
  auto entry = plan.entry(TarType::file, name, file_mode(info));
  entry.size_bytes = static_cast<std::uint64_t>(info.st_size);
  SHIPSET_CHECK(out.entry(entry));
  const auto capacity = static_cast<std::size_t>(std::min<std::uint64_t>(entry.size_bytes + 1, piece_bytes));
  const auto piece = std::make_unique_for_overwrite<std::byte[]>(capacity);
  std::uint64_t done = 0;
  for (;;) {
    const ssize_t count = ::read(fd.value, piece.get(), capacity);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error("cannot read " + path.string(), errno);
    if (count == 0) break;
    done += static_cast<std::uint64_t>(count);
    if (done > entry.size_bytes) break;
    SHIPSET_CHECK(out.content({piece.get(), static_cast<std::size_t>(count)}));
  }
  if (done != entry.size_bytes)
    return changed(path, "its size changed while it was read, from " + std::to_string(entry.size_bytes) + " bytes");
  return {};
}

Result<void> write_directory(const LayerPlan& plan, TarWriter& out) {
  return Walk(plan, out).directory(plan.input.from, plan.to == "." ? std::string() : plan.to + "/");
}

}  // namespace shipset::oci::detail
