// Before a tag moves: looking at tags, comparing them with what was recorded, and keeping their old digests.
#include <algorithm>

#include "promotion_impl.hpp"

namespace shipset::release {

bool of_the_registry(ErrorKind kind) noexcept {
  return kind == ErrorKind::auth || kind == ErrorKind::registry || kind == ErrorKind::not_found ||
         kind == ErrorKind::network;
}

void choose_holds(std::vector<Move>& moves, const std::set<std::pair<std::size_t, Digest>>& kept,
                  const std::function<bool(std::size_t)>& collects) {
  auto safe = kept;
  for (auto& move : moves) {
    move.hold = false;
    if (!move.old || !collects(move.target)) continue;
    const Digest& old = move.old->descriptor.digest;
    if (old != move.wanted.descriptor.digest) move.hold = safe.emplace(move.target, old).second;
  }
}

Error Promotion::moved_by_someone(std::size_t at, const std::string& found) const {
  const Move& move = moves_[at];
  const bool ours = begun_[at];
  Error error = tag_moved_error(move.reference, ours ? wanted_of(move) : old_of(move), found);
  if (first_) {
    error.why += "; both releases had begun to move tags";
    error.hint = "see who released at the same time: it is told the same. Then run one of the two again";
    error.with("race", "true");
  }
  return error;
}

/// A target that cannot be used before anything moved anywhere.
Result<void> Promotion::fail(std::size_t target, Error error) {
  const bool alone = !options_.continue_on_failure || !of_the_registry(error.kind) ||
                     std::find(begun_.begin(), begun_.end(), true) != begun_.end();
  if (alone) return error;
  std::size_t left = 0;
  for (std::size_t i = 0; i < moves_.size(); ++i) {
    if (moves_[i].target == target) {
      results_[i].state = MoveState::left_out;
      results_[i].why = error.what;
    }
    left += results_[i].state == MoveState::left_out ? 0 : 1;
  }
  if (left == 0) return error;
  left_out_.emplace(target, std::move(error));
  return {};
}

/// Adds looks at tags to a round.
void Promotion::look(const Positions& which, std::vector<Found>& found, Work& work) {
  found.assign(which.size(), unanswered());
  for (std::size_t i = 0; i < which.size(); ++i)
    work.emplace_back([this, &found, i, at = which[i]] {
      const auto began = Clock::now();
      found[i] = store(moves_[at]).resolve(moves_[at].tag);
      const auto answered = Clock::now();
      if (options_.comparison_life.count() > 0)
        fresh_until_[at] = answered + std::max<Clock::duration>(answered - began, options_.comparison_life);
    });
}

Result<void> Promotion::judge_all(const Positions& which, const std::vector<Found>& found) {
  // Every tag that was lost is named, so all of them are judged; the first error counts.
  Result<void> out;
  for (std::size_t i = 0; i < which.size(); ++i)
    if (auto judged = judge(which[i], found[i]); !judged && out) out = std::move(judged);
  return out;
}

/// What a tag that has to move may hold.
Result<void> Promotion::judge(std::size_t at, const Found& found) {
  const Move& move = moves_[at];
  MoveResult& result = results_[at];
  if (result.state == MoveState::left_out) return {};
  if (!found) return fail(move.target, found.error());
  const std::string now = digest_of(*found);
  if (now == wanted_of(move)) {
    result.state = begun_[at] ? MoveState::moved : MoveState::present;
    emit(options_.events, {EventKind::tag_kept, "promote", move.reference, "it holds this build already", 0, 0, {}});
    return {};
  }
  if (now == old_of(move)) return {};
  result.state = MoveState::foreign;
  result.found = now;
  result.why = "someone else moved it";
  return moved_by_someone(at, now);
}

Result<void> Promotion::compare(const Positions& which) {
  std::vector<Found> found;
  Work work;
  look(which, found, work);
  all(work);
  return judge_all(which, found);
}

Result<void> Promotion::check() {
  SHIPSET_CHECK(options_.cancel.check());
  Positions which, holds;
  for (std::size_t i = 0; i < moves_.size(); ++i) {
    which.push_back(i);
    if (moves_[i].hold && resumed_) holds.push_back(i);
  }
  std::vector<Found> found, held(holds.size(), unanswered());
  Work work;
  look(which, found, work);
  // Only an earlier attempt can have placed them.
  for (std::size_t i = 0; i < holds.size(); ++i)
    work.emplace_back([&, i] {
      const Move& move = moves_[holds[i]];
      held[i] = store(move).resolve(hold_tag(options_.id, move.number));
    });
  all(work);
  for (std::size_t i = 0; i < holds.size(); ++i)
    held_[holds[i]] = held[i] && digest_of(*held[i]) == old_of(moves_[holds[i]]);
  return judge_all(which, found);
}

/// One for each old digest that a waiting tag is about to leave.
Promotion::Positions Promotion::holds_to_place() const {
  std::set<std::pair<std::size_t, std::string>> leaving;
  for (std::size_t i = 0; i < moves_.size(); ++i)
    if (moves_[i].old && results_[i].state == MoveState::waiting) leaving.emplace(moves_[i].target, old_of(moves_[i]));
  Positions out;
  for (std::size_t i = 0; i < moves_.size(); ++i)
    if (moves_[i].hold && !held_[i] && leaving.contains({moves_[i].target, old_of(moves_[i])})) out.push_back(i);
  return out;
}

/// Adds the placing of holds to a round.
void Promotion::place(const Positions& holds, std::vector<Result<void>>& placed, Work& work) const {
  placed.assign(holds.size(), unanswered());
  for (std::size_t i = 0; i < holds.size(); ++i)
    work.emplace_back([this, &placed, i, at = holds[i]] {
      const Move& move = moves_[at];
      placed[i] = store(move).put_tag(hold_tag(options_.id, move.number), move.old->descriptor, move.old->bytes);
    });
}

/// Those that are done; the first error counts.
Result<void> Promotion::take_placed(const Positions& holds, const std::vector<Result<void>>& placed, Positions& done) {
  Result<void> out;
  for (std::size_t i = 0; i < holds.size(); ++i) {
    held_[holds[i]] = true;  // one that failed may be there all the same, and is removed with the others
    if (placed[i]) {
      done.push_back(holds[i]);
      continue;
    }
    Error error = placed[i].error();
    error.what = "cannot keep what " + moves_[holds[i]].reference + " holds: " + error.what;
    if (auto failed = fail(moves_[holds[i]].target, std::move(error)); !failed && out) out = std::move(failed);
  }
  return out;
}

/// The tags of the first step are compared in the same round: one round trip less.
Result<void> Promotion::hold() {
  SHIPSET_CHECK(options_.cancel.check());
  const Positions holds = holds_to_place();
  if (holds.empty()) return {};
  SHIPSET_CHECK(record(true, Act::hold, holds));
  const Positions first = waiting_in(steps().front());
  std::vector<Result<void>> placed;
  std::vector<Found> found;
  Work work;
  look(first, found, work);
  place(holds, placed, work);
  all(work);
  Positions done;
  auto held = take_placed(holds, placed, done);
  SHIPSET_CHECK(judge_all(first, found));
  SHIPSET_CHECK(held);
  return record(false, Act::hold, done);
}

Result<void> Promotion::compare_stale(const Positions& which) {
  const auto now = Clock::now();
  Positions stale;
  for (const std::size_t at : which)
    if (now > fresh_until_[at]) stale.push_back(at);
  return compare(stale);
}

}  // namespace shipset::release
