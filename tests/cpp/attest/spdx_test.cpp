#include "shipset/attest/spdx.hpp"

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "catch_shim.hpp"

using namespace shipset;
using namespace shipset::attest;
using nlohmann::json;

namespace {

SpdxOptions options() {
  SpdxOptions out;
  out.name = "docker/model-runner (cuda, linux/arm64)";
  out.image.digest = Digest::from_hex(std::string(64, 'e'));
  out.platform = "linux/arm64";
  out.created_unix_s = 1767960000;
  out.tool_version = "0.1.0";
  return out;
}

Package package(const std::string& name, const std::string& version) {
  Package out;
  out.ecosystem = "deb";
  out.name = name;
  out.version = version;
  out.purl = "pkg:deb/debian/" + name + "@" + version;
  out.found_in = "var/lib/dpkg/status";
  out.layer = Digest::of(std::string_view("layer"));
  return out;
}

}  // namespace

TEST_CASE("spdx, image without packages, is a document that describes the image") {
  const auto text = spdx_document({}, options());
  const auto d = json::parse(text);
  CHECK(d["spdxVersion"] == "SPDX-2.3");
  CHECK(d["dataLicense"] == "CC0-1.0");
  CHECK(d["SPDXID"] == "SPDXRef-DOCUMENT");
  CHECK(d["name"] == options().name);
  CHECK(d["documentNamespace"] == "https://spdx.org/spdxdocs/shipset-" + std::string(64, 'e'));
  CHECK(d["creationInfo"]["created"] == "2026-01-09T12:00:00Z");
  CHECK(d["creationInfo"]["creators"] == json{"Tool: shipset-0.1.0"});
  CHECK_FALSE(d.contains("comment"));
  REQUIRE(d["packages"].size() == 1);
  const auto& root = d["packages"][0];
  CHECK(root["versionInfo"] == "sha256:" + std::string(64, 'e'));
  CHECK(root["primaryPackagePurpose"] == "CONTAINER");
  CHECK(root["checksums"][0]["checksumValue"] == std::string(64, 'e'));
  CHECK(root["externalRefs"][0]["referenceLocator"] ==
        "pkg:oci/model-runner@sha256:" + std::string(64, 'e') + "?arch=arm64&repository_url=docker%2Fmodel-runner");
  REQUIRE(d["relationships"].size() == 1);
  CHECK(d["relationships"][0]["relationshipType"] == "DESCRIBES");
}

TEST_CASE("spdx, every package, has the NTIA elements and a purl of the right category") {
  Catalogue catalogue;
  catalogue.packages = {package("a", "1"), package("b", "2")};
  catalogue.packages[0].supplier = "Organization: Debian (x@y)";
  catalogue.packages[0].license = "MIT";
  const auto d = json::parse(spdx_document(catalogue, options()));
  REQUIRE(d["packages"].size() == 3);
  for (const auto& p : d["packages"]) {
    for (const auto* member : {"SPDXID", "name", "versionInfo", "supplier", "downloadLocation", "licenseConcluded",
                               "licenseDeclared", "copyrightText"})
      CHECK(p.contains(member));
    CHECK(p["filesAnalyzed"] == false);
    CHECK(p["externalRefs"][0]["referenceCategory"] == "PACKAGE-MANAGER");
    CHECK(p["externalRefs"][0]["referenceType"] == "purl");
  }
  CHECK(d["packages"][1]["supplier"] == "Organization: Debian (x@y)");
  CHECK(d["packages"][1]["licenseDeclared"] == "MIT");
  CHECK(d["packages"][2]["supplier"] == "NOASSERTION");
  CHECK(d["packages"][2]["licenseDeclared"] == "NOASSERTION");
}

TEST_CASE("spdx, dependencies, become relationships between elements that exist") {
  Catalogue catalogue;
  catalogue.packages = {package("a", "1"), package("b", "2")};
  catalogue.packages[0].depends_on = {catalogue.packages[1].purl, "pkg:deb/debian/not-there@1"};
  const auto d = json::parse(spdx_document(catalogue, options()));
  std::set<std::string> ids{"SPDXRef-DOCUMENT"};
  for (const auto& p : d["packages"]) ids.insert(p["SPDXID"].get<std::string>());
  CHECK(ids.size() == 4);
  int depends = 0, contains = 0;
  for (const auto& r : d["relationships"]) {
    CHECK(ids.count(r["spdxElementId"]) == 1);
    CHECK(ids.count(r["relatedSpdxElement"]) == 1);
    depends += r["relationshipType"] == "DEPENDS_ON" ? 1 : 0;
    contains += r["relationshipType"] == "CONTAINS" ? 1 : 0;
  }
  CHECK(depends == 1);
  CHECK(contains == 2);
}

TEST_CASE("spdx, names that differ only in characters that ids cannot hold, get different valid ids") {
  Catalogue catalogue;
  catalogue.packages = {package("lib_a", "1"), package("lib+a", "1"), package("lib_a", "2"),
                        package(std::string(500, '/'), "1")};
  const auto d = json::parse(spdx_document(catalogue, options()));
  std::set<std::string> ids;
  const std::regex form("SPDXRef-[A-Za-z0-9.-]+");
  for (const auto& p : d["packages"]) {
    const auto id = p["SPDXID"].get<std::string>();
    CHECK(std::regex_match(id, form));
    CHECK(ids.insert(id).second);
  }
}

TEST_CASE("spdx, licence that is no expression, is not asserted") {
  Catalogue catalogue;
  catalogue.packages = {package("a", "1"), package("b", "1")};
  catalogue.packages[0].license = "LicenseRef-own";
  catalogue.packages[1].license = "free as in beer";
  const auto d = json::parse(spdx_document(catalogue, options()));
  CHECK(d["packages"][1]["licenseDeclared"] == "NOASSERTION");
  CHECK(d["packages"][2]["licenseDeclared"] == "NOASSERTION");
  CHECK_FALSE(d.contains("hasExtractedLicensingInfos"));
}

TEST_CASE("spdx, notes of the catalogue, stand in the comment") {
  Catalogue catalogue;
  catalogue.notes = {"one", "two"};
  CHECK(json::parse(spdx_document(catalogue, options()))["comment"] == "Notes: one; two");
  catalogue.complete = false;
  CHECK(json::parse(spdx_document(catalogue, options()))["comment"] == "Incomplete: one; two");
}

TEST_CASE("spdx, repository given, is the purl's repository") {
  auto with = options();
  with.repository = "ghcr.io/o/app";
  const auto d = json::parse(spdx_document({}, with));
  CHECK(d["packages"][0]["externalRefs"][0]["referenceLocator"] ==
        "pkg:oci/app@sha256:" + std::string(64, 'e') + "?arch=arm64&repository_url=ghcr.io%2Fo%2Fapp");
}
