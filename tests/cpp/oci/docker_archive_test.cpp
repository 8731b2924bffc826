#include "shipset/oci/docker_archive.hpp"

#include "oci/archive_fixture.hpp"
#include "shipset/oci/validate.hpp"

using namespace shipset;
using namespace shipset::oci;
using namespace shipset::oci::test;

namespace {

std::string layer_a() {
  return one_file_tar("a", "first layer");
}
std::string layer_b() {
  return one_file_tar("b", "second layer");
}

/// The error of an archive that must be refused, after checks that every such error passes.
Error refused(const std::string& bytes) {
  auto archive = read_archive(bytes);
  REQUIRE_FALSE(archive.ok());
  CHECK(archive.error().kind == ErrorKind::verify);
  CHECK(archive.error().context.count("archive") == 1);
  return archive.error();
}

/// One image whose parts stand where manifest.json says, written by hand.
std::string with_list(const std::string& list, const std::function<void(ArchiveMaker&)>& more = {}) {
  ArchiveMaker out;
  if (more) more(out);
  return out.file("manifest.json", list).bytes();
}

struct Unpacked {
  Scratch scratch;
  std::unique_ptr<LayoutStore> store = new_layout(scratch / "layout");
  Result<Descriptor> of(const DockerArchive& archive, const ArchiveImage& image) {
    return archive.unpack(image, *store);
  }
  std::size_t blobs() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(scratch / "layout" / "blobs" / "sha256")) count += entry.exists();
    return count;
  }
};

void check_valid(Store& store, const Descriptor& root, std::uint64_t layers) {
  const auto report = must(validate(store, root, {}, {}));
  for (const auto& finding : report.findings) FAIL_CHECK(finding.place << " " << finding.message);
  CHECK(report.layers == layers);
}

}  // namespace

TEST_CASE("docker archive, of an old Docker, tells its images and follows the links between layers") {
  const auto archive = must(read_archive(saved({{"linux/amd64", {"app:v1", "app:latest"}, {layer_a(), layer_b()}},
                                                {"linux/arm64", {"other:v1"}, {layer_a()}}})));
  REQUIRE(archive.images().size() == 2);
  const auto& first = archive.images()[0];
  CHECK(first.names == std::vector<std::string>{"app:v1", "app:latest"});
  CHECK(first.platform.str() == "linux/amd64");
  CHECK(first.config == Digest::of(first.config_bytes));
  CHECK(first.diff_ids == std::vector{Digest::of(layer_a()), Digest::of(layer_b())});
  CHECK(first.layer_paths == std::vector<std::string>{"layer1/layer.tar", "layer2/layer.tar"});
  // A link in the archive leads to the layer of the other image.
  CHECK(archive.images()[1].layer_paths == std::vector<std::string>{"layer1/layer.tar"});

  Unpacked out;
  for (const auto& image : archive.images()) {
    const auto manifest = must(out.of(archive, image));
    CHECK(manifest.media_type == media_type::manifest);
    REQUIRE(manifest.platform);
    CHECK(manifest.platform->str() == image.platform.str());
    check_valid(*out.store, manifest, image.diff_ids.size());
  }
}

TEST_CASE("docker archive, unpacked, has the config's bytes and the same layers everywhere") {
  const SavedImage image{"linux/amd64", {"app:v1"}, {large_text()}};
  const auto archive = must(read_archive(saved({image})));
  Unpacked one, two;
  const auto a = must(one.of(archive, archive.images()[0])), b = must(two.of(archive, archive.images()[0]));
  CHECK(a.digest == b.digest);
  const auto manifest = must(Manifest::parse(must(one.store->manifest(a.digest)).bytes, "manifest"));
  CHECK(must(read_blob(*one.store, manifest.config)) == image.config());
  REQUIRE(manifest.layers.size() == 1);
  CHECK(manifest.layers[0].media_type == media_type::layer_gzip);
  CHECK(manifest.layers[0].size < image.layers[0].size());
  CHECK(must(read_blob(*one.store, manifest.layers[0])) == compressed(Compression::gzip, image.layers[0]));
}

TEST_CASE("docker archive, of a new Docker, keeps blobs that are compressed already") {
  const SavedImage image{"linux/arm64", {"docker.io/library/app:v1"}, {layer_a(), layer_b()}};
  const std::string gzip = compressed(Compression::gzip, layer_a()), zstd = compressed(Compression::zstd, layer_b());
  const auto blob = [](const std::string& bytes) { return "blobs/sha256/" + std::string(Digest::of(bytes).encoded()); };
  ArchiveMaker maker;
  maker.entry("blobs", {}, '5').entry("blobs/sha256", {}, '5');
  maker.file(blob(gzip), gzip).file(blob(zstd), zstd).file(blob(image.config()), image.config());
  maker.file("index.json", "{}").file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  maker.file("manifest.json", "[" + listed(blob(image.config()), image, {blob(gzip), blob(zstd)}) + "]");
  const auto archive = must(read_archive(maker.bytes()));
  Unpacked out;
  const auto manifest = must(out.of(archive, *must(archive.find("app:v1"))));
  const auto read = must(Manifest::parse(must(out.store->manifest(manifest.digest)).bytes, "manifest"));
  REQUIRE(read.layers.size() == 2);
  CHECK(read.layers[0] == describe(media_type::layer_gzip, gzip));
  CHECK(read.layers[1] == describe(media_type::layer_zstd, zstd));
  check_valid(*out.store, manifest, 2);
}

