// One process's hold on a release: its journal under lock, and what earlier processes left in it. Decides whether a run
// begins anew, takes up what others built, or has to go on where tags have begun to move. Private to the module.
#pragma once

#include "journal_state.hpp"
#include "shipset/release/recovery.hpp"

namespace shipset::release {

struct Session {
  std::unique_ptr<Journal> journal;  ///< nullptr: none is kept
  JournalState past;
  /// Tags have begun to move, or the commit point is behind and work remains: this comes before anything new.
  [[nodiscard]] bool going_on() const { return past.unfinished_moves(); }
};

/// `.shipset` of a release file's folder.
std::filesystem::path state_folder(const std::filesystem::path& directory);

/// Makes it, so that version control does not see it.
Result<void> make_home(const std::filesystem::path& home);

/// Kind usage, with the ids that are there.
Error no_journal(const std::filesystem::path& directory, const std::string& id);
/// Kind verify: what lies in this release's folder belongs to another one.
Error foreign_journal(const std::filesystem::path& folder, const std::string& id);
/// Opens the journal of a release that is there. Kind usage: there is none.
Result<Session> open_session(const std::filesystem::path& directory, const std::string& id);
/// Takes the journal from the mirror when none is here. Kind usage: there is no mirror of it.
Result<void> fetch_journal(const RecoveryOptions& options, const EventSink& events, const CancelToken& cancel);
/// Where the journal of a plan is mirrored; nullopt: it is not, or there is no registry to mirror it to.
std::optional<Location> mirror_place(const Plan& plan);
/// Where a mirror of it would be: an earlier process may have been asked to write one.
std::optional<Location> mirror_home(const Plan& plan);

/// Where it may be mirrored, by a frozen plan's JSON; nullopt also when that cannot be read.
std::optional<Location> mirror_place(std::string_view plan_json);

/// For a plan that is to be carried out: a new attempt begins, unless there is something to go on with, or nothing to
/// do. Kind policy: another release has begun to move one of these tags and has not ended.
/// A journal that only the mirror has is taken from there.
Result<Session> begin_session(const Plan& plan, Goal goal, const EventSink& events, const CancelToken& cancel);

/// A further attempt with the frozen plan that is there.
Result<void> begin_attempt(Session& session, Goal goal, const std::string& plan_digest);

/// plan.json and release.toml as the last attempt froze them. Kind verify: they are not what the journal says.
struct FrozenPlan {
  std::string plan, spec;
};
Result<FrozenPlan> frozen_plan(const Session& session);

/// What a process has no use for any more: the work folder, and with `everything` the whole folder of the release.
void drop_files(const std::filesystem::path& folder, bool everything);

/// The name of a place wherever a later process runs: layouts by their absolute path.
std::string anchored(const Location& location);

std::int64_t now_unix_s();

}  // namespace shipset::release
