#include "layer_support.hpp"

using namespace shipset;
using namespace shipset::oci;
using namespace shipset::oci::test;

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
