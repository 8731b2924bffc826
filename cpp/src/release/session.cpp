#include "session.hpp"

#include <algorithm>
#include <ctime>

#include "gate_result.hpp"
#include "mirror.hpp"
#include "plan_read.hpp"
#include "shipset/base/text.hpp"
#include "stores.hpp"

namespace shipset::release {

namespace fs = std::filesystem;

std::string anchored(const Location& location) {
  Location out = location;
  if (out.kind == Location::Kind::layout) out.path = fs::absolute(out.path).lexically_normal().string();
  return out.str();
}

namespace {

constexpr std::uint64_t max_plan_bytes = 256u << 20, max_spec_bytes = 16u << 20, max_journal_bytes = 256u << 20;

std::string object_of(const fs::path& folder) {
  return "the journal " + (folder / Journal::file_name).string();
}

std::string place_of(const std::string& location, const std::string& tag) {
  return location + ":" + tag;
}

/// The plan as another process in another folder can carry it out.
Plan anchored_plan(const Plan& plan) {
  Plan out = plan;
  for (auto& target : out.targets)
    if (target.location.kind == Location::Kind::layout)
      target.location.path = fs::absolute(target.location.path).lexically_normal().string();
  if (const auto to = Location::parse(plan.options.destination); to && to->kind == Location::Kind::layout)
    out.options.destination = anchored(*to);
  return out;
}

/// A release that stands between its first move and its end holds its tags until it has gone on or back.
Result<void> refuse_overlap(const Plan& plan, const std::string& id, const JournalState& state,
                            const std::string& where) {
  if (id == plan.id || !state.unfinished_moves()) return {};
  std::set<std::string> ours;
  for (const auto& tag : plan.tags) ours.insert(place_of(anchored(plan.targets[tag.target].location), tag.tag));
  for (const auto& move : state.moves) {
    if (!ours.contains(place_of(move.location, move.tag))) continue;
    const std::string name = printable(id, 64);
    return Error(ErrorKind::policy, "release " + name + " has begun to move tags and has not ended",
                 "both move " + move.reference,
                 "end it first: shipset resume " + name + where + " goes on, shipset rollback " + name + where +
                     " goes back")
        .with("release", id);
  }
  return {};
}

Result<void> refuse_local_overlaps(const Plan& plan) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(state_folder(plan.matrix->directory), ignored)) {
    const fs::path journal = entry.path() / Journal::file_name;
    if (!fs::is_regular_file(journal, ignored)) continue;
    SHIPSET_TRY(const std::string text, read_file(journal, max_journal_bytes));
    SHIPSET_TRY(const JournalLines lines, read_journal(text, object_of(entry.path())));
    SHIPSET_TRY(const JournalState state, read_state(lines.records, object_of(entry.path())));
    SHIPSET_CHECK(refuse_overlap(plan, entry.path().filename().string(), state, {}));
  }
  return {};
}

/// Releases of other machines, as far as their journals are mirrored.
Result<void> refuse_mirrored_overlaps(const Plan& plan, oci::Store& store, const EventSink& events) {
  auto tags = store.tags();
  if (!tags) {
    emit(events, {EventKind::warning,
                  "preflight",
                  store.name(),
                  "does not list its tags: releases of other machines that were interrupted cannot be seen (" +
                      tags.error().what + ")",
                  0,
                  0,
                  {}});
    return {};
  }
  for (const auto& tag : *tags) {
    const std::string id = mirrored_id(tag);
    if (id.empty() || id == plan.id) continue;
    SHIPSET_TRY(const auto mirror, read_mirror(store, id));
    if (mirror) SHIPSET_CHECK(refuse_overlap(plan, id, mirror->state, " --staging " + store.name()));
  }
  return {};
}

