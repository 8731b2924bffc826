#include "shipset/oci/validate.hpp"

#include "store_fixture.hpp"

using namespace shipset;
using namespace shipset::oci;
using namespace shipset::oci::test;

namespace {

ValidationReport check(Store& store, const Descriptor& root) {
  return must(validate(store, root, {}, {}));
}

/// The only finding, as "place: message".
std::string finding(Store& store, const Descriptor& root) {
  const auto report = check(store, root);
  std::string all;
  for (const auto& found : report.findings) all += found.place + ": " + found.message + "\n";
  INFO(all);
  REQUIRE(report.findings.size() == 1);
  return report.findings[0].place + ": " + report.findings[0].message;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// An image from a config text and layers, unchecked.
Descriptor raw_image(Store& store, const ImageConfig& config, const std::vector<Descriptor>& layers) {
  Manifest manifest;
  manifest.config = put(store, media_type::config, config.to_bytes());
  manifest.layers = layers;
  const auto bytes = manifest.to_bytes();
  auto out = describe(media_type::manifest, bytes);
  must(store.put_manifest(out, bytes));
  return out;
}

ImageConfig linux_config() {
  ImageConfig config;
  config.platform = Platform{"linux", "amd64", {}, {}, {}};
  return config;
}

}  // namespace

TEST_CASE("validate, a good release with both forms of attestation, finds nothing and counts all") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto amd64 = put_image(*store, "linux/amd64", "x").manifest;
  const auto arm = put_image(*store, "linux/arm/v7", "y").manifest;
  const auto first = put_attestation(*store, amd64, statement_about(amd64.digest));
  const auto second = put_attestation(*store, arm, statement_about(arm.digest), true);
  auto aliased = arm;
  aliased.platform->variant.clear();
  const auto root = put_index(*store, {amd64, aliased, first, second});
  const auto report = check(*store, root);
  for (const auto& found : report.findings) UNSCOPED_INFO(found.place + ": " + found.message);
  CHECK(report.findings.empty());
  CHECK(report.indexes == 1);
  CHECK(report.manifests == 2);
  CHECK(report.attestations == 2);
  CHECK(report.configs == 3);
  CHECK(report.layers == 2);
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(scratch / "l" / "blobs" / "sha256")) bytes += entry.file_size();
  CHECK(report.bytes == bytes);
}

TEST_CASE("validate, every compression, recomputes the diff id") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto tar = one_file_tar("f", std::string(3u << 20, 'z'));
  auto config = linux_config();
  config.diff_ids.assign(3, Digest::of(tar));
  const auto root = raw_image(
      *store, config,
      {put(*store, media_type::layer_tar, tar), put(*store, media_type::layer_gzip, compressed(Compression::gzip, tar)),
       put(*store, media_type::layer_zstd, compressed(Compression::zstd, tar))});
  CHECK(check(*store, root).findings.empty());
}

TEST_CASE("validate, tampered layer, is found at its place") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto image = put_image(*store, "linux/arm64", "x");
  const auto root = put_index(*store, {image.manifest});
  const auto file = blob_file(scratch / "l", image.layer.digest);
  auto bytes = read_text(file);
  bytes[bytes.size() - 1] ^= 1;
  write_text(file, bytes);
  const auto found = finding(*store, root);
  CHECK(contains(found, "index > linux/arm64 > layer 1: "));
  CHECK(contains(found, "digest"));
  fs::remove(file);
  CHECK(contains(finding(*store, root), "not there"));
  write_text(file, bytes + "x");
  CHECK(contains(finding(*store, root), "bytes"));
}

TEST_CASE("validate, tampered or missing manifest config and index, are found") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto image = put_image(*store, "linux/arm64", "x");
  const auto root = put_index(*store, {image.manifest});
  const auto damage = [&](const Digest& digest) {
    const auto file = blob_file(scratch / "l", digest);
    const auto good = read_text(file);
    auto bad = good;
    bad[bad.size() / 2] ^= 4;
    write_text(file, bad);
    const auto found = finding(*store, root);
    fs::remove(file);
    CHECK(contains(finding(*store, root), "not there"));
    write_text(file, good);
    return found;
  };
  CHECK(contains(damage(image.config.digest), "index > linux/arm64 > config: "));
  CHECK(contains(damage(image.manifest.digest), "index > linux/arm64: "));
  CHECK(contains(damage(root.digest), "index: "));
  auto wrong_size = root;
  ++wrong_size.size;
  CHECK(contains(finding(*store, wrong_size), "its descriptor says"));
  auto wrong_type = root;
  wrong_type.media_type = media_type::docker_list;
  CHECK(contains(finding(*store, wrong_type), "of type"));
  auto no_type = root;
  no_type.media_type = "text/html";
  CHECK(contains(finding(*store, no_type), "neither"));
}