TEST_CASE("docker archive, compressed as a whole, is read") {
  const std::string bytes = saved({{"linux/amd64", {"app:v1"}, {layer_a()}}});
  for (const auto compression : {Compression::gzip, Compression::zstd}) {
    const auto archive = must(read_archive(compressed(compression, bytes)));
    Unpacked out;
    check_valid(*out.store, must(out.of(archive, archive.images()[0])), 1);
  }
}

TEST_CASE("docker archive, config too large for the first pass, is read by a second one") {
  SavedImage image{"linux/amd64", {"app:v1"}, {layer_a()}};
  auto config = must(ImageConfig::parse(image.config(), "config"));
  config.config.labels["long"] = std::string(600'000, 'x');
  const std::string bytes = config.to_bytes();
  const auto archive = must(read_archive(with_list("[" + listed("config.json", image, {"l.tar"}) + "]", [&](auto& out) {
    out.file("l.tar", layer_a()).file("config.json", bytes);
  })));
  CHECK(archive.images()[0].config == Digest::of(bytes));
}

TEST_CASE("docker archive, same layer twice in an image, is stored once and listed twice") {
  const auto archive = must(read_archive(saved({{"linux/amd64", {"app:v1"}, {layer_a(), layer_b(), layer_a()}}})));
  Unpacked out;
  const auto manifest = must(out.of(archive, archive.images()[0]));
  check_valid(*out.store, manifest, 3);
  CHECK(out.blobs() == 4);
}

TEST_CASE("docker archive, names, are found in any spelling") {
  const auto archive = must(read_archive(saved({{"linux/amd64", {"docker.io/library/app:latest"}, {layer_a()}},
                                                {"linux/amd64", {"ghcr.io/x/app:v2"}, {layer_b()}}})));
  for (const char* name : {"app", "app:latest", "docker.io/app", "docker.io/library/app:latest"})
    CHECK(must(archive.find(name)) == &archive.images()[0]);
  CHECK(must(archive.find("ghcr.io/x/app:v2")) == &archive.images()[1]);

  auto missing = archive.find("app:v2");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().kind == ErrorKind::not_found);
  CHECK(missing.error().why.find("ghcr.io/x/app:v2") != std::string::npos);

  auto unclear = archive.find("");
  REQUIRE_FALSE(unclear.ok());
  CHECK(unclear.error().kind == ErrorKind::usage);
  CHECK(unclear.error().why.find("docker.io/library/app:latest, ghcr.io/x/app:v2") != std::string::npos);
}

TEST_CASE("docker archive, one name for several platforms, is chosen by platform") {
  const auto archive =
      must(read_archive(saved({{"linux/amd64", {"app:v1"}, {layer_a()}}, {"linux/arm64", {"app:v1"}, {layer_b()}}})));
  const auto arm = must(Platform::parse("linux/arm64/v8")), riscv = must(Platform::parse("linux/riscv64"));
  for (const char* name : {"", "app:v1"}) {
    CHECK(must(archive.find(name, &arm)) == &archive.images()[1]);
    CHECK(must(archive.find(name, &riscv))->platform.str() == "linux/amd64");
    CHECK_FALSE(archive.find(name).ok());
  }
}

TEST_CASE("docker archive, one image without a name, needs none") {
  const auto archive = must(read_archive(saved({{"linux/amd64", {}, {layer_a()}}})));
  CHECK(must(archive.find("")) == &archive.images()[0]);
  CHECK(archive.find("app").error().kind == ErrorKind::not_found);
}

TEST_CASE("docker archive, not one, is refused with what it is") {
  CHECK(refused("this is no tar archive at all").context.at("archive") == "test.tar");
  CHECK(refused("").why.find("without an end marker") != std::string::npos);
  CHECK(refused(one_file_tar("readme", "x")).why.find("no manifest.json") != std::string::npos);
  const auto layout = ArchiveMaker().file("index.json", "{}").file("oci-layout", "{}").bytes();
  CHECK(refused(layout).hint.find("oci:PATH") != std::string::npos);
  CHECK(refused(ArchiveMaker().file("repositories", "{}").bytes()).hint.find("1.10") != std::string::npos);
  auto missing = DockerArchive::open("/no/such/file.tar");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().kind == ErrorKind::not_found);
  auto folder = DockerArchive::open("/");
  REQUIRE_FALSE(folder.ok());
  CHECK(folder.error().kind == ErrorKind::io);
}

