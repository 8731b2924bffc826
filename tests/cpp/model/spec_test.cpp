// The example release files, each against a table that a person has read.
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>

#include "checker_impl.hpp"
#include "shipset/base/file.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/dump.hpp"
#include "spec_data_impl.hpp"
#include "spec_helper.hpp"

using namespace spec_test;
using detail::Node;

namespace {

const std::filesystem::path source = SHIPSET_SOURCE_DIR;

struct Scenario {
  std::string example;  ///< folder below examples/
  std::string table;    ///< file below tests/fixtures/release_files/, without .expected.txt
  InputValues inputs;
  Facts given = facts();
};

Facts of_tag(const std::string& tag) {
  Facts out = facts();
  out.git["tag"] = tag;
  out.git["ref_type"] = "tag";
  out.git.erase("branch");
  return out;
}

Facts of_pull_request() {
  Facts out = facts();
  out.event_name = "pull_request";
  out.git["branch"] = "feature/Neat Thing";
  out.env = {{"PR_NUMBER", "77"}, {"SECRET", "never shown"}};
  return out;
}

std::vector<Scenario> scenarios() {
  return {
      {"releases/two-axes", "two-axes", {{"build", "b4321"}}},
      {"releases/variant-on-variant", "variant-on-variant", {{"version", "0.12.0"}}},
      {"releases/variant-on-variant", "variant-on-variant.nightly", {{"version", "0.12.1.dev7"}, {"nightly", "true"}}},
      {"releases/two-registries", "two-registries.tag", {{"flavour", "aio"}}, of_tag("v3.1.0")},
      {"releases/two-registries", "two-registries.branch", {}},
      {"releases/two-registries", "two-registries.pull-request", {}, of_pull_request()},
      {"releases/dockerfile-per-variant", "dockerfile-per-variant", {}},
      {"releases/base-per-platform", "base-per-platform", {}, of_tag("v0.9.1")},
      {"releases/base-per-platform", "base-per-platform.candidate", {{"latest", "false"}}, of_tag("v0.10.0-rc1")},
      {"releases/image-tree", "image-tree", {}},
      {"releases/mixed-backends", "mixed-backends", {}},
      {"releases/metadata-rules", "metadata-rules", {}, of_tag("v1.4.0")},
      {"gate", "gate", {}},
      {"model-runner", "model-runner", {{"release_tag", "v1.0.0"}, {"push_latest", "true"}}},
  };
}

std::string table_of(const Scenario& scenario) {
  const auto spec = ReleaseSpec::load(source / "examples" / scenario.example / "shipset.toml");
  INFO((spec ? std::string() : render(spec.error())));
  REQUIRE(spec.ok());
  const auto matrix = spec->matrix(scenario.inputs, scenario.given);
  INFO((matrix ? std::string() : render(matrix.error())));
  REQUIRE(matrix.ok());
  return to_table(*matrix);
}

/// Adds `section.key` of everything that the file sets; settings of all levels count as one.
void collect_used(const Node& node, std::set<std::string>& used) {
  for (const auto& child : node.children) {
    if (child.spec != nullptr && !child.spec->name.empty()) {
      if (child.spec->key != detail::Key::none) used.insert("setting." + std::string(child.spec->name));
      if (node.section != nullptr) used.insert(std::string(node.section->name) + "." + std::string(child.spec->name));
    }
    collect_used(child, used);
  }
}

void collect_known(const detail::SectionSpec& section, std::set<const detail::SectionSpec*>& seen,
                   std::set<std::string>& known) {
  if (!seen.insert(&section).second) return;
  const auto visit = [&](const detail::KeySpec& key) {
    if (key.reserved) return;
    if (key.key != detail::Key::none)
      known.insert("setting." + std::string(key.name));
    else if (!key.name.empty() && key.name != "platform" && key.name != "unset")
      known.insert(std::string(section.name) + "." + std::string(key.name));
    if (key.section != nullptr) collect_known(*key.section, seen, known);
  };
  for (const auto& key : section.keys) visit(key);
  if (section.others != nullptr) visit(*section.others);
}

}  // namespace

TEST_CASE("example release files, with inputs and facts, give the tables that were read") {
  for (const auto& scenario : scenarios()) {
    INFO(scenario.table);
    const auto file = source / "tests/fixtures/release_files" / (scenario.table + ".expected.txt");
    const std::string table = table_of(scenario);
    if (std::getenv("SHIPSET_WRITE_TABLES") != nullptr) REQUIRE(write_file_atomic(file, table).ok());
    const auto expected = read_file(file, 1u << 20);
    REQUIRE(expected.ok());
    CHECK(table == *expected);
  }
}