TEST_CASE("validate, platform diff id and their number, are compared") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  auto image = put_image(*store, "linux/amd64", "x");
  image.manifest.platform = Platform{"linux", "arm64", {}, {}, {}};
  CHECK(contains(finding(*store, put_index(*store, {image.manifest})),
                 "index > linux/arm64 > config: its platform is linux/amd64"));

  auto config = linux_config();
  config.diff_ids = {Digest::of("another tar")};
  CHECK(contains(finding(*store, raw_image(*store, config, {image.layer})), "manifest > layer 1: its diff id is"));
  config.diff_ids = {};
  CHECK(contains(finding(*store, raw_image(*store, config, {image.layer})), "0 diff ids for 1 layers"));
}

TEST_CASE("validate, layer whose media type lies or that has a tail, is found") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto tar = one_file_tar("f", "content");
  auto config = linux_config();
  config.diff_ids = {Digest::of(tar)};
  const auto zstd = put(*store, media_type::layer_gzip, compressed(Compression::zstd, tar));
  CHECK(contains(finding(*store, raw_image(*store, config, {zstd})), "media type says gzip, its bytes say zstd"));
  const auto broken = put(*store, media_type::layer_gzip, compressed(Compression::gzip, tar).substr(0, 40));
  CHECK(contains(finding(*store, raw_image(*store, config, {broken})), "manifest > layer 1: "));
  const auto tail = put(*store, media_type::layer_gzip, compressed(Compression::gzip, tar) + "tail");
  CHECK(contains(finding(*store, raw_image(*store, config, {tail})), "manifest > layer 1: "));
}

TEST_CASE("validate, attestation about something else, is found") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto image = put_image(*store, "linux/amd64", "x").manifest;
  const auto other = put_image(*store, "linux/arm64", "y").manifest;

  const auto wrong_statement = put_attestation(*store, image, statement_about(other.digest));
  CHECK(contains(finding(*store, put_index(*store, {image, wrong_statement})),
                 "index > attestation of linux/amd64 > layer 1: its subject is"));

  auto moved = put_attestation(*store, other, statement_about(image.digest));
  moved.annotations[std::string(reference_digest_key)] = image.digest.str();
  CHECK(contains(finding(*store, put_index(*store, {image, moved})), "attestation of linux/amd64: its subject is"));

  const auto absent = put_attestation(*store, other, statement_about(other.digest));
  CHECK(contains(finding(*store, put_index(*store, {image, absent})), "which is no image of this index"));

  const auto promised = put_attestation(*store, image, statement_about(image.digest), false, "https://example.com/q");
  CHECK(contains(finding(*store, put_index(*store, {image, promised})), "its predicate type is https://example.com/p"));

  for (const std::string& text : {std::string("not json"), std::string("[]"),
                                  R"({"_type":"https://in-toto.io/Statement/v1","_type":"x"})" + std::string(),
                                  std::string("{\"a\":") + std::string(1000, '[')}) {
    const auto broken = put_attestation(*store, image, text);
    CHECK(contains(finding(*store, put_index(*store, {image, broken})), "attestation of linux/amd64 > layer 1: "));
  }
}

TEST_CASE("validate, a large statement, is read without holding it") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto image = put_image(*store, "linux/amd64", "x").manifest;
  auto statement = statement_about(image.digest);
  std::string padding = "\"padding\":[0";
  for (int i = 0; i < 1'000'000; ++i) padding += ",\"x\"";
  statement.insert(1, padding + "],");
  const auto attestation = put_attestation(*store, image, statement);
  CHECK(check(*store, put_index(*store, {image, attestation})).findings.empty());
}

TEST_CASE("validate, shared layer that is damaged, is named at each image") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto image = put_image(*store, "linux/amd64", "x");
  auto config = linux_config();
  config.author = "another config";
  config.diff_ids = {Digest::of(one_file_tar("file", "x"))};
  const auto second = raw_image(*store, config, {image.layer});
  const auto root = put_index(*store, {image.manifest, second});
  REQUIRE(check(*store, root).findings.empty());
  write_text(blob_file(scratch / "l", image.layer.digest), "x");
  CHECK(check(*store, root).findings.size() == 2);
}

TEST_CASE("validate, index nested too deep, is found and ends") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  auto root = put_image(*store, "linux/amd64", "x").manifest;
  for (int i = 0; i < 40; ++i) root = put_index(*store, {root});
  CHECK(contains(finding(*store, root), "nested deeper"));
}

TEST_CASE("validate, an artifact with a config of its own, is only hashed") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  Manifest manifest;
  manifest.config = put(*store, "application/vnd.example.config+json", "not an image config");
  manifest.layers = {put(*store, "application/vnd.example", "not a tar")};
  const auto bytes = manifest.to_bytes();
  const auto root = describe(media_type::manifest, bytes);
  must(store->put_manifest(root, bytes));
  CHECK(check(*store, root).findings.empty());
}

TEST_CASE("validate, stopped, is an error") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto image = put_image(*store, "linux/amd64", "x");
  const CancelToken cancel;
  cancel.cancel();
  auto report = validate(*store, image.manifest, {}, cancel);
  REQUIRE_FALSE(report.ok());
  CHECK(report.error().kind == ErrorKind::cancelled);
}
