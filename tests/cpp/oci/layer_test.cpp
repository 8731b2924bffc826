#include "layer_support.hpp"

using namespace shipset;
using namespace shipset::oci;
using namespace shipset::oci::test;

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
