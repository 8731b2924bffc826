#include <algorithm>

#include "catch_shim.hpp"
#include "license_impl.hpp"
#include "shipset/base/text.hpp"

using namespace shipset;
using namespace shipset::attest;

TEST_CASE("licence tables, all entries, are sorted without case and unique") {
  for (const auto table : {license_identifiers(), exception_identifiers()}) {
    REQUIRE(table.size() > 50);
    const auto misplaced =
        std::adjacent_find(table.begin(), table.end(), [](auto a, auto b) { return to_lower(a) >= to_lower(b); });
    CHECK(misplaced == table.end());
  }
}

TEST_CASE("licence, valid expressions, become canonical") {
  CHECK(canonical_license("MIT") == "MIT");
  CHECK(canonical_license("apache-2.0") == "Apache-2.0");
  CHECK(canonical_license("mit and (gpl-2.0-only or BSD-3-Clause)") == "MIT AND (GPL-2.0-only OR BSD-3-Clause)");
  CHECK(canonical_license("GPL-2.0-only WITH classpath-exception-2.0") == "GPL-2.0-only WITH Classpath-exception-2.0");
  CHECK(canonical_license("GPL-2.0+") == "GPL-2.0+");
  CHECK(canonical_license("MPL-1.1+") == "MPL-1.1+");
}

TEST_CASE("licence, anything else, is empty") {
  for (const auto* text : {"", " ", "BSD", "MIT BSD", "MIT AND", "AND MIT", "(MIT", "MIT)", "LicenseRef-own",
                           "MIT WITH", "MIT WITH MIT", "Apache License, Version 2.0", "MIT OR OR MIT", "+", "()"}) {
    CAPTURE(text);
    CHECK(canonical_license(text).empty());
  }
}

TEST_CASE("licence, deep nesting and long text, are refused without recursion to the end") {
  CHECK(canonical_license(std::string(900, '(') + "MIT" + std::string(900, ')')).empty());
  CHECK(canonical_license(std::string(3, '(') + "MIT" + std::string(3, ')')) == "(((MIT)))");
  std::string lengthy = "MIT";
  for (int i = 0; i < 100'000; ++i) lengthy += " OR MIT";
  CHECK(canonical_license(lengthy).empty());
}
