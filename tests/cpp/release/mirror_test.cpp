#include "mirror.hpp"

#include "catch_shim.hpp"
#include "journal_fixture.hpp"
#include "shipset/oci/layout.hpp"

using namespace shipset;
using namespace shipset::release;
namespace fs = std::filesystem;

namespace {

struct Folder {
  TempDirectory temp = std::move(TempDirectory::create(fs::temp_directory_path(), "mirror-").value());
  std::unique_ptr<oci::LayoutStore> store;

  Folder() {
    oci::LayoutOptions options;
    options.create = true;
    options.read_only = false;
    store = std::move(oci::LayoutStore::open(temp.path() / "layout", options).value());
  }
  [[nodiscard]] fs::path release() const { return temp.path() / "abc"; }

  /// The journal of a release that is about to move tags, with its frozen plan and release file.
  void begin(const std::string& id = "abc") const {
    const std::string plan = "{\"plan\":1}";
    const auto journal = Journal::open(release(), id);
    REQUIRE(journal.ok());
    REQUIRE((*journal)->append(record::header(id, "app", "1.0.0", 0), Flush::later).ok());
    REQUIRE((*journal)->append(record::begin("release", Digest::of(plan).str(), 0), Flush::now).ok());
    REQUIRE(write_file_atomic(release() / Journal::plan_name, plan).ok());
    REQUIRE(write_file_atomic(release() / Journal::spec_name, "[release]\n").ok());
  }
};

/// Of a mirror that is not what it says.
Error refusal(const Folder& here) {
  REQUIRE(write_mirror(*here.store, "abc", here.release(), {}).ok());
  const auto mirror = read_mirror(*here.store, "abc");
  REQUIRE_FALSE(mirror.ok());
  CHECK(mirror.error().kind == ErrorKind::verify);
  return mirror.error();
}

}  // namespace

TEST_CASE("mirror, written and read on another machine, restores journal, plan and release file") {
  const Folder here;
  here.begin();
  REQUIRE(write_mirror(*here.store, "abc", here.release(), {}).ok());
  const auto mirror = read_mirror(*here.store, "abc");
  REQUIRE(mirror.ok());
  REQUIRE(mirror->has_value());
  const fs::path there = here.temp.path() / "there";
  REQUIRE(restore_mirror(**mirror, there).ok());
  for (const auto name : {Journal::file_name, Journal::plan_name, Journal::spec_name})
    CHECK(read_file(there / name, 1u << 20).value() == read_file(here.release() / name, 1u << 20).value());
}

TEST_CASE("mirror, of a release that was about to move tags, is restored as one that may have moved them") {
  const Folder here;
  here.begin();
  {
    const auto journal = Journal::open(here.release(), "abc");
    REQUIRE(journal.ok());
    const std::string same = R"({"same":1})", old = R"({"old":1})", wanted = R"({"new":1})";
    REQUIRE((*journal)->append(record::old_manifest(index_of(same)), Flush::later).ok());
    REQUIRE((*journal)->append(record::old_manifest(index_of(old)), Flush::later).ok());
    std::vector<MoveRecord> moves{a_move(0, {}, wanted), a_move(1, same, same), a_move(2, old, wanted)};
    moves[2].hold = true;
    for (const auto& move : moves) REQUIRE((*journal)->append(record::move(move), Flush::later).ok());
    REQUIRE((*journal)->append(record::moves(3), Flush::now).ok());
  }
  REQUIRE(write_mirror(*here.store, "abc", here.release(), {}).ok());
  const auto mirror = read_mirror(*here.store, "abc");
  REQUIRE(mirror.ok());
  CHECK((*mirror)->state.begun.empty());
  const fs::path there = here.temp.path() / "there";
  REQUIRE(restore_mirror(**mirror, there).ok());
  const auto journal = Journal::open(there, "abc");
  REQUIRE(journal.ok());
  const auto state = read_state((*journal)->records(), "the journal");
  REQUIRE(state.ok());
  CHECK(state->begun.at("move") == std::set<std::size_t>{0, 2});
  CHECK(state->begun.at("hold") == std::set<std::size_t>{2});
}

TEST_CASE("mirror, none there, is no error") {
  const Folder here;
  const auto mirror = read_mirror(*here.store, "abc");
  REQUIRE(mirror.ok());
  CHECK_FALSE(mirror->has_value());
}

TEST_CASE("mirror, end of a release, is gone, and ending it twice is no error") {
  const Folder here;
  here.begin();
  REQUIRE(write_mirror(*here.store, "abc", here.release(), {}).ok());
  for (int i = 0; i < 2; ++i) {
    const auto gone = end_mirror(*here.store, "abc", here.release(), {});
    REQUIRE(gone.ok());
    CHECK(*gone);
    CHECK(here.store->tags()->empty());
  }
}

TEST_CASE("mirror, of another release under this one's tag, is refused") {
  const Folder here;
  here.begin("other");
  CHECK(refusal(here).why.find("other") != std::string::npos);
}

TEST_CASE("mirror, plan that its journal does not name, is refused") {
  const Folder here;
  here.begin();
  REQUIRE(write_file_atomic(here.release() / Journal::plan_name, "{\"plan\":2}").ok());
  CHECK(refusal(here).why.find("plan") != std::string::npos);
}

TEST_CASE("mirror, journal with an edited line, is refused") {
  const Folder here;
  here.begin();
  std::string text = read_file(here.release() / Journal::file_name, 1u << 20).value();
  text.replace(text.find("1.0.0"), 5, "1.0.1");
  REQUIRE(write_file_atomic(here.release() / Journal::file_name, text).ok());
  refusal(here);
}

TEST_CASE("mirror tag, read back, gives the id, and other tags give none") {
  CHECK(mirrored_id(mirror_tag("abc")) == "abc");
  for (const auto* tag : {"_shipset.abc.hold.1", "_shipset..journal", "_shipset.journal", "abc.journal", "latest",
                          "_shipset.a.b.journal"}) {
    CAPTURE(tag);
    CHECK(mirrored_id(tag).empty());
  }
}
