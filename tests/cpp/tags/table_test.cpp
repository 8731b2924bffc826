#include "shipset/tags/table.hpp"

#include <algorithm>

#include "catch_shim.hpp"
#include "matrix_fixture.hpp"

using namespace shipset;
using namespace shipset::tags;

namespace {

std::vector<std::string> familiar(const Table& table) {
  std::vector<std::string> out;
  for (const auto& entry : table.entries) out.push_back(entry.familiar());
  return out;
}

std::vector<Problem> problems(const Matrix& matrix, bool include_inactive = false) {
  const auto table = make_table(matrix, include_inactive);
  REQUIRE_FALSE(table.ok());
  CHECK(table.error().kind == ErrorKind::spec);
  return table.error().problems;
}

bool mentions(const std::string& text, std::initializer_list<std::string_view> words) {
  INFO(text);
  for (const auto word : words)
    if (text.find(word) == text.npos) {
      UNSCOPED_INFO("missing: " << word);
      return false;
    }
  return true;
}

}  // namespace

TEST_CASE("table, release of model-runner, has its tags in the order of the file") {
  const auto table = make_table(model_runner("v1.0.0", true, false));
  REQUIRE(table.ok());
  CHECK(familiar(*table) ==
        std::vector<std::string>{"docker/model-runner:v1.0.0", "docker/model-runner:latest",
                                 "docker/model-runner:v1.0.0-cuda", "docker/model-runner:latest-cuda",
                                 "docker/model-runner:v1.0.0-vllm-cuda", "docker/model-runner:latest-vllm-cuda",
                                 "docker/model-runner:v1.0.0-sglang-cuda", "docker/model-runner:latest-sglang-cuda",
                                 "docker/model-runner:v1.0.0-rocm", "docker/model-runner:latest-rocm"});
  const auto& entry = table->entries[3];
  CHECK(entry.repository == "docker.io/docker/model-runner");
  CHECK(entry.variant == "cuda");
  CHECK(entry.moves == Moves::forward);
  CHECK(entry.shape == "latest-cuda");
  CHECK(entry.reason == "rule \"latest{-suffix}\"");
  CHECK(make_table(model_runner("v1.0.0", true, true))->entries.size() == 14);
  CHECK(make_table(model_runner("v1.0.0", true, false), true)->entries.size() == 14);
  CHECK(make_table(model_runner("v1.0.0", false, false))->entries.size() == 5);
}

TEST_CASE("table, several repositories, lists them in order per variant") {
  auto matrix = model_runner("v1", false, false);
  matrix.variants.resize(2);
  matrix.variants[0].repositories = {"ghcr.io/o/a", "docker.io/library/b"};
  CHECK(familiar(*make_table(matrix)) ==
        std::vector<std::string>{"ghcr.io/o/a:v1", "b:v1", "docker/model-runner:v1-cuda"});
}

TEST_CASE("table, two variants with one tag, names both and their rules") {
  auto matrix = model_runner("v1.0.0", true, false);
  matrix.variants[1].tags[1] = tag_rule("latest", "latest", "latest", Moves::forward, 42);
  const auto found = problems(matrix);
  REQUIRE(found.size() == 1);
  CHECK(mentions(found[0].message, {"\"cpu\"", "\"cuda\"", "docker/model-runner:latest", "rule \"latest{-suffix}\"",
                                    "(line 11)", "rule \"latest\" (line 42)"}));
  CHECK(found[0].line == 42);
  CHECK(found[0].column == 5);
  CHECK(found[0].file == "shipset.toml");
  CHECK(found[0].key == "tags.rules");
}

TEST_CASE("table, clash in repositories written differently, is found once") {
  auto matrix = model_runner("v1", false, false);
  matrix.variants.resize(2);
  matrix.variants[0].repositories = {"b", "ghcr.io/o/a"};
  matrix.variants[1].repositories = {"docker.io/library/b", "ghcr.io/o/a"};
  matrix.variants[1].tags[0].tag = "v1";
  CHECK(problems(matrix).size() == 1);
}

TEST_CASE("table, same tag in different repositories, is no clash") {
  auto matrix = model_runner("v1", false, false);
  matrix.variants.resize(2);
  matrix.variants[1].repositories = {"other"};
  matrix.variants[1].tags[0].tag = "v1";
  CHECK(make_table(matrix).ok());
  matrix.variants[1].repositories = {"docker/model-runner"};
  matrix.variants[1].tags[0].tag = "V1";
  CHECK(make_table(matrix).ok());
}

TEST_CASE("table, one variant claiming a tag twice, is an error") {
  auto matrix = model_runner("v1", false, false);
  matrix.variants[0].tags.push_back(tag_rule("{version.major}", "v1", "{version.major}", Moves::always, 20));
  auto found = problems(matrix);
  REQUIRE(found.size() == 1);
  CHECK(mentions(found[0].message, {"\"cpu\"", "twice", "{version}{-suffix}", "{version.major}"}));

  matrix = model_runner("v1", false, false);
  matrix.variants[0].repositories = {"docker/model-runner", "index.docker.io/docker/model-runner"};
  found = problems(matrix);
  REQUIRE(found.size() == 1);
  CHECK(mentions(found[0].message, {"lists the repository", "twice"}));
}

