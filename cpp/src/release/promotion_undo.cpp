// The way back: tags that were moved get their raw old manifests again, and the tags that kept old digests go.
#include <algorithm>
#include <thread>

#include "promotion_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

/// A refusal may be a moment's; more tries would cost the seconds that a stopped process has.
constexpr int undo_tries = 4;

std::string text_of(const Error& error) {
  return error.what + (error.why.empty() ? "" : ": " + error.why);
}

std::string shown(const std::string& digest) {
  return digest.empty() ? std::string("no tag") : digest;
}

}  // namespace

Result<void> Promotion::put_back(const Move& move) const {
  if (move.old)
    return undoing(move).put_tags({{move.tag, move.wanted.descriptor.digest}}, move.old->descriptor, move.old->bytes);
  SHIPSET_TRY(const bool removed, undoing(move).remove_tag(move.tag));
  if (!removed) return Error(ErrorKind::policy, "the registry removes no tags", "it refuses by tag and by digest");
  return {};
}

MoveResult Promotion::undo_one(std::size_t at) const {
  const Move& move = moves_[at];
  const std::string old = old_of(move);
  // A request whose answer never came may still arrive: the old digest counts only when it stays.
  bool doubtful = results_[at].state != MoveState::moved;
  bool put = false;
  MoveResult out{MoveState::stuck, {}, {}, false};
  for (int attempt = 0; attempt < undo_tries; ++attempt) {
    if (attempt > 0 && !put) std::this_thread::sleep_for(options_.first_wait);
    put = false;
    const auto now = undoing(move).resolve(move.tag);
    if (!now) {
      out.why = text_of(now.error());
      continue;
    }
    out.found = digest_of(*now);
    if (out.found == old) {
      out.state = MoveState::undone;
      out.why.clear();
      if (!doubtful) return out;
      doubtful = false;
      continue;
    }
    out.state = MoveState::stuck;
    if (out.found != wanted_of(move)) {
      out.state = MoveState::foreign;
      out.why = "someone else moved it meanwhile";
      return out;
    }
    doubtful = false;
    const auto back = put_back(move);
    put = back.ok();
    out.why = put ? "the registry took the old manifest and still shows ours" : text_of(back.error());
    if (put || back.error().kind != ErrorKind::policy) continue;
    out.for_good = !move.old;
    return out;
  }
  if (!put) return out;
  const auto proof = undoing(move).resolve(move.tag);
  if (!proof) {
    out.why = text_of(proof.error());
    return out;
  }
  out.found = digest_of(*proof);
  if (out.found == old) return {MoveState::undone, {}, out.found, false};
  return out;
}

Result<void> Promotion::undo() {
  std::set<std::size_t> order;
  for (std::size_t i = 0; i < moves_.size(); ++i)
    if (begun_[i]) order.insert(moves_[i].step);
  std::vector<std::string> stuck;
  for (auto step = order.rbegin(); step != order.rend(); ++step) {
    Positions which;
    for (std::size_t i = 0; i < moves_.size(); ++i)
      if (begun_[i] && moves_[i].step == *step) which.push_back(i);
    // Tags that are half moved are worse than a journal that lacks a line.
    if (auto noted = record(true, Act::undo, which); !noted && !undo_record_) undo_record_ = noted.error();
    touch();
    std::vector<MoveResult> results(which.size(), MoveResult{MoveState::stuck, "it was not tried", {}, false});
    const auto ignored = parallel_for(which.size(), promotion_requests_at_once, {}, [&](std::size_t i) -> Result<void> {
      results[i] = undo_one(which[i]);
      return {};
    });
    (void)ignored;  // each has its own result
    touch();
    Positions done;
    for (std::size_t i = 0; i < which.size(); ++i) {
      const Move& move = moves_[which[i]];
      MoveResult& result = results_[which[i]] = std::move(results[i]);
      if (result.state == MoveState::undone) {
        done.push_back(which[i]);
        emit(options_.events, {EventKind::note, "promote", move.reference, "put back", 0, 0, {}});
      } else if (result.state == MoveState::stuck) {
        stuck.push_back(move.reference + " (was " + shown(old_of(move)) + "): " + result.why);
      }
    }
    if (auto noted = record(false, Act::undo, done); !noted && !undo_record_) undo_record_ = noted.error();
  }
  if (stuck.empty()) return {};
  return Error(
      ErrorKind::incomplete,
      std::to_string(stuck.size()) + (stuck.size() == 1 ? " tag" : " tags") + " could not be put back",
      "not put back: " + join(stuck, "\nnot put back: "),
      gone_back()
          ? "remove them by hand (in the registry's web interface), or release again, which goes forward"
          : "once the registry answers: " +
                (options_.id.empty() ? "release again" : "shipset rollback " + options_.id + " puts them back"));
}

bool Promotion::gone_back() const {
  return std::none_of(results_.begin(), results_.end(), [](const MoveResult& result) {
    return result.state == MoveState::moved || (result.state == MoveState::stuck && !result.for_good);
  });
}

void Promotion::release_holds() {
  const bool needed = std::any_of(results_.begin(), results_.end(), [](const MoveResult& result) {
    return result.state == MoveState::stuck && !result.for_good;
  });
  Positions which;
  for (std::size_t i = 0; i < moves_.size(); ++i)
    if (moves_[i].hold && held_[i]) which.push_back(i);
  const auto left = [&](const Move& move) {
    holds_left_.emplace_back(move.target, hold_tag(options_.id, move.number));
  };
  if (needed) {
    for (const std::size_t at : which) left(moves_[at]);
    return;
  }
  if (which.empty()) return;
  const auto noted = record(true, Act::release_hold, which);
  (void)noted;  // it can be removed twice
  std::vector<char> removed(which.size());
  const auto ignored = parallel_for(which.size(), promotion_requests_at_once, {}, [&](std::size_t i) -> Result<void> {
    const Move& move = moves_[which[i]];
    const auto done = undoing(move).remove_tag(hold_tag(options_.id, move.number));
    removed[i] = done && *done;
    return {};
  });
  (void)ignored;
  Positions done;
  for (std::size_t i = 0; i < which.size(); ++i) {
    if (removed[i] != 0) {
      done.push_back(which[i]);
      held_[which[i]] = false;
    } else {
      left(moves_[which[i]]);
    }
  }
  const auto after = record(false, Act::release_hold, done);
  (void)after;
}

}  // namespace shipset::release
