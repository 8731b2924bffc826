#include "shipset/build/context_digest.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <set>
#include <vector>

#include "ignore_rules_impl.hpp"
#include "shipset/base/file.hpp"
#include "shipset/base/parallel.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_entries = 1'000'000;
constexpr std::size_t max_threads = 4;
constexpr std::size_t piece_bytes = 128u << 10;
constexpr std::uint64_t max_ignore_file = 1u << 20;

struct Entry {
  std::string path;  ///< relative, with slashes
  char type = 'f';
  unsigned mode = 0;
  std::string content;  ///< digest of a file, target of a link, numbers of a device
};

struct Fd {
  int value = -1;
  ~Fd() {
    if (value >= 0) ::close(value);
  }
};

Error file_problem(const fs::path& path, int reason) {
  return io_error("cannot read " + printable(path.string(), 1000), reason);
}

Result<Digest> digest_of(const fs::path& path, int flags, const CancelToken& cancel) {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags)};
  if (fd.value < 0) return file_problem(path, errno);
  struct stat status {};
  if (::fstat(fd.value, &status) != 0) return file_problem(path, errno);
  if (!S_ISREG(status.st_mode))
    return Error(ErrorKind::io, "cannot read " + printable(path.string(), 1000), "it is not a regular file");
  Hasher hasher;
  std::vector<char> piece(piece_bytes);
  std::uint64_t total = 0;
  while (true) {
    SHIPSET_CHECK(cancel.check());
    const ssize_t count = ::read(fd.value, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_problem(path, errno);
    if (count == 0) break;
    total += static_cast<std::uint64_t>(count);
    if (total > static_cast<std::uint64_t>(status.st_size)) break;
    hasher.update(std::string_view(piece.data(), static_cast<std::size_t>(count)));
  }
  if (total != static_cast<std::uint64_t>(status.st_size))
    return Error(ErrorKind::io, "cannot read " + printable(path.string(), 1000), "it changes while it is read",
                 "leave files that are written all the time out with .dockerignore");
  return hasher.finish();
}

Result<std::string> link_target(const fs::path& path) {
  std::array<char, 8192> target{};
  const ssize_t count = ::readlink(path.c_str(), target.data(), target.size());
  if (count < 0) return file_problem(path, errno);
  return std::string(target.data(), static_cast<std::size_t>(count));
}

// The walk that BuildKit's client does, with the same rule for what is skipped.
class Walk {
 public:
  Walk(fs::path root, const IgnoreRules::Data& rules, const std::vector<fs::path>& results, const CancelToken& cancel)
      : root_(std::move(root)), rules_(rules), cancel_(cancel) {
    for (const auto& result : results) results_.insert(fs::absolute(result).lexically_normal().string());
  }

  Result<std::vector<Entry>> run() {
    std::vector<Folder> open;
    open.push_back({});
    SHIPSET_CHECK(list(open.back(), false));
    while (!open.empty()) {
      if (open.back().next == open.back().names.size()) {
        open.pop_back();
        continue;
      }
      SHIPSET_CHECK(visit(open));
    }
    std::sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return std::move(entries_);
  }

 private:
  struct Folder {
    std::string path;  ///< empty: the root
    std::vector<std::string> names;
    std::size_t next = 0;
    ignore::Matched matched;
    std::optional<Entry> pending;  ///< excluded itself: sent when something in it is
  };

  Result<void> list(Folder& folder, bool excluded) {
    SHIPSET_CHECK(cancel_.check());
    const auto path = root_ / folder.path;
    DIR* stream = ::opendir(path.c_str());
    if (stream == nullptr) {
      if ((excluded && errno == EACCES) || (errno == ENOENT && !folder.path.empty())) return {};
      return file_problem(path, errno);
    }
    errno = 0;
    while (const dirent* each = ::readdir(stream)) {
      const std::string_view name = each->d_name;
      if (name == "." || name == ".." || (folder.path.empty() && name == ".shipset")) continue;
      if (!results_.empty() && results_.contains(fs::absolute(path / name).lexically_normal().string())) continue;
      folder.names.emplace_back(name);
      errno = 0;
    }
    const int reason = errno;
    ::closedir(stream);
    if (reason != 0) return file_problem(path, reason);
    return {};
  }

