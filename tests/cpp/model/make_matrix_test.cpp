#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "shipset/base/json.hpp"
#include "shipset/model/dump.hpp"
#include "shipset/model/matrix_json.hpp"
#include "spec_helper.hpp"

using namespace spec_test;

TEST_CASE("matrix, settings of the release, are evaluated") {
  const std::string text =
      "[release]\nname = \"demo\"\nversion = \"{inputs.v}\"\nrepositories = [\"a/b\", \"quay.io/{vars.who}/d\"]\n"
      "on_registry_failure = \"continue\"\n[inputs.v]\ndefault = \"1.2.3-rc.1\"\n[vars]\nwho = \"c\"\n[staging]\n"
      "repository = \"example/{vars.who}\"\n[build]\nplatforms = [\"linux/amd64\"]\nfail_fast = "
      "true\n[tags]\nwithdrawn = "
      "[\"v1.0.0\"]\n[[gate]]\nname = \"g\"\nat = \"staged\"\nrun = [\"check\", \"{version.plain}\"]\ntimeout_s = 5\n"
      "required = false\nvariants = [\"a\"]\n[[variant]]\nname = \"a\"\nrequired = \"if-present\"\n[[variant]]\nname = "
      "\"b\"\n"
      "required = false\nrepositories = [\"e/{variant}\"]\nargs = { P = \"{version.prerelease}\", M = "
      "\"{version.major}\" }\n";
  const auto matrix = matrix_of(text);
  CHECK(matrix.name == "demo");
  CHECK(matrix.version == "1.2.3-rc.1");
  CHECK(matrix.repositories == std::vector<std::string>{"a/b", "quay.io/c/d"});
  CHECK(matrix.continue_on_registry_failure);
  CHECK(matrix.fail_fast);
  CHECK(matrix.staging_repository == "example/c");
  CHECK(matrix.withdrawn == std::vector<std::string>{"v1.0.0"});
  REQUIRE(matrix.gates.size() == 1);
  CHECK(matrix.gates[0].at == Gate::At::staged);
  CHECK(matrix.gates[0].run == std::vector<std::string>{"check", "1.2.3-rc.1"});
  CHECK(matrix.gates[0].timeout_s == 5);
  CHECK_FALSE(matrix.gates[0].required);
  CHECK(matrix.find("a")->required == Required::if_present);
  CHECK(matrix.find("b")->required == Required::no);
  CHECK(matrix.find("b")->repositories == std::vector<std::string>{"e/b"});
  CHECK(matrix.find("b")->platforms[0].settings.args == OrderedMap{{"P", "rc.1"}, {"M", "1"}});
  CHECK(matrix.file_digest == Digest::of(text));
  CHECK(matrix.directory == std::filesystem::current_path().string());
  CHECK(matrix.find("nope") == nullptr);
}

TEST_CASE("matrix, environment, shows only what the file allows") {
  auto given = facts();
  given.env = {{"SHOWN", "1"}, {"TOKEN", "hunter2"}};
  const auto matrix =
      spec_of(file_with("args = { A = \"{env.SHOWN}\" }\n[env]\nallow = [\"SHOWN\"]\n[[variant]]\nname = \"a\"\n"))
          .matrix({}, given);
  REQUIRE(matrix.ok());
  CHECK(matrix->facts.env == std::map<std::string, std::string>{{"SHOWN", "1"}});
  JsonWriter out;
  write(out, *matrix);
  CHECK_FALSE(has(out.str(), "hunter2"));
}

TEST_CASE("matrix, versions of a file, are names, and a bad file is a problem at its key") {
  const auto directory = std::filesystem::temp_directory_path() / "shipset-versions-test";
  std::filesystem::create_directories(directory);
  const std::string text =
      "[versions]\nfile = \".versions\"\n" +
      file_with("args = { A = \"{versions.A}\", B = \"{versions.B_C}\" }\n[[variant]]\nname = \"a\"\n");
  const auto load = [&](const std::string& versions) {
    std::ofstream(directory / ".versions") << versions;
    return ReleaseSpec::parse(text, directory / "shipset.toml");
  };
  const auto good = load("# comment\n\nA=1.2\r\n B_C = \"x y\" \n");
  REQUIRE(good.ok());
  CHECK(good->matrix()->variants[0].platforms[0].settings.args == OrderedMap{{"A", "1.2"}, {"B", "x y"}});
  CHECK(has(render(load("A=1\n").error()), "unknown name \"versions.B_C\""));
  CHECK(has(render(load("A=1\nB_C\n").error()), ".versions line 2 is not KEY=VALUE"));
  CHECK(has(render(load("A=1\nA=2\n").error()), "A stands twice"));
  CHECK(has(render(load("A=\"1\n").error()), "a quote is not closed"));
  std::filesystem::remove(directory / ".versions");
  const auto missing = ReleaseSpec::parse(text, directory / "shipset.toml");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().problems[0].key == "versions.file");
  std::filesystem::remove_all(directory);
}

