// Going back in a new process, from the journal alone: neither release file nor plan is needed.
#include <algorithm>
#include <chrono>

#include "go_on.hpp"
#include "keys.hpp"
#include "mirror.hpp"
#include "recorded_moves.hpp"
#include "session.hpp"
#include "set_store.hpp"
#include "shipset/base/parallel.hpp"
#include "shipset/base/text.hpp"
#include "shipset/oci/transfer.hpp"
#include "shipset/release/recovery.hpp"

namespace shipset::release {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t looks_at_once = 8;
constexpr std::uint64_t max_plan_bytes = 256u << 20;

class Rollback {
 public:
  Rollback(const RecoveryOptions& options, const EventSink& events, const CancelToken& cancel)
      : options_(options), events_(events), cancel_(cancel), stores_(options.client, events) {}

  /// With a session that is open already.
  Outcome go(std::optional<Session> session = {}) {
    if (session) session_ = std::move(*session);
    const auto started = std::chrono::steady_clock::now();
    Outcome out;
    report_.id = options_.id;
    auto done = run();
    report_.duration_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started).count();
    if (!done) {
      out.error = std::move(done).error();
      report_.outcome = out.error->kind == ErrorKind::cancelled    ? "cancelled"
                        : out.error->kind == ErrorKind::incomplete ? "incomplete"
                                                                   : "failed";
      report_.error = out.error;
    }
    out.report = std::move(report_);
    return out;
  }

 private:
  Result<void> run() {
    SHIPSET_CHECK(check_release_id(options_.id));
    if (!session_.journal) {
      SHIPSET_CHECK(fetch_journal(options_, events_, cancel_));
      SHIPSET_TRY(session_, open_session(options_.directory, options_.id));
    }
    const auto& past = session_.past;
    report_.name = past.name;
    report_.version = past.version;
    // Without an attempt there may be no header either, and no record may come before that.
    if (!past.exists()) {
      report_.warnings.emplace_back("this release had not begun: nothing had to be undone");
      report_.outcome = "nothing to do";
      return {};
    }
    if (past.outcome == "rolled back") {
      end_mirrored();
      report_.outcome = "nothing to do";
      return {};
    }
    list_tags();
    // A promotion that failed has put its tags back itself, and said which it could not.
    const bool went_back = past.moving && !past.outcome.empty() && !past.committed;
    if (!past.moving || went_back) {
      report_.warnings.emplace_back("no tag of this release had moved, or all were put back: nothing had to be undone");
      return end();
    }
    return undo_moves();
  }

  void list_tags() {
    for (const auto& move : session_.past.moves) {
      TagReport row;
      row.reference = move.reference;
      row.variant = move.variant;
      row.reason = move.reason;
      if (move.old) row.old_digest = move.old->descriptor.digest.str();
      row.new_digest = move.wanted.digest.str();
      report_.tags.push_back(std::move(row));
    }
  }

  Result<void> undo_moves() {
    std::vector<std::string> locations;
    auto moves = recorded_moves(session_.past, locations);
    for (const auto& location : locations) {
      TargetReport row;
      row.name = location;
      report_.targets.push_back(std::move(row));
    }
    SHIPSET_TRY(auto places, open_places(locations, stores_, events_, cancel_));
    if (session_.past.committed) {
      SHIPSET_CHECK(prove_old(moves, places));
      report_.warnings.emplace_back(
          "this release was public: people may have pulled it, and other releases, deployments and caches may refer to "
          "its images by tag or digest");
    }
    SHIPSET_CHECK(cancel_.check());
    SHIPSET_CHECK(session_.journal->append(record::undoing("rollback was asked for"), Flush::now));
    JournalRecorder recorder(*session_.journal);
    PromotionOptions options;
    options.id = options_.id;
    options.events = events_;
    options.recorder = &recorder;
    std::set<std::size_t> begun = begun_moves(session_.past);
    const std::vector<Place> where = places;
    Promotion promotion(std::move(moves), std::move(places), options);
    promotion.resume(begun, session_.past.begun.contains("hold"));
    auto undone = promotion.undo();
    promotion.release_holds();
    take_results(promotion);
    if (!undone && !promotion.gone_back()) return undone;
    if (session_.past.committed) remove_sets(promotion.moves(), where, locations);
    SHIPSET_CHECK(end());
    if (!undone) return undone;  // what nobody can remove is told, and no reason to try for ever
    return {};
  }

  /// Every digest that a tag shall hold again can be pulled, or nothing is touched. A manifest that its registry has
  /// collected is put there again by its digest; what is below it has to be there.
  Result<void> prove_old(const std::vector<Move>& moves, const std::vector<Place>& places) {
    std::vector<std::string> missing(moves.size());
    SHIPSET_CHECK(parallel_for(moves.size(), looks_at_once, cancel_, [&](std::size_t i) -> Result<void> {
      const Move& move = moves[i];
      if (!move.old || !begun_moves(session_.past).contains(move.number)) return {};
      oci::Store& store = *places[move.target].store;
      SHIPSET_TRY(const bool there, store.has_manifest(move.old->descriptor.digest));
      bool complete = there;
      if (!there) complete = store.put_manifest(move.old->descriptor, move.old->bytes).ok();
      if (complete) {
        SHIPSET_TRY(complete, oci::graph_complete(store, move.old->descriptor));
      }
      if (!complete) missing[i] = move.reference + " held " + move.old->descriptor.digest.str();
      return {};
    }));
    missing.erase(std::remove(missing.begin(), missing.end(), std::string()), missing.end());
    if (missing.empty()) return {};
    return Error(ErrorKind::policy,
                 "release " + options_.id + " cannot be taken back: " + std::to_string(missing.size()) +
                     (missing.size() == 1 ? " old image is" : " old images are") + " gone; no tag has moved",
                 join(missing, "\n"), "release a new version forward, or put these images back first");
  }

