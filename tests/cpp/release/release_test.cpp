#include "shipset/release/release.hpp"

#include <thread>

#include "release_fixture.hpp"

using namespace shipset;
using namespace shipset::release;

TEST_CASE("release, two variants into a new layout, is complete and verifies") {
  const Workspace space;
  const auto outcome = space.release();
  INFO((outcome.error ? render(*outcome.error) : std::string()));
  REQUIRE_FALSE(outcome.error);
  CHECK(outcome.report.outcome == "released");
  CHECK(outcome.report.tags_moved() == 4);
  const auto tags = space.tags();
  REQUIRE(tags.size() == 4);
  CHECK(tags.at("latest") == tags.at("v1.0.0"));
  CHECK(tags.at("latest-cuda") == tags.at("v1.0.0-cuda"));
  CHECK(tags.at("latest") != tags.at("latest-cuda"));
  for (const auto& [tag, unused] : tags) {
    const auto proven = verify(at(space.layout() + ":" + tag), {});
    REQUIRE(proven.ok());
    CHECK(proven->ok());
    CHECK(proven->images == 2);
    CHECK(proven->sboms == 2);
    CHECK(proven->provenances == 2);
    CHECK_FALSE(proven->build_key.empty());
  }
  CHECK(space.clean());
}

TEST_CASE("release, the same again, builds nothing and writes nothing") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  const auto index = read_file(space.path("dist/index.json"), 1 << 20).value();
  const auto written = fs::last_write_time(space.path("dist/index.json"));
  const auto again = space.release();
  REQUIRE_FALSE(again.error);
  CHECK(again.report.outcome == "nothing to do");
  CHECK(again.report.bytes_moved() == 0);
  CHECK(again.report.tags_moved() == 0);
  CHECK(read_file(space.path("dist/index.json"), 1 << 20).value() == index);
  CHECK(fs::last_write_time(space.path("dist/index.json")) == written);
}

TEST_CASE("release, the same into two layouts, gives equal digests") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  Options options;
  options.destination = space.layout("other");
  options.parallel = 1;
  REQUIRE_FALSE(space.release({}, options).error);
  CHECK(space.tags() == space.tags("other"));
}

TEST_CASE("release, a gate before the build says no, builds nothing") {
  const Workspace space(
      std::string(two_variants) +
      "[[gate]]\nname = \"tests\"\nat = \"before-build\"\nrun = [\"sh\", \"-c\", \"echo broken; exit 7\"]\n");
  const auto outcome = space.release();
  REQUIRE(outcome.error);
  CHECK(outcome.error->kind == ErrorKind::gate);
  CHECK(outcome.error->why.find("exit code 7") != std::string::npos);
  CHECK(outcome.error->why.find("broken") != std::string::npos);
  CHECK(outcome.report.gates.at(0).status == Status::failed);
  CHECK(outcome.report.variants.at(0).status == Status::not_started);
  CHECK_FALSE(fs::exists(space.path("dist")));
  CHECK(fs::exists(space.path(outcome.report.gates.at(0).log)));
}

TEST_CASE("release, a gate on the staged bytes, sees them and can stop every tag") {
  const std::string gate =
      "[[gate]]\nname = \"look\"\nat = \"staged\"\nrun = [\"sh\", \"-c\", \"echo $SHIPSET_IMAGE_CUDA_LINUX_ARM64 > "
      "seen; exit ";
  const Workspace space(two_variants + gate + "1\"]\n");
  const auto outcome = space.release();
  REQUIRE(outcome.error);
  CHECK(outcome.error->kind == ErrorKind::gate);
  CHECK(space.tags().empty());
  const auto seen = read_file(space.path("seen"), 1000).value();
  CHECK(seen.starts_with("oci:/"));
  const auto proven = verify(at(seen.substr(0, seen.size() - 1)), {});
  REQUIRE(proven.ok());
  CHECK(proven->ok());
  space.write("shipset.toml", two_variants + gate + "0\"]\n");
  CHECK_FALSE(space.release().error);
  CHECK(space.tags().size() == 4);
}

TEST_CASE("release, a required variant cannot be built, moves no tag and tells what is done") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  const auto before = space.tags();
  // Other content than that of the release, so that nothing but the base can bring its layers.
  const Workspace base;
  base.write("files/common/etc/os-release", "ID=base\n");
  base.write("files/cpu/run", "base\n");
  REQUIRE_FALSE(base.release().error);
  // The base of one variant loses a layer after the plan was made.
  space.write("shipset.toml",
              std::string(two_variants) + "[variant.native]\nbase = \"" + base.layout() + ":v1.0.0\"\n");
  auto plan = space.plan({{"version", "v1.1.0"}});
  INFO((plan.ok() ? std::string() : render(plan.error())));
  REQUIRE(plan.ok());
  for (const auto& blob : fs::directory_iterator(base.path("dist/blobs/sha256"))) {
    const auto bytes = read_file(blob.path(), 1 << 20).value();
    if (bytes.starts_with("\x1f\x8b")) fs::resize_file(blob.path(), bytes.size() - 1);
  }
  const auto outcome = execute(*plan, Goal::release);
  REQUIRE(outcome.error);
  CHECK(exit_code(outcome.error->kind) == 3);
  CHECK(outcome.error->why.find("cuda") != std::string::npos);
  CHECK(outcome.report.variants.at(0).status == Status::done);
  CHECK(outcome.report.variants.at(1).status == Status::failed);
  CHECK(outcome.report.tags.at(0).status == Status::not_started);
  CHECK(space.tags() == before);
  CHECK(fs::exists(space.path(".shipset/" + plan->id + "/work/index.json")));
}

