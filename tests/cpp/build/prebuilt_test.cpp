#include <algorithm>
#include <mutex>

#include "oci/archive_fixture.hpp"
#include "shipset/build/builder.hpp"
#include "shipset/oci/validate.hpp"

using namespace shipset;
using namespace shipset::build;
using namespace shipset::oci::test;

namespace {

/// One store behind every reference that is known.
class Images final : public BaseResolver {
 public:
  explicit Images(oci::Store& store) : store_(store) {}
  Result<PinnedBase> pin(const std::string& reference, const Platform& platform, const std::string&) override {
    const auto it = images.find(reference);
    if (it == images.end()) return Error(ErrorKind::not_found, reference + " does not exist");
    return pin_base(store_, it->second, reference, platform);
  }
  Result<oci::Store*> open(const std::string&, const std::string&) override { return &store_; }
  std::map<std::string, oci::Descriptor> images;

 private:
  oci::Store& store_;
};

struct World {
  Scratch scratch;
  std::unique_ptr<oci::LayoutStore> layout = new_layout(scratch / "images");
  std::unique_ptr<oci::LayoutStore> work = new_layout(scratch / "work");
  Images images{*layout};
  BuildContext context;
  std::unique_ptr<Builder> builder = must(make_builder("prebuilt"));

  World() { context.work = work.get(); }
  Task task(const std::string& prebuilt, const std::string& platform = "linux/amd64") {
    Task out;
    out.variant = "app";
    out.platform = must(Platform::parse(platform));
    out.directory = scratch.path().string();
    out.settings.backend = "prebuilt";
    out.settings.prebuilt = prebuilt;
    return out;
  }
  Error refused(Task task) {
    auto prepared = builder->prepare(task, images, {});
    REQUIRE_FALSE(prepared.ok());
    CHECK(prepared.error().context.at("variant") == "app");
    CHECK(prepared.error().context.at("platform") == task.platform.str());
    return prepared.error();
  }
  std::vector<Outcome> build(const std::vector<Task>& tasks) {
    std::vector<Outcome> out(tasks.size());
    std::vector<int> told(tasks.size(), 0);
    std::mutex mutex;
    builder->build(tasks, images, context, [&](Outcome outcome) {
      const std::lock_guard lock(mutex);
      ++told[outcome.task];
      out[outcome.task] = std::move(outcome);
    });
    CHECK(std::all_of(told.begin(), told.end(), [](int count) { return count == 1; }));
    return out;
  }
  BuiltImage built(const Task& task) { return must(std::move(build({task}).front().result)); }
  std::size_t blobs_in_work() const {
    const auto folder = scratch / "work" / "blobs" / "sha256";
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }
};

/// The same image with Docker's media types.
oci::Descriptor put_docker_image(oci::Store& store, const Image& image) {
  auto manifest = must(oci::Manifest::parse(must(store.manifest(image.manifest.digest)).bytes, "manifest"));
  manifest.media_type = oci::media_type::docker_manifest;
  manifest.config.media_type = oci::media_type::docker_config;
  for (auto& layer : manifest.layers) layer.media_type = oci::media_type::docker_layer;
  const std::string bytes = manifest.to_bytes();
  auto out = oci::describe(oci::media_type::docker_manifest, bytes);
  must(store.put_manifest(out, bytes));
  out.platform = image.manifest.platform;
  return out;
}

}  // namespace

TEST_CASE("prebuilt, index of a store, gives the platform's image where it is, with what is said about it") {
  World world;
  const auto amd = put_image(*world.layout, "linux/amd64", "one");
  const auto arm = put_image(*world.layout, "linux/arm64", "two");
  const auto about_amd = put_attestation(*world.layout, amd.manifest, statement_about(amd.manifest.digest));
  const auto about_arm = put_attestation(*world.layout, arm.manifest, statement_about(arm.manifest.digest));
  const auto index = put_index(*world.layout, {amd.manifest, arm.manifest, about_amd, about_arm});
  world.images.images["ci/app"] = index;

  auto task = world.task("ci/app", "linux/arm64/v8");
  must(world.builder->prepare(task, world.images, {}));
  CHECK(task.source == arm.manifest.digest);
  REQUIRE(task.bases.size() == 1);
  CHECK(task.bases[0] == PinnedBase{"prebuilt", "ci/app", arm.manifest.digest, index.digest});
  CHECK(task.warnings.empty());

  const auto built = world.built(task);
  CHECK(built.store == world.layout.get());
  CHECK(built.manifest.digest == arm.manifest.digest);
  CHECK(built.manifest.media_type == oci::media_type::manifest);
  REQUIRE(built.manifest.platform);
  CHECK(built.manifest.platform->str() == "linux/arm64");
  CHECK(built.bytes == arm.layer.size);
  CHECK(built.attestations == std::vector{about_arm});
  CHECK(world.blobs_in_work() == 0);
}

