#include "shipset/model/value.hpp"

#include <limits>

#include "catch_shim.hpp"

using namespace shipset;
using namespace std::string_literals;

TEST_CASE("value, each type, has a text and a type name") {
  CHECK(to_text(Value()) == "");
  CHECK(to_text(Value(true)) == "true");
  CHECK(to_text(Value(false)) == "false");
  CHECK(to_text(Value(std::int64_t{-42})) == "-42");
  CHECK(to_text(Value(std::numeric_limits<std::int64_t>::min())) == "-9223372036854775808");
  CHECK(to_text(Value("text"s)) == "text");
  CHECK(type_name(Value()) == "none");
  CHECK(type_name(Value(true)) == "boolean");
  CHECK(type_name(Value(std::int64_t{1})) == "integer");
  CHECK(type_name(Value(""s)) == "string");
}
