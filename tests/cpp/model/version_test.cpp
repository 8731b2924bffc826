#include "shipset/model/version.hpp"

#include <algorithm>
#include <random>

#include "catch_shim.hpp"

using namespace shipset;

namespace {

Version parsed(std::string_view text, VersionScheme scheme) {
  INFO(text);
  auto out = Version::parse(text, scheme);
  REQUIRE(out.ok());
  return *out;
}

// Every pair of a list that is written from low to high.
void check_order(const std::vector<std::string>& low_to_high, VersionScheme scheme) {
  for (std::size_t i = 0; i < low_to_high.size(); ++i) {
    for (std::size_t j = 0; j < low_to_high.size(); ++j) {
      INFO(low_to_high[i] << " and " << low_to_high[j]);
      const int order = parsed(low_to_high[i], scheme).compare(parsed(low_to_high[j], scheme));
      CHECK((order > 0) - (order < 0) == (i > j) - (i < j));
    }
  }
}

void check_refused(const std::vector<std::string>& texts, VersionScheme scheme) {
  for (const auto& text : texts) {
    INFO(text);
    const auto out = Version::parse(text, scheme);
    REQUIRE_FALSE(out.ok());
    CHECK(out.error().kind == ErrorKind::usage);
  }
}

}  // namespace

TEST_CASE("scheme, names, parse and print") {
  for (const std::string_view name : {"semver", "pep440", "calver", "integer", "none"})
    CHECK(to_string(*parse_version_scheme(name)) == name);
  CHECK(parse_version_scheme("semvar").error().hint == "did you mean \"semver\"?");
  CHECK_FALSE(parse_version_scheme("").ok());
}

TEST_CASE("semver, parts, are told apart") {
  const auto version = parsed("v1.20.3-rc.1+build.5", VersionScheme::semver);
  CHECK(version.raw() == "v1.20.3-rc.1+build.5");
  CHECK(version.plain() == "1.20.3-rc.1+build.5");
  CHECK(version.numbers() == std::vector<std::uint64_t>{1, 20, 3});
  CHECK(version.prerelease() == "rc.1");
  CHECK(version.build() == "build.5");
  CHECK_FALSE(version.stable());
  CHECK(parsed("1.0.0", VersionScheme::semver).stable());
  CHECK(parsed("1.0.0+a-b.001", VersionScheme::semver).build() == "a-b.001");
  CHECK(parsed("1.0.0--", VersionScheme::semver).prerelease() == "-");
}

TEST_CASE("semver, precedence, is that of the specification") {
  check_order({"0.0.0-0", "0.0.0", "0.9.10", "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-99999999999999999999999",
               "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
               "1.0.0-rc.1", "1.0.0", "v1.0.1", "1.2.0", "1.10.0", "2.0.0"},
              VersionScheme::semver);
  CHECK(parsed("1.0.0+a", VersionScheme::semver).compare(parsed("v1.0.0+b", VersionScheme::semver)) == 0);
}

TEST_CASE("semver, other forms, are refused") {
  check_refused({"",
                 "v",
                 "1",
                 "1.2",
                 "1.2.3.4",
                 "01.2.3",
                 "1.02.3",
                 "1.2.03",
                 "1.2.3-",
                 "1.2.3-01",
                 "1.2.3-a..b",
                 "1.2.3-a.",
                 "1.2.3+",
                 "1.2.3+a..b",
                 "1.2.3-a_b",
                 "vv1.2.3",
                 "V1.2.3",
                 " 1.2.3",
                 "1.2.3 ",
                 "1.2.3-ä",
                 "v0.2.1.0-rc1",
                 "test",
                 "latest",
                 "-1.2.3",
                 "1.-2.3",
                 "99999999999999999999.0.0",
                 "1.2.3rc1"},
                VersionScheme::semver);
  check_refused({"1.2.3-" + std::string(300, 'a')}, VersionScheme::semver);
}

TEST_CASE("pep440, spellings, have one meaning") {
  const auto same = [](std::string_view a, std::string_view b) {
    INFO(a << " and " << b);
    CHECK(parsed(a, VersionScheme::pep440).compare(parsed(b, VersionScheme::pep440)) == 0);
  };
  same("1.0", "1");
  same("1.0.0", "v1.0");
  same("1.0a1", "1.0.ALPHA-1");
  same("1.0b2", "1.0-beta_2");
  same("1.0rc3", "1.0c3");
  same("1.0rc3", "1.0-preview.3");
  same("1.0rc0", "1.0rc");
  same("1.0.post1", "1.0-1");
  same("1.0.post1", "1.0r1");
  same("1.0.post0", "1.0.rev");
  same("1.0.dev0", "1.0dev");
  same("0!1.0", "1.0");
  same("1.0+ubuntu-1", "1.0+ubuntu.1");
  same("1.0+01", "1.0+1");
}