TEST_CASE("release, an optional variant cannot be built, releases the others and leaves its tags") {
  const Workspace space(std::string(two_variants) +
                        "required = false\n[variant.native]\nlayers = [{ from = \"missing\" }]\n");
  const auto outcome = space.release();
  INFO((outcome.error ? render(*outcome.error) : std::string()));
  REQUIRE_FALSE(outcome.error);
  CHECK(outcome.report.variants.at(1).status == Status::failed);
  CHECK_FALSE(outcome.report.warnings.empty());
  const auto tags = space.tags();
  CHECK(tags.contains("v1.0.0"));
  CHECK_FALSE(tags.contains("v1.0.0-cuda"));
}

TEST_CASE("release, stopped before it begins or in the middle, leaves nothing behind") {
  const Workspace space;
  auto plan = space.plan();
  REQUIRE(plan.ok());
  CancelToken stop;
  const auto outcome = execute(
      *plan, Goal::release,
      [&](const Event& event) {
        if (event.kind == EventKind::task_started) stop.cancel();
      },
      stop);
  REQUIRE(outcome.error);
  CHECK(outcome.error->kind == ErrorKind::cancelled);
  CHECK(outcome.report.outcome == "cancelled");
  CHECK_FALSE(fs::exists(space.path("dist")));
  CHECK(space.clean());
}

TEST_CASE("release, stopped during promotion, puts back every tag") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  const auto before = space.tags();
  space.write("files/cpu/run", "#!/bin/sh\necho new\n");
  auto plan = space.plan({{"version", "v1.1.0"}});
  REQUIRE(plan.ok());
  CancelToken stop;
  int moved = 0;
  const auto outcome = execute(
      *plan, Goal::release,
      [&](const Event& event) {
        if (event.kind == EventKind::tag_moved && ++moved == 3) stop.cancel();
      },
      stop);
  REQUIRE(outcome.error);
  CHECK(outcome.error->kind == ErrorKind::cancelled);
  CHECK(moved == 3);
  CHECK(space.tags() == before);
  CHECK(outcome.report.tags.at(0).status == Status::undone);
}

TEST_CASE("release, a tag moved by someone else after the plan, stops before any tag moves") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  auto plan = space.plan({{"version", "v1.1.0"}});
  REQUIRE(plan.ok());
  {
    const auto store = open_layout(space, "dist", true);
    const auto other = store->resolve("v1.0.0-cuda").value().value();
    REQUIRE(store->put_tag("latest", other, store->manifest(other.digest)->bytes).ok());
  }
  const auto before = space.tags();
  const auto outcome = execute(*plan, Goal::release);
  REQUIRE(outcome.error);
  CHECK(outcome.error->kind == ErrorKind::tag_moved);
  CHECK(outcome.error->context.at("expected") != outcome.error->context.at("found"));
  CHECK(space.tags() == before);
}

TEST_CASE("build, without promotion, stages everything and moves no tag") {
  const Workspace space;
  auto plan = space.plan();
  REQUIRE(plan.ok());
  const auto outcome = execute(*plan, Goal::stage);
  REQUIRE_FALSE(outcome.error);
  CHECK(outcome.report.outcome == "staged");
  const auto tags = space.tags();
  CHECK(tags.size() == 4);  // of the staging, for promote to find
  for (const auto& [tag, digest] : tags) CHECK(tag.starts_with("_shipset." + plan->id + ".leg."));
  for (const auto& variant : outcome.report.variants) {
    REQUIRE(variant.index);
    const auto proven = verify(at(space.layout() + "@" + variant.index->digest.str()), {});
    REQUIRE(proven.ok());
    CHECK(proven->ok());
  }
}

TEST_CASE("release, attestations as referrers and files, writes them beside the index") {
  const Workspace space(std::string(two_variants) + "[attestations]\nstore = [\"referrer\", \"file\"]\n");
  const auto outcome = space.release();
  INFO((outcome.error ? render(*outcome.error) : std::string()));
  REQUIRE_FALSE(outcome.error);
  auto store = oci::LayoutStore::open(space.path("dist"), {});
  REQUIRE(store.ok());
  const auto& image = outcome.report.variants.at(0).images.at(0);
  CHECK((*store)->referrers(image.manifest->digest, {})->size() == 2);
  const auto index = (*store)->manifest((*store)->resolve("v1.0.0").value()->digest);
  CHECK(oci::Index::parse(index->bytes, "index")->manifests.size() == 2);
  std::size_t files = 0;
  for (const auto& file : fs::recursive_directory_iterator(space.path(".shipset")))
    if (file.path().parent_path().filename() == "attestations") files += file.path().extension() == ".json" ? 1 : 0;
  CHECK(files == 8);
}
