#include "journal.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "catch_shim.hpp"
#include "journal_fixture.hpp"

using namespace shipset;
using namespace shipset::release;
namespace fs = std::filesystem;

namespace {

struct Folder {
  TempDirectory temp = std::move(TempDirectory::create(fs::temp_directory_path(), "journal-").value());
  fs::path path = temp.path() / "abc";
};

void write_some(const fs::path& folder) {
  auto journal = Journal::open(folder, "abc");
  REQUIRE(journal.ok());
  REQUIRE((*journal)->append(record::header("abc", "app", "1.0.0", 0), Flush::later).ok());
  REQUIRE((*journal)->append(record::begin("release", Digest::of("plan").str(), 0), Flush::now).ok());
  const auto move = a_move(0, "{\"old\":1}");
  REQUIRE((*journal)->append(record::old_manifest(*move.old), Flush::later).ok());
  REQUIRE((*journal)->append(record::move(move), Flush::later).ok());
  REQUIRE((*journal)->append(record::moves(1), Flush::now).ok());
  REQUIRE((*journal)->append(record::act("move", "begun", {0}), Flush::now).ok());
}

std::string text_of(const fs::path& folder) {
  return read_file(folder / Journal::file_name, 1u << 20).value();
}

void put_text(const fs::path& folder, const std::string& text) {
  std::ofstream(folder / Journal::file_name, std::ios::binary) << text;
}

Result<JournalState> state_of(const fs::path& folder) {
  SHIPSET_TRY(const auto journal, Journal::open(folder, "abc"));
  return read_state(journal->records(), "the journal");
}

}  // namespace

TEST_CASE("a journal, written and read by another process, says what was begun") {
  const Folder folder;
  write_some(folder.path);
  const auto state = state_of(folder.path);
  REQUIRE(state.ok());
  CHECK(state->id == "abc");
  CHECK(state->attempts == 1);
  CHECK(state->unfinished_moves());
  REQUIRE(state->moves.size() == 1);
  REQUIRE(state->moves[0].old);
  CHECK(state->moves[0].old->bytes == "{\"old\":1}");
  CHECK(state->begun.at("move").contains(0));
  CHECK_FALSE(state->ended.contains("move"));
}

TEST_CASE("a journal cut at any byte of its last line is read without that line") {
  const Folder folder;
  write_some(folder.path);
  const std::string whole = text_of(folder.path);
  const auto last = whole.rfind('\n', whole.size() - 2) + 1;
  for (std::size_t cut = last; cut < whole.size(); ++cut) {
    put_text(folder.path, whole.substr(0, cut));
    const auto state = state_of(folder.path);
    REQUIRE(state.ok());
    CHECK(state->begun.empty());
    CHECK(text_of(folder.path) == whole.substr(0, last));
  }
}

TEST_CASE("a journal goes on after a torn line") {
  const Folder folder;
  write_some(folder.path);
  const std::string whole = text_of(folder.path);
  put_text(folder.path, whole.substr(0, whole.size() - 5));
  {
    auto journal = Journal::open(folder.path, "abc");
    REQUIRE(journal.ok());
    REQUIRE((*journal)->append(record::commit(0), Flush::now).ok());
  }
  const auto state = state_of(folder.path);
  REQUIRE(state.ok());
  CHECK(state->committed);
}

TEST_CASE("a journal with any byte changed before its last line is refused") {
  const Folder folder;
  write_some(folder.path);
  const std::string whole = text_of(folder.path);
  const auto last = whole.rfind('\n', whole.size() - 2);
  for (std::size_t at = 0; at < last; at += 7) {
    std::string changed = whole;
    changed[at] = changed[at] == 'x' ? 'y' : 'x';
    put_text(folder.path, changed);
    const auto journal = Journal::open(folder.path, "abc");
    REQUIRE_FALSE(journal.ok());
    CHECK(journal.error().kind == ErrorKind::verify);
    CHECK(text_of(folder.path) == changed);
  }
}

TEST_CASE("a journal that lost a line in its middle is refused") {
  const Folder folder;
  write_some(folder.path);
  std::string text = text_of(folder.path);
  const auto second = text.find('\n') + 1;
  text.erase(second, text.find('\n', second) + 1 - second);
  put_text(folder.path, text);
  CHECK_FALSE(Journal::open(folder.path, "abc").ok());
}

