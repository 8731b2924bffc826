#include "shipset/attest/catalog.hpp"

#include <thread>

#include "catch_shim.hpp"
#include "image_support.hpp"

using namespace shipset;
using namespace shipset::attest;
using namespace shipset::attest::testing;

namespace {

File metadata(const std::string& name, const std::string& version, const std::string& site = "site/") {
  return {site + name + "-" + version + ".dist-info/METADATA", "Name: " + name + "\nVersion: " + version + "\n"};
}

using Purls = std::vector<std::string>;

}  // namespace

TEST_CASE("image, a file replaced in a higher layer, counts as the higher layer has it") {
  const std::string status = "var/lib/dpkg/status";
  const auto catalogue = catalogue_of(
      {{{status, "Package: a\nVersion: 1\n"}}, {{status, "Package: a\nVersion: 2\n\nPackage: b\nVersion: 1\n"}}});
  CHECK(purls_of(catalogue) == Purls{"pkg:deb/debian/a@2", "pkg:deb/debian/b@1"});
  CHECK(catalogue.packages[0].layer ==
        Digest::of(std::string_view(tar_of({{status, "Package: a\nVersion: 2\n\nPackage: b\nVersion: 1\n"}}))));
  CHECK(catalogue.complete);
}

TEST_CASE("image, whiteouts of file, directory and whole directory content, remove what is below only") {
  const auto base = std::vector<File>{metadata("a", "1"), metadata("b", "1"), metadata("c", "1", "other/")};
  CHECK(purls_of(catalogue_of({base, {{"site/a-1.dist-info/.wh.METADATA", ""}}})) ==
        Purls{"pkg:pypi/b@1", "pkg:pypi/c@1"});
  CHECK(purls_of(catalogue_of({base, {{".wh.site", ""}}})) == Purls{"pkg:pypi/c@1"});
  CHECK(purls_of(catalogue_of({base, {{"site/.wh..wh..opq", ""}, metadata("d", "1")}})) ==
        Purls{"pkg:pypi/c@1", "pkg:pypi/d@1"});
  CHECK(purls_of(catalogue_of({base, {{".wh..wh..opq", ""}}})).empty());
  CHECK(purls_of(catalogue_of({{{".wh.site", ""}}, base})).size() == 3);
  CHECK(purls_of(catalogue_of({base, {{".wh.site", ""}}, {metadata("a", "1")}})) ==
        Purls{"pkg:pypi/a@1", "pkg:pypi/c@1"});
}

TEST_CASE("image, a directory that becomes a link in a higher layer, loses its files") {
  CHECK(purls_of(catalogue_of({{metadata("a", "1")}, {symbolic_link("site", "elsewhere")}})).empty());
  CHECK(purls_of(catalogue_of({{metadata("a", "1")}, {folder("site")}})) == Purls{"pkg:pypi/a@1"});
  CHECK(purls_of(catalogue_of({{metadata("a", "1")}, {symbolic_link("site/a-1.dist-info/METADATA", "/dev/null")}}))
            .empty());
}

TEST_CASE("image, hard link to a file that was read, counts under its own name when its source is removed") {
  const auto cached = metadata("a", "1", "cache/");
  const auto base = std::vector<File>{cached, hard_link("site/a-1.dist-info/METADATA", cached.path)};
  auto catalogue = catalogue_of({base});
  REQUIRE(catalogue.packages.size() == 1);
  CHECK(catalogue.packages[0].found_in == "cache/a-1.dist-info/METADATA");
  catalogue = catalogue_of({base, {{".wh.cache", ""}}});
  REQUIRE(catalogue.packages.size() == 1);
  CHECK(catalogue.packages[0].found_in == "site/a-1.dist-info/METADATA");
}

TEST_CASE("image, old Go program, is read in a second pass over its layer") {
  Elf elf;
  elf.read_only = "go1.17.1" + std::string(1u << 20, 'r');  // gone by when the pointers are met
  elf.writable = std::string("\xff Go buildinf:") + '\10' + '\0' + elf.number(Elf::writable_address + 64, 8) +
                 elf.number(Elf::writable_address + 64, 8);
  elf.writable.resize(64);
  elf.writable += elf.number(Elf::read_only_address, 8) + elf.number(8, 8);
  MemoryStore store;
  const auto layer = tar_of({{"before", "x"}, {"bin/app", elf.str()}, metadata("a", "1")});
  const auto catalogue = catalogue_image(store, store.add_image({layer}), CancelToken{});
  REQUIRE(catalogue.ok());
  CHECK(purls_of(*catalogue) == Purls{"pkg:golang/stdlib@1.17.1", "pkg:pypi/a@1"});
  CHECK(store.opened[Digest::of(std::string_view(layer))] == 1);
}

