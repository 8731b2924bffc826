#include "mirror.hpp"

#include "catch_shim.hpp"
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
  void begin(const std::string& id = "abc", const std::string& plan = "{\"plan\":1}") const {
    const auto journal = Journal::open(release(), id);
    REQUIRE(journal.ok());
    REQUIRE((*journal)->append(record::header(id, "app", "1.0.0", 0), Flush::later).ok());
    REQUIRE((*journal)->append(record::begin("release", Digest::of(plan).str(), 0), Flush::now).ok());
    REQUIRE(write_file_atomic(release() / Journal::plan_name, plan).ok());
    REQUIRE(write_file_atomic(release() / Journal::spec_name, "[release]\n").ok());
  }
};

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
  const auto document = [](std::string bytes) {
    oci::ManifestBytes out;
    out.descriptor.media_type = std::string(oci::media_type::index);
    out.descriptor.digest = Digest::of(bytes);
    out.descriptor.size = bytes.size();
    out.bytes = std::move(bytes);
    return out;
  };
  {
    const auto journal = Journal::open(here.release(), "abc");
    REQUIRE(journal.ok());
    const auto same = document("{\"same\":1}"), old = document("{\"old\":1}"), wanted = document("{\"new\":1}");
    REQUIRE((*journal)->append(record::old_manifest(same), Flush::later).ok());
    REQUIRE((*journal)->append(record::old_manifest(old), Flush::later).ok());
    for (std::size_t number = 0; number < 3; ++number) {
      MoveRecord move;
      move.number = number;
      move.location = "localhost:5000/app";
      move.tag = "v" + std::to_string(number);
      move.reference = move.location + ":" + move.tag;
      move.variant = "cpu";
      move.wanted = number == 1 ? same.descriptor : wanted.descriptor;
      if (number == 1) move.old = same;
      if (number == 2) move.old = old;
      move.hold = number == 2;
      REQUIRE((*journal)->append(record::move(move), Flush::later).ok());
    }
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
  REQUIRE(write_mirror(*here.store, "abc", here.release(), {}).ok());
  const auto mirror = read_mirror(*here.store, "abc");
  REQUIRE_FALSE(mirror.ok());
  CHECK(mirror.error().kind == ErrorKind::verify);
  CHECK(mirror.error().why.find("other") != std::string::npos);
}

TEST_CASE("mirror, plan that its journal does not name, is refused") {
  const Folder here;
  here.begin();
  REQUIRE(write_file_atomic(here.release() / Journal::plan_name, "{\"plan\":2}").ok());
  REQUIRE(write_mirror(*here.store, "abc", here.release(), {}).ok());
  const auto mirror = read_mirror(*here.store, "abc");
  REQUIRE_FALSE(mirror.ok());
  CHECK(mirror.error().kind == ErrorKind::verify);
  CHECK(mirror.error().why.find("plan") != std::string::npos);
}

TEST_CASE("mirror, journal with an edited line, is refused") {
  const Folder here;
  here.begin();
  std::string text = read_file(here.release() / Journal::file_name, 1u << 20).value();
  text.replace(text.find("1.0.0"), 5, "1.0.1");
  REQUIRE(write_file_atomic(here.release() / Journal::file_name, text).ok());
  REQUIRE(write_mirror(*here.store, "abc", here.release(), {}).ok());
  const auto mirror = read_mirror(*here.store, "abc");
  REQUIRE_FALSE(mirror.ok());
  CHECK(mirror.error().kind == ErrorKind::verify);
}

TEST_CASE("mirror tag, read back, gives the id, and other tags give none") {
  CHECK(mirrored_id(mirror_tag("abc")) == "abc");
  for (const auto* tag : {"_shipset.abc.hold.1", "_shipset..journal", "_shipset.journal", "abc.journal", "latest",
                          "_shipset.a.b.journal"}) {
    CAPTURE(tag);
    CHECK(mirrored_id(tag).empty());
  }
}
