#include "shipset/build/builder.hpp"

#include "catch_shim.hpp"

using namespace shipset;
using namespace shipset::build;

TEST_CASE("builder, every backend of a release file, is there") {
  for (const char* name : {"buildx", "native", "prebuilt"}) {
    auto builder = make_builder(name);
    REQUIRE(builder.ok());
    CHECK((*builder)->name() == name);
  }
}

TEST_CASE("builder, another backend, is a usage error that names those that exist") {
  auto unknown = make_builder("kaniko\n\x1b[31m");
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().kind == ErrorKind::usage);
  CHECK(unknown.error().what.find('\x1b') == std::string::npos);
  CHECK(unknown.error().why.find("buildx") != std::string::npos);
}
