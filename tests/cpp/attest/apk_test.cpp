#include "cataloguers_impl.hpp"
#include "catch_shim.hpp"
#include "image_support.hpp"

using namespace shipset;
using namespace shipset::attest;
using namespace shipset::attest::testing;

namespace {

const Distribution alpine{"alpine", "3.20.1", "Alpine Linux v3.20", "", "", {}};
const std::string installed = R"(C:Q1abc=
P:musl
V:1.2.5-r0
A:x86_64
S:400000
T:the musl c library
U:https://musl.libc.org/
L:MIT
o:musl
m:Timo Teras <timo@example.com>
p:so:libc.musl-x86_64.so.1=1
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q1def=

P:libcrypto3
V:3.3.1-r0
A:x86_64
L:apache-2.0
o:openssl
D:so:libc.musl-x86_64.so.1 !libressl
p:so:libcrypto.so.3=3

P:tool
V:1-r1
A:x86_64
L:BSD and friends
D:libcrypto3>=3.0 /bin/sh missing
)";

}  // namespace

TEST_CASE("apk database, without a blank line at its end, lists every package") {
  const auto packages = packages_of(apk_cataloguer(), "lib/apk/db/installed", installed, alpine);
  REQUIRE(packages.size() == 3);
  CHECK(packages[0].purl == "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1");
  CHECK(packages[0].license == "MIT");
  CHECK(packages[0].supplier == "Person: Timo Teras (timo@example.com)");
  CHECK(packages[1].purl == "pkg:apk/alpine/libcrypto3@3.3.1-r0?arch=x86_64&distro=alpine-3.20.1&upstream=openssl");
  CHECK(packages[1].license == "Apache-2.0");
  CHECK(packages[2].license.empty());
  CHECK(packages[1].depends_on == std::vector<std::string>{packages[0].purl});
  CHECK(packages[2].depends_on == std::vector<std::string>{packages[1].purl});
}

TEST_CASE("apk database, at its newer place, in pieces of one byte, is the same") {
  auto first = packages_of(apk_cataloguer(), "usr/lib/apk/db/installed", installed, alpine, 1);
  CHECK(first.size() == 3);
  TarEntry entry;
  entry.path = "lib/apk/db/scripts.tar";
  CHECK(apk_cataloguer().open(entry) == nullptr);
}

TEST_CASE("apk database, no os-release, is Alpine") {
  const auto packages = packages_of(apk_cataloguer(), "lib/apk/db/installed", "P:a\nV:1\n");
  REQUIRE(packages.size() == 1);
  CHECK(packages[0].purl == "pkg:apk/alpine/a@1");
}

TEST_CASE("apk database, random bytes, gives nothing and does not fail") {
  std::string noise;
  std::uint32_t state = 7;
  for (int i = 0; i < 200'000; ++i) noise += static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
  CHECK(facts_of(apk_cataloguer(), "lib/apk/db/installed", noise).facts.empty());
}