TEST_CASE("prebuilt, source that moved after the plan, is still the image of the plan") {
  World world;
  const auto old = put_image(*world.layout, "linux/amd64", "old");
  world.images.images["ci/app"] = old.manifest;
  auto task = world.task("ci/app");
  must(world.builder->prepare(task, world.images, {}));
  world.images.images["ci/app"] = put_image(*world.layout, "linux/amd64", "new").manifest;
  CHECK(world.built(task).manifest.digest == old.manifest.digest);

  fs::remove(blob_file(world.scratch / "images", old.manifest.digest));
  const auto gone = world.build({task}).front();
  REQUIRE_FALSE(gone.result.ok());
  CHECK(gone.result.error().kind == ErrorKind::not_found);
  CHECK(gone.result.error().hint.find("the plan names this digest") != std::string::npos);
}

TEST_CASE("prebuilt, Docker's media types, stay as they are") {
  World world;
  const auto manifest = put_docker_image(*world.layout, put_image(*world.layout, "linux/amd64", "one"));
  world.images.images["ci/app"] = manifest;
  auto task = world.task("ci/app");
  must(world.builder->prepare(task, world.images, {}));
  const auto built = world.built(task);
  CHECK(built.manifest.media_type == oci::media_type::docker_manifest);
  CHECK(built.manifest.digest == manifest.digest);
  const auto report = must(oci::validate(*world.layout, put_index(*world.layout, {built.manifest}), {}, {}));
  CHECK(report.findings.empty());
  CHECK(report.layers == 1);
}

TEST_CASE("prebuilt, platform that is not there, is told in the words of the release file") {
  World world;
  const auto amd = put_image(*world.layout, "linux/amd64", "one");
  world.images.images["index"] = put_index(*world.layout, {amd.manifest});
  world.images.images["single"] = amd.manifest;
  write_text(world.scratch / "app.tar", saved({{"linux/amd64", {"app:v1"}, {one_file_tar("a", "b")}}}));
  for (const char* name : {"index", "single", "docker-archive:app.tar", "docker-archive:app.tar:app:v1"}) {
    const auto error = world.refused(world.task(name, "linux/arm64"));
    CHECK(error.kind == ErrorKind::spec);
    CHECK(error.context.at("missing_platform") == "linux/arm64");
    CHECK(error.what == "the prebuilt image " + std::string(name) + " does not exist for linux/arm64");
    CHECK(error.why.find("linux/amd64") != std::string::npos);
  }
}

TEST_CASE("prebuilt, config for another platform than the index says, is refused when the plan is made") {
  World world;
  auto liar = put_image(*world.layout, "linux/arm64", "one").manifest;
  liar.platform = must(Platform::parse("linux/amd64"));
  world.images.images["liar"] = put_index(*world.layout, {liar});
  const auto error = world.refused(world.task("liar"));
  CHECK(error.kind == ErrorKind::spec);
  CHECK(error.why.find("linux/arm64") != std::string::npos);
}

TEST_CASE("prebuilt, image that is not there, is not_found") {
  World world;
  CHECK(world.refused(world.task("gone")).kind == ErrorKind::not_found);
  CHECK(world.refused(world.task("docker-archive:gone.tar")).kind == ErrorKind::not_found);
  write_text(world.scratch / "app.tar", saved({{"linux/amd64", {"app:v1"}, {one_file_tar("a", "b")}}}));
  CHECK(world.refused(world.task("docker-archive:app.tar:app:v2")).kind == ErrorKind::not_found);
}

TEST_CASE("prebuilt, no image or a wrong one in the release file, says which key") {
  World world;
  const auto none = world.refused(world.task(""));
  CHECK(none.kind == ErrorKind::spec);
  CHECK(none.hint.find("[variant.prebuilt] image = ") != std::string::npos);
  for (const char* text : {"oci:", "docker-archive:", "app:v1:x", "docker-archive:a.tar:Bad:ref"}) {
    const auto wrong = world.refused(world.task(text));
    CHECK(wrong.kind == ErrorKind::spec);
    CHECK_FALSE(wrong.hint.empty());
  }
}

TEST_CASE("prebuilt, settings without effect, are one warning") {
  World world;
  world.images.images["ci/app"] = put_image(*world.layout, "linux/amd64", "one").manifest;
  auto task = world.task("ci/app");
  task.settings.annotations = {{"index:x", "y"}};
  must(world.builder->prepare(task, world.images, {}));
  CHECK(task.warnings.empty());
  task.settings.args = {{"A", "b"}};
  task.settings.target = "final";
  task.settings.labels = {{"a", "b"}};
  task.settings.annotations = {{"manifest:x", "y"}};
  must(world.builder->prepare(task, world.images, {}));
  REQUIRE(task.warnings.size() == 1);
  CHECK(task.warnings[0].severity == Problem::Severity::warning);
  CHECK(task.warnings[0].message.find("args, target, labels, annotations of the manifest have no effect") !=
        std::string::npos);
}

