#include "shipset/oci/layer.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "layer_impl.hpp"
#include "store_fixture.hpp"

using namespace shipset;
using namespace shipset::oci;
using namespace shipset::oci::test;

namespace {

/// Reads on and on, and asks for a stop after a while.
struct EndlessTar final : Reader {
  CancelToken cancel;
  std::string head;
  std::uint64_t given = 0;
  explicit EndlessTar(CancelToken token) : cancel(std::move(token)) {
    StringWriter out;
    TarWriter writer(out);
    TarEntry entry;
    entry.path = "big";
    entry.size_bytes = std::uint64_t(1) << 40;
    must(writer.entry(entry));
    head = out.text;
  }
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    std::fill(buffer.begin(), buffer.end(), std::byte{0});
    if (given == 0) std::copy_n(reinterpret_cast<const std::byte*>(head.data()), head.size(), buffer.data());
    given += buffer.size();
    if (given > 20u << 20) cancel.cancel();
    return buffer.size();
  }
};

struct Unpacked {
  std::vector<TarEntry> entries;
  std::map<std::string, std::string> content;
  [[nodiscard]] std::vector<std::string> paths() const {
    std::vector<std::string> out;
    for (const auto& entry : entries) out.push_back(entry.path);
    return out;
  }
  [[nodiscard]] const TarEntry& at(const std::string& path) const {
    for (const auto& entry : entries)
      if (entry.path == path) return entry;
    FAIL("no entry " + path);
    return entries.front();
  }
};

Unpacked untar(std::unique_ptr<Reader> packed) {
  const auto plain = must(make_decompressor(std::move(packed)));
  TarReader reader(*plain);
  Unpacked out;
  for (;;) {
    TarEntry entry;
    if (!must(reader.next(entry))) return out;
    std::string text(entry.size_bytes, '\0');
    std::size_t at = 0;
    while (const auto count = must(reader.read({reinterpret_cast<std::byte*>(text.data()) + at, text.size() - at})))
      at += count;
    if (entry.type == TarType::file) out.content[entry.path] = text;
    out.entries.push_back(std::move(entry));
  }
}

/// Root can read everything, so it steps down for a while.
struct Unprivileged {
  const bool root = ::geteuid() == 0;
  Unprivileged() {
    if (root) REQUIRE(::seteuid(65534) == 0);
  }
  ~Unprivileged() {
    if (root && ::seteuid(0) != 0) std::abort();
  }
};

struct Fixture {
  Scratch scratch;
  std::unique_ptr<LayoutStore> store = new_layout(scratch / "layout");
  fs::path input = scratch / "input";
  LayerOptions options;
  Fixture() { fs::create_directories(input); }

  void file(const std::string& name, std::string_view text, unsigned mode = 0644) const {
    fs::create_directories((input / name).parent_path());
    write_text(input / name, text);
    REQUIRE(::chmod((input / name).c_str(), mode) == 0);
  }
  [[nodiscard]] LayerInput to(std::string target) const {
    LayerInput out;
    out.from = input;
    out.to = std::move(target);
    return out;
  }
  Result<LayerResult> pack(const LayerInput& what) { return pack_layer(what, options, *store); }
  Unpacked unpack(const LayerInput& what) {
    const auto layer = must(pack(what));
    const auto blob = must(store->blob(layer.descriptor));
    return untar(must(blob->open()));
  }
  [[nodiscard]] std::size_t temporaries() const {
    std::size_t count = 0;
    for (const auto& each : fs::recursive_directory_iterator(store->path()))
      count += each.path().filename().string().starts_with(".tmp") ? 1 : 0;
    return count;
  }
};

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("layer, from a directory, is sorted by whole paths with nothing of the host") {
  Fixture f;
  f.file("a/b", "one");
  f.file("a-b", "two", 0775);
  f.file("a.txt", "three", 0600);
  f.file("z/deep/er/file", "four", 04755);
  fs::create_directories(f.input / "empty");
  fs::create_symlink("../outside/anything", f.input / "link");
  f.options.mtime_unix_s = 1700000000;
  const auto layer = f.unpack(f.to("/"));
  CHECK(layer.paths() ==
        Paths{"a", "a-b", "a.txt", "a/b", "empty", "link", "z", "z/deep", "z/deep/er", "z/deep/er/file"});
  CHECK(layer.at("a-b").mode == 0755);
  CHECK(layer.at("a.txt").mode == 0600);
  CHECK(layer.at("z/deep/er/file").mode == 04755);
  CHECK(layer.at("link").link == "../outside/anything");
  CHECK(layer.content.at("a/b") == "one");
  for (const auto& entry : layer.entries) {
    CHECK(entry.mtime_unix_s == 1700000000);
    CHECK((entry.uid == 0 && entry.gid == 0));
    CHECK(entry.xattrs.empty());
  }
}

