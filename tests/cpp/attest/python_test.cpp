#include "cataloguers_impl.hpp"
#include "catch_shim.hpp"
#include "image_support.hpp"

using namespace shipset;
using namespace shipset::attest;
using namespace shipset::attest::testing;

namespace {

const std::string site = "usr/lib/python3/dist-packages/";

}  // namespace

TEST_CASE("python METADATA, headers before the description, give one distribution") {
  const auto packages = packages_of(python_cataloguer(), site + "Foo_Bar.baz-1.0.dist-info/METADATA",
                                    "Metadata-Version: 2.1\nName: Foo_Bar.baz\nVersion: 1.0+local\nLicense: MIT\n"
                                    "Author: Jane\nAuthor-email: Jane Roe <jane@example.com>, Bob <b@x>\n"
                                    "Requires-Dist: other\n\nName: from-the-description\nVersion: 9\n");
  REQUIRE(packages.size() == 1);
  CHECK(packages[0].name == "Foo_Bar.baz");
  CHECK(packages[0].purl == "pkg:pypi/foo-bar-baz@1.0%2Blocal");
  CHECK(packages[0].license == "MIT");
  CHECK(packages[0].supplier == "Person: Jane Roe (jane@example.com)");
}

TEST_CASE("python METADATA, licence expression and free text, takes the expression") {
  const auto packages = packages_of(
      python_cataloguer(), "a.dist-info/METADATA",
      "Name: a\nVersion: 1\nLicense: see file\nLicense-Expression: apache-2.0 or mit\nAuthor: The X Project\n");
  REQUIRE(packages.size() == 1);
  CHECK(packages[0].license == "Apache-2.0 OR MIT");
  CHECK(packages[0].supplier == "Organization: The X Project");
}

TEST_CASE("python distributions, dependencies, link within one site directory and skip extras") {
  const auto catalogue = catalogue_of({{
      {site + "app-1.dist-info/METADATA",
       "Name: app\nVersion: 1\nRequires-Dist: Lib_A (>=1)\nRequires-Dist: lib-b; extra == 'x'\n"
       "Requires-Dist: lib-c[y]>=2 ; python_version<'3'\n"},
      {site + "lib_a-1.dist-info/METADATA", "Name: lib.a\nVersion: 1\n"},
      {site + "lib_b-1.dist-info/METADATA", "Name: lib-b\nVersion: 1\n"},
      {"opt/venv/lib/python3.11/site-packages/lib_c-2.dist-info/METADATA", "Name: lib-c\nVersion: 2\n"},
  }});
  REQUIRE(catalogue.packages.size() == 4);
  CHECK(catalogue.packages[0].name == "app");
  CHECK(catalogue.packages[0].depends_on == std::vector<std::string>{"pkg:pypi/lib-a@1"});
}

TEST_CASE("python, egg-info as directory and as file, is read; other files are not") {
  CHECK(packages_of(python_cataloguer(), site + "old.egg-info/PKG-INFO", "Name: old\nVersion: 0.1\n").size() == 1);
  CHECK(packages_of(python_cataloguer(), site + "older-2.egg-info", "Name: older\nVersion: 2\n").size() == 1);
  CHECK(packages_of(python_cataloguer(), site + "Python.egg-info", "Name: Python\nVersion: 2.7\n").empty());
  TarEntry entry;
  for (const auto* path : {"METADATA", "x/METADATA", "x/PKG-INFO", "x.dist-info/RECORD", "x.dist-info/y/METADATA"}) {
    entry.path = path;
    CAPTURE(path);
    CHECK(python_cataloguer().open(entry) == nullptr);
  }
}

TEST_CASE("python METADATA, without a name, is told") {
  const auto facts = facts_of(python_cataloguer(), "x.dist-info/METADATA", "Version: 1\n\n");
  CHECK(facts.facts.empty());
  CHECK_FALSE(facts.complete);
  CHECK(facts.notes.size() == 1);
}

TEST_CASE("python METADATA, one header line of ten megabytes, is cut") {
  const auto facts = facts_of(python_cataloguer(), "x.dist-info/METADATA",
                              "Name: x\nSummary: " + std::string(10u << 20, 's') + "\nVersion: 1\n");
  REQUIRE(facts.facts.size() == 1);
  CHECK(facts.facts[0].version == "1");
}