TEST_CASE("pep440, order, is that of the specification") {
  check_order({"1.0.dev1",       "1.0a1.dev1", "1.0a1", "1.0a1.post1.dev2", "1.0a1.post1", "1.0a2", "1.0b1",
               "1.0rc1.dev1",    "1.0rc1",     "1.0",   "1.0+abc",          "1.0+abc.1",   "1.0+5", "1.0+10",
               "1.0.post1.dev1", "1.0.post1",  "1.0.1", "1.1.dev1",         "1.1",         "1.10",  "1!0.5"},
              VersionScheme::pep440);
}

TEST_CASE("pep440, releases, are stable unless pre or dev") {
  CHECK(parsed("1.0", VersionScheme::pep440).stable());
  CHECK(parsed("1.0.post2", VersionScheme::pep440).stable());
  CHECK_FALSE(parsed("1.0.dev2", VersionScheme::pep440).stable());
  CHECK_FALSE(parsed("1.0.post1.dev2", VersionScheme::pep440).stable());
  CHECK(parsed("1.0alpha1.dev3", VersionScheme::pep440).prerelease() == "a1.dev3");
  CHECK(parsed("2!3.4.5.6", VersionScheme::pep440).numbers() == std::vector<std::uint64_t>{3, 4, 5, 6});
}

TEST_CASE("pep440, other forms, are refused") {
  check_refused({"", "x", "1.", "1..2", "1.0x", "1.0-rc1-x", "1.0+", "1.0+a..b", "1.0+a_", "!1", "a!1", "1.0 ",
                 "1.0.dev1a1", "1.0--1", "1.0rc99999999999999999999", "1.0-cuda", "latest"},
                VersionScheme::pep440);
}

TEST_CASE("calver, dates, order as dates") {
  check_order(
      {"2025.12", "2025.12.31", "2026.1-rc1", "2026.01", "2026.1.9", "2026.01.10", "2026.1.10.1", "2026.2", "2026.10"},
      VersionScheme::calver);
  CHECK(parsed("v2026.01.09.2", VersionScheme::calver).numbers() == std::vector<std::uint64_t>{2026, 1, 9, 2});
  CHECK(parsed("2026.04.100", VersionScheme::calver).stable());
  check_refused({"2026", "26.4", "2026.13", "2026.0", "2026.001", "2026.1.32.1", "2026.1.0.1", "2026.1.1.01", "2026.1.",
                 "0026.1", "2026-01-09", "2026.1.1.1.1", ""},
                VersionScheme::calver);
}

TEST_CASE("integer, build numbers, order by value") {
  check_order({"0", "9", "b10", "1234", "b9999", "10000"}, VersionScheme::integer);
  CHECK(parsed("b1234", VersionScheme::integer).plain() == "b1234");
  CHECK(parsed("v7", VersionScheme::integer).plain() == "7");
  check_refused({"", "b", "b01", "1.2", "x12", "vb12", "12b", "-1", "99999999999999999999"}, VersionScheme::integer);
}

TEST_CASE("scheme none, any text, is no version") {
  check_refused({"1.2.3", "", "x"}, VersionScheme::none);
}

TEST_CASE("versions, random ones, are ordered totally") {
  std::mt19937 random(5);
  const std::vector<std::string> tails = {"", "-1", "-a", "-a.1", "-a.b", "-rc.10", "-rc.2", "+x"};
  std::vector<Version> versions;
  for (int i = 0; i < 200; ++i) {
    std::string text;
    for (int part = 0; part < 3; ++part) text += (part ? "." : "") + std::to_string(random() % 3);
    versions.push_back(parsed(text + tails[random() % tails.size()], VersionScheme::semver));
  }
  for (const auto& a : versions) {
    for (const auto& b : versions) {
      CHECK(a.compare(b) == -b.compare(a));
      for (int i = 0; i < 3; ++i) {
        const auto& c = versions[random() % versions.size()];
        if (a.compare(b) <= 0 && b.compare(c) <= 0) CHECK(a.compare(c) <= 0);
      }
    }
  }
}
