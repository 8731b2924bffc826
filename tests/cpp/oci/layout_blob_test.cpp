#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "store_fixture.hpp"

using namespace shipset;
using namespace shipset::oci;
using namespace shipset::oci::test;

namespace {

/// A small file system of its own; absent where the test may not mount one.
struct SmallDisk {
  explicit SmallDisk(fs::path where) : path(std::move(where)) {
    fs::create_directories(path);
    mounted = ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=1m") == 0;
    if (!mounted) WARN("NOT TESTED: cannot mount a tmpfs (" << std::strerror(errno) << "); run as root");
  }
  ~SmallDisk() {
    if (mounted) ::umount2(path.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  fs::path path;
  bool mounted = false;
};

/// Says one size and gives other bytes.
class LyingSource final : public Source {
 public:
  LyingSource(std::uint64_t size, std::string bytes) : size_(size), bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return size_; }
  Result<std::unique_ptr<Reader>> open(std::uint64_t) const override { return memory_source(bytes_)->open(); }

 private:
  std::uint64_t size_;
  std::string bytes_;
};

}  // namespace

TEST_CASE("blob, written with progress and read back, is the same; a second write moves nothing") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto text = large_text();
  const auto blob = describe("a/b", text);
  std::vector<std::uint64_t> progress;
  const EventSink sink = [&](const Event& event) {
    CHECK(event.subject == blob.digest.str());
    CHECK(event.total_bytes == text.size());
    progress.push_back(event.bytes);
  };
  CHECK(must(store->put_blob(blob, *memory_source(text), sink, {})).sent == text.size());
  CHECK(progress.size() == 2);
  CHECK(must(store->put_blob(blob, *memory_source(text), sink, {})).sent == 0);
  CHECK(must(read_blob(*store, blob, 70000)) == text);
  CHECK(must(store->has_blob(blob)));
  auto source = must(store->blob(blob));
  auto reader = must(source->open(text.size() - 3));
  CHECK(must(read_all(*reader, 10, "tail")) == text.substr(text.size() - 3));
  CHECK(fs::status(blob_file(scratch / "l", blob.digest)).permissions() == fs::perms(0644));
  CHECK(temp_files(scratch / "l") == 0);
}

TEST_CASE("layout, that is thrown away, works without flushing") {
  const Scratch scratch;
  LayoutOptions options;
  options.create = true;
  options.read_only = false;
  options.durable = false;
  auto store = must(LayoutStore::open(scratch / "l", options));
  const auto image = put_image(*store, "linux/amd64", "x");
  must(store->put_tag("t", image.manifest, {}));
  auto kept = new_layout(scratch / "kept");
  CHECK(must(kept->put_blob(image.layer, *must(store->blob(image.layer)), {}, {})).sent == 0);
  CHECK(must(read_blob(*kept, image.layer)).size() == image.layer.size);
}

TEST_CASE("blob, empty, is a blob") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto blob = put(*store, "a/b", "");
  CHECK(blob.digest.encoded() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(must(read_blob(*store, blob)).empty());
}

TEST_CASE("blob, content that does not fit its descriptor, is not stored") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto blob = describe("a/b", "right");
  const std::vector<std::unique_ptr<Source>> wrong = [] {
    std::vector<std::unique_ptr<Source>> out;
    out.push_back(memory_source("wrong"));
    out.push_back(memory_source("right and more"));
    out.push_back(std::make_unique<LyingSource>(5, "righ"));
    out.push_back(std::make_unique<LyingSource>(5, "right+"));
    return out;
  }();
  for (const auto& source : wrong) {
    auto stored = store->put_blob(blob, *source, {}, {});
    REQUIRE_FALSE(stored.ok());
    CHECK(stored.error().kind == ErrorKind::verify);
    CHECK_FALSE(must(store->has_blob(blob)));
  }
  auto sixteen = describe("a/b", "x");
  sixteen.digest = *Digest::parse("blake3:" + std::string(64, 'a'));
  CHECK_FALSE(store->put_blob(sixteen, *memory_source("x"), {}, {}).ok());
  CHECK(temp_files(scratch / "l") == 0);
}

TEST_CASE("blob, changed on disk, is detected before its last byte goes out") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto blob = put(*store, "a/b", "0123456789");
  const auto file = blob_file(scratch / "l", blob.digest);
  for (const std::string bad : {"0123456788", "012345678", "01234567890"}) {
    write_text(file, bad);
    auto read = read_blob(*store, blob, 4);
    INFO(bad);
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().kind == ErrorKind::verify);
    CHECK(read.error().context.at("digest") == blob.digest.str());
  }
  // Grows or shrinks between opening and reading.
  write_text(file, "0123456789");
  auto source = must(store->blob(blob));
  write_text(file, "0123");
  auto reader = must(source->open());
  CHECK_FALSE(read_all(*reader, 100, "blob").ok());
}

TEST_CASE("blob, left with another size by a crash, counts as missing and is written again") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto blob = describe("a/b", "content");
  write_text(blob_file(scratch / "l", blob.digest), "");
  CHECK_FALSE(must(store->has_blob(blob)));
  CHECK(must(store->put_blob(blob, *memory_source("content"), {}, {})).sent == 7);
  CHECK(must(read_blob(*store, blob)) == "content");
}

