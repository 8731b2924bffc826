#include "shipset/base/file.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "catch_shim.hpp"

using namespace shipset;
namespace fs = std::filesystem;

namespace {
std::size_t entries(const fs::path& path) {
  std::size_t count = 0;
  for (const auto& unused : fs::directory_iterator(path)) (void)unused, ++count;
  return count;
}
}  // namespace

TEST_CASE("atomic write, new and over an old file, leaves one whole file and no other") {
  auto folder = TempDirectory::create(fs::temp_directory_path());
  REQUIRE(folder.ok());
  const auto path = folder->path() / "x";
  REQUIRE(write_file_atomic(path, "one").ok());
  REQUIRE(write_file_atomic(path, "two", 0600).ok());
  CHECK(read_file(path, 100).value() == "two");
  CHECK((fs::status(path).permissions() & fs::perms::all) == fs::perms(0600));
  CHECK(entries(folder->path()) == 1);
}

TEST_CASE("atomic write, into a missing folder, is an io error that names it") {
  const auto written = write_file_atomic("/nonexistent-folder/x", "one");
  REQUIRE_FALSE(written.ok());
  CHECK(written.error().kind == ErrorKind::io);
  CHECK(written.error().what.find("/nonexistent-folder") != std::string::npos);
}

TEST_CASE("temporary file and folder, not committed, are gone") {
  fs::path inner;
  auto folder = TempDirectory::create(fs::temp_directory_path());
  REQUIRE(folder.ok());
  {
    auto file = TempFile::create(folder->path());
    REQUIRE(file.ok());
    REQUIRE(file->write(as_bytes("abc")).ok());
    TempFile moved = std::move(*file);
    CHECK(entries(folder->path()) == 1);
    auto deeper = TempDirectory::create(folder->path());
    REQUIRE(deeper.ok());
    inner = deeper->path();
    REQUIRE(write_file_atomic(inner / "y", "y").ok());
  }
  CHECK(entries(folder->path()) == 0);
  CHECK_FALSE(fs::exists(inner));
}

TEST_CASE("bounded read, a larger file or a folder, is refused") {
  auto folder = TempDirectory::create(fs::temp_directory_path());
  REQUIRE(folder.ok());
  REQUIRE(write_file_atomic(folder->path() / "x", "12345").ok());
  CHECK(read_file(folder->path() / "x", 5).ok());
  CHECK(read_file(folder->path() / "x", 4).error().why.find("limit of 4") != std::string::npos);
  CHECK(read_file(folder->path(), 4).error().kind == ErrorKind::io);
}

TEST_CASE("lock, held by another process, is waited for and then refused") {
  auto folder = TempDirectory::create(fs::temp_directory_path());
  REQUIRE(folder.ok());
  const auto path = folder->path() / "lock";
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  if (child == 0) {
    auto held = FileLock::acquire(path, std::chrono::seconds(5));
    (void)!write(ready[1], held.ok() ? "x" : "-", 1);
    usleep(700'000);
    _exit(0);
  }
  char got = 0;
  REQUIRE(read(ready[0], &got, 1) == 1);
  REQUIRE(got == 'x');
  bool told = false;
  const auto early = FileLock::acquire(path, std::chrono::milliseconds(100), {}, [&] { told = true; });
  REQUIRE_FALSE(early.ok());
  CHECK(early.error().kind == ErrorKind::io);
  CHECK(told);
  CHECK(FileLock::acquire(path, std::chrono::seconds(5)).ok());
  int status = 0;
  waitpid(child, &status, 0);
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE("lock, while waiting, obeys a stop") {
  auto folder = TempDirectory::create(fs::temp_directory_path());
  REQUIRE(folder.ok());
  const auto path = folder->path() / "lock";
  const auto held = FileLock::acquire(path, std::chrono::seconds(1));
  REQUIRE(held.ok());
  CancelToken cancel;
  std::thread later([cancel] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    cancel.cancel();
  });
  const auto second = FileLock::acquire(path, std::chrono::seconds(30), cancel);
  later.join();
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().kind == ErrorKind::cancelled);
}
