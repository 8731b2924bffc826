#include "shipset/model/expression.hpp"

#include <random>

#include "catch_shim.hpp"
#include "scope_fixture.hpp"

using namespace shipset;
using namespace std::string_literals;

namespace {

MapScope scope() {
  return MapScope({{"yes", true},
                   {"no", false},
                   {"inputs.engine", "vllm"s},
                   {"inputs.count", std::int64_t{-3}},
                   {"inputs.flag-text", "true"s},
                   {"git.tag", Value()},
                   {"date", std::int64_t{0}}});
}

std::string result(std::string_view text) {
  auto parsed = Expression::parse(text);
  if (!parsed) return "syntax " + parsed.error().context.at("offset");
  auto out = parsed->evaluate(scope());
  if (!out) return "error " + out.error().context.at("offset");
  return *out ? "true" : "false";
}

}  // namespace

TEST_CASE("expression, literals and names, have their values") {
  CHECK(result("true") == "true");
  CHECK(result("false") == "false");
  CHECK(result("yes") == "true");
  CHECK(result(" ( no ) ") == "false");
  CHECK(result("inputs.engine == \"vllm\"") == "true");
  CHECK(result("inputs.engine=='vllm'") == "true");
  CHECK(result("inputs.engine != 'vllm'") == "false");
  CHECK(result("inputs.count == -3") == "true");
  CHECK(result("'a\\'b' == \"a'b\"") == "true");
  CHECK(result("date == '1970-01-01'") == "true");
}

TEST_CASE("expression, none, compares with everything and is no truth value") {
  CHECK(result("git.tag == none") == "true");
  CHECK(result("git.tag != none") == "false");
  CHECK(result("git.tag == 'v1'") == "false");
  CHECK(result("inputs.count == none") == "false");
  CHECK(result("none == none") == "true");
  CHECK(result("git.tag") == "error 0");
  CHECK(result("not git.tag") == "error 4");
  CHECK(result("none") == "error 0");
}

TEST_CASE("expression, operators, bind not before comparison before and before or") {
  CHECK(result("yes or no and no") == "true");
  CHECK(result("(yes or no) and no") == "false");
  CHECK(result("no and no or yes") == "true");
  CHECK(result("not no and no") == "false");
  CHECK(result("not (no and no)") == "true");
  CHECK(result("not no == yes") == "true");
  CHECK(result("not not yes") == "true");
  CHECK(result("yes == no or yes") == "true");
  CHECK(result("no == (yes and no)") == "true");
  CHECK(result("inputs.engine == 'a' or inputs.engine == 'b' or inputs.engine == 'vllm'") == "true");
}

TEST_CASE("expression, second operand that does not matter, is not evaluated") {
  CHECK(result("no and inputs.engine") == "false");
  CHECK(result("yes or nope") == "true");
  CHECK(result("yes and inputs.engine") == "error 8");
  CHECK(result("git.tag != none and git.tag == 'x'") == "false");
}

TEST_CASE("expression, string that says true, is no boolean") {
  const auto error = Expression::parse("inputs.flag-text")->evaluate(scope()).error();
  CHECK(error.kind == ErrorKind::spec);
  CHECK(error.what == "\"inputs.flag-text\" is a string, not a boolean");
  CHECK(error.hint.find("inputs.flag-text == ") != std::string::npos);
  CHECK(result("inputs.flag-text == true") == "error 17");
  CHECK(result("'true'") == "error 0");
  CHECK(result("1") == "error 0");
  CHECK(result("inputs.count == '-3'") == "error 13");
}

TEST_CASE("expression, not before a comparison of strings, hints at parentheses") {
  const auto error = Expression::parse("(not yes) == none")->evaluate(scope());
  CHECK_FALSE(error.ok());
  const auto tight = Expression::parse("not inputs.engine == 'x'")->evaluate(scope());
  REQUIRE_FALSE(tight.ok());
  CHECK(result("not (inputs.engine == 'x')") == "true");
  const auto compared = Expression::parse("not yes == 'x'")->evaluate(scope());
  REQUIRE_FALSE(compared.ok());
  CHECK(compared.error().hint.find("tighter") != std::string::npos);
}

