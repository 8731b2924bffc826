#include "shipset/base/json.hpp"

#include <nlohmann/json.hpp>

#include "catch_shim.hpp"

using namespace shipset;

TEST_CASE("json reader, hostile text, is refused with a reason") {
  const auto why = [](std::string_view text, const JsonLimits& limits = {}) {
    const auto read = parse_json(text, "text", ErrorKind::verify, limits);
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().kind == ErrorKind::verify);
    return read.error().why;
  };
  CHECK(why(R"({"a":1,"a":2})").find("occurs twice") != std::string::npos);
  CHECK(why(std::string(65, '[') + std::string(65, ']')).find("deeper than 64") != std::string::npos);
  CHECK(why(std::string(5'000'000, '[')).find("deeper") != std::string::npos);
  CHECK(why("\xEF\xBB\xBF{}").find("byte order mark") != std::string::npos);
  CHECK(why("{} x").find("syntax error") != std::string::npos);
  CHECK(why("").find("syntax error") != std::string::npos);
  CHECK(why("\"\xff\"").find("byte") != std::string::npos);
  CHECK(why("[1,2,3,4]", {1024, 8, 3}).find("more than 3 values") != std::string::npos);
  CHECK(why(std::string(100, ' '), {10, 8, 3}).find("limit of 10") != std::string::npos);
}

TEST_CASE("json reader, plain text, gives the value") {
  const auto read = parse_json(R"({"b":[1,-2,0.5,true,null,"x"],"a":{}})", "text");
  REQUIRE(read.ok());
  CHECK(read->at("b").size() == 6);
  CHECK(read->at("b")[1] == -2);
  CHECK(read->at("a").is_object());
}

TEST_CASE("canonical json, order and numbers, follows RFC 8785") {
  // Sorted by UTF-16 code units: U+1F600 (a surrogate pair) sorts before U+FB33.
  const auto value = Json{{"\xEF\xAC\xB3", 1}, {"\xF0\x9F\x98\x80", 2}, {"\n", 3}, {"1", 4}, {"\xC3\xB6", 5}};
  CHECK(canonical_json(value) == "{\"\\n\":3,\"1\":4,\"\xC3\xB6\":5,\"\xF0\x9F\x98\x80\":2,\"\xEF\xAC\xB3\":1}");
  CHECK(canonical_json(Json{1e21, 1e20, 0.000001, 1e-7, 4.5, 333333333.3333333, -0.0, 1e300}) ==
        "[1e+21,100000000000000000000,0.000001,1e-7,4.5,333333333.3333333,0,1e+300]");
}

TEST_CASE("json writer, compact and indented, keeps the order of calls") {
  const auto write = [](bool indented) {
    JsonWriter out(indented);
    out.begin_object().member("z", 1).key("list").begin_array().value("a\"\x01\n").value(true).null().end_array();
    out.key("empty").begin_object().end_object().member("big", std::uint64_t(18446744073709551615u)).end_object();
    return out.take();
  };
  CHECK(write(false) == R"({"z":1,"list":["a\"\u0001\n",true,null],"empty":{},"big":18446744073709551615})");
  CHECK(write(true) ==
        "{\n  \"z\": 1,\n  \"list\": [\n    \"a\\\"\\u0001\\n\",\n    true,\n    null\n  ],\n"
        "  \"empty\": {},\n  \"big\": 18446744073709551615\n}");
  CHECK(parse_json(write(true), "own text").ok());
}