  void take_results(const Promotion& promotion) {
    for (std::size_t i = 0; i < promotion.moves().size(); ++i) {
      const auto& result = promotion.results()[i];
      const auto row = std::find_if(report_.tags.begin(), report_.tags.end(), [&](const TagReport& one) {
        return one.reference == promotion.moves()[i].reference;
      });
      if (row == report_.tags.end()) continue;
      row->detail = result.why;
      switch (result.state) {
        case MoveState::undone:
          row->status = Status::undone;
          break;
        case MoveState::stuck:
          row->status = Status::failed;
          row->found_digest = result.found;
          break;
        case MoveState::foreign:
          row->status = Status::foreign;
          row->found_digest = result.found;
          report_.warnings.push_back(row->reference + " was left alone: someone else has moved it to " +
                                     (result.found.empty() ? "no image" : result.found));
          break;
        default:
          row->status = Status::not_started;
      }
    }
    for (const auto& [target, tag] : promotion.holds_left())
      report_.warnings.push_back("the tag " + tag + " kept an old image and could not be removed");
  }

  /// What tells of a set that is no more; of variants that were there before it, others tell.
  void remove_sets(const std::vector<Move>& moves, const std::vector<Place>& places,
                   const std::vector<std::string>& locations) {
    std::vector<SetPlace> sets(places.size());
    for (const auto& move : moves) {
      const auto built = session_.past.indexes.find(move.variant);
      if (built == session_.past.indexes.end()) continue;
      auto& set = sets[move.target];
      set.store = places[move.target].undoing;
      if (std::find(set.indexes.begin(), set.indexes.end(), built->second) == set.indexes.end())
        set.indexes.push_back(built->second);
    }
    std::erase_if(sets, [](const SetPlace& set) { return set.store == nullptr; });
    if (sets.empty()) return;
    auto left = remove_set(sets, session_.past.name, session_.past.version);
    if (left)
      if (auto removed = remove_unlisted(places, locations, *left); !removed) left = std::move(removed).error();
    if (!left)
      report_.warnings.push_back("the set manifests of this release could not be removed: " + left.error().what);
    else
      for (const auto& one : *left)
        report_.warnings.push_back("the set manifest " + one + " stays: this registry removes none on request");
  }

  /// Those that were put, and whose process died before a list of referrers named them.
  Result<void> remove_unlisted(const std::vector<Place>& places, const std::vector<std::string>& locations,
                               std::vector<std::string>& left) const {
    for (const auto& set : session_.past.sets) {
      const auto at = std::find(locations.begin(), locations.end(), set.location) - locations.begin();
      if (static_cast<std::size_t>(at) == places.size()) continue;
      oci::Store& store = *places[static_cast<std::size_t>(at)].undoing;
      SHIPSET_TRY(const bool gone, store.remove_manifest(set.manifest));
      const std::string name = store.name() + "@" + set.manifest.digest.str();
      if (!gone && std::find(left.begin(), left.end(), name) == left.end()) left.push_back(name);
    }
    return {};
  }

  Result<void> end() {
    SHIPSET_CHECK(session_.journal->append(record::end("rolled back", now_unix_s()), Flush::now));
    end_mirrored();
    drop_files(session_.journal->folder(), false);
    report_.outcome = "rolled back";
    return {};
  }

  /// Another machine must not go on with what was taken back here.
  void end_mirrored() {
    const fs::path& folder = session_.journal->folder();
    auto place = options_.staging;
    if (!place)
      if (const auto plan = read_file(folder / Journal::plan_name, max_plan_bytes)) place = mirror_place(*plan);
    if (!place) return;
    const auto store = stores_.write({{}, *place}, events_, {});
    const auto gone = store ? end_mirror(**store, options_.id, folder, {}) : Result<bool>(Error(store.error()));
    const std::string name = place->str() + ":" + mirror_tag(options_.id);
    if (!gone)
      report_.warnings.push_back("the mirrored journal " + name + " could not be removed: " + gone.error().what);
    else if (!*gone)
      report_.warnings.push_back("the tag " + name + " (the mirrored journal) could not be removed; shipset clean " +
                                 options_.id + " tells how");
  }

  const RecoveryOptions& options_;
  const EventSink& events_;
  const CancelToken cancel_;
  Stores stores_;
  Session session_;
  Report report_;
};

}  // namespace

Outcome rollback(const RecoveryOptions& options, const EventSink& events, const CancelToken& cancel) {
  return Rollback(options, events, cancel).go();
}

Outcome finish_rollback(Session session, const RecoveryOptions& options, const EventSink& events,
                        const CancelToken& cancel) {
  return Rollback(options, events, cancel).go(std::move(session));
}

}  // namespace shipset::release
