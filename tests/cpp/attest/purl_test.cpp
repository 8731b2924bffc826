#include "shipset/attest/purl.hpp"

#include "catch_shim.hpp"

using namespace shipset;
using namespace shipset::attest;

namespace {

const std::string digest = "sha256:" + std::string(64, 'd');

std::string purl(const std::string& reference, const std::string& platform = {}) {
  const auto result = image_purl(reference, platform);
  return result ? *result : "error: " + result.error().what;
}

}  // namespace

TEST_CASE("image purl, references of every shape, is BuildKit's") {
  CHECK(purl("alpine") == "pkg:docker/alpine@latest");
  CHECK(purl("library/alpine:3.15") == "pkg:docker/alpine@3.15");
  CHECK(purl("docker.io/library/alpine:latest@" + digest) == "pkg:docker/alpine@latest?digest=" + digest);
  CHECK(purl("docker.io/library/alpine@" + digest) == "pkg:docker/alpine?digest=" + digest);
  CHECK(purl("user/test:v2") == "pkg:docker/user/test@v2");
  CHECK(purl("docker.io/user/test:v2") == "pkg:docker/user/test@v2");
  CHECK(purl("ghcr.io/foo/bar:v2") == "pkg:docker/ghcr.io/foo/bar@v2");
  CHECK(purl("busybox", "linux/amd64") == "pkg:docker/busybox@latest?platform=linux%2Famd64");
  CHECK(purl("busybox@" + digest, "linux/arm/v7") ==
        "pkg:docker/busybox?digest=" + digest + "&platform=linux%2Farm%2Fv7");
}

TEST_CASE("image purl, text that is no reference, is a usage error") {
  const auto result = image_purl("Not A Reference", "");
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().kind == ErrorKind::usage);
}

TEST_CASE("purl, parts with special characters, encodes all but colon and unreserved") {
  Purl deb;
  deb.type = "deb";
  deb.space = "debian";
  deb.name = "attr";
  deb.version = "1:2.4.47-2+b1";
  deb.qualifiers = {{"distro", "debian-12"}, {"arch", "amd64"}, {"upstream", "s@2/3"}, {"epoch", ""}};
  CHECK(deb.str() == "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64&distro=debian-12&upstream=s%402%2F3");
  Purl npm;
  npm.type = "npm";
  npm.space = "@angular";
  npm.name = "animation";
  CHECK(npm.str() == "pkg:npm/%40angular/animation");
}

TEST_CASE("oci purl, repository with host and upper case name, has a lower-case name and the repository as it is") {
  CHECK(oci_purl("ghcr.io/o/App", digest, "arm64") ==
        "pkg:oci/app@" + digest + "?arch=arm64&repository_url=ghcr.io%2Fo%2FApp");
  CHECK(oci_purl("app", digest, "") == "pkg:oci/app@" + digest);
}
