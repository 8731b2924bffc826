#include "shipset/tags/dialect.hpp"

#include "catch_shim.hpp"
#include "matrix_fixture.hpp"
#include "shipset/tags/reader.hpp"
#include "shipset/tags/table.hpp"

using namespace shipset;
using namespace shipset::tags;

namespace {

ResolvedTag dialect_rule(std::string text, std::optional<Moves> moves = std::nullopt, int line = 20) {
  ResolvedTag out;
  out.dialect = true;
  out.rule = std::move(text);
  out.moves_given = moves.has_value();
  out.moves = moves.value_or(Moves::never);
  out.line = line;
  out.column = 3;
  return out;
}

Matrix with_rules(std::vector<ResolvedTag> rules, const std::string& ref, const std::string& suffix = "") {
  Matrix out;
  out.file = "shipset.toml";
  out.name = "app";
  out.repositories = {"acme/app"};
  out.facts.event = {{"ref", ref}, {"sha", "860c1904a1ce19322e91ac35af1ab07466440c37"}, {"event_name", "push"}};
  Variant variant;
  variant.name = "app";
  variant.suffix = suffix;
  variant.repositories = {"acme/app"};
  variant.tags = std::move(rules);
  out.variants.push_back(std::move(variant));
  return out;
}

std::string shown(const EvaluatedTags& evaluated) {
  std::string out;
  for (const auto& tag : evaluated.tags)
    out += tag.tag + " " + std::string(to_string(tag.moves)) + " " + tag.shape + " " + tag.version + "\n";
  for (const auto& problem : evaluated.problems) out += render(problem) + "\n";
  return out;
}

std::string shown(std::vector<ResolvedTag> rules, const std::string& ref, const std::string& suffix = "") {
  const Matrix matrix = with_rules(std::move(rules), ref, suffix);
  return shown(evaluated_tags(matrix, matrix.variants[0]));
}

}  // namespace

TEST_CASE("dialect, rules of versions, have shapes by which their tags are read") {
  CHECK(shown({dialect_rule("type=semver,pattern={{version}}"), dialect_rule("type=semver,pattern={{raw}},prefix=r."),
               dialect_rule("type=semver,pattern=v{{major}}.{{minor}}"), dialect_rule("type=sha")},
              "refs/tags/v1.2.3", "cuda") ==
        "1.2.3-cuda never {version.plain}-cuda v1.2.3\n"
        "r.v1.2.3-cuda never r.{version}-cuda v1.2.3\n"
        "v1.2-cuda forward v{version.major}.{version.minor}-cuda v1.2.3\n"
        "sha-860c190-cuda always sha-860c190-cuda \n"
        "latest-cuda forward latest-cuda v1.2.3\n");
}

TEST_CASE("dialect, a tag of git that moves never, is the version") {
  CHECK(shown({dialect_rule("type=ref,event=tag", Moves::never)}, "refs/tags/1.0.0") ==
        "1.0.0 never {version} 1.0.0\nlatest forward latest 1.0.0\n");
}

TEST_CASE("dialect, build metadata and odd patterns, are exact by their text alone") {
  CHECK(shown({dialect_rule("type=semver,pattern={{version}}")}, "refs/tags/v1.2.3+b5") ==
        "1.2.3 never {version.plain} 1.2.3\nlatest forward latest v1.2.3+b5\n");
  CHECK(shown({dialect_rule("type=semver,pattern={{#if prerelease}}p{{else}}{{version}}{{/if}}")}, "refs/tags/1.2.3") ==
        "1.2.3 never 1.2.3 1.2.3\nlatest forward latest 1.2.3\n");
}

TEST_CASE("dialect, without an event, takes what git tells") {
  Matrix matrix = with_rules({dialect_rule("type=ref,event=branch"), dialect_rule("type=edge")}, "");
  matrix.facts.event.clear();
  matrix.facts.git = {{"ref_type", "branch"}, {"branch", "main"}, {"default_branch", "main"}};
  CHECK(shown(evaluated_tags(matrix, matrix.variants[0])) == "edge always edge \nmain always main \n");
}

TEST_CASE("dialect, a wrong rule and a doubled tag, are problems at their rules") {
  CHECK(shown({dialect_rule("type=sha"), dialect_rule("type=semver", std::nullopt, 21)}, "refs/heads/main")
            .find("shipset.toml:21:3: error: rule \"type=semver\" of variant \"app\"") == 0);
  CHECK(shown({dialect_rule("type=sha"), dialect_rule("type=raw,value=-x", std::nullopt, 22)}, "refs/heads/main")
            .find("shipset.toml:22:3: error: ") != std::string::npos);
}

TEST_CASE("dialect, existing tags, decide about forward tags as those of templates do") {
  const auto decision = [](const std::string& ref, const std::vector<std::string>& existing) {
    const Matrix matrix = with_rules(
        {dialect_rule("type=semver,pattern={{version}}"), dialect_rule("type=semver,pattern={{major}}.{{minor}}")}, ref,
        "cuda");
    const auto table = make_table(matrix);
    REQUIRE(table.ok());
    std::string out;
    for (const auto& entry : table->entries)
      if (entry.moves == Moves::forward)
        out += entry.tag + (decide_forward(entry, matrix, existing).move ? " moves\n" : " stays\n");
    return out;
  };
  const std::vector<std::string> existing = {"2.0.0-cuda", "1.9.0-cuda", "9.0.0", "v1.9.9-cuda", "1.9.5-rc.1-cuda"};
  CHECK(decision("refs/tags/v1.9.1", existing) == "1.9-cuda moves\nlatest-cuda stays\n");
  CHECK(decision("refs/tags/v2.0.1", existing) == "2.0-cuda moves\nlatest-cuda moves\n");
  CHECK(decision("refs/tags/v1.8.9", existing) == "1.8-cuda moves\nlatest-cuda stays\n");
  CHECK(decision("refs/tags/v3.0.0-rc.1", existing).empty());
}

TEST_CASE("dialect, an event without a version, still reads the versions that are there") {
  const Matrix matrix = with_rules({dialect_rule("type=semver,pattern={{version}}")}, "refs/heads/main");
  const VersionReader reader(matrix, "docker.io/acme/app", {"1.0.0", "2.0.0", "main", "v3.0.0"});
  REQUIRE(reader.readable());
  REQUIRE(reader.versions("app").size() == 2);
  CHECK(reader.versions("app").back().raw() == "2.0.0");
}
