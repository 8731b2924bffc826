#include "shipset/oci/layout.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "store_fixture.hpp"

using namespace shipset;
using namespace shipset::oci;
using namespace shipset::oci::test;

namespace {

LayoutOptions reading() {
  return {};
}

ErrorKind kind_of_open(const fs::path& path, const LayoutOptions& options = {}) {
  auto opened = LayoutStore::open(path, options);
  REQUIRE_FALSE(opened.ok());
  CHECK_FALSE(opened.error().what.empty());
  return opened.error().kind;
}

}  // namespace

TEST_CASE("layout, created and opened again, is an empty OCI layout") {
  const Scratch scratch;
  const auto path = scratch / "a/b";
  {
    auto store = new_layout(path);
    CHECK(must(store->tags()).empty());
    CHECK(store->name() == "oci:" + path.string());
    must(store->check_writable());
  }
  CHECK(read_text(path / "oci-layout") == R"({"imageLayoutVersion":"1.0.0"})");
  auto again = must(LayoutStore::open(path, reading()));
  CHECK(must(again->index()).manifests.empty());
}

TEST_CASE("layout, places that are none, are told apart") {
  const Scratch scratch;
  CHECK(kind_of_open(scratch / "missing") == ErrorKind::not_found);
  CHECK(kind_of_open(scratch.path()) == ErrorKind::not_found);
  write_text(scratch / "file", "x");
  CHECK(kind_of_open(scratch / "file") == ErrorKind::io);
  const auto path = scratch / "l";
  new_layout(path);
  write_text(path / "oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
  CHECK(kind_of_open(path) == ErrorKind::verify);
  write_text(path / "oci-layout", "not json");
  CHECK(kind_of_open(path) == ErrorKind::verify);
  write_text(path / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  write_text(path / "index.json", "<html>");
  CHECK(kind_of_open(path) == ErrorKind::verify);
  fs::remove(path / "index.json");
  CHECK(kind_of_open(path) == ErrorKind::verify);
}

TEST_CASE("layout, a pipe or directory where a file should be, is an error and never blocks") {
  const Scratch scratch;
  const auto path = scratch / "l";
  auto store = new_layout(path);
  const auto digest = Digest::of("x");
  fs::create_directories(blob_file(path, digest));
  auto blob = store->blob(describe("a/b", "x"));
  REQUIRE_FALSE(blob.ok());
  CHECK(blob.error().kind == ErrorKind::io);
  fs::remove(path / "index.json");
  REQUIRE(::mkfifo((path / "index.json").c_str(), 0600) == 0);
  CHECK(kind_of_open(path) == ErrorKind::io);
}

TEST_CASE("layout, opened for reading, refuses to write and makes no files") {
  const Scratch scratch;
  const auto path = scratch / "l";
  new_layout(path);
  fs::remove(path / ".shipset.lock");
  auto store = must(LayoutStore::open(path, reading()));
  const auto put = store->put_blob(describe("a/b", "x"), *memory_source("x"), {}, {});
  REQUIRE_FALSE(put.ok());
  CHECK(put.error().kind == ErrorKind::usage);
  CHECK_FALSE(fs::exists(path / ".shipset.lock"));
}

TEST_CASE("manifest, stored and read, keeps its bytes and its kind") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto image = put_image(*store, "linux/amd64", "hello");
  const auto index = put_index(*store, {image.manifest});
  const auto read = must(store->manifest(index.digest));
  CHECK(read.descriptor.media_type == media_type::index);
  CHECK(read.descriptor.size == index.size);
  CHECK(Digest::of(read.bytes) == index.digest);
  CHECK(must(store->has_manifest(image.manifest.digest)));
  CHECK_FALSE(must(store->has_manifest(Digest::of("other"))));
  auto missing = store->manifest(Digest::of("other"));
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().kind == ErrorKind::not_found);
  CHECK(missing.error().context.at("digest") == Digest::of("other").str());
}

TEST_CASE("manifest, wrong bytes or missing children, is not stored") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  Manifest manifest;
  manifest.config = describe(media_type::config, "{}");
  const auto bytes = manifest.to_bytes();
  auto descriptor = describe(media_type::manifest, bytes);
  auto stored = store->put_manifest(descriptor, bytes);
  REQUIRE_FALSE(stored.ok());
  CHECK(stored.error().kind == ErrorKind::not_found);
  CHECK(stored.error().why.find(manifest.config.digest.str()) != std::string::npos);
  put(*store, media_type::config, "{}");
  stored = store->put_manifest(descriptor, bytes + " ");
  REQUIRE_FALSE(stored.ok());
  CHECK(stored.error().kind == ErrorKind::verify);
  must(store->put_manifest(descriptor, bytes));
  must(store->put_manifest(descriptor, bytes));
  auto huge = std::string(max_manifest_bytes + 1, ' ');
  stored = store->put_manifest(describe(media_type::manifest, huge), huge);
  REQUIRE_FALSE(stored.ok());
  CHECK(stored.error().kind == ErrorKind::verify);
}

TEST_CASE("manifest, damaged on disk, is told on reading and replaced on writing") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto image = put_image(*store, "linux/amd64", "hello");
  const auto file = blob_file(scratch / "l", image.manifest.digest);
  auto bytes = read_text(file);
  const auto good = bytes;
  bytes[bytes.size() / 2] ^= 1;
  write_text(file, bytes);
  auto read = store->manifest(image.manifest.digest);
  REQUIRE_FALSE(read.ok());
  CHECK(read.error().kind == ErrorKind::verify);
  must(store->put_manifest(image.manifest, good));
  CHECK(must(store->manifest(image.manifest.digest)).bytes == good);
}

