#include "shipset/build/builder.hpp"

#include "catch_shim.hpp"

using namespace shipset;
using namespace shipset::build;

TEST_CASE("builder, native and prebuilt, are there") {
  for (const char* name : {"native", "prebuilt"}) {
    auto builder = make_builder(name);
    REQUIRE(builder.ok());
    CHECK((*builder)->name() == name);
  }
}

TEST_CASE("builder, another backend, is a usage error that says what to do") {
  for (const char* name : {"buildx"}) {
    auto builder = make_builder(name);
    REQUIRE_FALSE(builder.ok());
    CHECK(builder.error().kind == ErrorKind::usage);
    CHECK(builder.error().hint.find("--backend native") != std::string::npos);
  }
  auto unknown = make_builder("kaniko\n\x1b[31m");
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().kind == ErrorKind::usage);
  CHECK(unknown.error().what.find('\x1b') == std::string::npos);
}
