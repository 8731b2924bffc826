#include "catch_shim.hpp"
#include "layer_scan_impl.hpp"

using namespace shipset::attest;

TEST_CASE("path set, entries of a layer, hide the same path and what was below a directory that is none any more") {
  PathSet set;
  set.add("usr", true);
  set.add("usr/lib/file", false);
  set.add("opt", false);
  set.seal();
  CHECK(set.hides("usr/lib/file"));
  CHECK(set.hides("usr/lib/file/below"));
  CHECK(set.hides("usr"));
  CHECK_FALSE(set.hides("usr/lib"));
  CHECK_FALSE(set.hides("usr/lib/file2"));
  CHECK(set.hides("opt/app/bin"));
}

TEST_CASE("path set, whiteouts and opaque directories, hide what is below") {
  PathSet set;
  set.add_whiteout("etc/conf");
  set.add_opaque("var/lib");
  set.seal();
  CHECK(set.hides("etc/conf"));
  CHECK(set.hides("etc/conf/a/b"));
  CHECK_FALSE(set.hides("etc/config"));
  CHECK_FALSE(set.hides("etc"));
  CHECK(set.hides("var/lib/dpkg/status"));
  CHECK_FALSE(set.hides("var/lib"));
  CHECK_FALSE(set.hides("var/library/x"));
}

TEST_CASE("path set, opaque root, hides everything") {
  PathSet set;
  set.add_opaque("");
  set.seal();
  CHECK(set.hides("a"));
  CHECK(set.hides("a/b"));
}

TEST_CASE("path set, two hundred thousand similar paths, does not mix them up") {
  PathSet set;
  for (int i = 0; i < 200'000; ++i) set.add("usr/lib/python3/dist-packages/m" + std::to_string(i) + ".py", false);
  set.seal();
  int wrong = 0;
  for (int i = 0; i < 200'000; ++i)
    wrong += set.hides("usr/lib/python3/dist-packages/m" + std::to_string(i) + ".pyc") ? 1 : 0;
  CHECK(wrong == 0);
  CHECK(set.weight() <= 200'000 * 8);
}
