#include "catch_shim.hpp"
#include "index_file_impl.hpp"

using namespace shipset;
using namespace shipset::oci;
using shipset::oci::detail::IndexFile;

namespace {
std::string entry(char c, const std::string& annotations) {
  return R"({ "mediaType":"application/vnd.oci.image.manifest.v1+json", "digest":"sha256:)" + std::string(64, c) +
         R"(","size":7, "x-other":[1,{"a":"]}"}])" + annotations + "}";
}
std::string tagged(char c, const std::string& tag) {
  return entry(c, R"(,"annotations":{"org.opencontainers.image.ref.name":")" + tag + R"(","k":"v"})");
}
Descriptor manifest(const std::string& text) {
  return describe(media_type::manifest, text);
}
}  // namespace

TEST_CASE("index file, a tag is set, everything else keeps its bytes and order") {
  const std::string first = tagged('a', "one"), second = entry('b', ""), third = tagged('c', "three");
  const std::string head = "{\n  \"schemaVersion\": 2, \"vendor\": {\"manifests\": [9]},\n  \"manifests\": ";
  const std::string tail = " ,\n  \"annotations\": {\"note\": \"x\"}\n}\n";
  auto file = IndexFile::parse(head + "[ " + first + " ,\n" + second + "," + third + "\n]" + tail, "index.json");
  REQUIRE(file.ok());
  CHECK(file->tags() == std::vector<std::string>{"one", "three"});

  const auto fresh = manifest("new");
  REQUIRE(file->set_tag("one", fresh));
  REQUIRE(file->set_tag("two", fresh));
  CHECK_FALSE(file->set_tag("two", fresh));
  const std::string text = file->to_bytes();
  CHECK(text.rfind(head + "[", 0) == 0);
  CHECK(text.substr(text.size() - tail.size() - 1) == "]" + tail);
  CHECK(text.find(second + "," + third) != std::string::npos);
  CHECK(text.find(first) == std::string::npos);

  auto again = IndexFile::parse(text, "index.json");
  REQUIRE(again.ok());
  CHECK((*again->find("one"))->digest == fresh.digest);
  CHECK((*again->find("three"))->annotations.at("k") == "v");
  CHECK(again->index().manifests.size() == 4);
  REQUIRE(again->remove_tag("one"));
  CHECK_FALSE(again->remove_tag("one"));
  CHECK(again->index().manifests.at(0).digest.str() == "sha256:" + std::string(64, 'b'));
}

TEST_CASE("index file, one tag twice, setting it leaves one and reading it says so") {
  auto file = IndexFile::parse(
      R"({"schemaVersion":2,"manifests":[)" + tagged('a', "t") + "," + entry('b', "") + "," + tagged('c', "t") + "]}",
      "index.json");
  REQUIRE(file.ok());
  auto found = file->find("t");
  REQUIRE_FALSE(found.ok());
  CHECK(found.error().kind == ErrorKind::verify);
  const auto fresh = manifest("new");
  CHECK(file->set_tag("t", fresh));
  CHECK(file->index().manifests.size() == 2);
  CHECK(file->index().manifests[0].digest == fresh.digest);
  CHECK((*file->find("t"))->digest == fresh.digest);
}

TEST_CASE("index file, odd but legal spellings, are understood") {
  auto escaped = IndexFile::parse("{\"schemaVersion\":2,\"\\u006danifests\":[" + tagged('a', "t") + "]}", "i");
  REQUIRE(escaped.ok());
  REQUIRE(escaped->find("t").ok());
  CHECK(*escaped->find("t") != nullptr);
  auto none = IndexFile::parse(R"({"manifests":null,"schemaVersion":2})", "i");
  REQUIRE(none.ok());
  CHECK(none->set_tag("t", manifest("x")));
  CHECK(IndexFile::parse(none->to_bytes(), "i").ok());
  CHECK(*none->find("") == nullptr);
}

TEST_CASE("index file, fresh, is a valid index") {
  IndexFile file;
  CHECK(Index::parse(file.to_bytes(), "i").ok());
}

TEST_CASE("index file, hostile text, is an error of kind verify") {
  for (const std::string text : {"", "[]", "{\"schemaVersion\":2}", "{\"schemaVersion\":2,\"manifests\":[1]}",
                                 "{\"schemaVersion\":2,\"manifests\":[],\"manifests\":[]}",
                                 "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"a/b\",\"size\":1,"
                                 "\"digest\":\"sha256:../../../etc/passwd\"}]}"}) {
    INFO(text);
    auto file = IndexFile::parse(text, "index.json");
    REQUIRE_FALSE(file.ok());
    CHECK(file.error().kind == ErrorKind::verify);
  }
}
