// Where releases stand, from their journals.
#include <algorithm>

#include "keys.hpp"
#include "session.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"
#include "shipset/release/recovery.hpp"
#include "stores.hpp"

namespace shipset::release {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t max_journal_bytes = 256u << 20;

struct Found {
  std::string id;
  JournalState state;
  bool running = false;  ///< a process holds it
  std::string problem;   ///< why its journal cannot be used
};

std::string_view stage_of(const Found& found) {
  if (!found.problem.empty()) return "unreadable";
  const auto& state = found.state;
  if (state.outcome == "released") return "released";
  if (state.outcome == "rolled back") return "rolled back";
  if (!state.outcome.empty()) return state.outcome == "cancelled" ? "cancelled" : "failed";
  if (state.undoing) return "going back";
  if (state.committed) return "committed";
  if (state.moving) return "moving tags";
  return state.done.contains("stage") ? "staged" : "before staging";
}

std::vector<std::string> next_steps(const Found& found) {
  if (found.running || !found.problem.empty()) return {};
  const std::string go_on = "shipset resume " + found.id, back = "shipset rollback " + found.id;
  const auto& state = found.state;
  if (state.outcome == "rolled back") return {"shipset clean " + found.id};
  if (state.outcome == "released") return {back, "shipset clean " + found.id};
  const bool open = state.outcome.empty();
  if (open && state.undoing) return {back};
  if (open && state.moving) return {go_on, back};
  return {go_on, "shipset clean " + found.id};
}

/// Reading takes no lock: a running release may be looked at.
Result<Found> read_one(const fs::path& folder) {
  Found found;
  found.id = folder.filename().string();
  const fs::path journal = folder / Journal::file_name;
  SHIPSET_TRY(const std::string text, read_file(journal, max_journal_bytes));
  SHIPSET_TRY(const JournalLines lines, read_journal(text, "the journal " + journal.string()));
  SHIPSET_TRY(found.state, read_state(lines.records, "the journal " + journal.string()));
  if (found.state.id != found.id) return foreign_journal(folder, found.state.id);
  found.running = !FileLock::acquire(folder / Journal::lock_name, std::chrono::milliseconds(0)).ok();
  return found;
}

std::string digest_of(const std::optional<oci::ManifestBytes>& manifest) {
  return manifest ? manifest->descriptor.digest.str() : std::string();
}

std::string_view state_of(const JournalState& state, std::size_t number) {
  const auto has = [&](const auto& sets, const char* act) {
    const auto at = sets.find(act);
    return at != sets.end() && at->second.contains(number);
  };
  if (has(state.ended, "undo")) return "undone";
  if (has(state.ended, "move")) return "moved";
  if (has(state.begun, "move")) return "begun";
  return "waiting";
}

Result<void> write_now(JsonWriter& out, const MoveRecord& move, Stores& stores) {
  SHIPSET_TRY(const Location location, Location::parse(move.location));
  SHIPSET_TRY(oci::Store* const store, stores.look({{}, location}));
  std::string now;
  if (store != nullptr) {
    SHIPSET_TRY(const auto held, store->resolve(move.tag));
    if (held) now = held->digest.str();
  }
  const bool is_old = now == digest_of(move.old), is_new = now == move.wanted.digest.str();
  out.member("now", now).member("holds", is_new ? "new" : is_old ? "old" : "other");
  return {};
}

Result<void> write_one(JsonWriter& out, const Found& found, Stores* stores) {
  const auto& state = found.state;
  out.begin_object().member("id", found.id).member("name", state.name).member("version", state.version);
  out.member("state", stage_of(found)).member("phase", state.phase).member("running", found.running);
  out.member("attempts", static_cast<std::uint64_t>(state.attempts));
  out.member("images_built", static_cast<std::uint64_t>(state.images.size()));
  out.member("committed", state.committed).member("problem", found.problem).key("tags").begin_array();
  for (const auto& move : state.moves) {
    out.begin_object().member("reference", move.reference).member("variant", move.variant);
    out.member("old_digest", digest_of(move.old)).member("new_digest", move.wanted.digest.str());
    out.member("state", state_of(state, move.number));
    if (stores != nullptr) SHIPSET_CHECK(write_now(out, move, *stores));
    out.end_object();
  }
  out.end_array().key("next").begin_array();
  for (const auto& line : next_steps(found)) out.value(line);
  out.end_array().end_object();
  return {};
}

}  // namespace

Result<std::string> status_json(const RecoveryOptions& options, bool look, const CancelToken& cancel) {
  const fs::path home = state_folder(options.directory);
  if (!options.id.empty()) SHIPSET_CHECK(check_release_id(options.id));
  SHIPSET_CHECK(fetch_journal(options, {}, cancel));
  std::vector<std::pair<fs::file_time_type, fs::path>> folders;
  std::error_code ignored;
  if (!options.id.empty()) {
    if (!fs::exists(home / options.id / Journal::file_name, ignored)) return no_journal(options.directory, options.id);
    folders.emplace_back(fs::file_time_type(), home / options.id);
  } else {
    for (const auto& entry : fs::directory_iterator(home, ignored))
      if (fs::is_regular_file(entry.path() / Journal::file_name, ignored))
        folders.emplace_back(fs::last_write_time(entry.path() / Journal::file_name, ignored), entry.path());
    std::sort(folders.begin(), folders.end());
  }
  registry::ClientOptions client = options.client;
  client.cancel = cancel;
  Stores stores(client, {});
  JsonWriter out;
  out.begin_object().member("schema_version", 1).member("kind", "shipset.status").key("releases").begin_array();
  for (const auto& [time, folder] : folders) {
    SHIPSET_CHECK(cancel.check());
    auto found = read_one(folder);
    if (!found && !options.id.empty()) return std::move(found).error();
    // One journal that cannot be used does not hide the others.
    if (!found) found = Found{folder.filename().string(), {}, false, found.error().what + ": " + found.error().why};
    SHIPSET_CHECK(write_one(out, *found, look ? &stores : nullptr));
  }
  out.end_array().end_object();
  return out.take();
}

}  // namespace shipset::release