Result<void> freeze(const Plan& plan, Goal goal, Session& session) {
  const fs::path& folder = session.journal->folder();
  SHIPSET_TRY(const std::string spec, read_file(plan.matrix->file, max_spec_bytes));
  if (Digest::of(spec) != plan.matrix->file_digest)
    return Error(ErrorKind::policy, "the release file has changed since the plan was made",
                 plan.matrix->file + " is not what was planned", "plan again");
  const std::string text = anchored_plan(plan).to_json();
  SHIPSET_CHECK(write_file_atomic(folder / Journal::spec_name, spec));
  SHIPSET_CHECK(write_file_atomic(folder / Journal::plan_name, text));
  auto& journal = *session.journal;
  if (!session.past.exists())
    SHIPSET_CHECK(
        journal.append(record::header(plan.id, plan.matrix->name, plan.matrix->version, now_unix_s()), Flush::later));
  return begin_attempt(session, goal, Digest::of(text).str());
}

}  // namespace

std::int64_t now_unix_s() {
  return static_cast<std::int64_t>(std::time(nullptr));
}

Result<void> make_home(const fs::path& home) {
  SHIPSET_CHECK(make_directories(home));
  std::error_code ignored;
  if (fs::exists(home / ".gitignore", ignored)) return {};
  // What lies there is no source: it must not make the working tree look changed.
  return write_file_atomic(home / ".gitignore", "*\n");
}

fs::path state_folder(const fs::path& directory) {
  return directory / ".shipset";
}

Error no_journal(const fs::path& directory, const std::string& id) {
  std::vector<std::string> ids;
  std::error_code ignored;
  const fs::path home = state_folder(directory);
  for (const auto& entry : fs::directory_iterator(home, ignored))
    if (fs::exists(entry.path() / Journal::file_name, ignored)) ids.push_back(entry.path().filename().string());
  std::sort(ids.begin(), ids.end());
  const auto near = nearest_name(id, ids);
  return Error(ErrorKind::usage, "there is no journal of release " + printable(id, 80),
               ids.empty() ? home.string() + " holds no journal" : home.string() + " holds " + join(ids, ", "),
               !near.empty() ? "did you mean " + near + "?"
                             : "--file names the release file, --staging the repository that holds a mirror of it")
      .with("missing", "journal");
}

Error foreign_journal(const fs::path& folder, const std::string& id) {
  return Error(ErrorKind::verify, object_of(folder) + " is foreign", "it belongs to release " + printable(id, 64),
               "put it aside");
}

Result<Session> open_session(const fs::path& directory, const std::string& id) {
  const fs::path folder = state_folder(directory) / id;
  std::error_code ignored;
  if (!fs::exists(folder / Journal::file_name, ignored)) return no_journal(directory, id);
  Session session;
  SHIPSET_TRY(session.journal, Journal::open(folder, id));
  SHIPSET_TRY(session.past, read_state(session.journal->records(), object_of(folder)));
  if (session.past.exists() && session.past.id != id) return foreign_journal(folder, session.past.id);
  return session;
}

std::optional<Location> mirror_place(const Plan& plan) {
  if (!plan.options.mirror_journal && plan.matrix->facts.ci_run.empty()) return std::nullopt;
  return mirror_home(plan);
}

std::optional<Location> mirror_home(const Plan& plan) {
  const auto staging = staging_place(plan.matrix->staging_repository, plan.options.destination);
  if (staging && *staging && (*staging)->kind == Location::Kind::registry) return **staging;
  for (const auto& target : plan.targets)
    if (target.location.kind == Location::Kind::registry && target.left_out.empty()) return target.location;
  return std::nullopt;
}

std::optional<Location> mirror_place(std::string_view plan_json) {
  const auto plan = frozen::parse(plan_json);
  if (!plan) return std::nullopt;
  const auto staging = staging_place(frozen::text_at(*plan, "staging_repository"),
                                     frozen::text_at(frozen::child(*plan, "options"), "to"));
  if (staging && *staging && (*staging)->kind == Location::Kind::registry) return **staging;
  for (const auto& target : frozen::child(*plan, "targets"))
    if (auto place = Location::parse(frozen::text_at(target, "location"));
        place && place->kind == Location::Kind::registry && frozen::text_at(target, "left_out").empty())
      return *place;
  return std::nullopt;
}