TEST_CASE("table, platform tag against a variant's tag, clashes") {
  auto matrix = model_runner("v1", false, false);
  auto rule = tag_rule("{version}-{platform.machine}", "v1-cuda", "{version}-cuda", Moves::never, 30);
  rule.platforms = {*Platform::parse("linux/amd64")};
  matrix.variants[0].tags.push_back(rule);
  const auto found = problems(matrix);
  REQUIRE(found.size() == 1);
  CHECK(mentions(found[0].message, {"\"cpu\"", "\"cuda\"", "v1-cuda"}));
}

TEST_CASE("table, platform tags, say which platforms they point at") {
  auto matrix = model_runner("v1", false, false);
  auto rule = tag_rule("{version}-x", "v1-x", "{version}-x", Moves::never, 30);
  rule.platforms = {*Platform::parse("linux/amd64"), *Platform::parse("linux/arm64")};
  rule.index = true;
  matrix.variants[0].tags.push_back(rule);
  const auto table = make_table(matrix);
  REQUIRE(table.ok());
  CHECK(table->entries[1].reason == "rule \"{version}-x\" for linux/amd64, linux/arm64");
  CHECK(table->entries[1].index);
  CHECK(table->entries[1].platforms.size() == 2);
}

TEST_CASE("table, bad tags, are all reported at once") {
  auto matrix = model_runner("v1", false, false);
  matrix.inputs = {{"x", Value(std::string())}};
  matrix.variants[0].tags = {
      tag_rule("{vars.x}", "", "", Moves::never, 1),
      tag_rule("{inputs.x}-cpu", "-cpu", "-cpu", Moves::never, 2),
      tag_rule("{git.branch}", "feature/x", "feature/x", Moves::always, 3),
      tag_rule("{version}+1", "v1+1", "{version}+1", Moves::never, 4),
      tag_rule("long", std::string(129, 'a'), "a", Moves::never, 5),
      tag_rule("_shipset.x", "_shipset.x", "_shipset.x", Moves::never, 6),
      tag_rule("sha256-{git.sha}", "sha256-" + std::string(64, 'a'), "x", Moves::never, 7),
      tag_rule("{git.tag}", "v1\nv2", "x", Moves::never, 8),
      tag_rule("ok", "ok", "ok", Moves::never, 9),
      tag_rule("full", std::string(128, 'b'), "b", Moves::never, 10),
  };
  const auto found = problems(matrix);
  REQUIRE(found.size() == 8);
  for (int i = 0; i < 8; ++i) CHECK(found[i].line == i + 1);
  CHECK(mentions(found[0].message, {"{vars.x}", "\"cpu\"", "empty tag"}));
  CHECK(mentions(found[1].message, {"\"-cpu\"", "\"inputs.x\" is empty"}));
  CHECK(mentions(found[1].hint, {"{inputs.x-}"}));
  CHECK(mentions(found[2].message, {"\"/\" is not allowed"}));
  CHECK(mentions(found[3].message, {"\"+\""}));
  CHECK(mentions(found[4].message, {"129 characters"}));
  CHECK(mentions(found[5].message, {"shipset's own"}));
  CHECK(mentions(found[6].message, {"referrers"}));
  CHECK(mentions(found[7].message, {"byte 0x0a"}));
}

TEST_CASE("table, tag with a hole where a value should be, is an error") {
  struct Row {
    std::string rule, tag, hollow;
  };
  const Row rows[] = {
      {"{version}-{inputs.x}", "v1-", "inputs.x"},
      {"{version}-{inputs.x}-cpu", "v1--cpu", "inputs.x"},
      {"{inputs.x}.{version}", ".v1", "inputs.x"},
      {"{version}-{inputs.x}{-suffix}", "v1-", "inputs.x"},
      {"{version}_{suffix}", "v1_", "suffix"},
      {"{version}-{git.tag}", "v1-", "git.tag"},
      {"{inputs.x}{suffix}", "", "inputs.x"},
      {"{inputs.x}{version}", "v1", ""},
      {"{version}{inputs.x}", "v1-", ""},
      {"{version}{-inputs.x}", "v1-", ""},
      {"{version}-", "v1-", ""},
      {"{version}-{inputs.full}", "v1--", ""},
      {"{version}-{vars.other}", "v1--", ""},
  };
  for (const auto& row : rows) {
    INFO(row.rule);
    auto matrix = model_runner("v1", false, false);
    matrix.inputs = {{"x", Value(std::string())}, {"full", Value(std::string("-"))}};
    matrix.facts.git["tag"] = "";
    matrix.variants.resize(1);
    matrix.variants[0].tags = {tag_rule(row.rule, row.tag, row.tag, Moves::never, 3)};
    if (row.hollow.empty()) {
      CHECK(make_table(matrix).ok());
    } else {
      CHECK(mentions(problems(matrix)[0].message, {"\"" + row.hollow + "\" is empty"}));
    }
  }
}

