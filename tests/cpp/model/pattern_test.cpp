#include <chrono>

#include "catch_shim.hpp"
#include "pattern_impl.hpp"

using shipset::detail::Pattern;

namespace {

bool matches(const std::string& pattern, const std::string& text) {
  const auto parsed = Pattern::parse(pattern);
  INFO(pattern);
  REQUIRE(parsed.ok());
  return parsed->matches(text);
}

std::string error_of(const std::string& pattern) {
  const auto parsed = Pattern::parse(pattern);
  return parsed ? std::string() : parsed.error().what;
}

}  // namespace

TEST_CASE("pattern, literals and classes, match whole texts only") {
  CHECK(matches("v1", "v1"));
  CHECK_FALSE(matches("v1", "v12"));
  CHECK_FALSE(matches("v1", "av1"));
  CHECK(matches("[0-9]+", "0123"));
  CHECK_FALSE(matches("[0-9]+", ""));
  CHECK(matches("[^a-c]x", "dx"));
  CHECK_FALSE(matches("[^a-c]x", "ax"));
  CHECK(matches("[]a]+", "]a"));
  CHECK(matches("[a-]", "-"));
  CHECK(matches("\\d+\\.\\d+", "1.20"));
  CHECK_FALSE(matches("\\d+\\.\\d+", "1x20"));
  CHECK(matches("[\\w.]+", "a_b.c"));
  CHECK(matches("\\S\\D\\W", "xx-"));
  CHECK(matches("ä.", "äö"));
  CHECK_FALSE(matches(".", "\n"));
  CHECK(matches("", ""));
}

TEST_CASE("pattern, repeats and alternatives, match what they say") {
  CHECK(matches("v?\\d+(\\.\\d+){1,2}", "1.2"));
  CHECK(matches("v?\\d+(\\.\\d+){1,2}", "v1.2.3"));
  CHECK_FALSE(matches("v?\\d+(\\.\\d+){1,2}", "1"));
  CHECK_FALSE(matches("v?\\d+(\\.\\d+){1,2}", "1.2.3.4"));
  CHECK(matches("a{3}", "aaa"));
  CHECK_FALSE(matches("a{3}", "aa"));
  CHECK(matches("a{2,}", "aaaaa"));
  CHECK_FALSE(matches("a{2,}", "a"));
  CHECK(matches("cat|dog|cow", "dog"));
  CHECK(matches("cat|dog|cow", "cow"));
  CHECK_FALSE(matches("cat|dog|cow", "cats"));
  CHECK(matches("(?:a|b(c|d))*e", "abcbdae"));
  CHECK_FALSE(matches("(?:a|b(c|d))*e", "abe"));
  CHECK(matches("(|a)b", "b"));
  CHECK(matches("a*?b+?", "aab"));
  CHECK(matches("^a$", "a"));
  CHECK_FALSE(matches("a^b", "ab"));
  CHECK(matches("(a*)*", "aaa"));
}

TEST_CASE("pattern, a text made to blow up backtracking, is answered at once") {
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(matches("(a+)+b", std::string(5000, 'a')));
  CHECK_FALSE(matches("(a|a|aa)*c", std::string(5000, 'a')));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
  CHECK_FALSE(matches("a*", std::string(100'000, 'a')));
  CHECK_FALSE(matches(".*", "\xff\xfe"));
}

TEST_CASE("pattern, nested repeats and depth, stay within bounds") {
  CHECK(error_of("((a{1000}){1000}){1000}") == "the pattern is too large");
  CHECK(error_of(std::string(60, '(') + std::string(60, ')')) == "groups are nested more than 50 deep");
  std::string nested = "a";
  for (int i = 0; i < 40; ++i) nested = "(" + nested + "|b)?";
  CHECK(matches(nested, "b"));
  CHECK(error_of(std::string(2000, 'a')) == "the pattern is longer than 1000 bytes");
}

TEST_CASE("pattern, wrong or unsupported syntax, is refused with a place") {
  for (const char* pattern :
       {"(", ")", "[", "a)", "*a", "a**", "a{", "a{2", "a{3,2}", "a{x}", "\\", "[b-a]", "a{2000}"}) {
    INFO(pattern);
    CHECK_FALSE(error_of(pattern).empty());
  }
  CHECK(error_of("(?=a)") == "only (…) and (?:…) are known groups");
  CHECK(error_of("(a)\\1") == "this escape is not supported");
  CHECK(error_of("\\bword") == "this escape is not supported");
  CHECK(Pattern::parse("ab)").error().context.at("offset") == "2");
}