TEST_CASE("a journal of another version is refused and names both") {
  const Folder folder;
  {
    auto journal = Journal::open(folder.path, "abc");
    REQUIRE(journal.ok());
    REQUIRE((*journal)->append("{\"kind\":\"shipset.journal\",\"schema_version\":2,\"id\":\"abc\"}", Flush::now).ok());
  }
  const auto journal = Journal::open(folder.path, "abc");
  REQUIRE_FALSE(journal.ok());
  CHECK(journal.error().kind == ErrorKind::usage);
  CHECK(journal.error().what.find("schema version 2") != std::string::npos);
}

TEST_CASE("a file that is no journal is refused and left as it is") {
  const Folder folder;
  REQUIRE(make_directories(folder.path).ok());
  for (const std::string text : {"hello\nworld\n", "0123456789abcdef {}\n{}\n", "\n\n\n"}) {
    put_text(folder.path, text);
    const auto journal = Journal::open(folder.path, "abc");
    REQUIRE_FALSE(journal.ok());
    CHECK(journal.error().kind == ErrorKind::verify);
    CHECK(text_of(folder.path) == text);
  }
}

TEST_CASE("records that cannot be are refused with their line") {
  const std::string header = record::header("abc", "app", "1.0.0", 0);
  const std::string begin = record::begin("release", Digest::of("plan").str(), 0);
  const auto move = a_move(0, "{}");
  const std::vector<std::vector<std::string>> wrong{
      {header, begin, "{\"step\":\"dance\"}"},
      {header, begin, "[]"},
      {header, begin, record::move(move)},  // its old manifest was never recorded
      {header, begin, record::moves(3)},
      {header, begin, record::act("move", "begun", {7})},
      {header, begin, "{\"step\":\"image\"}"},
      {header, begin, "{\"step\":\"old\",\"manifest\":" + std::string("{}") + ",\"bytes\":\"AA==\"}"}};
  for (const auto& records : wrong) {
    const auto state = read_state(records, "the journal");
    REQUIRE_FALSE(state.ok());
    CHECK(state.error().what.find("line 3") != std::string::npos);
  }
}

TEST_CASE("old bytes that are not what their digest says are refused") {
  auto manifest = oci::ManifestBytes{index_of("{}").descriptor, "{ }"};
  const auto state = read_state({record::header("abc", "app", "1", 0),
                                 record::begin("release", Digest::of("plan").str(), 0), record::old_manifest(manifest)},
                                "the journal");
  CHECK_FALSE(state.ok());
}

TEST_CASE("images of an earlier attempt outlive it, its moves do not") {
  ImageRecord image;
  image.variant = "cpu";
  image.platform = "linux/amd64";
  image.key = Digest::of("key");
  image.built.manifest = index_of("image").descriptor;
  image.built.manifest.platform = Platform::parse("linux/amd64").value();
  image.built.layers.push_back({"app", Digest::of("layer")});
  image.built.notes.emplace_back("a note");
  const std::string begin = record::begin("release", Digest::of("plan").str(), 0);
  const auto state = read_state({record::header("abc", "app", "1", 0), begin, record::image(image),
                                 record::move(a_move(0, {})), record::moves(1), record::end("failed", 0), begin},
                                "the journal");
  REQUIRE(state.ok());
  CHECK(state->attempts == 2);
  CHECK(state->moves.empty());
  CHECK_FALSE(state->unfinished_moves());
  const auto& found = state->images.at({"cpu", "linux/amd64"});
  CHECK(found.built.manifest == image.built.manifest);
  CHECK(found.built.layers.at(0).diff_id == image.built.layers[0].diff_id);
  CHECK(found.built.notes == image.built.notes);
}

TEST_CASE("a journal is held by one process at a time") {
  const Folder folder;
  auto first = Journal::open(folder.path, "abc");
  REQUIRE(first.ok());
  const auto second = Journal::open(folder.path, "abc");
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().kind == ErrorKind::policy);
}

TEST_CASE("a journal on a full disk says so and keeps whole lines") {
  const Folder folder;
  write_some(folder.path);
  const std::string before = text_of(folder.path);
  const pid_t child = ::fork();
  if (child == 0) {
    rlimit limit{before.size() + 10, before.size() + 10};
    ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &limit);
    auto journal = Journal::open(folder.path, "abc");
    const auto added = journal.ok() ? (*journal)->append(record::commit(0), Flush::now) : Result<void>();
    ::_exit(journal.ok() && !added && added.error().kind == ErrorKind::io ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(text_of(folder.path) == before);
}
