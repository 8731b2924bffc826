#include "shipset/model/next_version.hpp"

#include <random>

#include "catch_shim.hpp"
#include "spec_helper.hpp"

using namespace shipset;
using namespace spec_test;

namespace {

constexpr std::int64_t january = 1767960000;   // 2026-01-09
constexpr std::int64_t november = 1795435200;  // 2026-11-23
using Texts = std::vector<std::string>;

std::string next(const Texts& existing, VersionStep step, VersionScheme scheme = VersionScheme::semver,
                 const Texts& withdrawn = {}, std::int64_t date = november) {
  const auto found = next_version(existing, step, scheme, withdrawn, date);
  return found ? found->version : "error: " + render(found.error());
}

std::string all(const Texts& existing, VersionScheme scheme = VersionScheme::semver, std::int64_t date = november) {
  std::string out;
  for (const auto step : {VersionStep::patch, VersionStep::minor, VersionStep::major, VersionStep::prerelease})
    out += (out.empty() ? "" : " ") + next(existing, step, scheme, {}, date);
  return out;
}

}  // namespace

TEST_CASE("next version, semver, steps from the highest by version order and not by place") {
  CHECK(all({"1.10.0", "1.9.1", "v1.9.9"}) == "1.10.1 1.11.0 2.0.0 1.10.1-rc.1");
  CHECK(all({"v2.0.1", "v1.9.1"}) == "v2.0.2 v2.1.0 v3.0.0 v2.0.2-rc.1");
  CHECK(all({"1.2.3+build.7"}) == "1.2.4 1.3.0 2.0.0 1.2.4-rc.1");
}

TEST_CASE("next version, after a pre-release, is what that is a pre-release of where the step fits") {
  CHECK(all({"1.2.9", "1.3.0-rc1"}) == "1.3.0 1.3.0 2.0.0 1.3.0-rc2");
  CHECK(all({"v2.0.0-rc.9"}) == "v2.0.0 v2.0.0 v2.0.0 v2.0.0-rc.10");
  CHECK(all({"1.2.3-alpha"}) == "1.2.3 1.3.0 2.0.0 1.2.3-alpha.1");
  CHECK(next({"1.3.0-rc1", "1.3.0"}, VersionStep::prerelease) == "1.3.1-rc.1");
}

TEST_CASE("next version, pre-release whose number is not ordered as a number, is refused with what to do") {
  const auto found = next_version({"1.3.0-rc9"}, VersionStep::prerelease, VersionScheme::semver, {}, november);
  REQUIRE_FALSE(found.ok());
  CHECK(found.error().kind == ErrorKind::usage);
  CHECK(found.error().what == "there is no next prerelease after 1.3.0-rc9");
  CHECK(found.error().hint.find("rc.10, not rc10") != std::string::npos);
  CHECK(next({"1.3.0-rc9"}, VersionStep::patch) == "1.3.0");
}

TEST_CASE("next version, other texts among the tags, do not count") {
  CHECK(all({"latest", "v0.2.1.0-rc1", "9", "9.9", "model-v9.9.9", "1.0.0-", "01.0.0", ""}) ==
        "0.1.0 0.1.0 1.0.0 0.1.0-rc.1");
}

TEST_CASE("next version, equal versions with and without v, keep the style of the first") {
  CHECK(next({"v1.0.0", "1.0.0"}, VersionStep::patch) == "v1.0.1");
  CHECK(next({"1.0.0", "v1.0.0"}, VersionStep::patch) == "1.0.1");
  CHECK(next({"v1.0.0", "1.0.1"}, VersionStep::patch) == "1.0.2");
}

TEST_CASE("next version, withdrawn ones, are not the highest and never given again") {
  const Texts tags = {"1.9.0", "2.0.0"};
  const auto semver = VersionScheme::semver;
  CHECK(next(tags, VersionStep::patch, semver, {"2.0.0"}) == "1.9.1");
  CHECK(next(tags, VersionStep::major, semver, {"v2.0.0"}) == "3.0.0");
  CHECK(next({"1.9.0"}, VersionStep::minor, semver, {"1.10.0", "1.11.0"}) == "1.12.0");
  CHECK(next({"1.3.0-rc1"}, VersionStep::prerelease, semver, {"1.3.0-rc2"}) == "1.3.0-rc3");
  CHECK(next({"1.3.0-rc1"}, VersionStep::patch, semver, {"1.3.0"}) == "1.3.1");
  CHECK(next({}, VersionStep::minor, semver, {"0.1.0"}) == "0.2.0");
}