TEST_CASE("expression, errors of syntax, name their place") {
  CHECK(result("") == "syntax 0");
  CHECK(result("   ") == "syntax 0");
  CHECK(result("yes and") == "syntax 7");
  CHECK(result("and yes") == "syntax 0");
  CHECK(result("yes no") == "syntax 4");
  CHECK(result("(yes") == "syntax 0");
  CHECK(result("yes)") == "syntax 3");
  CHECK(result("yes == no == yes") == "syntax 10");
  CHECK(result("yes = no") == "syntax 4");
  CHECK(result("yes && no") == "syntax 4");
  CHECK(result("!yes") == "syntax 0");
  CHECK(result("yes or or no") == "syntax 7");
  CHECK(result("'open") == "syntax 0");
  CHECK(result("'a\\n'") == "syntax 2");
  CHECK(result("1.2 == 1") == "syntax 0");
  CHECK(result("99999999999999999999 == 1") == "syntax 0");
  CHECK(result("a. == 1") == "syntax 0");
  CHECK(result("inputs.a- == 1") == "syntax 0");
  CHECK(result("{yes}") == "syntax 0");
  CHECK(result("\xc3\xa4") == "syntax 0");
  CHECK(Expression::parse("yes && no").error().hint == "write \"and\"");
  CHECK(Expression::parse("yes || no").error().hint == "write \"or\"");
  CHECK(Expression::parse("!yes").error().hint == "write \"not\"");
  CHECK(Expression::parse("a = b").error().hint == "write \"==\"");
}

TEST_CASE("expression, deep or long text, is refused") {
  const auto nested = [](int n) { return std::string(n, '(') + "yes" + std::string(n, ')'); };
  CHECK(result(nested(60)) == "true");
  CHECK(result(nested(70)).starts_with("syntax"));
  CHECK(result(nested(2000)).starts_with("syntax"));
  std::string nots;
  for (int i = 0; i < 900; ++i) nots += "not ";
  CHECK(result(nots + "yes").starts_with("syntax"));
  CHECK(result(std::string(5000, ' ') + "yes").starts_with("syntax"));
  std::string chain = "no";
  for (int i = 0; i < 500; ++i) chain += " or no";
  CHECK(result(chain) == "false");
}

TEST_CASE("expression, unknown name, hints at the nearest one") {
  const auto error = Expression::parse("inputs.engin == 'x'")->evaluate(scope()).error();
  CHECK(error.hint == "did you mean \"inputs.engine\"?");
  CHECK(error.context.at("name") == "inputs.engin");
}

TEST_CASE("expression, static problems, are found without evaluating") {
  const auto problems = [](std::string_view text) { return Expression::parse(text)->problems(scope()); };
  CHECK(problems("yes and git.tag != none and git.tag == 'x' or git.tag").empty());
  const auto found = problems("no and inputs.engine or nope or inputs.count == 'x' or not 3");
  REQUIRE(found.size() == 4);
  CHECK(found[0].offset == 7);
  CHECK(found[1].offset == 24);
  CHECK(found[2].offset == 45);
  CHECK(found[3].offset == 59);
  CHECK(problems("none").size() == 1);
  CHECK(problems("(yes == no) == none").size() == 1);
}

TEST_CASE("expression, any tokens, parse or fail and never crash") {
  std::mt19937 random(3);
  const std::vector<std::string> tokens = {
      "yes", "no", "and", "or", "not", "==", "!=", "(", ")", "'x'", "none", "3", "git.tag"};
  int parsed = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (std::size_t n = random() % 9; n > 0; --n) text += tokens[random() % tokens.size()] + " ";
    const auto expression = Expression::parse(text);
    if (!expression) continue;
    ++parsed;
    const auto value = expression->evaluate(scope());
    // What the static check accepts may still fail for missing values only.
    if (!value && expression->problems(scope()).empty()) {
      INFO(text);
      CHECK(text.find("git.tag") != std::string::npos);
    }
  }
  CHECK(parsed > 500);
}