TEST_CASE("layer, its digests, are those of the bytes") {
  Fixture f;
  f.file("a", std::string(3 << 20, 'x'));
  for (const auto compression : {Compression::none, Compression::gzip, Compression::gzip_fast, Compression::zstd}) {
    f.options.compression = compression;
    const auto layer = must(f.pack(f.to("/")));
    CHECK(layer.used == available(compression));
    const auto bytes = read_text(blob_file(f.store->path(), layer.descriptor.digest));
    CHECK(Digest::of(bytes) == layer.descriptor.digest);
    CHECK(bytes.size() == layer.descriptor.size);
    const auto plain = must(make_decompressor(must(memory_source(bytes)->open())));
    const auto tar = must(read_all(*plain, 1u << 30, "layer"));
    CHECK(Digest::of(tar) == layer.diff_id);
    CHECK(tar.size() == layer.uncompressed_bytes);
    CHECK(must(input_digest(f.to("/"), f.options)) == layer.diff_id);
  }
  CHECK(f.temporaries() == 0);
}

TEST_CASE("layer, media types, follow the compression") {
  CHECK(detail::layer_media_type(Compression::none) == media_type::layer_tar);
  CHECK(detail::layer_media_type(Compression::gzip) == media_type::layer_gzip);
  CHECK(detail::layer_media_type(Compression::gzip_fast) == media_type::layer_gzip);
  CHECK(detail::layer_media_type(Compression::zstd) == media_type::layer_zstd);
}

TEST_CASE("layer, checkouts that differ in umask, times and group write, are the same") {
  Fixture f, g;
  f.file("bin/tool", "x", 0755);
  f.file("etc/conf", "y", 0644);
  g.file("etc/conf", "y", 0664);
  g.file("bin/tool", "x", 0777);
  REQUIRE(::chmod((g.input / "bin").c_str(), 02775) == 0);
  REQUIRE(::chmod((f.input / "bin").c_str(), 0755) == 0);
  fs::last_write_time(g.input / "etc/conf", fs::file_time_type::clock::now() - std::chrono::hours(9999));
  CHECK(must(f.pack(f.to("/"))).descriptor == must(g.pack(g.to("/"))).descriptor);
  CHECK(must(input_digest(f.to("/"), f.options)) == must(input_digest(g.to("/"), g.options)));
}

TEST_CASE("layer, a sticky directory, keeps its write bits") {
  Fixture f;
  fs::create_directories(f.input / "tmp");
  REQUIRE(::chmod((f.input / "tmp").c_str(), 01777) == 0);
  CHECK(f.unpack(f.to("/")).at("tmp").mode == 01777);
}

TEST_CASE("layer, files that share an inode, become hard links to the first name") {
  Fixture f;
  f.file("b/one", "same");
  f.file("a/zwei", "other");
  fs::create_hard_link(f.input / "b/one", f.input / "a/alias");
  fs::create_hard_link(f.input / "b/one", f.input / "c");
  fs::create_hard_link(f.input / "a/zwei", f.scratch / "outside");
  const auto layer = f.unpack(f.to("/opt"));
  CHECK(layer.at("opt/a/alias").type == TarType::file);
  CHECK(layer.at("opt/b/one").type == TarType::hardlink);
  CHECK(layer.at("opt/b/one").link == "opt/a/alias");
  CHECK(layer.at("opt/c").link == "opt/a/alias");
  CHECK(layer.at("opt/a/zwei").type == TarType::file);
  CHECK(layer.content.at("opt/a/zwei") == "other");
}