TEST_CASE("next version, pep440, keeps epoch and counts what is written") {
  const auto scheme = VersionScheme::pep440;
  CHECK(all({"1.2"}, scheme) == "1.2.1 1.3 2.0 1.2.1rc1");
  CHECK(all({"1!1.2.3.4"}, scheme) == "1!1.2.4.0 1!1.3.0.0 1!2.0.0.0 1!1.2.4.0rc1");
  CHECK(all({"1.3rc9", "1.2.9"}, scheme) == "1.3 1.3 2.0 1.3rc10");
  CHECK(all({"1.3.dev2"}, scheme) == "1.3 1.3 2.0 1.3.dev3");
  CHECK(all({"1.3.0.post1"}, scheme) == "1.3.1 1.4.0 2.0.0 1.3.1rc1");
  CHECK(next({"1.0.post1.dev2"}, VersionStep::patch, scheme) == "1.0.1");
  CHECK(next({"1.0.post1.dev2"}, VersionStep::prerelease, scheme).find("no next prerelease") != std::string::npos);
  CHECK(all({}, scheme) == "0.1.0 0.1.0 1.0.0 0.1.0rc1");
}

TEST_CASE("next version, calver, takes the date or counts on in it") {
  const auto scheme = VersionScheme::calver;
  CHECK(all({"2026.01"}, scheme) == "2026.01.1 2026.11 2026.11 2026.11-rc.1");
  CHECK(all({"2026.11.3"}, scheme) == "2026.11.4 2026.11.4 2026.11.4 2026.11.4-rc.1");
  CHECK(all({"2025.12.3", "2025.9.1"}, scheme, january) == "2025.12.4 2026.1.0 2026.1.0 2026.1.0-rc.1");
  CHECK(all({"2025.12.31.2", "2025.01.02.0"}, scheme, january) ==
        "2025.12.31.3 2026.01.09.0 2026.01.09.0 2026.01.09.0-rc.1");
  CHECK(all({"2026.11-rc.1"}, scheme) == "2026.11 2026.11 2026.11 2026.11-rc.2");
  CHECK(all({"2031.02"}, scheme) == "2031.02.1 2031.02.1 2031.02.1 2031.02.1-rc.1");
  CHECK(all({}, scheme, january) == "2026.01 2026.01 2026.01 2026.01-rc.1");
}

TEST_CASE("next version, integer, counts on and keeps its letter") {
  const auto scheme = VersionScheme::integer;
  CHECK(next({"b999", "b1000", "b98"}, VersionStep::minor, scheme) == "b1001");
  CHECK(next({"v7"}, VersionStep::patch, scheme) == "v8");
  CHECK(next({}, VersionStep::patch, scheme) == "1");
  CHECK(next({"7"}, VersionStep::prerelease, scheme).find("integers have no pre-releases") != std::string::npos);
  CHECK(next({"9223372036854775807"}, VersionStep::patch, scheme).find("no next patch") != std::string::npos);
  CHECK(next({"1.9223372036854775807.0"}, VersionStep::minor).find("no next minor") != std::string::npos);
}

TEST_CASE("next version, no scheme or no step, is refused") {
  CHECK(next({"1"}, VersionStep::patch, VersionScheme::none).find("gives versions no order") != std::string::npos);
  CHECK(parse_version_step("minor").value() == VersionStep::minor);
  CHECK(parse_version_step("mnior").error().hint == "did you mean \"minor\"?");
  CHECK(parse_version_step("next").error().hint == "steps are patch, minor, major, prerelease");
}

TEST_CASE("next version, random versions of every scheme, is one of the scheme and higher than all") {
  std::mt19937 random(7);  // NOLINT: a fixed seed makes a failure repeatable
  const auto number = [&](int limit) { return std::to_string(std::uniform_int_distribution(0, limit)(random)); };
  int steps = 0;
  for (int round = 0; round < 2000; ++round) {
    const auto scheme = static_cast<VersionScheme>(round % 4);
    Texts existing;
    for (int i = 0; i <= round % 7; ++i) {
      const std::string rc = round % 3 == 0                    ? ""
                             : scheme == VersionScheme::pep440 ? "rc" + number(12)
                                                               : "-rc." + number(12);
      const std::string v = round % 2 == 0 ? "v" : "";
      if (scheme == VersionScheme::integer)
        existing.push_back(v + number(2000));
      else if (scheme == VersionScheme::calver)
        existing.push_back(v + "202" + number(9) + "." + std::to_string(1 + round % 12) + "." + number(40) + rc);
      else
        existing.push_back(v + number(12) + "." + number(12) + "." + number(12) + rc);
    }
    for (const auto step : {VersionStep::patch, VersionStep::minor, VersionStep::major, VersionStep::prerelease}) {
      const auto found = next_version(existing, step, scheme, {}, november);
      if (scheme == VersionScheme::integer && step == VersionStep::prerelease) continue;
      INFO((found ? found->version : render(found.error())));
      REQUIRE(found.ok());
      const auto version = Version::parse(found->version, scheme);
      REQUIRE(version.ok());
      CHECK(version->stable() == (step != VersionStep::prerelease));
      for (const auto& text : existing) CHECK(version->compare(Version::parse(text, scheme).value()) > 0);
      ++steps;
    }
  }
  CHECK(steps == 7500);
}

