#include "shipset/release/recovery.hpp"

#include "release_fixture.hpp"
#include "shipset/release/cleaning.hpp"

using namespace shipset;
using namespace shipset::release;

namespace {

RecoveryOptions of(const Workspace& space, const std::string& id) {
  RecoveryOptions options;
  options.directory = space.path();
  options.id = id;
  return options;
}

InputValues version(const std::string& text) {
  return {{"version", text}};
}

}  // namespace

TEST_CASE("rollback, second version released into a layout, gives the tags back, and the second time does nothing") {
  const Workspace space;
  REQUIRE_FALSE(space.release(version("v1.0.0")).error);
  const auto before = space.tags();
  const auto second = space.release(version("v1.1.0"));
  REQUIRE_FALSE(second.error);
  REQUIRE(space.tags() != before);
  const auto back = rollback(of(space, second.report.id));
  REQUIRE_FALSE(back.error);
  CHECK(back.report.outcome == "rolled back");
  CHECK(space.tags() == before);
  const auto twice = rollback(of(space, second.report.id));
  REQUIRE_FALSE(twice.error);
  CHECK(twice.report.outcome == "nothing to do");
  const auto on = resume(of(space, second.report.id));
  REQUIRE(on.error);
  CHECK(on.error->kind == ErrorKind::policy);
  CHECK(space.tags() == before);
}

TEST_CASE("resume, released already, has nothing to do") {
  const Workspace space;
  const auto done = space.release();
  REQUIRE_FALSE(done.error);
  const auto before = space.tags();
  const auto again = resume(of(space, done.report.id));
  REQUIRE_FALSE(again.error);
  CHECK(again.report.outcome == "nothing to do");
  CHECK(space.tags() == before);
}

TEST_CASE("resume and rollback, id without a journal or no id at all, are usage errors that touch nothing") {
  const Workspace space;
  for (const auto* id : {"0123456789ab", "../..", "", "a/b"}) {
    CAPTURE(id);
    for (const auto& outcome : {resume(of(space, id)), rollback(of(space, id))}) {
      REQUIRE(outcome.error);
      CHECK(outcome.error->kind == ErrorKind::usage);
    }
  }
  CHECK_FALSE(fs::exists(space.path(".shipset")));
}

TEST_CASE("clean, releases that are public, lists their folders and removes them only when told to") {
  const Workspace space;
  const auto done = space.release();
  REQUIRE_FALSE(done.error);
  const auto tags = space.tags();
  const fs::path folder = space.path(".shipset") / done.report.id;
  CleanOptions options;
  options.directory = space.path();
  const auto listed = clean(options);
  REQUIRE(listed.ok());
  REQUIRE(listed->items.size() == 1);
  CHECK(listed->items[0].status == "listed");
  CHECK(fs::exists(folder));
  options.remove = true;
  const auto removed = clean(options);
  REQUIRE(removed.ok());
  REQUIRE(removed->items.size() == 1);
  CHECK(removed->items[0].status == "removed");
  CHECK_FALSE(fs::exists(folder));
  CHECK(space.tags() == tags);
}

TEST_CASE("clean, folder whose journal is of another release, is kept") {
  const Workspace space;
  const auto done = space.release();
  REQUIRE_FALSE(done.error);
  const fs::path copy = space.path(".shipset") / "0123456789ab";
  fs::copy(space.path(".shipset") / done.report.id, copy, fs::copy_options::recursive);
  CleanOptions options;
  options.directory = space.path();
  options.remove = true;
  const auto found = clean(options);
  REQUIRE(found.ok());
  REQUIRE(found->kept.size() == 1);
  CHECK(found->kept[0].release == "0123456789ab");
  CHECK(found->kept[0].why.find(done.report.id) != std::string::npos);
  CHECK(fs::exists(copy / "journal"));
}