TEST_CASE("layer, a target directory, brings its parents as entries") {
  Fixture f;
  f.file("x", "1");
  auto input = f.to("/usr/local/app/");
  input.uid = 1000;
  input.gid = 2000;
  input.mode = 0400;
  const auto layer = f.unpack(input);
  CHECK(layer.paths() == Paths{"usr", "usr/local", "usr/local/app", "usr/local/app/x"});
  CHECK((layer.at("usr/local").uid == 0 && layer.at("usr/local").mode == 0755));
  CHECK((layer.at("usr/local/app").uid == 1000 && layer.at("usr/local/app").mode == 0755));
  CHECK((layer.at("usr/local/app/x").gid == 2000 && layer.at("usr/local/app/x").mode == 0400));
  for (const auto* same : {"usr/local/app", "//usr//local/./app/", "/usr/local/app"}) {
    auto other = input;
    other.to = same;
    CHECK(must(input_digest(other, f.options)) == must(input_digest(input, f.options)));
  }
  const auto temporary = f.unpack(f.to("/tmp/x"));
  CHECK(temporary.at("tmp").mode == 01777);
  CHECK(f.unpack(f.to("/root/x")).at("root").mode == 0700);
}

TEST_CASE("layer, a target that leaves the image, is a usage error") {
  Fixture f;
  for (const auto* target : {"/../etc", "a/../../b"}) {
    const auto done = f.pack(f.to(target));
    REQUIRE(!done);
    CHECK(done.error().kind == ErrorKind::usage);
  }
  CHECK(f.temporaries() == 0);
}

TEST_CASE("layer, a single file, goes to a path or into a directory") {
  Fixture f;
  f.file("tool", "#!", 0775);
  LayerInput input;
  input.from = f.input / "tool";
  input.to = "/usr/bin/";
  CHECK(f.unpack(input).paths() == Paths{"usr", "usr/bin", "usr/bin/tool"});
  input.to = "/usr/bin/renamed";
  CHECK(f.unpack(input).paths() == Paths{"usr", "usr/bin", "usr/bin/renamed"});
  input.to = "/";
  const auto layer = f.unpack(input);
  CHECK(layer.paths() == Paths{"tool"});
  CHECK(layer.at("tool").mode == 0755);
  CHECK(layer.content.at("tool") == "#!");
  fs::create_symlink("tool", f.input / "alias");
  input.from = f.input / "alias";
  CHECK(f.unpack(input).content.at("alias") == "#!");
}

namespace {
/// A tar with a root entry, a directory, a file, both kinds of links and late times.
std::string some_tar() {
  StringWriter out;
  TarWriter writer(out);
  TarEntry root, file, hard, soft;
  root.type = TarType::directory;
  root.path = ".";
  root.mode = 0700;
  file.path = "bin/tool";
  file.size_bytes = 5;
  file.mode = 0711;
  file.uid = 33;
  file.mtime_unix_s = 2000000000;
  file.xattrs["security.capability"] = "cap";
  hard.type = TarType::hardlink;
  hard.path = "bin/hard";
  hard.link = "bin/tool";
  hard.mtime_unix_s = 5;
  soft.type = TarType::symlink;
  soft.path = "soft";
  soft.link = "/bin/tool";
  must(writer.entry(root));
  must(writer.entry(file));
  must(writer.content(as_bytes("hello")));
  must(writer.entry(hard));
  must(writer.entry(soft));
  must(writer.finish());
  return out.text;
}
std::string gzipped(const std::string& text) {
  StringWriter out;
  const auto compressor = make_compressor(Compression::gzip, out);
  must(compressor->write(as_bytes(text)));
  must(compressor->finish());
  return out.text;
}
}  // namespace

TEST_CASE("layer, a tar to the root without changes, keeps its bytes whatever compresses it") {
  Fixture f;
  const auto tar = some_tar() + std::string(7168, '\0');
  write_text(f.scratch / "a.tar", tar);
  write_text(f.scratch / "a.tar.gz", gzipped(tar));
  write_text(f.scratch / "a.tgz", gzipped(tar));
  for (const auto* name : {"a.tar", "a.tar.gz", "a.tgz"}) {
    LayerInput input;
    input.from = f.scratch / name;
    const auto layer = must(f.pack(input));
    CHECK(layer.diff_id == Digest::of(tar));
    CHECK(layer.uncompressed_bytes == tar.size());
    CHECK(must(input_digest(input, f.options)) == layer.diff_id);
  }
}

