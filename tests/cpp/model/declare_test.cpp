#include "spec_helper.hpp"

using namespace spec_test;

namespace {

const std::string matrix_head =
    "[matrix]\nname = \"{axis.engine}{-axis.hw}\"\n[matrix.axis.engine]\nvalues = [\"full\", \"server\"]\n"
    "[matrix.axis.hw.cpu]\ntarget = \"cpu\"\n[matrix.axis.hw.cuda]\ntarget = \"cuda\"\n";

std::vector<std::string> names(const std::string& text) {
  return spec_of(file_with(text)).variant_names();
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("matrix, two axes, expand to their product in file order") {
  CHECK(names(matrix_head) == Names{"full-cpu", "full-cuda", "server-cpu", "server-cuda"});
}

TEST_CASE("matrix, axes whose names sort the other way, keep the order of the file") {
  CHECK(names("[matrix]\nname = \"{axis.z}-{axis.a}\"\n[matrix.axis.z]\nvalues = [\"2\", \"1\"]\n"
              "[matrix.axis.a.y]\n[matrix.axis.a.x]\n") == Names{"2-y", "2-x", "1-y", "1-x"});
}

TEST_CASE("matrix, a variant before and one after it, keep the order of the file") {
  CHECK(names("[[variant]]\nname = \"first\"\n" + matrix_head + "[[variant]]\nname = \"last\"\n") ==
        Names{"first", "full-cpu", "full-cuda", "server-cpu", "server-cuda", "last"});
}

TEST_CASE("matrix, an empty value of an axis, leaves no dash") {
  CHECK(names("[matrix]\nname = \"server{-axis.hw}\"\n[matrix.axis.hw]\nvalues = [\"\", \"cuda\"]\n") ==
        Names{"server", "server-cuda"});
}

TEST_CASE("matrix, exclude, leaves out what all of its axes name") {
  CHECK(names(matrix_head + "[[matrix.exclude]]\nengine = \"full\"\nhw = [\"cuda\"]\n") ==
        Names{"full-cpu", "server-cpu", "server-cuda"});
  CHECK(names(matrix_head + "[[matrix.exclude]]\nengine = \"full\"\n") == Names{"server-cpu", "server-cuda"});
}

TEST_CASE("matrix, include of what is there, adds settings above the axes and below nothing else") {
  const auto matrix = matrix_of(
      file_with(matrix_head +
                "[[matrix.include]]\nhw = \"cuda\"\nargs = { A = \"1\" }\ntarget = \"both\"\n"
                "[[matrix.include]]\nengine = \"full\"\nhw = \"cuda\"\nargs = { A = \"2\", B = \"{axis.engine}\" }\n"));
  CHECK(matrix.find("server-cuda")->platforms[0].settings.args == OrderedMap{{"A", "1"}});
  CHECK(matrix.find("full-cuda")->platforms[0].settings.args == OrderedMap{{"A", "2"}, {"B", "full"}});
  CHECK(matrix.find("full-cuda")->platforms[0].settings.target == "both");
  CHECK(matrix.find("full-cpu")->platforms[0].settings.target == "cpu");
  CHECK(matrix.find("full-cuda")->axes == OrderedMap{{"engine", "full"}, {"hw", "cuda"}});
}

TEST_CASE("matrix, include of a new combination, appends it with the settings of its known values") {
  const auto matrix =
      matrix_of(file_with(matrix_head + "[[matrix.include]]\nengine = \"tiny\"\nhw = \"cpu\"\nname = \"tiny\"\n"));
  REQUIRE(matrix.variants.size() == 5);
  CHECK(matrix.variants[4].name == "tiny");
  CHECK(matrix.variants[4].platforms[0].settings.target == "cpu");
  CHECK(matrix.variants[4].axes == OrderedMap{{"engine", "tiny"}, {"hw", "cpu"}});
}

TEST_CASE("matrix, include without an axis that the name needs, is an error") {
  const auto text = problems_of(file_with(matrix_head + "[[matrix.include]]\nhw = \"rocm\"\n"));
  CHECK(has(text, "\"axis.engine\" has no value (combination hw=\"rocm\")"));
}

TEST_CASE("matrix, misspelt axes and values, are errors or warnings with the nearest name") {
  CHECK(has(problems_of(file_with(matrix_head + "[[matrix.exclude]]\nengin = \"full\"\n")),
            "unknown key `engin` in `matrix.exclude[0]` | did you mean `engine`?"));
  CHECK(has(problems_of(file_with(matrix_head + "[[matrix.exclude]]\nengine = \"ful\"\n")),
            "the axis `engine` has no value \"ful\" | did you mean \"full\"?"));
  CHECK(has(problems_of(file_with(matrix_head + "[[matrix.include]]\nhw = \"cuda\"\ntarge = \"x\"\n")),
            "did you mean `target`?"));
  const auto spec = spec_of(file_with(matrix_head + "[[matrix.include]]\nengine = \"full\"\nhw = \"cdua\"\n"));
  REQUIRE(spec.warnings().size() == 1);
  CHECK(has(spec.warnings()[0].hint, "did you mean \"cuda\"?"));
}

TEST_CASE("matrix, colliding and invalid names, are errors") {
  CHECK(has(problems_of(file_with("[matrix]\nname = \"x{-axis.b}\"\n[matrix.axis.a]\nvalues = [\"1\", \"2\"]\n"
                                  "[matrix.axis.b]\nvalues = [\"q\"]\n")),
            "two variants are called \"x-q\""));
  CHECK(has(problems_of(file_with(matrix_head + "[[variant]]\nname = \"full-cpu\"\n")),
            "two variants are called \"full-cpu\""));
  CHECK(has(problems_of(file_with("[matrix]\nname = \"{axis.a}\"\n[matrix.axis.a]\nvalues = [\"Up\"]\n")),
            "\"Up\" cannot be the name of a variant"));
  CHECK(
      has(problems_of(file_with("[matrix]\nname = \"{axis.a}\"\n[matrix.axis.a]\nvalues = [\"x y\", \"b\", \"b\"]\n")),
          "the value \"b\" stands twice"));
  CHECK(has(problems_of(file_with("[matrix]\nname = \"{axis.target}\"\n[matrix.axis.target]\nvalues = [\"x\"]\n")),
            "an axis cannot be called `target`"));
  CHECK(has(problems_of(file_with("[matrix]\nname = \"{axis.a}-{inputs.x}\"\n[matrix.axis.a]\nvalues = [\"x\"]\n")),
            "unknown name \"inputs.x\""));
  CHECK(has(problems_of(file_with(matrix_head + "[[matrix.include]]\nhw = \"cuda\"\nname = \"same\"\n")),
            "2 combinations cannot all be called \"same\""));
  CHECK(has(problems_of(file_with(matrix_head + "[[matrix.exclude]]\n")), "names no axis"));
}

TEST_CASE("matrix, a product without end, is refused before it is made") {
  std::string text = "[matrix]\nname = \"v{axis.a}\"\n";
  for (const char axis : std::string("abcdefgh")) {
    text += std::string("[matrix.axis.") + axis + "]\nvalues = [";
    for (int i = 0; i < 100; ++i) text += "\"" + std::to_string(i) + "\",";
    text += "]\n";
  }
  CHECK(has(problems_of(file_with(text)), "the matrix has more than 20000 combinations"));
}

TEST_CASE("release file without variants, is refused") {
  CHECK(has(problems_of(file_with("")), "the file declares no variant"));
  CHECK(has(problems_of(file_with("[matrix]\nname = \"x\"\n[matrix.axis]\n")), "the matrix has no axis"));
  CHECK(has(problems_of(file_with("[matrix]\nname = \"x\"\n[matrix.axis.a]\n")), "the axis `a` has no values"));
}

TEST_CASE("unset, of what is not set or is no setting, warns or is refused") {
  const auto spec = spec_of(file_with("[[variant]]\nname = \"a\"\nunset = [\"target\", \"args.X\"]\n"));
  REQUIRE(spec.warnings().size() == 2);
  CHECK(has(spec.warnings()[0].message, "\"target\" is not set here"));
  const auto text = problems_of(
      file_with("[[variant]]\nname = \"a\"\nunset = [\"trget\", \"native.bas\", \"name\", \"tags.rules.x\"]\n"));
  CHECK(has(text, "\"trget\", which is not a setting | did you mean \"target\"?"));
  CHECK(has(text, "\"native.bas\", which is not a setting | did you mean \"base\"?"));
  CHECK(has(text, "\"name\", which is not a setting"));
  CHECK(has(text, "\"tags.rules.x\", which is not a setting"));
}