  Result<void> visit(std::vector<Folder>& open) {
    SHIPSET_CHECK(cancel_.check());
    Folder& folder = open.back();
    Entry entry;
    entry.path = (folder.path.empty() ? "" : folder.path + "/") + folder.names[folder.next++];
    ignore::Matched matched;
    const bool excluded = rules_.excludes(entry.path, folder.matched, matched);
    const auto path = root_ / entry.path;
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
      if (errno == ENOENT) return {};
      return file_problem(path, errno);
    }
    const bool is_folder = S_ISDIR(status.st_mode);
    if (excluded && (!is_folder || rules_.closed(entry.path))) return {};
    SHIPSET_CHECK(describe(path, status, entry));
    Folder below;
    below.path = entry.path;
    below.matched = std::move(matched);
    if (excluded) {
      below.pending = std::move(entry);
    } else {
      for (auto& each : open)
        if (each.pending) SHIPSET_CHECK(add(std::move(*std::exchange(each.pending, std::nullopt))));
      SHIPSET_CHECK(add(std::move(entry)));
    }
    if (!is_folder) return {};
    SHIPSET_CHECK(list(below, excluded));
    open.push_back(std::move(below));
    return {};
  }

  static Result<void> describe(const fs::path& path, const struct stat& status, Entry& entry) {
    entry.mode = status.st_mode & 07777;
    switch (status.st_mode & S_IFMT) {
      case S_IFREG:
        entry.type = 'f';
        break;
      case S_IFDIR:
        entry.type = 'd';
        break;
      case S_IFLNK: {
        entry.type = 'l';
        entry.mode = 0;
        SHIPSET_TRY(entry.content, link_target(path));
        break;
      }
      case S_IFCHR:
      case S_IFBLK:
        entry.type = S_ISCHR(status.st_mode) ? 'c' : 'b';
        entry.content = fmt::format("{}:{}", major(status.st_rdev), minor(status.st_rdev));
        break;
      default:
        entry.type = S_ISFIFO(status.st_mode) ? 'p' : 's';
    }
    return {};
  }

  Result<void> add(Entry entry) {
    if (entries_.size() == max_entries)
      return Error(
          ErrorKind::spec,
          fmt::format("the build context {} has more than {} entries", printable(root_.string(), 1000), max_entries),
          {}, "leave out with .dockerignore what the build does not need");
    entries_.push_back(std::move(entry));
    return {};
  }

  const fs::path root_;
  const IgnoreRules::Data& rules_;
  std::set<std::string> results_;
  const CancelToken& cancel_;
  std::vector<Entry> entries_;
};

struct IgnoreFile {
  IgnoreRules rules;
  std::string content = "none";  ///< digest, or that there is none
};

Result<IgnoreFile> read_ignore_file(const fs::path& context, const fs::path& dockerfile) {
  IgnoreFile out;
  // A named context has no Dockerfile, and the rules of its folder alone.
  auto own = dockerfile.empty() ? context : dockerfile;
  own += dockerfile.empty() ? "/.dockerignore" : ".dockerignore";
  for (const auto& path : {own, context / ".dockerignore"}) {
    if (path == own && dockerfile.empty()) continue;
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) continue;
      return file_problem(path, errno);
    }
    if (!S_ISREG(status.st_mode)) continue;
    SHIPSET_TRY(const auto text, read_file(path, max_ignore_file));
    SHIPSET_TRY(out.rules, IgnoreRules::parse(text, path.string()));
    out.content = Digest::of(text).str();
    break;
  }
  return out;
}

// Lengths stand before texts, so that no name can pass for something else.
std::string line_of(const Entry& entry) {
  return fmt::format("{} {:04o} {}:{} {}:{}\n", entry.type, entry.mode, entry.path.size(), entry.path,
                     entry.content.size(), entry.content);
}

}  // namespace

Result<Digest> context_digest(const fs::path& context, const fs::path& dockerfile, const CancelToken& cancel,
                              const std::vector<fs::path>& results) {
  SHIPSET_TRY(const auto ignored, read_ignore_file(context, dockerfile));
  SHIPSET_TRY(auto entries, Walk(context, ignored.rules.data(), results, cancel).run());
  std::vector<Entry*> files;
  for (auto& entry : entries)
    if (entry.type == 'f') files.push_back(&entry);
  const auto hash = [&](std::size_t index) -> Result<void> {
    SHIPSET_TRY(const auto digest, digest_of(context / files[index]->path, O_NOFOLLOW, cancel));
    files[index]->content = digest.str();
    return {};
  };
  SHIPSET_CHECK(parallel_for(files.size(), max_threads, cancel, hash));
  std::string instructions;
  if (!dockerfile.empty()) {
    SHIPSET_TRY(const auto digest, digest_of(dockerfile, 0, cancel));
    instructions = digest.str();
  }
  Hasher hasher;
  hasher.update("shipset build context 1\n" + instructions + "\n" + ignored.content + "\n");
  for (const auto& entry : entries) hasher.update(line_of(entry));
  return hasher.finish();
}

}  // namespace shipset::build