TEST_CASE("layer, a tar to another place, is rewritten entry by entry") {
  Fixture f;
  write_text(f.scratch / "a.tar", some_tar());
  LayerInput input;
  input.from = f.scratch / "a.tar";
  input.to = "/opt/x";
  f.options.mtime_unix_s = 1700000000;
  auto layer = f.unpack(input);
  CHECK(layer.paths() == Paths{"opt", "opt/x", "opt/x/bin/tool", "opt/x/bin/hard", "opt/x/soft"});
  const auto& tool = layer.at("opt/x/bin/tool");
  CHECK((tool.uid == 33 && tool.mode == 0711 && tool.mtime_unix_s == 1700000000));
  CHECK(tool.xattrs.at("security.capability") == "cap");
  CHECK(layer.at("opt/x/bin/hard").link == "opt/x/bin/tool");
  CHECK(layer.at("opt/x/bin/hard").mtime_unix_s == 5);
  CHECK(layer.at("opt/x/soft").link == "/bin/tool");
  CHECK(layer.content.at("opt/x/bin/tool") == "hello");
  input.to = "/";
  input.uid = 7;
  input.mode = 0640;
  layer = f.unpack(input);
  CHECK(layer.paths() == Paths{"bin/tool", "bin/hard", "soft"});
  CHECK((layer.at("bin/tool").uid == 7 && layer.at("bin/tool").mode == 0640));
}

TEST_CASE("layer, a hostile or damaged tar, is refused by name and leaves nothing behind") {
  Fixture f;
  const auto refused = [&](const std::string& tar, const std::string& part, std::string target = "/") {
    write_text(f.scratch / "bad.tar", tar);
    LayerInput input;
    input.from = f.scratch / "bad.tar";
    input.to = std::move(target);
    const auto done = f.pack(input);
    REQUIRE(!done);
    INFO(render(done.error()));
    CHECK(done.error().kind == ErrorKind::verify);
    CHECK(render(done.error()).find(part) != std::string::npos);
    CHECK(done.error().context.at("input") == input.from.string());
    CHECK(!input_digest(input, f.options));
    CHECK(f.temporaries() == 0);
  };
  auto tar = some_tar();
  refused(tar.substr(0, tar.size() - 512), "end marker");
  refused(tar.substr(0, 900), "truncated");
  refused(gzipped(tar).substr(0, 100), "truncated");
  tar[600] ^= 1;
  refused(tar, "checksum");
  // What a writer of ours refuses is made by patching a name of equal length and the checksum.
  const auto patched = [&](const std::string& name) {
    StringWriter out;
    TarWriter writer(out);
    TarEntry link, file;
    link.type = TarType::symlink;
    link.path = "ln";
    link.link = "/etc";
    file.path = std::string(name.size(), 'p');
    must(writer.entry(link));
    must(writer.entry(file));
    must(writer.finish());
    std::string text = out.text;
    text.replace(512, name.size(), name);
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i) sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(text[512 + i]);
    char digits[8];
    std::snprintf(digits, sizeof(digits), "%06o", sum);
    return text.replace(512 + 148, 6, digits);
  };
  for (const auto* target : {"/", "/opt"}) {
    refused(patched("../etc/evil"), "\"../etc/evil\"", target);
    refused(patched("/etc/evil"), "\"/etc/evil\"", target);
    refused(patched("ln/evil"), "link-through", target);
  }
}

TEST_CASE("layer, an input that cannot be read, is an io error with its path") {
  Fixture f;
  LayerInput input;
  input.from = f.scratch / "missing";
  auto done = f.pack(input);
  REQUIRE(!done);
  CHECK(done.error().kind == ErrorKind::io);
  CHECK(done.error().what.find("missing") != std::string::npos);
  CHECK(done.error().why.find("No such file") != std::string::npos);
  f.file("secret", "x", 0000);
  REQUIRE(::chmod(f.scratch.path().c_str(), 0755) == 0);
  const Unprivileged user;
  const auto digest = input_digest(f.to("/"), f.options);
  REQUIRE(!digest);
  CHECK(digest.error().kind == ErrorKind::io);
  CHECK(digest.error().what.find("secret") != std::string::npos);
  CHECK(digest.error().why == "Permission denied");
  CHECK(f.temporaries() == 0);
}

