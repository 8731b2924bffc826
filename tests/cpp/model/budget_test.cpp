#include "spec_helper.hpp"

using namespace spec_test;

namespace {

std::string gate(const std::string& keys) {
  return file_with("[[gate]]\nname = \"size\"\n" + keys + "[[variant]]\nname = \"a\"\n");
}

}  // namespace

TEST_CASE("budget, sizes and growth in every unit, are bytes and hundredths of a percent") {
  const auto matrix =
      matrix_of(gate("at = \"staged\"\nbudget = { image = \"2 GiB\", layer = \"1.5GB\", growth = \"2.5 %\", "
                     "growth_bytes = \"7 B\" }\n"));
  REQUIRE(matrix.gates.at(0).budget);
  const auto& budget = *matrix.gates[0].budget;
  CHECK(budget.image_bytes == 2ULL << 30);
  CHECK(budget.layer_bytes == 1'500'000'000ULL);
  CHECK(budget.growth_basis_points == 250U);
  CHECK(budget.growth_bytes == 7ULL);
  CHECK(matrix.gates[0].run.empty());
  const auto units = matrix_of(
      gate("at = \"staged\"\nbudget = { image = \"0.25 KiB\", layer = \"3 kB\", growth_bytes = \"0.001 TiB\" }\n"));
  CHECK(units.gates[0].budget->image_bytes == 256ULL);
  CHECK(units.gates[0].budget->layer_bytes == 3000ULL);
  CHECK(units.gates[0].budget->growth_bytes == 1'099'511'627ULL);
  CHECK_FALSE(units.gates[0].budget->growth_basis_points);
}

TEST_CASE("budget, from an input, is a budget of its value") {
  const auto text =
      "[inputs.most]\ndefault = \"3 MiB\"\n" + gate("at = \"staged\"\nbudget = { image = \"{inputs.most}\" }\n");
  const auto matrix = matrix_of(text);
  CHECK(matrix.gates.at(0).budget->image_bytes == 3ULL << 20);
  const auto spec = spec_of(text);
  const auto bad = spec.matrix({{"most", "much"}});
  REQUIRE_FALSE(bad.ok());
  CHECK(render(bad.error()).find("\"much\" is not a size") != std::string::npos);
}

TEST_CASE("budget, sizes that cannot be read, are errors with their place") {
  const auto text =
      problems_of(gate("at = \"staged\"\nbudget = { image = \"2\", layer = \"big\", growth = \"1 GiB\", "
                       "growth_bytes = \"1 Gib\" }\n"));
  CHECK(has(text, "\"2\" is not a size: its unit is missing"));
  CHECK(has(text, "\"big\" is not a size: it does not begin with a number"));
  CHECK(has(text, "\"1 GiB\" is not a percentage: it does not end in % | a growth in bytes is `growth_bytes`"));
  CHECK(has(text, "\"1 Gib\" is not a size: \"Gib\" is not a unit"));
  CHECK(has(text, "gate[0].budget.image"));
  for (const char* size : {"-1 GiB", "1e3 MB", "1. GiB", ".5 GiB", "17 TiB", "99999999999999999999 B", "0 B", "0.5 B",
                           "", "1 GiB and more", "0x10 B"}) {
    INFO(size);
    CHECK(has(problems_of(gate("at = \"staged\"\nbudget = { image = \"" + std::string(size) + "\" }\n")),
              "gate[0].budget.image"));
  }
  for (const char* percent : {"-1%", "10", "% 10", "1.234%", "10001%", "10%%"}) {
    INFO(percent);
    CHECK(has(problems_of(gate("at = \"staged\"\nbudget = { growth = \"" + std::string(percent) + "\" }\n")),
              "gate[0].budget.growth"));
  }
  CHECK(has(problems_of(gate("at = \"staged\"\nbudget = { image = 2147483648 }\n")), "expected a string"));
  CHECK(has(problems_of(gate("at = \"staged\"\nbudget = { images = \"1 B\" }\n")), "did you mean"));
}

TEST_CASE("budget, where none belongs, is an error") {
  CHECK(has(problems_of(gate("at = \"staged\"\nrun = [\"true\"]\nbudget = { image = \"1 GiB\" }\n")),
            "a gate has either a command or a budget | write two gates"));
  CHECK(has(problems_of(gate("at = \"external\"\nbudget = { image = \"1 GiB\" }\n")),
            "a gate with at = \"external\" has no images to measure"));
  CHECK(has(problems_of(gate("at = \"before-build\"\nbudget = { image = \"1 GiB\" }\n")),
            "a gate with at = \"before-build\" has no images to measure"));
  CHECK(has(problems_of(gate("at = \"staged\"\nbudget = {}\n")), "the budget limits nothing"));
  CHECK(has(problems_of(gate("at = \"staged\"\n")),
            "has no command | write run = [\"program\", \"argument\"], or a budget"));
}
