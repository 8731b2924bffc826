#include "shipset/release/plan.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "release_fixture.hpp"
#include "shipset/base/json.hpp"

using namespace shipset;
using namespace shipset::release;

namespace {
TagAction action_of(const Plan& plan, const std::string& tag) {
  const auto at =
      std::find_if(plan.tags.begin(), plan.tags.end(), [&](const PlannedTag& item) { return item.tag == tag; });
  REQUIRE(at != plan.tags.end());
  return at->action;
}
std::string reason_of(const Plan& plan, const std::string& tag) {
  const auto at =
      std::find_if(plan.tags.begin(), plan.tags.end(), [&](const PlannedTag& item) { return item.tag == tag; });
  REQUIRE(at != plan.tags.end());
  return at->reason;
}
}  // namespace

TEST_CASE("plan, against nothing, creates every tag, exact ones first and latest last") {
  const Workspace space;
  const auto plan = space.plan();
  REQUIRE(plan.ok());
  std::vector<std::string> order;
  for (const auto& tag : plan->tags) {
    order.push_back(tag.tag);
    CHECK(tag.action == TagAction::create);
  }
  CHECK(order == std::vector<std::string>{"v1.0.0", "v1.0.0-cuda", "latest-cuda", "latest"});
  CHECK_FALSE(plan->nothing_to_do());
  CHECK(plan->disk_bytes > 0);
  CHECK(plan->id.size() == 12);
  CHECK_FALSE(fs::exists(space.path("dist")));
}

TEST_CASE("plan, an exact tag with other content, is a conflict before anything runs, unless it is named") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  space.write("files/cuda/run", "changed\n");
  const auto plan = space.plan();
  REQUIRE_FALSE(plan.ok());
  CHECK(plan.error().kind == ErrorKind::tag_conflict);
  CHECK(plan.error().why.find("v1.0.0-cuda") != std::string::npos);
  CHECK(plan.error().why.find(":v1.0.0 ") == std::string::npos);
  Options options;
  options.replace_tags = {"v1.0.0-cuda"};
  const auto outcome = space.release({}, options);
  INFO((outcome.error ? render(*outcome.error) : std::string()));
  CHECK_FALSE(outcome.error);
  CHECK(outcome.report.variants.at(0).status == Status::present);
  CHECK(outcome.report.variants.at(1).status == Status::done);
}

TEST_CASE("plan, an older and a pre-release version, leaves latest where it is and says why") {
  const Workspace space;
  REQUIRE_FALSE(space.release({{"version", "v2.0.1"}}).error);
  const auto latest = space.tags().at("latest");
  space.write("files/cpu/run", "older\n");
  for (const std::string version : {"v1.9.1", "v2.1.0-rc1"}) {
    const auto plan = space.plan({{"version", version}});
    REQUIRE(plan.ok());
    CHECK(action_of(*plan, "latest") == TagAction::refuse);
    CHECK(action_of(*plan, version) == TagAction::create);
    CHECK_FALSE(reason_of(*plan, "latest").empty());
    REQUIRE_FALSE(execute(*plan, Goal::release).error);
    CHECK(space.tags().at("latest") == latest);
  }
  Options options;
  options.force_tags = {"latest"};
  const auto forced = space.plan({{"version", "v1.9.2"}}, options);
  REQUIRE(forced.ok());
  CHECK(action_of(*forced, "latest") == TagAction::move);
  CHECK(reason_of(*forced, "latest").find("--force-tag") != std::string::npos);
  const auto newer = space.plan({{"version", "v2.1.0"}});
  REQUIRE(newer.ok());
  CHECK(action_of(*newer, "latest") == TagAction::move);
}

TEST_CASE("frozen plan, nothing changed, executes; file, input files or tags changed, is refused") {
  const Workspace space;
  const auto plan = space.plan({{"version", "v1.2.3"}});
  REQUIRE(plan.ok());
  const auto text = plan->to_json(true);
  const auto thawed = thaw_plan(text, {});
  INFO((thawed.ok() ? std::string() : render(thawed.error())));
  REQUIRE(thawed.ok());
  CHECK(thawed->to_json(true) == text);
  CHECK(thawed->matrix->version == "v1.2.3");

  space.write("files/cpu/run", "changed\n");
  const auto inputs = thaw_plan(text, {});
  REQUIRE_FALSE(inputs.ok());
  CHECK(inputs.error().kind == ErrorKind::policy);
  CHECK(inputs.error().what.find("cpu") != std::string::npos);

  space.write("files/cpu/run", "#!/bin/sh\necho cpu\n");
  REQUIRE_FALSE(space.release({{"version", "v1.0.0"}}).error);
  const auto tags = thaw_plan(text, {});
  REQUIRE_FALSE(tags.ok());
  CHECK(tags.error().kind == ErrorKind::tag_moved);

  space.write("shipset.toml", std::string(two_variants) + "# changed\n");
  const auto file = thaw_plan(text, {});
  REQUIRE_FALSE(file.ok());
  CHECK(file.error().kind == ErrorKind::policy);
}