namespace {

std::string automatic(const std::string& version, const std::string& more = "") {
  return "[release]\nname = \"a\"\nversion = \"" + version + "\"\nrepositories = [\"a/b\"]\n" + more +
         "[build]\nplatforms = [\"linux/amd64\"]\n"
         "[tags]\nrules = [{ tag = \"{version}\" }, { tag = \"{version.major}\", moves = \"forward\" }]\n"
         "withdrawn = [\"1.4.0\"]\n[[variant]]\nname = \"a\"\nsuffix = \"\"\n";
}

}  // namespace

TEST_CASE("automatic version, facts with versions, is the next one and keeps what decided") {
  Facts facts;
  facts.versions = Texts{"0.9.0", "1.3.0", "nightly", "1.2.9"};
  const auto spec = spec_of(automatic("auto:minor"));
  const auto matrix = spec.matrix({}, facts);
  REQUIRE(matrix.ok());
  CHECK(matrix->version == "1.5.0");  // 1.4.0 is withdrawn
  CHECK(matrix->automatic == "auto:minor");
  CHECK(matrix->facts.versions == Texts{"1.3.0"});
  CHECK(matrix->variants[0].tags[1].tag == "1");
  const auto again = spec.matrix({}, matrix->facts);
  REQUIRE(again.ok());
  CHECK(again->version == "1.5.0");
}

TEST_CASE("automatic version, given by an input, is computed as well") {
  Facts facts;
  facts.versions = Texts{};
  const auto spec = spec_of(automatic("{inputs.v}", "[inputs.v]\n"));
  CHECK(spec.matrix({{"v", "auto:major"}}, facts)->version == "1.0.0");
  const auto given = spec.matrix({{"v", "2.0.0"}}, facts);
  CHECK(given->version == "2.0.0");
  CHECK_FALSE(given->facts.versions);
  CHECK_FALSE(spec.matrix({{"v", "auto:mjaor"}}, facts).ok());
}

TEST_CASE("automatic version, versions that are not known, is an error and never the first version") {
  const auto matrix = spec_of(automatic("auto:minor")).matrix({}, {});
  REQUIRE_FALSE(matrix.ok());
  REQUIRE(matrix.error().problems.size() == 1);
  CHECK(matrix.error().problems[0].message.find("the versions that exist are not known") != std::string::npos);
  CHECK(matrix.error().problems[0].line == 3);
}

TEST_CASE("automatic version, scheme that gives no next one, is an error at the version") {
  Facts facts;
  facts.versions = Texts{"7"};
  const auto none = spec_of(automatic("auto:minor", "scheme = \"integer\"\n")).matrix({}, facts);
  CHECK((none.ok() && none->version == "8"));
  const auto pre = spec_of(automatic("auto:prerelease", "scheme = \"integer\"\n")).matrix({}, facts);
  REQUIRE_FALSE(pre.ok());
  CHECK(pre.error().problems[0].message.find("integers have no pre-releases") != std::string::npos);
}

TEST_CASE("matrix of a version, input that only the version needs, may be missing") {
  const auto spec = spec_of(automatic("{inputs.v}", "[inputs.v]\n"));
  const auto matrix = spec.matrix_of_version("3.1.0", {}, {});
  REQUIRE(matrix.ok());
  CHECK(matrix->version == "3.1.0");
  CHECK(matrix->variants[0].tags[1].tag == "3");
  CHECK_FALSE(spec.matrix({}, {}).ok());
  const auto other = spec_of(automatic("{inputs.v}", "[inputs.v]\n[inputs.w]\n")).matrix_of_version("3.1.0", {}, {});
  REQUIRE_FALSE(other.ok());
  CHECK(render(other.error()).find("input w has no value") != std::string::npos);
  CHECK(spec_of(automatic("{git.tag}")).matrix_of_version("3.1.0", {}, {}).ok());
}

TEST_CASE("version typed in, not of the scheme, gets its exact tag and none that a forward rule with parts makes") {
  const auto spec = spec_of(automatic("{inputs.v}", "[inputs.v]\n"));
  const auto odd = spec.matrix({{"v", "v0.2.1.0-rc1"}}, {});
  REQUIRE(odd.ok());
  REQUIRE(odd->variants[0].tags.size() == 1);
  CHECK(odd->variants[0].tags[0].tag == "v0.2.1.0-rc1");
  REQUIRE(odd->warnings.size() == 1);
  CHECK(odd->warnings[0].hint == "it can be an exact tag, but moves no forward tag");
}
