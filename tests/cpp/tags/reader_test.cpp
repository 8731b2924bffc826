#include "shipset/tags/reader.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <random>

#include "catch_shim.hpp"
#include "matrix_fixture.hpp"

using namespace shipset;
using namespace shipset::tags;

namespace {

constexpr std::string_view repository = "docker.io/docker/model-runner";

Entry entry_of(const std::string& variant, const std::string& tag, const std::string& shape) {
  Entry out;
  out.repository = repository;
  out.variant = variant;
  out.tag = tag;
  out.shape = shape;
  out.moves = Moves::forward;
  return out;
}

Entry latest(const std::string& suffix = "", const std::string& variant = "cpu") {
  const std::string tag = suffix.empty() ? "latest" : "latest-" + suffix;
  return entry_of(variant, tag, tag);
}

std::vector<std::string> read(const Matrix& matrix, std::string_view variant, const std::vector<std::string>& tags) {
  std::vector<std::string> out;
  const VersionReader reader(matrix, repository, tags);
  for (const auto& version : reader.versions(variant)) out.push_back(version.raw());
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("forward, first release, moves") {
  const auto decision = decide_forward(latest(), model_runner("v1.0.0", true, false), {});
  CHECK(decision.move);
  CHECK(decision.reason == "v1.0.0 is the only stable version");
}

TEST_CASE("forward, highest of several, moves and counts them") {
  const auto matrix = model_runner("v1.2.0", true, false);
  const auto decision = decide_forward(latest(), matrix, {"v1.0.0", "latest", "v1.1.0", "v1.2.0", "v1.0.0-cuda"});
  CHECK(decision.move);
  CHECK(decision.reason == "v1.2.0 is the highest of 3 stable versions");
}

TEST_CASE("forward, patch of an older line, leaves latest") {
  const auto decision = decide_forward(latest(), model_runner("v1.9.1", true, false), {"v1.9.0", "v2.0.1", "latest"});
  CHECK_FALSE(decision.move);
  CHECK(decision.reason == "v2.0.1 is higher");
}

TEST_CASE("forward, patch of an older line, moves the tags of its line") {
  const auto matrix = model_runner("v1.9.1", true, false);
  const Texts tags = {"v1.9.0", "v1.8.9", "v2.0.1"};
  CHECK(decide_forward(entry_of("cpu", "1", "{version.major}"), matrix, tags).move);
  CHECK(decide_forward(entry_of("cpu", "1.9", "{version.major}.{version.minor}"), matrix, tags).move);
  const auto with_higher = decide_forward(entry_of("cpu", "1", "{version.major}"), matrix, {"v1.10.0"});
  CHECK_FALSE(with_higher.move);
  CHECK(decide_forward(entry_of("cpu", "1.9", "{version.major}.{version.minor}"), matrix, {"v1.10.0"}).move);
}

TEST_CASE("forward, pre-releases and odd versions, neither move nor count") {
  const auto rc = decide_forward(latest(), model_runner("v2.1.0-rc1", true, false), {"v1.0.0"});
  CHECK_FALSE(rc.move);
  CHECK(rc.reason == "v2.1.0-rc1 is a pre-release");
  const auto odd = decide_forward(latest(), model_runner("v0.2.1.0-rc1", true, false), {});
  CHECK_FALSE(odd.move);
  CHECK(odd.reason == "\"v0.2.1.0-rc1\" is not a semver version");
  CHECK_FALSE(decide_forward(latest(), model_runner("test", true, false), {}).move);
  CHECK(decide_forward(latest(), model_runner("", true, false), {}).reason == "the release has no version");
  const auto stable = decide_forward(latest(), model_runner("v1.0.0", true, false),
                                     {"v2.1.0-rc1", "v9.9.9.9", "nightly", "20260109", "sha-abc", "v3",
                                      "_shipset.x.hold.1", "vdmr-v7.1.1", "", std::string(500, '9')});
  CHECK(stable.move);
  CHECK(stable.reason == "v1.0.0 is the only stable version");
}

TEST_CASE("forward, withdrawn versions, do not count and do not move") {
  auto matrix = model_runner("v1.0.0", true, false);
  matrix.withdrawn = {"2.0.0", "v2.0.1"};
  CHECK(decide_forward(latest(), matrix, {"v2.0.0", "v2.0.1"}).move);
  CHECK_FALSE(decide_forward(latest(), matrix, {"v2.0.0", "v2.0.2"}).move);
  matrix.version = "v2.0.0";
  CHECK(decide_forward(latest(), matrix, {}).reason == "v2.0.0 is withdrawn");
}

TEST_CASE("forward, each variant, counts its own tags only") {
  const auto matrix = model_runner("v1.0.0", true, false);
  const Texts tags = {"v1.0.0", "v2.0.0-cuda", "v3.0.0-vllm-cuda", "v4.0.0-musa"};
  CHECK(decide_forward(latest(), matrix, tags).move);
  CHECK_FALSE(decide_forward(latest("cuda", "cuda"), matrix, tags).move);
  CHECK(decide_forward(latest("cuda", "cuda"), matrix, tags).reason == "v2.0.0 is higher");
  CHECK(decide_forward(latest("vllm-cuda", "vllm-cuda"), matrix, tags).reason == "v3.0.0 is higher");
  CHECK(decide_forward(latest("rocm", "rocm"), matrix, tags).move);
}

TEST_CASE("reader, tag that several variants could own, goes to the most literal one") {
  const auto matrix = model_runner("v1.0.0", true, false);
  const Texts tags = {"v1.0.0-vllm-cuda", "v1.1.0-cuda", "v1.2.0", "v1.3.0-rc1-cuda", "v1.4.0-rc1", "v5.0.0-cann"};
  CHECK(read(matrix, "vllm-cuda", tags) == Texts{"v1.0.0"});
  CHECK(read(matrix, "cuda", tags) == Texts{"v1.1.0", "v1.3.0-rc1"});
  CHECK(read(matrix, "cpu", tags) == Texts{"v1.2.0", "v1.4.0-rc1"});
  CHECK(read(matrix, "cann", tags) == Texts{"v5.0.0"});
  CHECK(read(matrix, "nobody", tags).empty());
}

TEST_CASE("reader, variants in other repositories, own nothing here") {
  auto matrix = model_runner("v1.0.0", true, false);
  matrix.variants[1].repositories = {"docker/other"};
  CHECK(read(matrix, "cuda", {"v1.1.0-cuda"}).empty());
  CHECK(read(matrix, "cpu", {"v1.1.0-cuda"}) == Texts{"v1.1.0-cuda"});
}

TEST_CASE("reader, many forms of rules, are read backwards") {
  struct Row {
    std::string shape, tag, version;
  };
  const Row rows[] = {
      {"{version}", "v1.2.3", "v1.2.3"},
      {"{version.plain}", "1.2.3", "1.2.3"},
      {"{version.plain}", "v1.2.3", ""},
      {"cuda-{version}-x", "cuda-1.2.3-x", "1.2.3"},
      {"{version.major}.{version.minor}.{version.patch}-x", "1.22.3-x", "1.22.3"},
      {"{version.major}.{version.minor}.{version.patch}{-version.prerelease}", "1.2.3", "1.2.3"},
      {"{version.major}.{version.minor}.{version.patch}{-version.prerelease}", "1.2.3-rc.1", "1.2.3-rc.1"},
      {"{version.major}.{version.minor}.{version.patch}", "1.2", ""},
      {"{version.major}.{version.minor}.{version.patch}", "1.2.3.4", ""},
      {"{version.major}.{version.minor}.{version.patch}", "01.2.3", ""},
      {"{version}-{version.major}", "1.2.3-1", "1.2.3"},
      {"{version}-{version.major}", "1.2.3-2", ""},
      {"{version}-{version}", "1.2.3-1.2.3", "1.2.3"},
      {"{version:5}-{version}", "1.2.3-1.2.3", "1.2.3"},
      {"{version.major}", "1", ""},
      {"{version|slug}", "1-2-3", ""},
      {"x{{{version}}}", "x{1.2.3}", "1.2.3"},
      {"fixed", "fixed", ""},
      {"{broken", "1.2.3", ""},
  };
  for (const auto& row : rows) {
    INFO(row.shape << " " << row.tag);
    auto matrix = model_runner("v1.0.0", true, false);
    matrix.variants.resize(1);
    matrix.variants[0].tags = {tag_rule(row.shape, "unused", row.shape)};
    CHECK(read(matrix, "cpu", {row.tag}) == (row.version.empty() ? Texts{} : Texts{row.version}));
  }
}

TEST_CASE("reader, hostile tags against a costly rule, end in time") {
  auto matrix = model_runner("v1.0.0", true, false);
  matrix.variants.resize(1);
  matrix.variants[0].tags = {tag_rule("x", "x", "{version:3}{version|slug}{version:9}{version|slug}{version}")};
  const auto start = std::chrono::steady_clock::now();
  CHECK(read(matrix, "cpu", Texts(100, std::string(128, '1'))).empty());
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}

TEST_CASE("forward, other schemes, order by their own rules") {
  auto matrix = model_runner("b1234", true, false);
  matrix.scheme = VersionScheme::integer;
  CHECK(decide_forward(latest(), matrix, {"b999", "b1233", "99999-cuda", "b1300-rocm"}).move);
  CHECK(decide_forward(latest(), matrix, {"b10000"}).reason == "b10000 is higher");
  matrix = model_runner("1.0.post1", true, false);
  matrix.scheme = VersionScheme::pep440;
  CHECK(decide_forward(latest(), matrix, {"1.0", "1.1rc1", "1.1.dev3"}).move);
  CHECK_FALSE(decide_forward(latest(), matrix, {"1.1"}).move);
  matrix = model_runner("2026.01.9", true, false);
  matrix.scheme = VersionScheme::calver;
  CHECK(decide_forward(latest(), matrix, {"2026.1.8", "2025.12.31"}).move);
  CHECK_FALSE(decide_forward(latest(), matrix, {"2026.01.10"}).move);
  matrix.scheme = VersionScheme::none;
  CHECK_FALSE(decide_forward(latest(), matrix, {}).move);
}

TEST_CASE("forward, releases in any order, leave each tag at its highest stable version") {
  std::mt19937 random(14);
  const Texts versions = {"v2.0.1", "v1.9.1", "v2.1.0-rc1", "v0.2.1.0-rc1", "v2.1.0", "v1.10.0", "v1.9.2", "v0.1.0"};
  const Texts names = {"cpu", "cuda", "vllm-cuda"};
  for (int round = 0; round < 200; ++round) {
    Texts order = versions;
    std::shuffle(order.begin(), order.end(), random);
    std::map<std::string, std::string> holds;  // tag → version it points at
    Texts tags;
    for (const auto& version : order) {
      auto matrix = model_runner(version, true, false);
      for (const auto& name : names) {
        const std::string dashed = name == "cpu" ? "" : "-" + name;
        tags.push_back(version + dashed);
        for (const std::string shape : {"latest", "{version.major}", "{version.major}.{version.minor}"}) {
          const auto parsed = Version::parse(version, VersionScheme::semver);
          if (!parsed && shape != "latest") continue;
          std::string tag = "latest";
          if (shape != "latest") tag = std::to_string(parsed->numbers()[0]);
          if (shape.size() > 20) tag += "." + std::to_string(parsed->numbers()[1]);
          tag += dashed;
          if (decide_forward(entry_of(name, tag, shape + dashed), matrix, tags).move) holds[tag] = version;
        }
      }
    }
    for (const auto& name : names) {
      const std::string dashed = name == "cpu" ? "" : "-" + name;
      CHECK(holds["latest" + dashed] == "v2.1.0");
      CHECK(holds["2" + dashed] == "v2.1.0");
      CHECK(holds["2.0" + dashed] == "v2.0.1");
      CHECK(holds["1" + dashed] == "v1.10.0");
      CHECK(holds["1.9" + dashed] == "v1.9.2");
      CHECK(holds["0" + dashed] == "v0.1.0");
    }
  }
}

TEST_CASE("reader, thousands of variants and tags, does not try every rule on every tag") {
  Matrix matrix;
  matrix.version = "v1.0.0";
  Texts tags;
  for (int i = 0; i < 2000; ++i) {
    const std::string suffix = "s" + std::to_string(i);
    matrix.variants.push_back(flavour(suffix, suffix, "v1.0.0"));
    for (const char* version : {"v1.0.0-", "v1.1.0-", "v2.0.0-"}) tags.push_back(version + suffix);
  }
  const auto start = std::chrono::steady_clock::now();
  const VersionReader reader(matrix, repository, tags);
  CHECK(reader.versions("s1999").size() == 3);
  CHECK_FALSE(reader.decide(latest("s7", "s7")).move);
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  INFO("2,000 variants, 6,000 tags read in " << elapsed << " s");
  CHECK(elapsed < 10);
}
