#include "shipset/release/next_version.hpp"

#include "release_fixture.hpp"

using namespace shipset;
using namespace shipset::release;

namespace {

using Texts = std::vector<std::string>;

Result<NextVersion> next(const Workspace& work, const Facts& facts, bool git, bool registry,
                         VersionStep step = VersionStep::minor, const CancelToken& cancel = {}) {
  const auto spec = ReleaseSpec::load(work.path("shipset.toml"));
  REQUIRE(spec.ok());
  NextVersionOptions options{step, git, registry, work.layout(), {}};
  return release::next_version(*spec, {}, facts, options, {}, cancel);
}

Facts with(Texts versions) {
  Facts facts;
  facts.versions = std::move(versions);
  return facts;
}

std::string replaced(std::string text, std::string_view old, std::string_view with) {
  const auto at = text.find(old);
  REQUIRE(at != text.npos);
  return text.replace(at, old.size(), with);
}

}  // namespace

TEST_CASE("existing versions, releases of several variants, are listed once each and moving tags are none") {
  const Workspace work;
  CHECK(existing_versions(work.matrix(), work.layout(), {}).value().empty());
  REQUIRE_FALSE(work.release({{"version", "v1.0.0"}}).error);
  REQUIRE_FALSE(work.release({{"version", "v1.2.0-rc1"}}).error);
  REQUIRE_FALSE(work.release({{"version", "nightly"}}).error);
  auto found = existing_versions(work.matrix(), work.layout(), {}).value();
  CHECK(found == Texts{"v1.0.0", "v1.2.0-rc1"});
}

TEST_CASE("existing versions, two repositories, are those of both") {
  const Workspace work(replaced(two_variants, "name = \"cuda\"", "name = \"cuda\"\nrepositories = [\"acme/cuda\"]"));
  Options cuda;
  cuda.only = {"cuda"};
  REQUIRE_FALSE(work.release({{"version", "v1.0.0"}}).error);
  REQUIRE_FALSE(work.release({{"version", "v1.1.0"}}, cuda).error);
  CHECK(existing_versions(work.matrix(), work.layout(), {}).value() == Texts{"v1.0.0", "v1.1.0"});
}

TEST_CASE("existing versions, cancelled or at a place that is no layout, are an error and never none") {
  const Workspace work;
  CancelToken cancel;
  cancel.cancel();
  CHECK(existing_versions(work.matrix(), work.layout(), {}, {}, cancel).error().kind == ErrorKind::cancelled);
  work.write("other/file", "text");
  CHECK(existing_versions(work.matrix(), work.layout("other"), {}).error().kind == ErrorKind::io);
}

TEST_CASE("next version of a file, git and destination, takes the higher one") {
  const Workspace work;
  REQUIRE_FALSE(work.release({{"version", "v1.4.0"}}).error);
  CHECK(next(work, with({"1.3.0"}), true, true)->version == "v1.5.0");
  CHECK(next(work, with({"1.6.0", "model-7"}), true, true)->version == "1.7.0");
  CHECK(next(work, with({"1.6.0"}), false, true)->version == "v1.5.0");
  CHECK(next(work, with({"1.3.0"}), true, false)->version == "1.4.0");
  CHECK(next(work, {}, false, true)->highest == "v1.4.0");
}

TEST_CASE("next version of a file, git tags that are not known, are an error only where they count") {
  const Workspace work;
  const auto refused = next(work, {}, true, true);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().kind == ErrorKind::usage);
  CHECK(refused.error().what.find("are not known") != std::string::npos);
  CHECK(next(work, {}, false, true)->version == "0.1.0");
}

TEST_CASE("automatic version, frozen plan, keeps it whatever was released since") {
  const Workspace work(replaced(two_variants, "\"{inputs.version}\"", "\"auto:minor\""));
  const auto spec = ReleaseSpec::load(work.path("shipset.toml"));
  REQUIRE(spec.ok());
  const auto matrix = spec->matrix({}, with({"1.0.0", "0.9.0"}));
  REQUIRE(matrix.ok());
  Options options;
  options.destination = work.layout();
  const auto plan = make_plan(*matrix, options);
  REQUIRE(plan.ok());
  CHECK(plan->matrix->version == "1.1.0");
  const auto thawed = thaw_plan(plan->to_json(), {});
  INFO((thawed.ok() ? std::string() : render(thawed.error())));
  REQUIRE(thawed.ok());
  CHECK(thawed->matrix->version == "1.1.0");
  CHECK(thawed->id == plan->id);
  const auto outcome = execute(*thawed, Goal::release);
  CHECK_FALSE(outcome.error);
  CHECK(work.tags().contains("1.1.0-cuda"));
}