TEST_CASE("image, distribution in one layer and packages in another, meet in the purls") {
  const auto catalogue = catalogue_of({{{"usr/lib/os-release", "ID=ubuntu\nVERSION_ID=\"24.04\"\n"}},
                                       {{"var/lib/dpkg/status", "Package: a\nVersion: 1\nArchitecture: arm64\n"}}});
  CHECK(purls_of(catalogue) == Purls{"pkg:deb/ubuntu/a@1?arch=arm64&distro=ubuntu-24.04"});
}

TEST_CASE("image, same layers in gzip or on one thread or many, gives the same catalogue") {
  const auto first = tar_of({metadata("a", "1"), {"etc/os-release", "ID=x\n"}}), second = tar_of({metadata("b", "2")});
  const std::vector<Digest> ids{Digest::of(std::string_view(first)), Digest::of(std::string_view(second))};
  MemoryStore store;
  const auto plain = store.add_image({first, second});
  const auto packed = store.add_image({{std::string(oci::media_type::layer_gzip), gzip_of(first)},
                                       {std::string(oci::media_type::layer_gzip), gzip_of(second)}},
                                      ids);
  const auto one = catalogue_image(store, plain, CatalogueOptions{1, nullptr, {}});
  const auto many = catalogue_image(store, packed, CatalogueOptions{8, nullptr, {}});
  REQUIRE((one.ok() && many.ok()));
  CHECK(one->packages == many->packages);
  CHECK(one->packages.size() == 2);
}

TEST_CASE("image without layers or packages, gives an empty catalogue") {
  const auto catalogue = catalogue_of({});
  CHECK(catalogue.packages.empty());
  CHECK(catalogue.complete);
  CHECK(catalogue_of({{{"hello", "world"}}}).packages.empty());
}

TEST_CASE("image, damaged archive in one layer, tells it and keeps the rest") {
  auto broken = tar_of({metadata("a", "1"), {"big", std::string(100'000, 'x')}, metadata("lost", "1")});
  broken.resize(50'000);
  MemoryStore store;
  const auto catalogue = catalogue_image(store, store.add_image({tar_of({metadata("b", "1")}), broken}), CancelToken{});
  REQUIRE(catalogue.ok());
  CHECK(purls_of(*catalogue) == Purls{"pkg:pypi/a@1", "pkg:pypi/b@1"});
  CHECK_FALSE(catalogue->complete);
  REQUIRE(catalogue->notes.size() == 1);
  CHECK(catalogue->notes[0].find("not read to its end") != std::string::npos);
}

TEST_CASE("image, layer that is no archive, tells it") {
  MemoryStore store;
  const auto catalogue =
      catalogue_image(store, store.add_image(std::vector<std::string>{std::string(4096, 'z')}), CancelToken{});
  REQUIRE(catalogue.ok());
  CHECK_FALSE(catalogue->complete);
}

TEST_CASE("image, compressed layer cut off, is an error") {
  const auto layer = tar_of({metadata("a", "1"), {"x", std::string(1u << 20, 'x')}});
  auto packed = gzip_of(layer);
  packed.resize(packed.size() / 2);
  MemoryStore store;
  const auto image =
      store.add_image({{std::string(oci::media_type::layer_gzip), packed}}, {Digest::of(std::string_view(layer))});
  CHECK_FALSE(catalogue_image(store, image, CancelToken{}).ok());
}

TEST_CASE("image, layers and diff ids that do not fit, is a verify error") {
  MemoryStore store;
  const auto image = store.add_image({{std::string(oci::media_type::layer_tar), tar_of({})}}, {});
  const auto catalogue = catalogue_image(store, image, CancelToken{});
  REQUIRE_FALSE(catalogue.ok());
  CHECK(catalogue.error().kind == ErrorKind::verify);
}

TEST_CASE("image, missing from the store, is not found") {
  MemoryStore store;
  oci::Descriptor image;
  image.digest = Digest::of(std::string_view("nothing"));
  const auto catalogue = catalogue_image(store, image, CancelToken{});
  REQUIRE_FALSE(catalogue.ok());
  CHECK(catalogue.error().kind == ErrorKind::not_found);
}

TEST_CASE("image, stop requested, ends as cancelled") {
  MemoryStore store;
  const auto image = store.add_image({tar_of({metadata("a", "1")})});
  CancelToken cancel;
  cancel.cancel();
  const auto catalogue = catalogue_image(store, image, cancel);
  REQUIRE_FALSE(catalogue.ok());
  CHECK(catalogue.error().kind == ErrorKind::cancelled);
}
