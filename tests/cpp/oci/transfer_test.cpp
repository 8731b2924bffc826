#include "shipset/oci/transfer.hpp"

#include <algorithm>

#include "store_fixture.hpp"

using namespace shipset;
using namespace shipset::oci;
using namespace shipset::oci::test;

namespace {

struct Release {
  Image amd64, arm64;
  Descriptor attestation, index, second;
};

/// Two indexes that share one image; an attestation in the first.
Release put_release(Store& store) {
  Release out;
  out.amd64 = put_image(store, "linux/amd64", "amd64");
  out.arm64 = put_image(store, "linux/arm64", std::string(5000, 'a'));
  out.attestation = put_attestation(store, out.amd64.manifest, statement_about(out.amd64.manifest.digest));
  out.index = put_index(store, {out.amd64.manifest, out.arm64.manifest, out.attestation});
  out.second = put_index(store, {out.arm64.manifest});
  return out;
}

std::size_t position(const MemoryStore& store, const Digest& digest) {
  const auto it = std::find(store.order.begin(), store.order.end(), digest);
  REQUIRE(it != store.order.end());
  return static_cast<std::size_t>(it - store.order.begin());
}

}  // namespace

TEST_CASE("transfer, layout to a registry, children before parents and each blob once") {
  const Scratch scratch;
  auto source = new_layout(scratch / "l");
  const auto release = put_release(*source);
  MemoryStore destination;
  std::mutex mutex;
  std::map<EventKind, int> events;
  TransferOptions options;
  options.events = [&](const Event& event) {
    const std::lock_guard lock(mutex);
    ++events[event.kind];
  };
  const auto report = must(transfer(*source, destination, {release.index, release.second}, options));
  CHECK(report.blobs_moved == 6);
  CHECK(report.manifests_pushed == 5);
  CHECK(report.blobs_present == 0);
  CHECK(events[EventKind::blob_finished] == 6);
  CHECK(events[EventKind::manifest_pushed] == 5);
  CHECK(destination.order.size() == 11);
  CHECK(position(destination, release.amd64.manifest.digest) < position(destination, release.attestation.digest));
  CHECK(position(destination, release.attestation.digest) < position(destination, release.index.digest));
  CHECK(must(graph_complete(destination, release.index)));
  std::uint64_t bytes = 0;
  for (const auto& [digest, text] : destination.blobs) bytes += text.size();
  for (const auto& [digest, value] : destination.manifests) bytes += value.second.size();
  CHECK(report.bytes_moved == bytes);

  destination.blob_questions = 0;
  const auto again = must(transfer(*source, destination, {release.index, release.second}, options));
  CHECK(again.bytes_moved == 0);
  CHECK(again.manifests_present == 2);
  CHECK(again.manifests_pushed == 0);
  CHECK(destination.blob_questions == 0);
  CHECK(destination.order.size() == 11);
}

TEST_CASE("transfer, largest blob, goes first") {
  const Scratch scratch;
  auto source = new_layout(scratch / "l");
  Manifest manifest;
  manifest.config = put(*source, media_type::config, "{}");
  for (const std::size_t size : {10, 4000, 300, 90000, 2})
    manifest.layers.push_back(put(*source, "a/b", std::string(size, static_cast<char>('a' + size % 7))));
  const auto bytes = manifest.to_bytes();
  const auto root = describe(media_type::manifest, bytes);
  must(source->put_manifest(root, bytes));
  MemoryStore destination;
  TransferOptions options;
  options.parallel = 1;
  must(transfer(*source, destination, {root}, options));
  CHECK(destination.order.front() == manifest.layers[3].digest);
  CHECK(destination.order.at(1) == manifest.layers[1].digest);
}

TEST_CASE("transfer, layout to layout, links and leaves a complete graph") {
  const Scratch scratch;
  auto source = new_layout(scratch / "a");
  auto destination = new_layout(scratch / "b");
  const auto release = put_release(*source);
  const auto report = must(transfer(*source, *destination, {release.index}, {}));
  CHECK(report.blobs_moved == 6);
  CHECK(report.bytes_moved > 5000 / 100);
  CHECK(must(graph_complete(*destination, release.index)));
  const auto again = must(transfer(*source, *destination, {release.index}, {}));
  CHECK(again.bytes_moved == 0);
  CHECK(again.manifests_present == 1);
}

TEST_CASE("transfer, a layout that lost a blob below a manifest it has, is repaired") {
  const Scratch scratch;
  auto source = new_layout(scratch / "a");
  auto destination = new_layout(scratch / "b");
  const auto release = put_release(*source);
  must(transfer(*source, *destination, {release.index}, {}));
  fs::remove(blob_file(scratch / "b", release.amd64.layer.digest));
  CHECK_FALSE(must(graph_complete(*destination, release.index)));
  const auto report = must(transfer(*source, *destination, {release.index}, {}));
  CHECK(report.blobs_moved == 1);
  CHECK(must(graph_complete(*destination, release.index)));
}