TEST_CASE("blob, from another layout on the same disk, is linked after its content was checked") {
  const Scratch scratch;
  auto from = new_layout(scratch / "from");
  auto to = new_layout(scratch / "to");
  const auto blob = put(*from, "a/b", "shared content");
  CHECK(must(to->put_blob(blob, *must(from->blob(blob)), {}, {})).sent == 0);
  struct stat a {
  }, b{};
  REQUIRE(::stat(blob_file(scratch / "from", blob.digest).c_str(), &a) == 0);
  REQUIRE(::stat(blob_file(scratch / "to", blob.digest).c_str(), &b) == 0);
  CHECK(a.st_ino == b.st_ino);
  CHECK(temp_files(scratch / "to") == 0);

  const auto bad = put(*from, "a/b", "to be damaged");
  write_text(blob_file(scratch / "from", bad.digest), "to be Damaged");
  auto stored = to->put_blob(bad, *must(from->blob(bad)), {}, {});
  REQUIRE_FALSE(stored.ok());
  CHECK(stored.error().kind == ErrorKind::verify);
  CHECK_FALSE(must(to->has_blob(bad)));
  CHECK(temp_files(scratch / "to") == 0);
}

TEST_CASE("blob, from a file of the user, is copied so that later edits cannot reach it") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  write_text(scratch / "file", "content");
  const auto blob = describe("a/b", "content");
  CHECK(must(store->put_blob(blob, *must(file_source(scratch / "file")), {}, {})).sent == 7);
  write_text(scratch / "file", "CONTENT");
  CHECK(must(read_blob(*store, blob)) == "content");
}

TEST_CASE("blob writer, digest computed while writing, takes the content in under it") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  {
    auto writer = must(store->new_blob());
    must(writer->write(as_bytes("hello ")));
    must(writer->write(as_bytes("world")));
    const auto blob = must(writer->commit("a/b"));
    CHECK(blob.digest == Digest::of("hello world"));
    CHECK(blob.size == 11);
    CHECK(must(read_blob(*store, blob)) == "hello world");
  }
  {
    auto dropped = must(store->new_blob());
    must(dropped->write(as_bytes("never committed")));
    CHECK(temp_files(scratch / "l") == 1);
  }
  CHECK(temp_files(scratch / "l") == 0);
}

TEST_CASE("blob of a file, stopped while it is written, leaves nothing") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto text = large_text();
  write_text(scratch / "file", text);
  const CancelToken cancel;
  const EventSink sink = [&](const Event&) { cancel.cancel(); };
  auto stored = store->put_blob(describe("a/b", text), *must(file_source(scratch / "file")), sink, cancel);
  REQUIRE_FALSE(stored.ok());
  CHECK(stored.error().kind == ErrorKind::cancelled);
  CHECK(temp_files(scratch / "l") == 0);
  CHECK_FALSE(fs::exists(scratch / "l" / (".shipset-partial-sha256-" + std::string(Digest::of(text).encoded()))));
  CHECK_FALSE(must(store->has_blob(describe("a/b", text))));
}

TEST_CASE("temporary files, of a killed process, are cleared by the next writer; those of a living one stay") {
  const Scratch scratch;
  const auto path = scratch / "l";
  new_layout(path);
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    LayoutOptions options;
    options.read_only = false;
    auto store = LayoutStore::open(path, options);
    auto writer = (*store)->new_blob();
    (void)(*writer)->write(as_bytes("half a blob"));
    (void)!::write(ready[1], "x", 1);
    ::pause();
    ::_exit(0);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  ::close(ready[0]);
  ::close(ready[1]);
  CHECK(temp_files(path) == 1);
  new_layout(path);
  CHECK(temp_files(path) == 1);
  ::kill(child, SIGKILL);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(temp_files(path) == 1);
  must(LayoutStore::open(path, LayoutOptions()));
  CHECK(temp_files(path) == 1);
  new_layout(path);
  CHECK(temp_files(path) == 0);
}

TEST_CASE("disk, full while a blob is written, is an io error and leaves no temporary file") {
  const Scratch scratch;
  const SmallDisk disk(scratch / "disk");
  if (!disk.mounted) return;
  auto store = new_layout(disk.path / "l");
  const auto small = put(*store, "a/b", "fits");
  const auto text = large_text();
  auto stored = store->put_blob(describe("a/b", text), *memory_source(text), {}, {});
  REQUIRE_FALSE(stored.ok());
  CHECK(stored.error().kind == ErrorKind::io);
  CHECK(stored.error().context.at("errno") == std::to_string(ENOSPC));
  CHECK_FALSE(stored.error().hint.empty());
  CHECK(temp_files(disk.path / "l") == 0);
  CHECK_FALSE(must(store->has_blob(describe("a/b", text))));
  auto writer = must(store->new_blob());
  Result<void> written;
  for (int i = 0; written && i < 64; ++i) written = writer->write(as_bytes(std::string(65536, 'x')));
  REQUIRE_FALSE(written.ok());
  CHECK(written.error().kind == ErrorKind::io);
  writer.reset();
  CHECK(temp_files(disk.path / "l") == 0);
  CHECK(must(read_blob(*store, small)) == "fits");
}

TEST_CASE("layout, on a read-only file system, can be read") {
  const Scratch scratch;
  const SmallDisk disk(scratch / "disk");
  if (!disk.mounted) return;
  Descriptor blob;
  {
    auto store = new_layout(disk.path / "l");
    blob = put(*store, "a/b", "content");
  }
  REQUIRE(::mount("tmpfs", disk.path.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=1m") == 0);
  auto store = must(LayoutStore::open(disk.path / "l", LayoutOptions()));
  CHECK(must(read_blob(*store, blob)) == "content");
  LayoutOptions writing;
  writing.read_only = false;
  auto refused = LayoutStore::open(disk.path / "l", writing);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().kind == ErrorKind::io);
}
