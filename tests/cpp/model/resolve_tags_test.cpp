#include "spec_helper.hpp"

using namespace spec_test;

namespace {
using Tags = std::vector<std::string>;
}

TEST_CASE("tags, templates and shapes, leave only the version in the shape") {
  const auto matrix =
      matrix_of(file_with("[tags]\nrules = [\"{version}{-suffix}\", { tag = "
                          "\"{version.major}.{version.minor}-{git.sha:4}\", moves = \"forward\" }, "
                          "{ tag = \"x\", when = \"suffix == \\\"gpu\\\"\", moves = \"always\" }]\n[[variant]]\nname = "
                          "\"cpu\"\nsuffix = \"\"\n"
                          "[[variant]]\nname = \"cuda\"\nsuffix = \"gpu\"\n"));
  CHECK(tags_of(*matrix.find("cpu")) == Tags{"v1.2.3", "1.2-0123"});
  const auto& tags = matrix.find("cuda")->tags;
  REQUIRE(tags.size() == 3);
  CHECK(tags[0].tag == "v1.2.3-gpu");
  CHECK(tags[0].shape == "{version}-gpu");
  CHECK(tags[0].rule == "{version}{-suffix}");
  CHECK(tags[0].moves == Moves::never);
  CHECK(tags[0].line == 8);
  CHECK(tags[0].platforms.empty());
  CHECK(tags[1].shape == "{version.major}.{version.minor}-0123");
  CHECK(tags[1].moves == Moves::forward);
  CHECK(tags[2].moves == Moves::always);
}

TEST_CASE("tags, rules of a variant replace, add appends, unset takes away") {
  const auto matrix = matrix_of(file_with(
      "[tags]\nrules = [\"a{-suffix}\"]\nadd = [\"b{-suffix}\"]\n[[variant]]\nname = \"v\"\n[[variant]]\nname = \"w\"\n"
      "tags.add = [\"c\"]\n[[variant]]\nname = \"x\"\n[variant.tags]\nrules = [\"d\"]\nadd = [\"e\"]\n[[variant]]\n"
      "name = \"y\"\nunset = [\"tags\"]\n[[variant]]\nname = \"z\"\nunset = [\"tags\"]\ntags.add = [\"f\"]\n"));
  CHECK(tags_of(*matrix.find("v")) == Tags{"a-v", "b-v"});
  CHECK(tags_of(*matrix.find("w")) == Tags{"a-w", "b-w", "c"});
  CHECK(tags_of(*matrix.find("x")) == Tags{"d", "e"});
  CHECK(tags_of(*matrix.find("y")).empty());
  CHECK(tags_of(*matrix.find("z")) == Tags{"f"});
}

TEST_CASE("platform rules, of one or several platforms, point where they say") {
  const auto matrix = matrix_of(file_with(
      "[tags]\nrules = [\"{version}{-suffix}\"]\nplatform_rules = [{ tag = \"{version}{-suffix}-{platform.machine}\" "
      "}, "
      "{ tag = \"both{-suffix}\", index = true, moves = \"always\" }, { tag = \"arm-{platform.arch}\", platforms = "
      "[\"linux/arm64/v8\"], variants = [\"a\"], index = true }, { tag = \"none\", platforms = [\"linux/s390x\"] }]\n"
      "[[variant]]\nname = \"a\"\n[[variant]]\nname = \"b\"\nplatforms = [\"linux/amd64\"]\n"));
  const auto& tags = matrix.find("a")->tags;
  REQUIRE(tags.size() == 5);
  CHECK(tags[1].tag == "v1.2.3-a-x86_64");
  CHECK(tags[1].platforms.size() == 1);
  CHECK_FALSE(tags[1].index);
  CHECK(tags[2].tag == "v1.2.3-a-aarch64");
  CHECK(tags[2].platforms[0].str() == "linux/arm64");
  CHECK(tags[3].tag == "both-a");
  CHECK(tags[3].index);
  CHECK(tags[3].platforms.size() == 2);
  CHECK(tags[4].tag == "arm-arm64");
  CHECK(tags[4].index);
  CHECK(tags_of(*matrix.find("b")) == Tags{"v1.2.3-b", "v1.2.3-b-x86_64", "both-b"});
}

TEST_CASE("platform tags, below one platform, point at its manifest") {
  const auto matrix =
      matrix_of(file_with("[tags]\nrules = [\"{version}\"]\n[[variant]]\nname = \"a\"\n"
                          "[variant.platform.\"linux/arm64\".tags]\nrules = [\"board-{platform.arch}\"]\n"
                          "add = [{ tag = \"more\", moves = \"always\" }]\n"));
  const auto& tags = matrix.variants[0].tags;
  REQUIRE(tags.size() == 3);
  CHECK(tags[1].tag == "board-arm64");
  CHECK(tags[1].platforms[0].str() == "linux/arm64");
  CHECK(tags[2].tag == "more");
  CHECK(tags[2].moves == Moves::always);
}

TEST_CASE("tags, of variants that are not in the release, are filled where that is possible") {
  const auto matrix = matrix_of(
      file_with("[tags]\nrules = [\"{version}{-suffix}\", \"{git.tag}{-suffix}\", \"{vars.only}\"]\n[inputs.x]\ntype = "
                "\"boolean\"\n"
                "default = false\n[[variant]]\nname = \"off\"\nwhen = \"inputs.x\"\n[[variant]]\nname = \"on\"\n"
                "tags.rules = [\"y\"]\nvars = { only = \"1\" }\n"));
  const Variant& off = *matrix.find("off");
  CHECK_FALSE(off.active);
  CHECK(off.when == "inputs.x");
  CHECK(tags_of(off) == Tags{"v1.2.3-off"});
  REQUIRE(matrix.warnings.size() == 1);
  CHECK(has(matrix.warnings[0].message,
            "the variant \"off\" is not in this release, and some of its tags cannot be named"));
}

TEST_CASE("tags, a name without a value in an active variant, is an error at the place") {
  const auto text = matrix_error(file_with("[tags]\nrules = [\"x-{git.tag}\"]\n[[variant]]\nname = \"a\"\n"));
  CHECK(has(text, "shipset.toml:8:13: error: \"git.tag\" has no value (variant a)"));
}

TEST_CASE("publish false, the variant, has no tags") {
  const auto matrix =
      matrix_of(file_with("[tags]\nrules = [\"{version}\"]\n[[variant]]\nname = \"a\"\npublish = false\n"));
  CHECK_FALSE(matrix.variants[0].publish);
  CHECK(matrix.variants[0].tags.empty());
}