TEST_CASE("prebuilt, docker archive, is unpacked into the work store once for all variants that name it") {
  World world;
  const std::string layer = one_file_tar("a", "content");
  write_text(world.scratch / "app.tar",
             saved({{"linux/amd64", {"app:v1"}, {layer}}, {"linux/arm64", {"app:v1"}, {layer}}}));
  std::vector<Task> tasks{world.task("docker-archive:app.tar"), world.task("docker-archive:app.tar:app:v1"),
                          world.task("docker-archive:app.tar", "linux/arm64")};
  for (auto& task : tasks) must(world.builder->prepare(task, world.images, {}));
  CHECK(tasks[0].source == tasks[1].source);
  CHECK(tasks[0].source != tasks[2].source);
  REQUIRE(tasks[0].bases.size() == 1);
  CHECK(tasks[0].bases[0].arg == "prebuilt");
  CHECK_FALSE(tasks[0].bases[0].digest.empty());
  const auto outcomes = world.build(tasks);
  for (const auto& outcome : outcomes) {
    const auto built = must(outcome.result);
    CHECK(built.store == nullptr);
    CHECK(built.bytes > 0);
    CHECK(must(oci::validate(*world.work, built.manifest, {}, {})).findings.empty());
  }
  CHECK(outcomes[0].result->manifest == outcomes[1].result->manifest);
  CHECK(outcomes[2].result->manifest.platform->str() == "linux/arm64");
  // Two manifests, two configs, one layer.
  CHECK(world.blobs_in_work() == 5);
}

TEST_CASE("prebuilt, docker archive that changed after the plan, is refused") {
  World world;
  const auto write = [&](const std::string& content) {
    write_text(world.scratch / "app.tar", saved({{"linux/amd64", {"app:v1"}, {one_file_tar("a", content)}}}));
  };
  write("old");
  auto task = world.task("docker-archive:app.tar");
  must(world.builder->prepare(task, world.images, {}));
  write("new");
  const auto changed = world.build({task}).front();
  REQUIRE_FALSE(changed.result.ok());
  CHECK(changed.result.error().kind == ErrorKind::verify);
  CHECK(changed.result.error().what.find("changed after the plan") != std::string::npos);
  CHECK(changed.result.error().context.at("variant") == "app");
}

TEST_CASE("prebuilt, layer missing in a layout, fails that image only") {
  World world;
  const auto good = put_image(*world.layout, "linux/amd64", "good"),
             bad = put_image(*world.layout, "linux/amd64", "bad");
  world.images.images["good"] = good.manifest;
  world.images.images["bad"] = bad.manifest;
  std::vector<Task> tasks{world.task("bad"), world.task("good")};
  for (auto& task : tasks) must(world.builder->prepare(task, world.images, {}));
  fs::remove(blob_file(world.scratch / "images", bad.layer.digest));
  const auto outcomes = world.build(tasks);
  REQUIRE_FALSE(outcomes[0].result.ok());
  CHECK(outcomes[0].result.error().kind == ErrorKind::not_found);
  CHECK(outcomes[1].result.ok());
}

TEST_CASE("prebuilt, attestation that was removed, is a note and no failure") {
  World world;
  const auto image = put_image(*world.layout, "linux/amd64", "one");
  const auto about = put_attestation(*world.layout, image.manifest, statement_about(image.manifest.digest));
  world.images.images["ci/app"] = put_index(*world.layout, {image.manifest, about});
  fs::remove(blob_file(world.scratch / "images", about.digest));
  auto task = world.task("ci/app");
  must(world.builder->prepare(task, world.images, {}));
  const auto built = world.built(task);
  CHECK(built.attestations.empty());
  REQUIRE(built.notes.size() == 1);
  CHECK(built.notes[0].find(about.digest.str()) != std::string::npos);
}

TEST_CASE("prebuilt, image in an index inside an index, keeps its attestations") {
  World world;
  const auto image = put_image(*world.layout, "linux/amd64", "one");
  const auto about = put_attestation(*world.layout, image.manifest, statement_about(image.manifest.digest));
  auto inner = put_index(*world.layout, {image.manifest, about});
  inner.platform = image.manifest.platform;
  world.images.images["ci/app"] = put_index(*world.layout, {inner});
  auto task = world.task("ci/app");
  must(world.builder->prepare(task, world.images, {}));
  CHECK(world.built(task).attestations == std::vector{about});
}

TEST_CASE("prebuilt, stopped, begins nothing") {
  World world;
  world.images.images["ci/app"] = put_image(*world.layout, "linux/amd64", "one").manifest;
  auto task = world.task("ci/app");
  must(world.builder->prepare(task, world.images, {}));
  world.context.cancel.cancel();
  const auto outcome = world.build({task}).front();
  REQUIRE_FALSE(outcome.result.ok());
  CHECK(outcome.result.error().kind == ErrorKind::cancelled);
  CHECK(outcome.result.error().context.at("state") == "not started");
}