TEST_CASE("frozen plan, executed twice, does nothing the second time") {
  const Workspace space;
  const auto text = space.plan()->to_json();
  REQUIRE_FALSE(execute(thaw_plan(text, {}).value(), Goal::release).error);
  const auto again = thaw_plan(text, {});
  INFO((again.ok() ? std::string() : render(again.error())));
  REQUIRE(again.ok());
  CHECK(again->nothing_to_do());
}

TEST_CASE("frozen plan, foreign, newer or broken text, is refused as usage") {
  const Workspace space;
  for (const std::string text : {"", "{}", "[]", "{\"kind\":\"shipset.plan\",\"schema_version\":2}",
                                 "{\"kind\":\"shipset.report\",\"schema_version\":1}"}) {
    INFO(text);
    const auto plan = thaw_plan(text, {});
    REQUIRE_FALSE(plan.ok());
    CHECK(plan.error().kind == ErrorKind::usage);
  }
}

TEST_CASE("plan, one of two destinations has the release, copies instead of building") {
  std::string text = two_variants;
  text.replace(text.find("[\"acme/app\"]"), 12, "[\"acme/app\", \"ghcr.io/acme/other\"]");
  const Workspace space(text);
  REQUIRE_FALSE(space.release().error);
  const auto second = space.path("dist/ghcr.io/acme/other");
  REQUIRE(fs::exists(second / "oci-layout"));
  fs::remove_all(second);
  const auto plan = space.plan();
  REQUIRE(plan.ok());
  CHECK(plan->variants.at(0).action == VariantAction::copy);
  const auto outcome = execute(*plan, Goal::release);
  INFO((outcome.error ? render(*outcome.error) : std::string()));
  REQUIRE_FALSE(outcome.error);
  CHECK(space.tags("dist/ghcr.io/acme/other") == space.tags("dist/acme/app"));
}

TEST_CASE("plan, content below a tag is missing, repairs it") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  const auto before = space.tags();
  std::size_t removed = 0;
  for (const auto& blob : fs::directory_iterator(space.path("dist/blobs/sha256"))) {
    if (read_file(blob.path(), 1 << 20).value().starts_with("\x1f\x8b")) removed += fs::remove(blob.path()) ? 1 : 0;
  }
  REQUIRE(removed > 0);
  const auto plan = space.plan();
  REQUIRE(plan.ok());
  CHECK(plan->variants.at(0).action == VariantAction::repair);
  const auto outcome = execute(*plan, Goal::release);
  INFO((outcome.error ? render(*outcome.error) : std::string()));
  REQUIRE_FALSE(outcome.error);
  CHECK(space.tags() == before);
  CHECK(verify(at(space.layout() + ":v1.0.0"), {})->ok());
}

TEST_CASE("plan, wrong choices, are usage errors that name what exists") {
  const Workspace space;
  Options options;
  options.only = {"cdua"};
  CHECK(space.plan({}, options).error().hint.find("cuda") != std::string::npos);
  options = {};
  options.backend = "natve";
  CHECK(space.plan({}, options).error().hint.find("native") != std::string::npos);
  options = {};
  options.destination = "someuser";
  const auto plan = space.plan({}, options);
  REQUIRE_FALSE(plan.ok());
  CHECK(plan.error().kind == ErrorKind::usage);
}

TEST_CASE("plan, only one variant and platform, leaves the others out") {
  const Workspace space;
  Options options;
  options.only = {"cuda/linux/arm64"};
  const auto plan = space.plan({}, options);
  REQUIRE(plan.ok());
  CHECK(plan->variants.at(0).action == VariantAction::excluded);
  CHECK(plan->variants.at(1).images.size() == 1);
}

TEST_CASE("plan, a destination refuses empty configs, every attestation takes the legacy form and the key stays") {
  const Workspace space(std::string(two_variants) + "[attestations]\nsbom = \"spdx\"\n");
  const auto configs_of = [&](const Plan& plan, const std::string& name) {
    REQUIRE_FALSE(execute(plan, Goal::release).error);
    auto store = oci::LayoutStore::open(space.path(name), {});
    REQUIRE(store);
    const auto root = (*store)->resolve("v1.0.0").value().value();
    const auto index = oci::Index::parse((*store)->manifest(root.digest)->bytes, "index").value();
    std::set<std::string> types;
    for (const auto& entry : index.manifests)
      if (oci::is_attestation(entry))
        types.insert(
            oci::Manifest::parse((*store)->manifest(entry.digest)->bytes, "attestation").value().config.media_type);
    return types;
  };
  Options options;
  options.destination = space.layout("one");
  auto plan = space.plan({}, options);
  REQUIRE(plan.ok());
  CHECK_FALSE(plan->legacy_attestations);
  CHECK(configs_of(*plan, "one") == std::set<std::string>{std::string(oci::media_type::empty)});
  options.destination = space.layout("two");
  auto legacy = space.plan({}, options);
  REQUIRE(legacy.ok());
  legacy->legacy_attestations = true;
  CHECK(legacy->variants.at(0).build_key == plan->variants.at(0).build_key);
  CHECK(configs_of(*legacy, "two") == std::set<std::string>{std::string(oci::media_type::config)});
}
