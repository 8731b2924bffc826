// Deliveries: tags, and several destinations at once.
#include "shipset/oci/transfer.hpp"
#include "store_fixture.hpp"

using namespace shipset;
using namespace shipset::oci;
using namespace shipset::oci::test;

namespace {

struct Two {
  Image first, second;
  Descriptor one, other;
  explicit Two(Store& store)
      : first(put_image(store, "linux/amd64", std::string(4000, 'x'))),
        second(put_image(store, "linux/arm64", "y")),
        one(put_index(store, {first.manifest, second.manifest})),
        other(put_index(store, {second.manifest})) {}
  Delivery to(Store& store) const {
    return {&store, {one, other}, {{"v1", one.digest}, {"latest", one.digest}, {"v1-arm", other.digest}}};
  }
};

std::optional<Digest> tag_of(Store& store, std::string_view tag) {
  const auto found = must(store.resolve(tag));
  return found ? std::optional(found->digest) : std::nullopt;
}

}  // namespace

TEST_CASE("delivery, empty repository, one question and one listing, roots stored with their tags") {
  const Scratch scratch;
  auto source = new_layout(scratch / "l");
  const Two two(*source);
  MemoryStore destination;
  const auto report = must(transfer(*source, {two.to(destination)}, {})).front();
  CHECK(destination.tag_questions == 1);
  CHECK(destination.glances == 1);
  CHECK(destination.manifest_questions == 0);
  CHECK(destination.tag_writes == 3);
  CHECK(report.manifests_pushed == 4);
  CHECK(report.tags_set == std::vector<std::string>{"v1", "latest", "v1-arm"});
  CHECK(tag_of(destination, "latest") == two.one.digest);
  CHECK(tag_of(destination, "v1-arm") == two.other.digest);
  CHECK(must(graph_complete(destination, two.one)));
}

TEST_CASE("delivery, everything there, asks each tag once and nothing else") {
  const Scratch scratch;
  auto source = new_layout(scratch / "l");
  const Two two(*source);
  MemoryStore destination;
  must(transfer(*source, {two.to(destination)}, {}));
  destination.tag_questions = destination.glances = destination.tag_writes = destination.manifest_questions = 0;
  TransferOptions options;
  options.referrers = true;
  const auto report = must(transfer(*source, {two.to(destination)}, options)).front();
  CHECK(destination.tag_questions == 3);
  CHECK(destination.glances == 0);
  CHECK(destination.tag_writes == 0);
  CHECK(destination.manifest_questions == 0);
  CHECK(destination.blob_questions == 0);
  CHECK(report.tags_kept.size() == 3);
  CHECK(report.bytes_moved == 0);
}

TEST_CASE("delivery, a tag that points elsewhere, moves and the others stay") {
  const Scratch scratch;
  auto source = new_layout(scratch / "l");
  const Two two(*source);
  MemoryStore destination;
  must(transfer(*source, {two.to(destination)}, {}));
  must(destination.put_tag("latest", two.other, must(source->manifest(two.other.digest)).bytes));
  destination.tag_writes = 0;
  const auto report = must(transfer(*source, {two.to(destination)}, {})).front();
  CHECK(report.tags_set == std::vector<std::string>{"latest"});
  CHECK(destination.tag_writes == 1);
  CHECK(tag_of(destination, "latest") == two.one.digest);
}

TEST_CASE("delivery, failure, sets no tag") {
  const Scratch scratch;
  auto source = new_layout(scratch / "l");
  const Two two(*source);
  MemoryStore destination;
  destination.fail_blob = two.first.layer.digest;
  CHECK_FALSE(transfer(*source, {two.to(destination)}, {}).ok());
  CHECK(destination.tag_writes == 0);
  CHECK_FALSE(tag_of(destination, "v1"));
}

TEST_CASE("delivery, several destinations, read each blob once") {
  const Scratch scratch;
  MemoryStore source("source");
  const Two two(source);
  MemoryStore first("first"), second("second");
  auto third = new_layout(scratch / "third");
  const auto reports = must(transfer(source, {two.to(first), two.to(second), two.to(*third)}, {}));
  REQUIRE(reports.size() == 3);
  for (const auto& report : reports) CHECK(report.blobs_moved == 4);
  CHECK(source.reads == 4);
  for (Store* store : std::initializer_list<Store*>{&first, &second, third.get()}) {
    CHECK(must(graph_complete(*store, two.one)));
    CHECK(tag_of(*store, "latest") == two.one.digest);
  }
}

TEST_CASE("delivery, several repositories of one registry, send each blob once and mount it elsewhere") {
  MemoryStore source("source");
  const Two two(source);
  MemoryStore first("host/a"), second("host/b"), third("host/c");
  first.pool_name = second.pool_name = third.pool_name = "host";
  const auto reports = must(transfer(source, {two.to(first), two.to(second), two.to(third)}, {}));
  std::uint64_t moved = 0, mounted = 0;
  for (const auto& report : reports) moved += report.blobs_moved, mounted += report.blobs_mounted;
  CHECK(moved == 4);
  CHECK(mounted == 8);
  CHECK(source.reads == 4);
  CHECK(must(graph_complete(third, two.one)));
}

TEST_CASE("delivery, one of several destinations fails, stops all and sets no tag anywhere") {
  MemoryStore source("source");
  const Two two(source);
  MemoryStore good("good"), bad("bad");
  bad.fail_blob = two.second.layer.digest;
  const auto failed = transfer(source, {two.to(good), two.to(bad)}, {});
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().context.at("side") == "destination");
  CHECK(failed.error().context.at("store") == "bad");
  CHECK(good.tag_writes + bad.tag_writes == 0);
}
