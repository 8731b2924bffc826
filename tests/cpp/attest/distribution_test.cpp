#include "cataloguers_impl.hpp"
#include "catch_shim.hpp"
#include "image_support.hpp"

using namespace shipset;
using namespace shipset::attest;
using namespace shipset::attest::testing;

TEST_CASE("os-release, quoted and bare values, is read") {
  const auto facts = facts_of(distribution_cataloguer(), "etc/os-release",
                              "# comment=1\nID=ubuntu\nID_LIKE=\"debian other\"\nVERSION_ID='24.04'\n"
                              "PRETTY_NAME=\"Ubuntu \\\"24\\\" LTS\"\nVERSION_CODENAME=noble\nnonsense\n");
  REQUIRE(facts.distribution);
  CHECK(facts.distribution->id == "ubuntu");
  CHECK(facts.distribution->id_like == std::vector<std::string>{"debian", "other"});
  CHECK(facts.distribution->version_id == "24.04");
  CHECK(facts.distribution->pretty_name == "Ubuntu \"24\" LTS");
  CHECK(facts.distribution->codename == "noble");
  CHECK(facts.distribution->label() == "ubuntu-24.04");
}

TEST_CASE("os-release, rolling distribution, is labelled by its build or by its name alone") {
  CHECK(Distribution{"arch", "", "", "", "rolling", {}}.label() == "arch-rolling");
  CHECK(Distribution{"debian", "", "", "", "", {}}.label() == "debian");
  CHECK(Distribution{"", "12", "", "", "", {}}.label().empty());
}

TEST_CASE("os-release, in etc and in usr/lib, takes the one in etc") {
  const File usr{"usr/lib/os-release", "ID=usr\n"}, etc{"etc/os-release", "ID=etc\n"};
  CHECK(catalogue_of({{etc}, {usr}}).distribution.id == "etc");
  CHECK(catalogue_of({{symbolic_link("etc/os-release", "../usr/lib/os-release"), usr}}).distribution.id == "usr");
  CHECK(catalogue_of({{{"srv/etc/os-release", "ID=other\n"}}}).distribution.id.empty());
}
