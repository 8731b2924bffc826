#include "oci/store_fixture.hpp"
#include "shipset/build/builder.hpp"

using namespace shipset;
using namespace shipset::build;
using namespace shipset::oci::test;

namespace {

Platform platform(const std::string& text) {
  return must(Platform::parse(text));
}

struct Variants {
  MemoryStore store;
  std::map<std::string, oci::Descriptor> images;
  oci::Descriptor index;
  explicit Variants(const std::vector<std::string>& platforms) {
    std::vector<oci::Descriptor> entries;
    for (const auto& text : platforms) {
      images[text] = put_image(store, text, text).manifest;
      images[text].platform = platform(text);
      entries.push_back(images[text]);
    }
    entries.push_back(put_attestation(store, entries.front(), "{}"));
    index = put_index(store, entries);
  }
  Digest pick(const std::string& wanted) {
    const auto pinned = must(pin_base(store, index, "base:1", platform(wanted)));
    CHECK(pinned.reference == "base:1");
    CHECK(pinned.arg == "base");
    CHECK(pinned.index_digest == index.digest);
    return pinned.digest;
  }
};

}  // namespace

TEST_CASE("base, index with the platform, its image is taken whatever way it is written") {
  Variants base({"linux/amd64", "linux/arm64", "linux/arm/v7", "windows/amd64"});
  CHECK(base.pick("linux/amd64") == base.images["linux/amd64"].digest);
  CHECK(base.pick("linux/arm64/v8") == base.images["linux/arm64"].digest);
  CHECK(base.pick("linux/arm") == base.images["linux/arm/v7"].digest);
  CHECK(base.pick("windows/amd64") == base.images["windows/amd64"].digest);
}

TEST_CASE("base, newer variant of the architecture wanted, the closest older one serves") {
  Variants base({"linux/amd64", "linux/arm/v5", "linux/arm/v6", "linux/arm64"});
  CHECK(base.pick("linux/amd64/v3") == base.images["linux/amd64"].digest);
  CHECK(base.pick("linux/arm/v7") == base.images["linux/arm/v6"].digest);
  CHECK(base.pick("linux/arm/v5") == base.images["linux/arm/v5"].digest);
  Variants newer({"linux/amd64/v3"});
  CHECK_FALSE(pin_base(newer.store, newer.index, "base:1", platform("linux/amd64")).ok());
}

TEST_CASE("base, platform missing, the error is of the release file and names those that are there") {
  Variants base({"linux/amd64", "linux/arm64"});
  auto pinned = pin_base(base.store, base.index, "base:1", platform("linux/riscv64"));
  REQUIRE_FALSE(pinned.ok());
  CHECK(pinned.error().kind == ErrorKind::spec);
  CHECK(pinned.error().what == "the base image base:1 does not exist for linux/riscv64");
  CHECK(pinned.error().why == "it exists for linux/amd64, linux/arm64");
  CHECK_FALSE(pinned.error().hint.empty());
}

TEST_CASE("base, a single manifest, its config tells the platform") {
  MemoryStore store;
  const auto image = put_image(store, "linux/arm64", "x").manifest;
  const auto pinned = must(pin_base(store, image, "base", platform("linux/arm64/v8")));
  CHECK(pinned.digest == image.digest);
  CHECK(pinned.index_digest.empty());
  auto wrong = pin_base(store, image, "base", platform("linux/amd64"));
  REQUIRE_FALSE(wrong.ok());
  CHECK(wrong.error().kind == ErrorKind::spec);
  CHECK(wrong.error().why.find("linux/arm64") != std::string::npos);
}

TEST_CASE("base, nothing there or an index without platforms, is an error") {
  MemoryStore store;
  auto none = pin_base(store, oci::describe(oci::media_type::index, "x"), "base", platform("linux/amd64"));
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().kind == ErrorKind::not_found);
  auto image = put_image(store, "linux/amd64", "x").manifest;
  image.platform.reset();
  auto empty = pin_base(store, put_index(store, {image}), "base", platform("linux/amd64"));
  REQUIRE_FALSE(empty.ok());
  CHECK(empty.error().kind == ErrorKind::spec);
}
