#include "catch_shim.hpp"
#include "lines_impl.hpp"

using namespace shipset::attest;

TEST_CASE("actor, maintainers of all shapes, is SPDX's form or nothing") {
  CHECK(actor("Jane Roe <jane@example.com>") == "Person: Jane Roe (jane@example.com)");
  CHECK(actor("Ubuntu Developers <u@lists.ubuntu.com>") == "Organization: Ubuntu Developers (u@lists.ubuntu.com)");
  CHECK(actor("NVIDIA Corporation") == "Organization: NVIDIA Corporation");
  CHECK(actor("<only@mail>") == "Person: only@mail");
  CHECK(actor("A (B) \"C\" <x (y)>") == "Person: A B C");
  CHECK(actor("").empty());
  CHECK(actor(" <> ").empty());
  CHECK(actor("bad\x1b[31m <x@y>").empty());
}

TEST_CASE("presentable, texts from outside, refuses control characters, broken UTF-8, empty and over-long") {
  CHECK(presentable("1:2.0~rc1+b2", 100));
  CHECK(presentable("\xc3\xa9t\xc3\xa9", 100));
  for (const auto* text : {"", "a\tb", "a\nb", "\x7f", "\xff"}) CHECK_FALSE(presentable(text, 100));
  CHECK_FALSE(presentable("toolong", 3));
}

TEST_CASE("paths, tails and parts, are told apart at slashes only") {
  CHECK(ends_with_path("lib/dpkg/status", "lib/dpkg/status"));
  CHECK(ends_with_path("var/lib/dpkg/status", "lib/dpkg/status"));
  CHECK_FALSE(ends_with_path("xlib/dpkg/status", "lib/dpkg/status"));
  CHECK(base_name("a/b") == "b");
  CHECK(base_name("b") == "b");
  CHECK(parent_path("a/b/c") == "a/b");
  CHECK(parent_path("c").empty());
}