TEST_CASE("table, bad repositories, are reported once each") {
  auto matrix = model_runner("v1", false, false);
  for (auto& variant : matrix.variants) variant.repositories = {"docker/model-runner:v1", "Bad/Name_", "fine"};
  matrix.variants[0].line = 77;
  const auto found = problems(matrix);
  REQUIRE(found.size() == 2);
  CHECK(mentions(found[0].message, {"docker/model-runner:v1", "has a tag"}));
  CHECK(mentions(found[0].hint, {"\"docker/model-runner\""}));
  CHECK(found[0].line == 77);
  CHECK(mentions(found[1].message, {"Bad/Name_"}));
}

TEST_CASE("table, variant without repository, is an error only if it has tags") {
  auto matrix = model_runner("v1", false, false);
  matrix.variants[0].repositories.clear();
  CHECK(mentions(problems(matrix)[0].message, {"\"cpu\"", "no repository"}));
  matrix.variants[0].tags.clear();
  CHECK(make_table(matrix).ok());
}

TEST_CASE("table, variants that exclude each other, may share their tags") {
  auto matrix = model_runner("v1", false, false);
  matrix.variants[5].tags = matrix.variants[6].tags;
  CHECK(make_table(matrix).ok());
  CHECK(make_table(matrix, true).ok());
  matrix.variants[5].active = matrix.variants[6].active = true;
  CHECK(problems(matrix).size() == 1);
}

TEST_CASE("table, inactive variant with a bad tag, matters only where it is listed") {
  auto matrix = model_runner("v1", false, false);
  matrix.variants[5].tags[0].tag = "a b";
  CHECK(make_table(matrix).ok());
  CHECK(problems(matrix, true).size() == 1);
}

TEST_CASE("table, forward rule without an order of versions, is an error once") {
  auto matrix = model_runner("v1.0.0", true, true);
  matrix.scheme = VersionScheme::none;
  auto found = problems(matrix);
  REQUIRE(found.size() == 1);
  CHECK(mentions(found[0].message, {"moves forward", "scheme \"none\""}));

  matrix = model_runner("v1.0.0", true, true);
  for (auto& variant : matrix.variants) variant.tags.erase(variant.tags.begin());
  found = problems(matrix);
  REQUIRE(found.size() == 1);
  CHECK(mentions(found[0].message, {"no exact tag"}));
  CHECK(found[0].line == 11);
}

TEST_CASE("promotion order, exact tags first and the bare latest last") {
  auto matrix = model_runner("v1.2.3", true, false);
  matrix.variants.resize(2);
  auto& tags = matrix.variants[0].tags;
  tags.insert(tags.begin(), tag_rule("nightly", "nightly", "nightly", Moves::always));
  tags.insert(tags.begin(), tag_rule("{version.major}", "1", "{version.major}", Moves::forward));
  tags.push_back(tag_rule("{version.major}.{version.minor}", "1.2", "{version.major}.{version.minor}", Moves::forward));
  auto platform = tag_rule("latest-{platform.machine}", "latest-x86_64", "latest-x86_64", Moves::forward);
  platform.platforms = {*Platform::parse("linux/amd64")};
  tags.push_back(platform);
  const auto table = make_table(matrix);
  REQUIRE(table.ok());
  std::vector<std::string> order;
  for (const std::size_t at : promotion_order(*table)) order.push_back(table->entries[at].tag);
  CHECK(order == std::vector<std::string>{"v1.2.3", "v1.2.3-cuda", "1.2", "1", "nightly", "latest-x86_64",
                                          "latest-cuda", "latest"});
  CHECK(promotion_order({}).empty());
}

TEST_CASE("table, ten thousand variants with six tags, lists and orders all of them") {
  constexpr std::size_t count = 10'000;
  Matrix matrix;
  matrix.version = "v1.2.3";
  for (std::size_t i = 0; i < count; ++i) {
    Variant variant = flavour("variant" + std::to_string(i), "s" + std::to_string(i), "v1.2.3");
    for (const std::string name : {"a", "b", "c", "d"}) {
      const std::string tag = name + variant.suffix;
      variant.tags.push_back(tag_rule(name + "{-suffix}", tag, tag, Moves::always));
    }
    matrix.variants.push_back(std::move(variant));
  }
  const auto table = make_table(matrix);
  REQUIRE(table.ok());
  CHECK(table->entries.size() == 6 * count);
  auto order = promotion_order(*table);
  std::sort(order.begin(), order.end());
  CHECK(order.size() == 6 * count);
  CHECK(std::adjacent_find(order.begin(), order.end()) == order.end());
}
