#include "catch_shim.hpp"
#include "challenge_impl.hpp"

using namespace shipset::registry;

TEST_CASE("challenge, Bearer with quoted values in any order, is read") {
  const auto found = parse_challenges(
      {R"(Bearer scope="repository:o/app:pull,push",realm="https://auth.example/token?x=1",service="r")"});
  REQUIRE(found.size() == 1);
  CHECK(found[0].scheme == "bearer");
  CHECK(found[0].value("realm") == "https://auth.example/token?x=1");
  CHECK(found[0].value("service") == "r");
  CHECK(found[0].value("scope") == "repository:o/app:pull,push");
  CHECK(found[0].value("error") == "");
}

TEST_CASE("challenge, several in one field and in several fields, all are read") {
  const auto found =
      parse_challenges({R"(Negotiate YIIabc==, Basic realm="a, \"b\"", BEARER Realm="x" , service=plain)", "Digest"});
  REQUIRE(found.size() == 4);
  CHECK(found[0].scheme == "negotiate");
  CHECK(found[1].scheme == "basic");
  CHECK(found[1].value("realm") == "a, \"b\"");
  CHECK(found[2].scheme == "bearer");
  CHECK(found[2].value("realm") == "x");
  CHECK(found[2].value("service") == "plain");
  CHECK(found[3].scheme == "digest");
}

TEST_CASE("challenge, hostile text, ends without harm") {
  for (const std::string text : {"", ",,,,", "=", "\"", "Bearer realm=\"unclosed", "Bearer =x,=y", "Bearer realm",
                                 "Bearer realm=\"a\\", "\xff\xfe Bearer", "Bearer realm==\"a\"", "a b c d e f"})
    CHECK(parse_challenges({text}).size() <= 16);
  CHECK(parse_challenges({std::string(1 << 20, 'a')}).size() <= 1);
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "s" + std::to_string(i) + " a=b,";
  CHECK(parse_challenges({many}).size() <= 16);
  CHECK(parse_challenges({"Bearer realm=\"unclosed"})[0].value("realm") == "unclosed");
}

TEST_CASE("scopes, merge keeps the order and unites actions") {
  std::vector<std::string> scopes{"repository:dst:pull,push", "repository:src:pull"};
  merge_scopes(scopes, "repository:dst:pull");
  CHECK(scopes == std::vector<std::string>{"repository:dst:pull,push", "repository:src:pull"});
  merge_scopes(scopes, "repository:src:pull,delete registry:catalog:*");
  CHECK(scopes ==
        std::vector<std::string>{"repository:dst:pull,push", "repository:src:pull,delete", "registry:catalog:*"});
  scopes = {"repository:host:5000/a:pull"};
  merge_scopes(scopes, "repository:host:5000/a:push");
  CHECK(scopes == std::vector<std::string>{"repository:host:5000/a:pull,push"});
}