TEST_CASE("example release files, together, use every key of the description") {
  std::set<std::string> used, known;
  for (const auto& scenario : scenarios()) {
    const auto text = read_file(source / "examples" / scenario.example / "shipset.toml", 1u << 20);
    auto root = detail::read_toml(*text, "shipset.toml");
    REQUIRE(root.ok());
    detail::Texts texts;
    detail::ProblemList problems("shipset.toml");
    const auto names = detail::collect_names(*root, {{"TORCH", ""}, {"CUDA", ""}, {"ROCM", ""}});
    detail::Checker(names, texts, problems).check(*root);
    CHECK_FALSE(problems.has_errors());
    collect_used(*root, used);
  }
  std::set<const detail::SectionSpec*> seen;
  collect_known(detail::release_file_description(), seen, known);
  CHECK(known.size() > 100);
  std::string missing;
  for (const auto& key : known)
    if (!used.contains(key)) missing += key + "\n";
  CHECK(missing == "");
}

TEST_CASE("example release files, the first line, says what they show") {
  for (const auto& scenario : scenarios()) {
    INFO(scenario.example);
    CHECK(read_file(source / "examples" / scenario.example / "shipset.toml", 1u << 20)->starts_with("# "));
  }
}

TEST_CASE("release file, unreadable, is an io error that names it") {
  const auto spec = ReleaseSpec::load("/nonexistent/shipset.toml");
  REQUIRE_FALSE(spec.ok());
  CHECK(spec.error().kind == ErrorKind::io);
  CHECK(has(render(spec.error()), "/nonexistent/shipset.toml"));
}

TEST_CASE("release file, loaded and copied, keeps its data") {
  ReleaseSpec copy = spec_of(file_with("[[variant]]\nname = \"a\"\n"));
  {
    const ReleaseSpec other = copy;
    copy = other;
  }
  CHECK(copy.name() == "demo");
  CHECK(copy.variant_names() == std::vector<std::string>{"a"});
  CHECK(copy.file() == "shipset.toml");
  CHECK(copy.text().starts_with("[release]"));
  CHECK(copy.matrix()->variants[0].platforms.size() == 2);
}

namespace {

/// One of the mistakes that people make: a line lost, doubled or moved, a value of another type, a character gone.
std::string mutated(const std::string& text, std::mt19937& random) {
  std::vector<std::string> lines = split(text, '\n');
  const auto pick = [&](std::size_t size) { return random() % size; };
  const auto some_line = [&]() -> std::string& { return lines[pick(lines.size())]; };
  static constexpr const char* values[] = {
      "1", "true", "[]", "{}", "\"\"", "\"{\"", "[{ value = 1 }]", "{ image = 1 }", "[[]]"};
  for (std::size_t change = 1 + pick(3); change > 0; --change) {
    std::string& line = some_line();
    switch (pick(6)) {
      case 0:
        line.clear();
        break;
      case 1:
        line += "\n" + std::string(line);
        break;
      case 2:
        std::swap(line, some_line());
        break;
      case 3:
        if (const auto equals = line.find('='); equals != std::string::npos)
          line = line.substr(0, equals + 1) + " " + values[pick(std::size(values))];
        break;
      case 4:
        if (!line.empty()) line.erase(pick(line.size()), 1);
        break;
      default:
        if (const auto quote = line.find('"'); quote != std::string::npos) line.insert(quote + 1, "{vars.x|slug}");
    }
  }
  return join(lines, "\n");
}

}  // namespace

TEST_CASE("example release files, with random mistakes, are refused with places or accepted, never worse") {
  std::mt19937 random(20260109);
  const char* rounds = std::getenv("SHIPSET_MUTATIONS");
  for (int round = rounds != nullptr ? std::atoi(rounds) : 40; round > 0; --round) {
    for (const auto& scenario : scenarios()) {
      const auto folder = source / "examples" / scenario.example;
      const std::string text = mutated(*read_file(folder / "shipset.toml", 1u << 20), random);
      const auto spec = ReleaseSpec::parse(text, folder / "shipset.toml");
      if (!spec) {
        CHECK(spec.error().kind == ErrorKind::spec);
        CHECK_FALSE(spec.error().problems.empty());
        for (const auto& problem : spec.error().problems) CHECK(problem.line > 0);
        continue;
      }
      const auto matrix = spec->matrix(scenario.inputs, scenario.given);
      if (matrix)
        CHECK(matrix->variants.size() == spec->variant_names().size());
      else
        CHECK_FALSE(matrix.error().problems.empty());
    }
  }
}
