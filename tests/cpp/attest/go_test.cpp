#include "cataloguers_impl.hpp"
#include "catch_shim.hpp"
#include "image_support.hpp"

using namespace shipset;
using namespace shipset::attest;
using namespace shipset::attest::testing;

namespace {

const std::string modules =
    "path\texample.com/app/cmd\nmod\texample.com/App\tv1.2.3\th1:x=\n"
    "dep\tgithub.com/BurntSushi/toml\tv1.4.0\th1:y=\n"
    "dep\tgithub.com/old/name\tv1.0.0\n=>\tgithub.com/new/name/v2\tv2.0.0+incompatible\th1:z=\n"
    "dep\texample.com/local\tv0.1.0\n=>\t../local\t(devel)\n"
    "build\tGOARCH=arm64\nbuild\tCGO_ENABLED=0\n";

std::string program(std::string_view version, std::string_view lines) {
  return Elf{"read only", inline_buildinfo(version, marked(lines))}.str();
}

std::vector<std::string> purls(const std::vector<Package>& packages) {
  std::vector<std::string> out;
  for (const auto& package : packages) out.push_back(package.purl);
  return out;
}

}  // namespace

TEST_CASE("go program, modules with replacements, lists program, modules and standard library") {
  const auto packages = packages_of(go_cataloguer(), "app/server", program("go1.22.1 X:boringcrypto", modules));
  CHECK(purls(packages) == std::vector<std::string>{"pkg:golang/example.com/App@v1.2.3",
                                                    "pkg:golang/github.com/BurntSushi/toml@v1.4.0",
                                                    "pkg:golang/github.com/new/name/v2@v2.0.0%2Bincompatible",
                                                    "pkg:golang/example.com/local@v0.1.0", "pkg:golang/stdlib@1.22.1"});
  REQUIRE(packages.size() == 5);
  CHECK(packages[0].architecture == "arm64");
  CHECK(packages[0].depends_on.size() == 4);
  CHECK(packages[1].depends_on.empty());
  CHECK(packages[4].name == "stdlib");
}

TEST_CASE("go program, development version, is named by its commit where that is known") {
  const std::string lines =
      "path\tcommand\nmod\texample.com/app\t(devel)\t\nbuild\tvcs.revision=0123456789abcdef0123\n"
      "build\tvcs.time=2026-01-09T12:34:56Z\n";
  auto packages = packages_of(go_cataloguer(), "app", program("go1.20", lines));
  REQUIRE(packages.size() == 2);
  CHECK(packages[0].purl == "pkg:golang/example.com/app@v0.0.0-20260109123456-0123456789ab");
  packages =
      packages_of(go_cataloguer(), "app", program("devel go1.27-4f2c1a Fri", "mod\texample.com/app\t(devel)\t\n"));
  CHECK(purls(packages) == std::vector<std::string>{"pkg:golang/example.com/app", "pkg:golang/stdlib@1.27-4f2c1a"});
  CHECK(packages[0].version == "(devel)");
}

TEST_CASE("go program, no module information, still tells its standard library") {
  const auto packages = packages_of(go_cataloguer(), "app", Elf{"", inline_buildinfo("go1.21.0", "")}.str());
  CHECK(purls(packages) == std::vector<std::string>{"pkg:golang/stdlib@1.21.0"});
}

TEST_CASE("go program, module names with control characters, are left out and told") {
  const auto facts = facts_of(go_cataloguer(), "app", program("go1.21.0", "mod\tev\x1b[2Jil\tv1\t\ndep\tb/c\tv1\t\n"));
  CHECK(facts.facts.size() == 2);
  CHECK_FALSE(facts.complete);
  CHECK(facts.notes.size() == 1);
  CHECK(facts.facts.front().needs.empty());
}

TEST_CASE("go programs, sharing modules, give each module once with all that need it") {
  const auto one = program("go1.22.1", "mod\ta.com/one\tv1\t\ndep\ta.com/shared\tv3\t\n");
  const auto two = program("go1.22.1", "mod\ta.com/two\tv1\t\ndep\ta.com/shared\tv3\t\n");
  const auto catalogue = catalogue_of({{{"bin/one", one}, {"bin/two", two}}});
  CHECK(purls_of(catalogue) == std::vector<std::string>{"pkg:golang/a.com/one@v1", "pkg:golang/a.com/shared@v3",
                                                        "pkg:golang/a.com/two@v1", "pkg:golang/stdlib@1.22.1"});
  CHECK(catalogue.packages[1].found_in == "bin/one");
  CHECK(catalogue.packages[2].depends_on ==
        std::vector<std::string>{"pkg:golang/a.com/shared@v3", "pkg:golang/stdlib@1.22.1"});
}