TEST_CASE("matrix, a version off the scheme, is a warning and has no parts") {
  const auto matrix = matrix_of(
      "[release]\nname = \"a\"\nversion = \"nightly\"\nrepositories = [\"a/b\"]\n[build]\nplatforms = "
      "[\"linux/amd64\"]\n"
      "[tags]\nrules = [\"{version}\", \"x{-version.major}\"]\n[[variant]]\nname = \"a\"\n");
  REQUIRE(matrix.warnings.size() == 1);
  CHECK(matrix.warnings[0].line == 3);
  CHECK(has(matrix.warnings[0].message, "\"nightly\" is not one of the scheme semver"));
  CHECK(tags_of(matrix.variants[0]) == std::vector<std::string>{"nightly", "x"});
}

TEST_CASE("matrix, a version that uses itself or a variant, is refused") {
  const std::string rest =
      "repositories = [\"a/b\"]\n[build]\nplatforms = [\"linux/amd64\"]\n[[variant]]\nname = \"a\"\n";
  CHECK(has(problems_of("[release]\nname = \"a\"\nversion = \"{version}\"\n" + rest), "unknown name \"version\""));
  CHECK(has(problems_of("[release]\nname = \"a\"\nversion = \"{variant}\"\n" + rest), "unknown name \"variant\""));
  const auto spec = spec_of("[release]\nname = \"a\"\nversion = \"{git.tag}\"\n" + rest);
  const auto matrix = spec.matrix({}, facts());
  REQUIRE_FALSE(matrix.ok());
  CHECK(has(render(matrix.error()), "\"git.tag\" has no value"));
}

TEST_CASE("matrix, a backend without what it takes, is an error") {
  CHECK(has(matrix_error(file_with("backend = \"prebuilt\"\n[[variant]]\nname = \"a\"\n")),
            "the backend is \"prebuilt\", but there is no image for linux/amd64"));
  CHECK(
      has(matrix_error(file_with("backend = \"native\"\n[[variant]]\nname = \"a\"\n")), "there is no [build.native]"));
}

TEST_CASE("matrix, conditions of several levels, must all hold") {
  const std::string text = file_with(
      "[inputs.a]\ntype = \"boolean\"\ndefault = true\n[inputs.b]\ntype = \"boolean\"\ndefault = true\n[matrix]\nname "
      "= "
      "\"{axis.x}-{axis.y}\"\n[matrix.axis.x.p]\nwhen = \"inputs.a\"\n[matrix.axis.y.q]\nwhen = \"inputs.b or git.tag "
      "!= "
      "none\"\n[matrix.axis.y.r]\n[[matrix.include]]\ny = \"r\"\nunset = [\"when\"]\n");
  CHECK(matrix_of(text).variants[0].when == "(inputs.a) and (inputs.b or git.tag != none)");
  CHECK(matrix_of(text).variants[0].active);
  CHECK_FALSE(matrix_of(text, {{"a", "false"}}).variants[0].active);
  CHECK_FALSE(matrix_of(text, {{"b", "false"}}).variants[0].active);
  CHECK(matrix_of(text, {{"a", "false"}}).variants[1].active);
}

TEST_CASE("matrix as JSON, reads back and is the same twice") {
  const auto matrix = matrix_of(file_with("[tags]\nrules = [\"{version}\"]\n[ci]\na = 1\n[[variant]]\nname = \"a\"\n"));
  JsonWriter one, two;
  write(one, matrix);
  write(two, matrix_of(file_with("[tags]\nrules = [\"{version}\"]\n[ci]\na = 1\n[[variant]]\nname = \"a\"\n")));
  CHECK(one.str() == two.str());
  CHECK(parse_json(one.str(), "matrix").ok());
  CHECK(to_table(matrix) == to_table(matrix));
}

TEST_CASE("matrix, ten thousand variants, are all there") {
  std::string text = file_with(
      "args = { V = \"{version}\" }\n[tags]\nrules = [\"{version}{-suffix}\", { tag = \"{version.major}{-suffix}\", "
      "moves = \"forward\" }]\n");
  for (int i = 0; i < 10'000; ++i)
    text += "[[variant]]\nname = \"v" + std::to_string(i) + "\"\nbase = \"nvidia/cuda:12." + std::to_string(i) + "\"\n";
  const auto spec = ReleaseSpec::parse(text, "shipset.toml");
  REQUIRE(spec.ok());
  const auto matrix = spec->matrix({}, facts());
  REQUIRE(matrix.ok());
  REQUIRE(matrix->variants.size() == 10'000);
  CHECK(matrix->variants.back().platforms.front().settings.bases.front().image == "nvidia/cuda:12.9999");
}