TEST_CASE("layer, what it cannot hold, is refused with its path") {
  Fixture f;
  const auto refused = [&](const std::string& part) {
    const auto done = f.pack(f.to("/"));
    REQUIRE(!done);
    CHECK(done.error().kind == ErrorKind::build);
    CHECK(done.error().what.find(part) != std::string::npos);
  };
  REQUIRE(::mkfifo((f.input / "pipe").c_str(), 0600) == 0);
  refused("pipe");
  fs::remove(f.input / "pipe");
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A socket's path is short, so it is made beside and moved.
  const auto short_path = fs::temp_directory_path() / ("s" + std::to_string(::getpid()));
  std::snprintf(address.sun_path, sizeof(address.sun_path), "%s", short_path.c_str());
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  ::close(fd);
  fs::rename(short_path, f.input / "sock");
  refused("sock");
  fs::remove(f.input / "sock");
  f.file(".wh.deleted", "");
  refused(".wh.deleted");
}

TEST_CASE("layer, a file that grows while it is read, is refused") {
  Fixture f;
  f.file("log", std::string(20 << 20, 'x'));
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    std::ofstream out(f.input / "log", std::ios::app | std::ios::binary);
    while (!stop) out << std::string(4096, 'y') << std::flush;
  });
  const auto done = f.pack(f.to("/"));
  stop = true;
  writer.join();
  REQUIRE(!done);
  CHECK(done.error().kind == ErrorKind::build);
  CHECK(done.error().why.find("size changed") != std::string::npos);
  CHECK(f.temporaries() == 0);
}

TEST_CASE("layer, a request to stop, ends packing soon and leaves nothing behind") {
  Fixture f;
  f.file("a", std::string(1 << 20, 'x'));
  f.options.cancel.cancel();
  const auto done = f.pack(f.to("/"));
  REQUIRE(!done);
  CHECK(done.error().kind == ErrorKind::cancelled);
  CHECK(f.temporaries() == 0);
  StringWriter out;
  LayerOptions options;
  EndlessTar endless(options.cancel);
  const auto stopped = pack_tar(endless, out, options);
  REQUIRE(!stopped);
  CHECK(stopped.error().kind == ErrorKind::cancelled);
  CHECK(endless.given < 40u << 20);
}

TEST_CASE("layer, any number of threads, is the same") {
  Fixture f;
  for (int i = 0; i < 50; ++i)
    f.file("d" + std::to_string(i % 7) + "/f" + std::to_string(i),
           std::string(200000, static_cast<char>('a' + i % 26)));
  for (const auto compression : {Compression::gzip, Compression::zstd}) {
    f.options.compression = compression;
    f.options.threads = 1;
    const auto one = must(f.pack(f.to("/")));
    f.options.threads = 5;
    const auto five = must(f.pack(f.to("/")));
    CHECK(one.descriptor == five.descriptor);
    CHECK(one.diff_id == five.diff_id);
  }
}

TEST_CASE("input digest, everything that reaches the layer, changes it") {
  Fixture f;
  f.file("a", "content");
  f.file("d/b", "x");
  fs::create_symlink("a", f.input / "l");
  std::vector<std::string> seen;
  const auto next = [&](const LayerInput& input) {
    const auto digest = must(input_digest(input, f.options)).str();
    CHECK(std::find(seen.begin(), seen.end(), digest) == seen.end());
    seen.push_back(digest);
  };
  auto input = f.to("/");
  next(input);
  f.file("a", "Content");
  next(input);
  f.file("a", "Content", 0755);
  next(input);
  fs::rename(f.input / "a", f.input / "a2");
  next(input);
  fs::remove(f.input / "l");
  fs::create_symlink("b", f.input / "l");
  next(input);
  fs::create_directories(f.input / "e");
  next(input);
  input.uid = 5;
  next(input);
  input.gid = 5;
  next(input);
  input.mode = 0600;
  next(input);
  input.to = "/opt";
  next(input);
  f.options.mtime_unix_s = 1;
  next(input);
  // And what does not reach it does not.
  f.options.compression = Compression::zstd;
  f.options.threads = 3;
  CHECK(must(input_digest(input, f.options)).str() == seen.back());
}