TEST_CASE("docker archive, wrong manifest.json, is refused") {
  const SavedImage image{"linux/amd64", {}, {layer_a()}};
  const auto parts = [&](ArchiveMaker& out) { out.file("c.json", image.config()).file("l.tar", layer_a()); };
  for (const char* list :
       {"", "{}", "[]", "[1]", "[{}]", "null", "[{\"Config\":1}]", "[{\"Config\":\"c.json\"", "[[[[[[[[[[1]]]]]]]]]]"})
    refused(with_list(list, parts));
  CHECK(refused(with_list("[" + listed("gone.json", image, {"l.tar"}) + "]", parts)).why.find("gone.json") !=
        std::string::npos);
  CHECK(refused(with_list("[" + listed("c.json", image, {"gone.tar"}) + "]", parts)).why.find("gone.tar") !=
        std::string::npos);
  CHECK(refused(with_list("[" + listed("c.json", image, {}) + "]", parts)).why.find("0 layers for 1 diff ids") !=
        std::string::npos);
  CHECK(refused(with_list("[" + listed("l.tar", image, {"l.tar"}) + "]", parts)).kind == ErrorKind::verify);
  CHECK(refused(with_list("[" + std::string(5u << 20, ' ') + "]", parts)).why.find("the limit is") !=
        std::string::npos);
  CHECK(must(read_archive(with_list("[" + listed("./c.json", image, {"l.tar"}) + "]", parts))).images().size() == 1);
}

TEST_CASE("docker archive, config that is not the one of its name, is refused") {
  const SavedImage image{"linux/amd64", {}, {layer_a()}};
  const std::string name = std::string(64, 'a') + ".json";
  const auto error = refused(with_list("[" + listed(name, image, {"l.tar"}) + "]", [&](ArchiveMaker& out) {
    out.file(name, image.config()).file("l.tar", layer_a());
  }));
  CHECK(error.why.find("not that of its name") != std::string::npos);
}

TEST_CASE("docker archive, names and links that lead out or in circles, are refused") {
  const SavedImage image{"linux/amd64", {}, {layer_a()}};
  const auto with = [&](const std::string& layer, const std::function<void(ArchiveMaker&)>& more) {
    return with_list("[" + listed("c.json", image, {layer}) + "]", [&](ArchiveMaker& out) {
      out.file("c.json", image.config());
      more(out);
    });
  };
  const auto none = [](ArchiveMaker&) {};
  for (const char* name : {"../l.tar", "/etc/passwd", "a/../../l.tar", "", "c.json/l.tar"}) refused(with(name, none));
  refused(with("l.tar", [](ArchiveMaker& out) { out.symlink("l.tar", "/etc/passwd"); }));
  refused(with("l.tar", [](ArchiveMaker& out) { out.symlink("l.tar", "../../etc/passwd"); }));
  CHECK(refused(with("l.tar", [](ArchiveMaker& out) {
          out.symlink("l.tar", "m.tar").symlink("m.tar", "l.tar");
        })).why.find("circles") != std::string::npos);
  refused(with("l.tar", [](ArchiveMaker& out) { out.symlink("l.tar", "l.tar"); }));
  refused(with("l.tar", [](ArchiveMaker& out) { out.entry("l.tar", {}, '5'); }));
  refused(with("l.tar", [](ArchiveMaker& out) { out.entry("l.tar", {}, '6'); }));
  refused(with("l.tar", [](ArchiveMaker& out) { out.file("../l.tar", layer_a()); }));
  refused(with("l.tar", [](ArchiveMaker& out) { out.file("/l.tar", layer_a()); }));
  CHECK(refused(with("l.tar", [](ArchiveMaker& out) {
          out.file("l.tar", layer_a()).file("l.tar", layer_b());
        })).why.find("twice") != std::string::npos);
  // A chain within the archive is fine.
  must(read_archive(with("l.tar", [](ArchiveMaker& out) {
    out.symlink("l.tar", "d/m.tar").symlink("d/m.tar", "../n.tar").file("n.tar", layer_a());
  })));
}

TEST_CASE("docker archive, cut at any place, is refused") {
  const std::string bytes = saved({{"linux/amd64", {"app:v1"}, {layer_a()}}});
  for (std::size_t size = 0; size < bytes.size(); size += 128) {
    INFO(size);
    refused(bytes.substr(0, size));
  }
}

