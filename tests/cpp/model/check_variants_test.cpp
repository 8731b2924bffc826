#include "spec_helper.hpp"

using namespace spec_test;

TEST_CASE("bases, an unknown variant, names the nearest") {
  const auto text =
      problems_of(file_with("[[variant]]\nname = \"core\"\n[[variant]]\nname = \"b\"\nbase = \"variant:cor\"\nbases = "
                            "{ X = \"variant:zzzzzz\" }\n"
                            "[variant.platform.\"linux/arm64\"]\nbase = { image = \"variant:nope\" }\n"));
  CHECK(
      has(text, "variant[1].base: the base names the variant \"cor\", which is not declared | did you mean \"core\"?"));
  CHECK(has(text, "variant[1].bases.X: the base names the variant \"zzzzzz\""));
  CHECK(has(text, "the base names the variant \"nope\""));
}

TEST_CASE("bases, a cycle, is shown in full") {
  const auto text =
      problems_of(file_with("[[variant]]\nname = \"a\"\nbase = \"variant:c\"\n[[variant]]\nname = \"b\"\n"
                            "bases = { X = \"variant:a\" }\n[[variant]]\nname = \"c\"\nbase = \"variant:b\"\n"));
  CHECK(has(text, "variants are bases of each other: a → c → b → a"));
  CHECK(has(problems_of(file_with("[[variant]]\nname = \"a\"\nbase = \"variant:a\"\n")), "a → a"));
}

TEST_CASE("bases, a cycle that only inputs make, is found with them") {
  const std::string text = file_with(
      "[inputs.x]\ntype = \"boolean\"\ndefault = false\n[[variant]]\nname = \"a\"\nbase = [{ when = \"inputs.x\", "
      "value = "
      "\"variant:b\" }, { value = \"alpine\" }]\n[[variant]]\nname = \"b\"\nbase = \"variant:a\"\n");
  CHECK(matrix_of(text).find("b")->depends_on == std::vector<std::string>{"a"});
  CHECK(has(matrix_error(text, {{"x", "true"}}), "variants are bases of each other"));
}

TEST_CASE("bases, a variant without the platform or without its condition, is an error") {
  CHECK(
      has(matrix_error(file_with("[[variant]]\nname = \"a\"\nplatforms = [\"linux/amd64\"]\n[[variant]]\nname = \"b\"\n"
                                 "base = \"variant:a\"\n")),
          "the variant \"b\" needs \"a\" for linux/arm64, which that is not built for"));
  CHECK(has(matrix_error(file_with("[[variant]]\nname = \"a\"\nwhen = \"false\"\n[[variant]]\nname = \"b\"\n"
                                   "base = \"variant:a\"\n")),
            "the variant \"b\" builds on \"a\", whose condition is false"));
}

TEST_CASE("platforms, missing and twice, are errors; settings for others a warning") {
  CHECK(has(problems_of("[release]\nname = \"a\"\nrepositories = [\"a/b\"]\n[[variant]]\nname = \"a\"\n"),
            "the variant \"a\" has no platforms"));
  CHECK(has(problems_of(file_with("[[variant]]\nname = \"a\"\nplatforms = [\"linux/arm64\", \"linux/arm64/v8\"]\n")),
            "the platform linux/arm64/v8 stands twice"));
  const auto spec =
      spec_of(file_with("[[variant]]\nname = \"a\"\n[variant.platform.\"linux/s390x\"]\ntarget = \"x\"\n"));
  REQUIRE(spec.warnings().size() == 1);
  CHECK(has(spec.warnings()[0].message, "the variant \"a\" is not built for linux/s390x"));
}

TEST_CASE("tag rules, forward without exact or without an order, are errors") {
  const std::string forward =
      "[tags]\nrules = [{ tag = \"latest\", moves = \"forward\" }]\n[[variant]]\nname = \"a\"\n";
  CHECK(has(problems_of(file_with(forward)), "8:10 tags.rules[0]: a forward tag needs an exact tag with the version"));
  CHECK(problems_of(file_with("[tags]\nrules = [\"{version.major}.{version.minor}.{version.patch}\", "
                              "{ tag = \"latest\", moves = \"forward\" }]\n[[variant]]\nname = \"a\"\n"))
            .empty());
  CHECK(has(problems_of(file_with("[tags]\nrules = [\"{version.major}\", { tag = \"latest\", moves = \"forward\" }]\n"
                                  "[[variant]]\nname = \"a\"\n")),
            "a forward tag needs an exact tag"));
  const auto none =
      "[release]\nname = \"a\"\nscheme = \"none\"\nversion = \"1\"\nrepositories = [\"a/b\"]\n[build]\n"
      "platforms = [\"linux/amd64\"]\n[tags]\nrules = [\"{version}\", { tag = \"latest\", moves = \"forward\" }]\n"
      "[[variant]]\nname = \"a\"\n";
  CHECK(has(problems_of(none), "`scheme` is \"none\""));
}

TEST_CASE("tag rules and gates, unknown variants, are errors") {
  const auto text = problems_of(file_with(
      "[tags]\nplatform_rules = [{ tag = \"{platform.arch}\", variants = [\"cude\"] }]\n[[gate]]\nname = \"g\"\n"
      "at = \"staged\"\nrun = [\"true\"]\nvariants = [\"cuba\"]\n[[variant]]\nname = \"cuda\"\n"));
  CHECK(has(text, "the rule names the variant \"cude\", which is not declared | did you mean \"cuda\"?"));
  CHECK(has(text, "the gate names the variant \"cuba\", which is not declared | did you mean \"cuda\"?"));
}

TEST_CASE("tags, without a repository to go to, are an error; none at all are legal") {
  const std::string head = "[release]\nname = \"a\"\n[build]\nplatforms = [\"linux/amd64\"]\n";
  CHECK(has(problems_of(head + "[tags]\nrules = [\"x\"]\n[[variant]]\nname = \"a\"\n"), "have no repository"));
  CHECK(problems_of(head + "[[variant]]\nname = \"a\"\n").empty());
}

TEST_CASE("gates, without command, with one where none belongs, or twice, are errors") {
  const auto text = problems_of(
      file_with("[[gate]]\nname = \"a\"\nat = \"staged\"\n[[gate]]\nname = \"b\"\nat = \"external\"\nrun = [\"x\"]\n"
                "[[gate]]\nname = \"b\"\nat = \"later\"\ntimeout_s = 0\n[[gate]]\nname = \"a\"\nat = \"before-build\"\n"
                "run = [\"x\"]\ntimeout_s = -1\n[[variant]]\nname = \"v\"\n"));
  CHECK(has(text, "the gate \"a\" has no command"));
  CHECK(has(text, "an external gate has no command"));
  CHECK(has(text, "\"later\" is not a value of `at`"));
  CHECK(has(text, "two gates are called \"a\""));
  CHECK(has(text, "`timeout_s` is not between"));
}
