#include "store_fixture.hpp"

using namespace shipset;
using namespace shipset::oci;
using namespace shipset::oci::test;

TEST_CASE("garbage, what no entry reaches, goes; indexes, attestations and referrers of what stays, stay") {
  const Scratch scratch;
  const auto path = scratch / "l";
  auto store = new_layout(path);
  const auto kept = put_image(*store, "linux/amd64", "kept");
  const auto attestation = put_attestation(*store, kept.manifest, statement_about(kept.manifest.digest));
  const auto index = put_index(*store, {kept.manifest, attestation});
  must(store->put_tag("t", index, {}));
  const auto referrer = put_attestation(*store, index, R"({"other":"statement"})");
  const auto lost = put_image(*store, "linux/amd64", "lost");
  const auto loose = put(*store, "a/b", "loose");
  write_text(path / "blobs" / "sha256" / "notes.txt", "not a blob");
  write_text(path / ".shipset-tmp-dead", "left over");

  const auto dry = must(store->collect_garbage(true));
  CHECK(dry.removed_blobs == 4);
  CHECK(must(store->has_blob(loose)));
  const auto report = must(store->collect_garbage(false));
  CHECK(report.removed_blobs == 4);
  CHECK(report.removed_bytes == dry.removed_bytes);
  CHECK(report.kept_blobs == 9);
  CHECK_FALSE(must(store->has_blob(loose)));
  CHECK_FALSE(must(store->has_manifest(lost.manifest.digest)));
  for (const auto& object : {kept.manifest, kept.config, kept.layer, attestation, index, referrer})
    CHECK(must(store->has_blob(object)));
  CHECK(fs::exists(path / "blobs" / "sha256" / "notes.txt"));
  CHECK_FALSE(fs::exists(path / ".shipset-tmp-dead"));
  CHECK(must(store->collect_garbage(false)).removed_blobs == 0);
}

TEST_CASE("garbage, with a reachable manifest that cannot be read, removes nothing") {
  const Scratch scratch;
  const auto path = scratch / "l";
  auto store = new_layout(path);
  const auto image = put_image(*store, "linux/amd64", "x");
  must(store->put_tag("t", image.manifest, {}));
  const auto loose = put(*store, "a/b", "loose");
  write_text(blob_file(path, image.manifest.digest), "{}");
  auto report = store->collect_garbage(false);
  REQUIRE_FALSE(report.ok());
  CHECK(report.error().kind == ErrorKind::verify);
  CHECK(must(store->has_blob(loose)));
}

TEST_CASE("garbage, a sparse layout, keeps what is there") {
  const Scratch scratch;
  const auto path = scratch / "l";
  auto store = new_layout(path);
  const auto a = put_image(*store, "linux/amd64", "a");
  const auto b = put_image(*store, "linux/arm64", "b");
  must(store->put_tag("t", put_index(*store, {a.manifest, b.manifest}), {}));
  fs::remove(blob_file(path, b.manifest.digest));
  const auto report = must(store->collect_garbage(false));
  CHECK(report.removed_blobs == 2);
  CHECK(must(store->has_blob(a.layer)));
}

TEST_CASE("referrers, attestations of an index and loose manifests with a subject, are listed by type") {
  const Scratch scratch;
  auto store = new_layout(scratch / "l");
  const auto image = put_image(*store, "linux/amd64", "x");
  CHECK(must(store->referrers(image.manifest.digest, "")).empty());
  const auto attestation = put_attestation(*store, image.manifest, statement_about(image.manifest.digest));
  const auto legacy = put_attestation(*store, image.manifest, "{\"legacy\":1}", true);
  must(store->put_tag("t", put_index(*store, {image.manifest, attestation, legacy}), {}));
  auto found = must(store->referrers(image.manifest.digest, ""));
  REQUIRE(found.size() == 1);
  CHECK(found[0].digest == attestation.digest);
  CHECK(found[0].artifact_type == "application/vnd.docker.attestation.manifest.v1+json");
  CHECK(must(store->referrers(image.manifest.digest, found[0].artifact_type)).size() == 1);
  CHECK(must(store->referrers(image.manifest.digest, "other/type")).empty());
  // A damaged one refers to nothing; the others are still found.
  const auto second = put_attestation(*store, image.manifest, "{\"second\":1}");
  CHECK(must(store->referrers(image.manifest.digest, "")).size() == 2);
  auto fresh = must(LayoutStore::open(scratch / "l", LayoutOptions()));
  write_text(blob_file(scratch / "l", second.digest), "{\"schemaVersion\":2,\"subject\":{}}");
  CHECK(must(fresh->referrers(image.manifest.digest, "")).size() == 1);
}