Result<Session> begin_session(const Plan& plan, Goal goal, const EventSink& events, const CancelToken& cancel) {
  Session session;
  const fs::path home = state_folder(plan.matrix->directory);
  const fs::path folder = home / plan.id;
  std::error_code ignored;
  bool there = fs::exists(folder / Journal::file_name, ignored);
  registry::ClientOptions client = plan.options.client;
  client.cancel = cancel;
  Stores stores(client, events);
  oci::Store* mirrors = nullptr;
  if (const auto place = mirror_place(plan)) {
    SHIPSET_TRY(mirrors, stores.look({{}, *place}));
  }
  if (!there && mirrors != nullptr) {
    SHIPSET_TRY(const auto mirror, read_mirror(*mirrors, plan.id));
    there = mirror.has_value();
    if (mirror) SHIPSET_CHECK(make_home(home));
    if (mirror) SHIPSET_CHECK(restore_mirror(*mirror, folder));
  }
  if (there) {
    SHIPSET_TRY(session, open_session(plan.matrix->directory, plan.id));
    if (session.going_on()) return session;
  }
  if (plan.nothing_to_do()) return Session{};
  SHIPSET_CHECK(refuse_local_overlaps(plan));
  if (mirrors != nullptr) SHIPSET_CHECK(refuse_mirrored_overlaps(plan, *mirrors, events));
  SHIPSET_CHECK(make_home(home));
  if (!there) {
    SHIPSET_TRY(session.journal, Journal::open(folder, plan.id));
  }
  SHIPSET_CHECK(freeze(plan, goal, session));
  return session;
}

Result<void> fetch_journal(const RecoveryOptions& options, const EventSink& events, const CancelToken& cancel) {
  const fs::path home = state_folder(options.directory), folder = home / options.id;
  std::error_code ignored;
  if (!options.staging || options.id.empty() || fs::exists(folder / Journal::file_name, ignored)) return {};
  registry::ClientOptions client = options.client;
  client.cancel = cancel;
  Stores stores(client, events);
  SHIPSET_TRY(oci::Store* const store, stores.look({{}, *options.staging}));
  auto mirror = store == nullptr ? Result<std::optional<Mirror>>(std::nullopt) : read_mirror(*store, options.id);
  if (!mirror) return std::move(mirror).error();
  if (!*mirror)
    return Error(ErrorKind::usage, "there is no journal of release " + printable(options.id, 80),
                 "neither in " + folder.string() + " nor mirrored in " + options.staging->str(),
                 "a journal is mirrored in CI runs, and with --mirror-journal")
        .with("missing", "journal");
  SHIPSET_CHECK(make_home(home));
  return restore_mirror(**mirror, folder);
}

Result<void> begin_attempt(Session& session, Goal goal, const std::string& plan_digest) {
  const std::string_view name = goal == Goal::promote ? "promote" : "release";
  return session.journal->append(record::begin(name, plan_digest, now_unix_s()), Flush::now);
}

Result<FrozenPlan> frozen_plan(const Session& session) {
  const fs::path& folder = session.journal->folder();
  FrozenPlan out;
  SHIPSET_TRY(out.plan, read_file(folder / Journal::plan_name, max_plan_bytes));
  SHIPSET_TRY(out.spec, read_file(folder / Journal::spec_name, max_spec_bytes));
  if (Digest::of(out.plan).str() != session.past.plan)
    return Error(ErrorKind::verify, (folder / Journal::plan_name).string() + " is not the plan of the journal",
                 "the journal says " + printable(session.past.plan, 100), "shipset rollback needs the journal alone");
  return out;
}

void drop_files(const fs::path& folder, bool everything) {
  std::error_code ignored;
  fs::remove_all(folder / Journal::work_name, ignored);
  if (!everything) return;
  for (const auto name : {Journal::file_name, Journal::plan_name, Journal::spec_name, Journal::lock_name})
    fs::remove(folder / name, ignored);
  fs::remove(folder, ignored);  // logs stay
  const fs::path home = folder.parent_path();
  if (std::distance(fs::directory_iterator(home, ignored), fs::directory_iterator()) == 1)
    fs::remove(home / ".gitignore", ignored);
  fs::remove(home, ignored);
}

}  // namespace shipset::release