TEST_CASE("docker archive, sizes that are not there, cost nothing and are refused") {
  ArchiveMaker maker;
  maker.entry("manifest.json", "[]", '0', {}, std::uint64_t(7) << 30);
  CHECK(refused(maker.bytes()).why.find("the limit is") != std::string::npos);
  ArchiveMaker layer;
  layer.file("manifest.json", "[{\"Config\":\"c\"}]").entry("l.tar", "x", '0', {}, std::uint64_t(7) << 30);
  refused(layer.bytes());
}

TEST_CASE("docker archive, too many entries, is refused") {
  ArchiveMaker maker;
  for (int i = 0; i < 50'001; ++i) maker.entry(std::to_string(i), {});
  CHECK(refused(maker.bytes()).why.find("more than 50000 entries") != std::string::npos);
}

TEST_CASE("docker archive, layer that is not the one of the config, is refused and leaves nothing") {
  const SavedImage image{"linux/amd64", {}, {layer_a()}};
  std::string wrong = layer_a();
  wrong[600] ^= 1;
  const std::string gzip = compressed(Compression::gzip, layer_a());
  for (const std::string& layer : {wrong, compressed(Compression::gzip, wrong), compressed(Compression::zstd, wrong),
                                   gzip.substr(0, gzip.size() - 3), gzip + "rubbish", std::string()}) {
    const auto archive = must(read_archive(with_list("[" + listed("c.json", image, {"l.tar"}) + "]", [&](auto& out) {
      out.file("c.json", image.config()).file("l.tar", layer);
    })));
    Unpacked out;
    auto unpacked = out.of(archive, archive.images()[0]);
    REQUIRE_FALSE(unpacked.ok());
    CHECK(unpacked.error().kind == ErrorKind::verify);
    CHECK(unpacked.error().context.count("archive") == 1);
    CHECK(out.blobs() == 0);
    CHECK(temp_files(out.scratch / "layout") == 0);
  }
}

TEST_CASE("docker archive, changed between reading and unpacking, is refused") {
  Scratch scratch;
  const auto path = scratch / "a.tar";
  write_text(path, saved({{"linux/amd64", {"app:v1"}, {layer_a(), layer_b()}}}));
  const auto archive = must(DockerArchive::open(path));
  Unpacked out;
  SECTION("to another image") {
    write_text(path, saved({{"linux/amd64", {"app:v1"}, {layer_b(), layer_a()}}}));
  }
  SECTION("to fewer layers") {
    write_text(path, saved({{"linux/amd64", {"app:v1"}, {layer_a()}}}));
  }
  SECTION("to something else") {
    write_text(path, "rubbish");
  }
  auto unpacked = out.of(archive, archive.images()[0]);
  REQUIRE_FALSE(unpacked.ok());
  CHECK(unpacked.error().kind == ErrorKind::verify);
  CHECK(temp_files(out.scratch / "layout") == 0);
}

TEST_CASE("docker archive, stopped, says so and leaves nothing") {
  const std::string bytes = saved({{"linux/amd64", {"app:v1"}, {large_text()}}});
  CancelToken cancel;
  const auto archive = must(read_archive(bytes));
  cancel.cancel();
  auto read = DockerArchive::read(memory_source(bytes), "test.tar", cancel);
  REQUIRE_FALSE(read.ok());
  CHECK(read.error().kind == ErrorKind::cancelled);
  Unpacked out;
  auto unpacked = archive.unpack(archive.images()[0], *out.store, cancel);
  REQUIRE_FALSE(unpacked.ok());
  CHECK(unpacked.error().kind == ErrorKind::cancelled);
  CHECK(out.blobs() == 0);
}

TEST_CASE("docker archive, as a store, gives its images by name and by digest, and takes nothing") {
  Scratch scratch;
  write_text(scratch / "a.tar",
             saved({{"linux/amd64", {"localhost:5000/app:v1"}, {layer_a()}}, {"linux/arm64", {"app"}, {layer_b()}}}));
  const auto store = must(open_docker_archive(scratch / "a.tar"));
  CHECK(must(store->tags()) == std::vector<std::string>{"app", "localhost:5000/app:v1"});
  const auto first = must(store->resolve("localhost:5000/app:v1"));
  REQUIRE(first);
  CHECK(first->annotations.at(std::string(ref_name_key)) == "v1");
  CHECK(must(store->resolve("docker.io/library/app:latest"))->annotations.at(std::string(ref_name_key)) == "latest");
  check_valid(*store, *first, 1);
  CHECK(store->resolve("other").error().kind == ErrorKind::not_found);
  CHECK(store->resolve("").error().kind == ErrorKind::usage);

  const auto other = must(open_docker_archive(scratch / "a.tar"));
  CHECK(must(other->manifest(first->digest)).descriptor.digest == first->digest);
  CHECK_FALSE(must(other->has_manifest(Digest::of("something else"))));
  CHECK(other->check_writable().error().kind == ErrorKind::usage);
  CHECK(other->put_tag("v1", *first, "").error().kind == ErrorKind::usage);
}
