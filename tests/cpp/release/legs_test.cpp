#include "legs.hpp"

#include "release_fixture.hpp"

using namespace shipset;
using namespace shipset::release;

namespace {

const std::vector<std::string> all{"cpu/linux/amd64", "cpu/linux/arm64", "cuda/linux/amd64", "cuda/linux/arm64"};

/// A frozen plan of the workspace, and the jobs that a CI makes of it.
class Jobs {
 public:
  explicit Jobs(const Workspace& space) {
    auto plan = space.plan();
    REQUIRE(plan.ok());
    frozen_ = plan->to_json();
    id_ = plan->id;
  }
  [[nodiscard]] const std::string& id() const { return id_; }

  [[nodiscard]] Result<Plan> part(const std::string& only, const std::string& id = {}) const {
    ThawOptions thaw;
    if (!only.empty()) thaw.only = {only};
    thaw.id = id;
    return thaw_plan(frozen_, thaw);
  }
  /// Name and JSON of the part that a job leaves.
  std::pair<std::string, std::string> stage(const std::string& only, const std::string& id = {}) const {
    auto plan = part(only, id);
    INFO((plan.ok() ? std::string() : render(plan.error())));
    REQUIRE(plan.ok());
    const auto outcome = execute(*plan, Goal::stage);
    INFO((outcome.error ? render(*outcome.error) : std::string()));
    REQUIRE_FALSE(outcome.error);
    CHECK(outcome.report.outcome == "staged");
    return {only + ".json", outcome.report.to_json()};
  }
  [[nodiscard]] Outcome promote(const std::vector<std::pair<std::string, std::string>>& parts = {}) const {
    auto plan = part({});
    INFO((plan.ok() ? std::string() : render(plan.error())));
    REQUIRE(plan.ok());
    return execute(*plan, Goal::promote, {}, {}, parts);
  }
  [[nodiscard]] Error refused(const std::vector<std::pair<std::string, std::string>>& parts = {}) const {
    const auto outcome = promote(parts);
    REQUIRE(outcome.error);
    CHECK(outcome.error->kind == ErrorKind::policy);
    CHECK(outcome.report.tags_moved() == 0);
    return *outcome.error;
  }

 private:
  std::string frozen_, id_;
};

bool says(const Error& error, const std::string& text) {
  return (error.what + "\n" + error.why).find(text) != std::string::npos;
}

Platform arm64() {
  return Platform::parse("linux/arm64").value();
}

}  // namespace

TEST_CASE("leg tag, names release, variant and platform, and is hashed where a registry would refuse its length") {
  CHECK(leg_tag("abc", "cuda", arm64()) == "_shipset.abc.leg.cuda.linux-arm64");
  CHECK(leg_tag("abc", "cuda", Platform::parse("linux/arm/v7").value()) == "_shipset.abc.leg.cuda.linux-arm-v7");
  const std::string prefix = "_shipset.abc.leg.", rest = ".linux-arm64";
  const std::string fits(128 - prefix.size() - rest.size(), 'x');
  CHECK(leg_tag("abc", fits, arm64()) == prefix + fits + rest);
  const std::string hashed = leg_tag("abc", fits + "x", arm64());
  CHECK(hashed.size() == prefix.size() + 32);
  CHECK(hashed.starts_with(prefix));
  CHECK(check_tag(hashed).ok());
  CHECK(hashed != leg_tag("abc", fits + "y", arm64()));
  CHECK(hashed != leg_tag("abc", fits + "x", Platform::parse("linux/amd64").value()));
  CHECK(leg_tag(std::string(64, 'i'), fits, arm64()).size() <= 128);
}

TEST_CASE("legs, staged one by one and twice, are joined to the release that one process makes") {
  const Workspace space;
  const Jobs jobs(space);
  std::vector<std::pair<std::string, std::string>> parts;
  for (const auto& only : all) parts.push_back(jobs.stage(only));
  const auto before = space.tags();
  CHECK(before.size() == 4);
  CHECK(public_tags(space).empty());
  for (const auto& only : all) jobs.stage(only);
  CHECK(space.tags() == before);

  const bool by_parts = GENERATE(false, true);
  const auto outcome = jobs.promote(by_parts ? parts : decltype(parts)());
  INFO((outcome.error ? render(*outcome.error) : std::string()));
  REQUIRE_FALSE(outcome.error);
  CHECK(outcome.report.outcome == "released");
  const auto tags = space.tags();
  CHECK(tags.size() == 4);
  CHECK(public_tags(space).size() == 4);
  Options elsewhere;
  elsewhere.destination = space.layout("whole");
  REQUIRE_FALSE(space.release({}, elsewhere).error);
  CHECK(space.tags("whole") == tags);
  CHECK(jobs.promote().report.outcome == "nothing to do");
  // A job that comes late finds the release and adds nothing.
  auto late = jobs.part(all.front());
  REQUIRE(late.ok());
  CHECK(execute(*late, Goal::stage).report.outcome == "nothing to do");
  CHECK(space.tags() == tags);
}