TEST_CASE("transfer, a registry that lost a blob, is repaired only when it is not trusted") {
  const Scratch scratch;
  auto source = new_layout(scratch / "a");
  const auto release = put_release(*source);
  MemoryStore destination;
  must(transfer(*source, destination, {release.index}, {}));
  destination.blobs.erase(release.amd64.layer.digest);
  TransferOptions options;
  CHECK(must(transfer(*source, destination, {release.index}, options)).blobs_moved == 0);
  CHECK_FALSE(must(graph_complete(destination, release.index)));
  options.trust_present = false;
  CHECK(must(transfer(*source, destination, {release.index}, options)).blobs_moved == 1);
  CHECK(must(graph_complete(destination, release.index)));
}

TEST_CASE("transfer, blobs in another repository of the registry, are mounted") {
  const Scratch scratch;
  auto source = new_layout(scratch / "a");
  const auto release = put_release(*source);
  MemoryStore other("other"), destination;
  must(transfer(*source, other, {release.second}, {}));
  TransferOptions options;
  options.mount_from = {&other};
  const auto report = must(transfer(*source, destination, {release.index}, options));
  CHECK(report.blobs_mounted == 2);
  CHECK(report.blobs_moved == 4);
}

TEST_CASE("transfer, referrers wanted, brings what refers to each manifest even where the manifest is present") {
  const Scratch scratch;
  auto source = new_layout(scratch / "a");
  const auto image = put_image(*source, "linux/amd64", "x");
  MemoryStore destination;
  must(transfer(*source, destination, {image.manifest}, {}));
  const auto referrer = put_attestation(*source, image.manifest, "{}");
  const auto second = put_attestation(*source, referrer, "{\"about\":\"the referrer\"}");
  TransferOptions options;
  CHECK(must(transfer(*source, destination, {image.manifest}, options)).manifests_pushed == 0);
  options.referrers = true;
  const auto report = must(transfer(*source, destination, {image.manifest}, options));
  CHECK(report.manifests_pushed == 2);
  CHECK(report.manifests_present == 1);
  CHECK(destination.manifests.count(second.digest) == 1);
}

TEST_CASE("transfer, failure, says which side and pushes no parent") {
  const Scratch scratch;
  auto source = new_layout(scratch / "a");
  const auto release = put_release(*source);
  {
    MemoryStore destination;
    destination.fail_blob = release.amd64.layer.digest;
    auto failed = transfer(*source, destination, {release.index}, {});
    REQUIRE_FALSE(failed.ok());
    CHECK(failed.error().kind == ErrorKind::registry);
    CHECK(failed.error().context.at("side") == "destination");
    CHECK(destination.manifests.empty());
  }
  write_text(blob_file(scratch / "a", release.amd64.layer.digest),
             std::string(static_cast<std::size_t>(release.amd64.layer.size), 'x'));
  {
    MemoryStore destination;
    auto failed = transfer(*source, destination, {release.index}, {});
    REQUIRE_FALSE(failed.ok());
    CHECK(failed.error().kind == ErrorKind::verify);
    CHECK(failed.error().context.at("side") == "source");
    CHECK(destination.manifests.empty());
  }
  fs::remove(blob_file(scratch / "a", release.amd64.layer.digest));
  {
    MemoryStore destination;
    auto failed = transfer(*source, destination, {release.index}, {});
    REQUIRE_FALSE(failed.ok());
    CHECK(failed.error().kind == ErrorKind::not_found);
    CHECK(failed.error().context.at("side") == "source");
  }
}

TEST_CASE("transfer, stopped, is cancelled and pushes nothing more") {
  const Scratch scratch;
  auto source = new_layout(scratch / "a");
  const auto release = put_release(*source);
  MemoryStore destination;
  TransferOptions options;
  options.events = [&](const Event& event) {
    if (event.kind == EventKind::blob_finished) options.cancel.cancel();
  };
  auto stopped = transfer(*source, destination, {release.index}, options);
  REQUIRE_FALSE(stopped.ok());
  CHECK(stopped.error().kind == ErrorKind::cancelled);
  CHECK(destination.manifests.empty());
}

TEST_CASE("transfer, descriptor with another size than the manifest, is refused") {
  const Scratch scratch;
  auto source = new_layout(scratch / "a");
  auto image = put_image(*source, "linux/amd64", "x");
  ++image.manifest.size;
  MemoryStore destination;
  auto failed = transfer(*source, destination, {image.manifest}, {});
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().kind == ErrorKind::verify);
}

TEST_CASE("transfer, layers that live elsewhere, are not asked for") {
  MemoryStore source("source"), destination;
  Manifest manifest;
  manifest.config = put(source, media_type::config, "{}");
  Descriptor foreign = describe("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "never stored");
  foreign.urls = {"https://example.com/layer"};
  manifest.layers = {foreign};
  const auto bytes = manifest.to_bytes();
  const auto root = describe(media_type::manifest, bytes);
  source.manifests.emplace(root.digest, std::pair(root, bytes));
  const Scratch scratch;
  auto layout = new_layout(scratch / "l");
  CHECK(must(transfer(source, *layout, {root}, {})).blobs_moved == 1);
  CHECK(must(graph_complete(*layout, root)));
}
