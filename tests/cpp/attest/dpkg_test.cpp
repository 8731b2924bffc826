#include "cataloguers_impl.hpp"
#include "catch_shim.hpp"
#include "image_support.hpp"

using namespace shipset;
using namespace shipset::attest;
using namespace shipset::attest::testing;

namespace {

const Distribution debian{"debian", "12", "Debian GNU/Linux 12", "bookworm", "", {}};
const std::string status = R"(Package: libc6
Status: install ok installed
Priority: optional
Maintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>
Architecture: amd64
Source: glibc
Version: 2.36-9+deb12u4
Depends: libgcc-s1, libcrypt1 (>= 1:4.4.10-10~)
Description: GNU C Library
 Package: not-a-field
 .
 continued

Package: libgcc-s1
Status: install ok installed
Maintainer: Jane Doe (the packager) <jane@example.com>
Architecture: amd64
Source: gcc-12 (12.2.0-14)
Version: 12.2.0-14
Provides: libgcc1 (= 1:12.2.0-14), gcc-runtime
Depends: gcc-12-base (= 12.2.0-14),
 libc6 (>= 2.35) | libc6-other:any

Package: gone
Status: deinstall ok config-files
Version: 1

Package: user
Status: install ok installed
Version: 2:1.0
Pre-Depends: nothing-here | gcc-runtime)";

const Package* find(const std::vector<Package>& packages, std::string_view name) {
  for (const auto& package : packages)
    if (package.name == name) return &package;
  return nullptr;
}

}  // namespace

TEST_CASE("dpkg status, installed and removed packages, lists the installed with purls") {
  const auto packages = packages_of(dpkg_cataloguer(), "var/lib/dpkg/status", status, debian);
  REQUIRE(packages.size() == 3);
  const auto* libc = find(packages, "libc6");
  REQUIRE(libc != nullptr);
  CHECK(libc->purl == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12&upstream=glibc");
  CHECK(libc->supplier == "Organization: GNU Libc Maintainers (debian-glibc@lists.debian.org)");
  CHECK(libc->found_in == "var/lib/dpkg/status");
  const auto* gcc = find(packages, "libgcc-s1");
  REQUIRE(gcc != nullptr);
  CHECK(gcc->purl == "pkg:deb/debian/libgcc-s1@12.2.0-14?arch=amd64&distro=debian-12&upstream=gcc-12%4012.2.0-14");
  CHECK(gcc->supplier == "Person: Jane Doe the packager (jane@example.com)");
}

TEST_CASE("dpkg status, dependencies, link to what is installed, through alternatives, folded lines and provides") {
  const auto packages = packages_of(dpkg_cataloguer(), "var/lib/dpkg/status", status, debian);
  const auto *libc = find(packages, "libc6"), *gcc = find(packages, "libgcc-s1"), *user = find(packages, "user");
  REQUIRE((libc && gcc && user));
  CHECK(libc->depends_on == std::vector<std::string>{gcc->purl});
  CHECK(gcc->depends_on == std::vector<std::string>{libc->purl});
  CHECK(user->depends_on == std::vector<std::string>{gcc->purl});
}

TEST_CASE("dpkg status, fed byte by byte, gives the same") {
  CHECK(packages_of(dpkg_cataloguer(), "var/lib/dpkg/status", status, debian, 1) ==
        packages_of(dpkg_cataloguer(), "var/lib/dpkg/status", status, debian));
}

TEST_CASE("dpkg status.d, one file a package without Status, is read; checksums beside it are not") {
  const auto packages =
      packages_of(dpkg_cataloguer(), "var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a-0+deb12u1\n");
  REQUIRE(packages.size() == 1);
  CHECK(packages[0].purl == "pkg:deb/debian/tzdata@2024a-0%2Bdeb12u1");
  TarEntry entry;
  for (const auto* path : {"var/lib/dpkg/status.d/tzdata.md5sums", "var/lib/dpkg/status-old", "xlib/dpkg/status",
                           "var/lib/dpkg/info/x.list"}) {
    entry.path = path;
    CAPTURE(path);
    CHECK(dpkg_cataloguer().open(entry) == nullptr);
  }
}

TEST_CASE("dpkg status, Windows line ends and blanks on the empty line, is read") {
  const auto packages = packages_of(dpkg_cataloguer(), "lib/dpkg/status",
                                    "Package: a\r\nVersion: 1\r\n \r\nPackage: b\r\nVersion: 2\r\n");
  CHECK(packages.size() == 2);
}

TEST_CASE("dpkg status, hostile names, are left out and told") {
  const auto facts = facts_of(dpkg_cataloguer(), "var/lib/dpkg/status",
                              "Package: a\x01"
                              "b\nVersion: 1\n\nPackage: \xff\xfe\nVersion: 1\n\n"
                              "Package: no-version\n\nPackage: good\nVersion: 1\n");
  REQUIRE(facts.facts.size() == 1);
  CHECK(facts.facts[0].name == "good");
  CHECK_FALSE(facts.complete);
  REQUIRE(facts.notes.size() == 1);
  CHECK(facts.notes[0].find("3 entries") != std::string::npos);
}

TEST_CASE("dpkg status, a line of ten megabytes, is cut and the rest is read") {
  const auto text = "Package: a\nVersion: 1\nDepends: " + std::string(10u << 20, 'x') + "\n\nPackage: b\nVersion: 2\n";
  const auto facts = facts_of(dpkg_cataloguer(), "var/lib/dpkg/status", text);
  CHECK(facts.facts.size() == 2);
  REQUIRE(facts.notes.size() == 1);
  CHECK(facts.notes[0].find("over-long") != std::string::npos);
}

TEST_CASE("dpkg status, a library for two architectures, links to the one of the same architecture") {
  const auto packages = packages_of(dpkg_cataloguer(), "var/lib/dpkg/status",
                                    "Package: lib\nArchitecture: amd64\nVersion: 1\n\n"
                                    "Package: lib\nArchitecture: i386\nVersion: 1\n\n"
                                    "Package: app\nArchitecture: i386\nVersion: 1\nDepends: lib\n");
  REQUIRE(packages.size() == 3);
  CHECK(packages[2].depends_on == std::vector<std::string>{"pkg:deb/debian/lib@1?arch=i386"});
}