TEST_CASE("promote, a leg that was never staged, names it and moves no tag") {
  const Workspace space;
  const Jobs jobs(space);
  std::vector<std::pair<std::string, std::string>> parts;
  for (const auto& only : all)
    if (only != "cuda/linux/arm64") parts.push_back(jobs.stage(only));
  CHECK(says(jobs.refused(), "cuda/linux/arm64 is missing"));
  CHECK(says(jobs.refused(parts), "cuda/linux/arm64 is missing"));
  CHECK_FALSE(says(jobs.refused(), "cpu/linux/arm64"));
  CHECK(public_tags(space).empty());
  CHECK(space.tags().size() == 3);
  jobs.stage("cuda/linux/arm64");
  CHECK_FALSE(jobs.promote().error);
}

TEST_CASE("promote, parts of another release, are foreign") {
  const Workspace space;
  const Jobs jobs(space);
  std::vector<std::pair<std::string, std::string>> parts;
  for (const auto& only : all) parts.push_back(jobs.stage(only, only == all.front() ? "another" : ""));
  const auto error = jobs.refused(parts);
  CHECK(says(error, "foreign"));
  CHECK(says(error, "another"));
  CHECK(says(jobs.refused(), "cpu/linux/amd64 is missing"));
  CHECK(public_tags(space).empty());
}

TEST_CASE("promote, two parts with other content for one image, are doubled and equal ones are not") {
  const Workspace space;
  const Jobs jobs(space);
  std::vector<std::pair<std::string, std::string>> parts;
  for (const auto& only : all) parts.push_back(jobs.stage(only));
  auto other = parts.front();
  other.first = "again.json";
  const auto leg = read_parts(other.second, other.first).value().front().leg.str();
  for (std::size_t at = other.second.find(leg); at != std::string::npos; at = other.second.find(leg, at + 1))
    other.second.replace(at, leg.size(), "sha256:" + std::string(64, 'a'));
  auto doubled = parts;
  doubled.push_back(other);
  const auto error = jobs.refused(doubled);
  CHECK(says(error, "doubled"));
  CHECK(says(error, "cpu/linux/amd64"));
  parts.push_back({"again.json", parts.front().second});
  CHECK_FALSE(jobs.promote(parts).error);
}

TEST_CASE("promote, leg of other inputs, is told and moves no tag") {
  const Workspace space;
  const Jobs jobs(space);
  for (const auto& only : all) jobs.stage(only);
  // A plan of other files stages under the same id.
  space.write("files/cpu/run", "#!/bin/sh\necho other\n");
  Options options;
  options.id = jobs.id();
  options.only = {"cpu/linux/amd64"};
  auto other = space.plan({}, options);
  REQUIRE(other.ok());
  REQUIRE_FALSE(execute(*other, Goal::stage).error);
  space.write("files/cpu/run", "#!/bin/sh\necho cpu\n");
  CHECK(says(jobs.refused(), "cpu/linux/amd64 was built from other inputs"));
  CHECK(public_tags(space).empty());
}

TEST_CASE("frozen plan, part of it by another builder or from other files, is taken or refused") {
  const Workspace space;
  const Jobs jobs(space);
  CHECK(jobs.part("cpu/linux/arm64").ok());
  CHECK_FALSE(jobs.part("cpu/linux/riscv64").ok());
  space.write("files/cpu/run", "#!/bin/sh\necho other\n");
  const auto changed = jobs.part("cpu/linux/arm64");
  REQUIRE_FALSE(changed.ok());
  CHECK(changed.error().kind == ErrorKind::policy);
  CHECK(says(changed.error(), "variant cpu"));
  CHECK(jobs.part("cuda/linux/arm64").ok());
}

TEST_CASE("part, text that is none, is refused with what it is") {
  const auto refused = [](const std::string& text) {
    const auto parts = read_parts(text, "part.json");
    REQUIRE_FALSE(parts.ok());
    CHECK(parts.error().kind == ErrorKind::usage);
    return parts.error();
  };
  CHECK(says(refused("{"), "part.json"));
  CHECK(says(refused("[]"), "other JSON"));
  CHECK(says(refused(R"({"kind": "shipset.plan"})"), "other JSON"));
  CHECK(says(refused(R"({"kind": "shipset.report", "schema_version": 99})"), "schema version"));
  CHECK(says(refused(R"({"kind": "shipset.report", "schema_version": 1, "outcome": "failed"})"), "failed"));
  const auto evil = read_parts(R"({"kind": "shipset.report", "schema_version": 1, "outcome": "staged", "variants":
    [{"name": "cpu", "images": [{"platform": "linux/amd64", "leg": {"digest": "../../etc/passwd"}}]}]})",
                               "part.json");
  CHECK_FALSE(evil.ok());
}
