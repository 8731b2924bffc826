// Going on in a new process: from the frozen plan, and where tags have begun to move from the journal's list of moves.
#include "go_on.hpp"
#include "keys.hpp"
#include "plan_read.hpp"
#include "restore.hpp"
#include "run.hpp"
#include "shipset/base/text.hpp"
#include "shipset/release/recovery.hpp"

namespace shipset::release {

namespace fs = std::filesystem;

namespace {

Outcome ended(const std::string& id, const JournalState& state, std::string outcome, std::optional<Error> error = {}) {
  Outcome out;
  out.report.id = id;
  out.report.name = state.name;
  out.report.version = state.version;
  out.report.outcome = std::move(outcome);
  out.report.error = error;
  out.error = std::move(error);
  return out;
}

Outcome failed(const std::string& id, const JournalState& state, Error error) {
  const std::string outcome = error.kind == ErrorKind::cancelled ? "cancelled" : "failed";
  return ended(id, state, outcome, std::move(error));
}

/// The release file that the plan was made of, in the folder where the journal is.
Result<fs::path> file_of(const FrozenPlan& frozen, const fs::path& directory) {
  SHIPSET_TRY(const Json plan, frozen::parse(frozen.plan));
  return directory / fs::path(frozen::text_at(plan, "file")).filename();
}

Result<Plan> thawed(const FrozenPlan& frozen, const RecoveryOptions& options, const EventSink& events,
                    const CancelToken& cancel) {
  ThawOptions thaw;
  SHIPSET_TRY(thaw.file, file_of(frozen, options.directory));
  thaw.id = options.id;
  thaw.client = options.client;
  thaw.spec_text = frozen.spec;
  return thaw_plan(frozen.plan, thaw, events, cancel);
}

}  // namespace

Outcome go_on(Session session, const fs::path& file, const registry::ClientOptions& client, const EventSink& events,
              const CancelToken& cancel) {
  const std::string id = session.past.id;
  auto frozen = frozen_plan(session);
  if (!frozen) return failed(id, session.past, std::move(frozen).error());
  auto plan = restore_plan(frozen->plan, file, frozen->spec, client, events);
  if (!plan) return failed(id, session.past, std::move(plan).error());
  if (auto noted = session.journal->append(record::resume(now_unix_s()), Flush::now); !noted)
    return failed(id, session.past, std::move(noted).error());
  return Run(*plan, Goal::release, events, cancel, {}, std::move(session)).go();
}

Outcome resume(const RecoveryOptions& options, const EventSink& events, const CancelToken& cancel) {
  if (auto legal = check_release_id(options.id); !legal) return failed(options.id, {}, std::move(legal).error());
  if (auto here = fetch_journal(options, events, cancel); !here) return failed(options.id, {}, std::move(here).error());
  auto opened = open_session(options.directory, options.id);
  if (!opened) return failed(options.id, {}, std::move(opened).error());
  Session session = std::move(*opened);
  const JournalState past = session.past;
  if (!past.exists())
    return failed(options.id, past,
                  Error(ErrorKind::usage, "release " + options.id + " had not begun", "its journal holds no attempt",
                        "run shipset release"));
  if (past.outcome == "released") return ended(options.id, past, "nothing to do");
  if (past.outcome == "rolled back")
    return failed(options.id, past,
                  Error(ErrorKind::policy, "release " + options.id + " was rolled back", "its tags are as before it",
                        "release it again with shipset release"));
  // One that failed has put its tags back itself, and may be tried again.
  if (past.undoing && past.outcome.empty()) return finish_rollback(std::move(session), options, events, cancel);
  auto frozen = frozen_plan(session);
  if (!frozen) return failed(options.id, past, std::move(frozen).error());
  if (session.going_on()) {
    const auto file = file_of(*frozen, options.directory);
    if (!file) return failed(options.id, past, file.error());
    return go_on(std::move(session), *file, options.client, events, cancel);
  }
  auto plan = thawed(*frozen, options, events, cancel);
  if (!plan) return failed(options.id, past, std::move(plan).error());
  const Goal goal = past.goal == "promote" ? Goal::promote : Goal::release;
  if (auto begun = begin_attempt(session, goal, past.plan); !begun)
    return failed(options.id, past, std::move(begun).error());
  return Run(*plan, goal, events, cancel, {}, std::move(session)).go();
}

}  // namespace shipset::release
