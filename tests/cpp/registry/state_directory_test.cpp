#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "catch_shim.hpp"
#include "shipset/base/file.hpp"
#include "state_directory_impl.hpp"

using namespace shipset;
using namespace shipset::registry;
namespace fs = std::filesystem;

namespace {
/// An environment variable that has its old value again at the end.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

mode_t mode_of(const fs::path& path) {
  struct stat info {};
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

void write(const fs::path& path, const std::string& text, mode_t mode = 0600) {
  std::ofstream(path, std::ios::binary) << text;
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}
}  // namespace

TEST_CASE("state directory, by option, XDG folder and home, in this order") {
  const Variable xdg("XDG_STATE_HOME", "/x/state"), home("HOME", "/home/somebody");
  CHECK(resolve_state_directory("/given") == "/given");
  CHECK(resolve_state_directory("") == "/x/state/shipset");
  {
    const Variable relative("XDG_STATE_HOME", "state");
    CHECK(resolve_state_directory("") == "/home/somebody/.local/state/shipset");
  }
  const Variable none("XDG_STATE_HOME", nullptr), homeless("HOME", nullptr);
  CHECK(resolve_state_directory("").empty());
  CHECK(state_folder("", "uploads").error().kind == ErrorKind::io);
}

TEST_CASE("state folder, missing or open to others, is made private") {
  const auto scratch = TempDirectory::create(fs::temp_directory_path(), "state-").value();
  const std::string place = scratch.path() / "deep" / "state";
  const auto folder = state_folder(place, "uploads");
  REQUIRE(folder);
  CHECK(mode_of(*folder) == 0700);
  CHECK(mode_of(place) == 0700);
  REQUIRE(::chmod(folder->c_str(), 0755) == 0);
  CHECK(state_folder(place, "uploads").value() == *folder);
  CHECK(mode_of(*folder) == 0700);
}

TEST_CASE("state folder, link, file or somebody else's, is refused") {
  const auto scratch = TempDirectory::create(fs::temp_directory_path(), "state-").value();
  fs::create_directory(scratch.path() / "elsewhere");
  fs::create_directory_symlink(scratch.path() / "elsewhere", scratch.path() / "linked");
  CHECK(state_folder(scratch.path(), "linked").error().kind == ErrorKind::io);
  write(scratch.path() / "file", "x");
  CHECK(state_folder(scratch.path(), "file").error().kind == ErrorKind::io);
  if (::geteuid() != 0) return;
  fs::create_directory(scratch.path() / "foreign");
  REQUIRE(::chown((scratch.path() / "foreign").c_str(), 12345, 12345) == 0);
  CHECK(state_folder(scratch.path(), "foreign").error().kind == ErrorKind::io);
}

TEST_CASE("private file, right one is read; link, open mode, foreign owner, device and too large count as absent") {
  const auto scratch = TempDirectory::create(fs::temp_directory_path(), "state-").value();
  const auto at = [&](const char* name) { return scratch.path() / name; };
  write(at("right"), "content");
  CHECK(read_private_file(at("right"), 7) == std::optional<std::string>("content"));
  CHECK_FALSE(read_private_file(at("right"), 6));
  CHECK_FALSE(read_private_file(at("missing"), 100));
  fs::create_symlink(at("right"), at("link"));
  CHECK_FALSE(read_private_file(at("link"), 100));
  write(at("open"), "content", 0644);
  CHECK_FALSE(read_private_file(at("open"), 100));
  REQUIRE(::mkfifo(at("fifo").c_str(), 0600) == 0);
  CHECK_FALSE(read_private_file(at("fifo"), 100));
  CHECK_FALSE(read_private_file(scratch.path(), 100));
  if (::geteuid() != 0) return;
  write(at("foreign"), "content");
  REQUIRE(::chown(at("foreign").c_str(), 12345, 12345) == 0);
  CHECK_FALSE(read_private_file(at("foreign"), 100));
}
