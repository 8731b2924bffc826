#include "spec_helper.hpp"

using namespace spec_test;

namespace {

const std::string inputs = file_with(
    "[inputs.tag]\npattern = \"v\\\\d+\"\ndescription = \"like v1\"\n[inputs.flag]\ntype = \"boolean\"\ndefault = "
    "false\n"
    "[inputs.jobs]\ntype = \"integer\"\ndefault = 4\n[inputs.kind]\ntype = \"choice\"\noptions = [\"small\", "
    "\"large\"]\n"
    "default = \"small\"\n[inputs.sha]\ndefault = \"{git.sha:7}\"\n[[variant]]\nname = \"a\"\n");

Error error_of(const InputValues& given, const std::string& text = inputs) {
  const auto matrix = spec_of(text).matrix(given, facts());
  REQUIRE_FALSE(matrix.ok());
  return matrix.error();
}

}  // namespace

TEST_CASE("inputs, declared types, are known with their defaults as text") {
  const auto spec = spec_of(inputs);
  REQUIRE(spec.inputs().size() == 5);
  CHECK(spec.inputs()[0].name == "tag");
  CHECK_FALSE(spec.inputs()[0].default_text);
  CHECK(spec.inputs()[0].description == "like v1");
  CHECK(spec.inputs()[1].type == InputType::boolean);
  CHECK(spec.inputs()[1].default_text == "false");
  CHECK(spec.inputs()[2].default_text == "4");
  CHECK(spec.inputs()[3].options == std::vector<std::string>{"small", "large"});
  CHECK(spec.inputs()[4].default_text == "{git.sha:7}");
}

TEST_CASE("inputs, given and defaulted, are converted by type in file order") {
  const auto matrix = matrix_of(inputs, {{"tag", "v3"}, {"flag", "True"}, {"jobs", "-8"}});
  REQUIRE(matrix.inputs.size() == 5);
  CHECK(matrix.inputs[0] == std::pair<std::string, Value>("tag", std::string("v3")));
  CHECK(matrix.inputs[1].second == Value(true));
  CHECK(matrix.inputs[2].second == Value(std::int64_t{-8}));
  CHECK(matrix.inputs[3].second == Value(std::string("small")));
  CHECK(matrix.inputs[4].second == Value(std::string("0123456")));
}

TEST_CASE("inputs, unknown, missing and ill-typed ones, are usage errors, all at once") {
  const auto error = error_of({{"tga", "v1"}, {"flag", "yes"}, {"jobs", "4x"}, {"kind", "larg"}});
  CHECK(error.kind == ErrorKind::usage);
  const std::string text = render(error);
  CHECK(has(text, "there is no input \"tga\""));
  CHECK(has(text, "did you mean \"tag\"?"));
  CHECK(has(text, "input tag has no value and no default"));
  CHECK(has(text, "give it with --input tag="));
  CHECK(has(text, "input flag: \"yes\" is not a boolean"));
  CHECK(has(text, "input jobs: \"4x\" is not an integer"));
  CHECK(has(text, "did you mean \"large\"?"));
  CHECK(error.problems.size() == 5);
}

TEST_CASE("inputs, a value off the pattern or out of range, is a usage error") {
  CHECK(has(render(error_of({{"tag", "1"}})), "input tag: \"1\" does not match the pattern v\\d+"));
  CHECK(has(render(error_of({{"tag", "v1"}, {"jobs", "99999999999999999999"}})), "is not an integer"));
  CHECK(has(render(error_of({{"tag", std::string("v\xff")}})), "not UTF-8"));
  CHECK(has(render(error_of({{"x", "1"}}, file_with("[[variant]]\nname = \"a\"\n"))), "the file declares no inputs"));
}

TEST_CASE("inputs, a declaration that contradicts itself, is refused") {
  const auto text = problems_of(file_with(
      "[inputs.a]\ntype = \"choice\"\n[inputs.b]\ntype = \"choice\"\noptions = [\"x\", \"y\", \"x\"]\ndefault = \"z\"\n"
      "[inputs.c]\ntype = \"boolean\"\ndefault = \"true\"\n[inputs.d]\noptions = [\"x\"]\n[inputs.e]\npattern = \"[\"\n"
      "[inputs.f]\npattern = \"a+\"\ndefault = \"b\"\n[inputs.F]\n[inputs.g]\ntype = \"integer\"\npattern = \"1\"\n"
      "[inputs.h]\ntype = \"intger\"\n[inputs.\"x.y\"]\n[inputs.i]\ndefault = \"{inputs.a}\"\n[[variant]]\nname = "
      "\"a\"\n"));
  CHECK(has(text, "the choice `a` has no options"));
  CHECK(has(text, "the default \"z\" is not an option"));
  CHECK(has(text, "the option \"x\" stands twice"));
  CHECK(has(text, "the default of the boolean `c` is a string | write true or false, without quotes"));
  CHECK(has(text, "`options` is for inputs of type \"choice\""));
  CHECK(has(text, "the pattern cannot be read"));
  CHECK(has(text, "the default \"b\" does not match the pattern"));
  CHECK(has(text, "the inputs `f` and `F` have the same variable"));
  CHECK(has(text, "`pattern` is for inputs of type \"string\""));
  CHECK(has(text, "did you mean \"integer\"?"));
  CHECK(has(text, "\"x.y\" cannot be a name"));
  CHECK(has(text, "unknown name \"inputs.a\""));
}

TEST_CASE("inputs, a conditional default, is chosen by the facts") {
  const auto text = file_with(
      "[inputs.a]\ndefault = [{ when = \"event.name == \\\"push\\\"\", value = \"edge\" }, { value = \"stable\" }]\n"
      "[[variant]]\nname = \"a\"\n");
  CHECK(spec_of(text).inputs()[0].default_text == "stable");
  CHECK(matrix_of(text).inputs[0].second == Value(std::string("edge")));
  const auto none =
      file_with("[inputs.a]\ndefault = [{ when = \"false\", value = \"x\" }]\n[[variant]]\nname = \"a\"\n");
  CHECK(has(render(error_of({}, none)), "no condition of its default holds"));
}

TEST_CASE("inputs, a default from a fact that is missing, says so") {
  const auto text = file_with("[inputs.a]\ndefault = \"{git.tag}\"\n[[variant]]\nname = \"a\"\n");
  CHECK(has(render(error_of({}, text)), "\"git.tag\" has no value (default of input a)"));
}