TEST_CASE("tag, set moved and removed, others and untagged entries stay as they were") {
  const Scratch scratch;
  const auto path = scratch / "l";
  auto store = new_layout(path);
  const auto a = put_image(*store, "linux/amd64", "a").manifest;
  const auto b = put_image(*store, "linux/amd64", "b").manifest;
  must(store->put_tag("one", a, {}));
  const std::string foreign = R"({"mediaType":"application/vnd.oci.image.manifest.v1+json", "digest":")" +
                              b.digest.str() + R"(","size":)" + std::to_string(b.size) + R"(,"x":{"z":1,"a":2}})";
  auto text = read_text(path / "index.json");
  text.insert(text.rfind(']'), "," + foreign);
  write_text(path / "index.json", text);
  must(store->put_tag("two", a, {}));
  must(store->put_tag("one", b, {}));
  CHECK(must(store->tags()) == std::vector<std::string>{"one", "two"});
  CHECK(must(store->resolve("one"))->digest == b.digest);
  CHECK(must(store->resolve("one"))->platform == a.platform);
  CHECK(must(store->resolve("two"))->digest == a.digest);
  CHECK_FALSE(must(store->resolve("three")));
  CHECK_FALSE(must(store->resolve("")));
  CHECK(read_text(path / "index.json").find(foreign) != std::string::npos);
  const auto before = fs::last_write_time(path / "index.json");
  must(store->put_tag("one", b, {}));
  CHECK(fs::last_write_time(path / "index.json") == before);
  CHECK(must(store->remove_tag("one")));
  CHECK(must(store->remove_tag("one")));
  CHECK(must(store->tags()) == std::vector<std::string>{"two"});
  CHECK(must(store->index()).manifests.size() == 2);
}

TEST_CASE("tag, bad name or missing manifest, is refused") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto a = put_image(*store, "linux/amd64", "a").manifest;
  for (const std::string tag : {"", "-x", "a/b", "../x", "a b"}) {
    auto set = store->put_tag(tag, a, {});
    REQUIRE_FALSE(set.ok());
    CHECK(set.error().kind == ErrorKind::usage);
  }
  auto set = store->put_tag("t", describe(media_type::manifest, "nothing"), {});
  REQUIRE_FALSE(set.ok());
  CHECK(set.error().kind == ErrorKind::not_found);
  CHECK(must(store->tags()).empty());
}

TEST_CASE("index.json, changed by another program, is seen at once") {
  const Scratch scratch;
  const auto path = scratch / "l";
  auto store = new_layout(path);
  const auto a = put_image(*store, "linux/amd64", "a").manifest;
  must(store->put_tag("one", a, {}));
  auto text = read_text(path / "index.json");
  const auto at = text.find("\"one\"");
  REQUIRE(at != std::string::npos);
  text.replace(at, 5, "\"two\"");
  write_text(path / "index.json", text);
  CHECK(must(store->tags()) == std::vector<std::string>{"two"});
}

TEST_CASE("lock, held by another writer, is waited for and then named in the error") {
  const Scratch scratch;
  const auto path = scratch / "l";
  auto first = new_layout(path, true);
  bool waited = false;
  LayoutOptions options;
  options.create = true;
  options.read_only = false;
  options.lock_wait = std::chrono::milliseconds(150);
  options.on_wait = [&] { waited = true; };
  const auto begin = std::chrono::steady_clock::now();
  auto second = LayoutStore::open(path, options);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().kind == ErrorKind::io);
  CHECK(second.error().what.find(path.string()) != std::string::npos);
  CHECK_FALSE(second.error().hint.empty());
  CHECK(waited);
  CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(150));
  CHECK(must(LayoutStore::open(path, reading())));
  CHECK(LayoutOptions().lock_wait == std::chrono::seconds(30));

  options.lock_wait = std::chrono::seconds(30);
  CancelToken cancel;
  options.cancel = cancel;
  options.on_wait = [&] { cancel.cancel(); };
  auto stopped = LayoutStore::open(path, options);
  REQUIRE_FALSE(stopped.ok());
  CHECK(stopped.error().kind == ErrorKind::cancelled);

  options.cancel = CancelToken();
  options.on_wait = [&] { first.reset(); };
  CHECK(LayoutStore::open(path, options).ok());
}

TEST_CASE("tags, set by many threads of one store, all arrive") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto a = put_image(*store, "linux/amd64", "a").manifest;
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        if (!store->put_tag("t" + std::to_string(t) + "-" + std::to_string(i), a, {})) ++failures;
        const std::string text = "blob " + std::to_string(i);
        if (!store->put_blob(describe("a/b", text), *memory_source(text), {}, {})) ++failures;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(failures == 0);
  CHECK(must(store->tags()).size() == 40);
}

TEST_CASE("tags, set by several processes at once, all arrive") {
  const Scratch scratch;
  const auto path = scratch / "l";
  Descriptor a;
  {
    auto store = new_layout(path);
    a = put_image(*store, "linux/amd64", "a").manifest;
  }
  std::vector<pid_t> children;
  for (int p = 0; p < 3; ++p) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      LayoutOptions options;
      options.read_only = false;
      auto store = LayoutStore::open(path, options);
      bool good = store.ok();
      for (int i = 0; good && i < 8; ++i) {
        const std::string name = std::to_string(p) + "-" + std::to_string(i);
        good = (*store)->put_blob(describe("a/b", name), *memory_source(name), {}, {}).ok() &&
               (*store)->put_tag("p" + name, a, {}).ok();
      }
      ::_exit(good ? 0 : 1);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
  }
  auto store = must(LayoutStore::open(path, reading()));
  CHECK(must(store->tags()).size() == 24);
}
