#include <thread>

#include "promotion_impl.hpp"

namespace shipset::release {

namespace {

using std::chrono::milliseconds;

/// Looks at tags after the moves.
constexpr int read_back_tries = 6;

}  // namespace

Error tag_moved_error(const std::string& reference, const std::string& expected, const std::string& found) {
  const auto shown = [](const std::string& digest) { return digest.empty() ? std::string("no tag") : digest; };
  return Error(ErrorKind::tag_moved, reference + " was moved by someone else",
               "expected " + shown(expected) + ", found " + shown(found),
               "see who released at the same time, then run this release again")
      .with("reference", reference)
      .with("expected", expected)
      .with("found", found);
}

std::string_view to_string(Act act) noexcept {
  constexpr std::string_view names[] = {"hold", "move", "undo", "release_hold"};
  return names[static_cast<std::size_t>(act)];
}

std::string hold_tag(const std::string& id, std::size_t number) {
  return "_shipset." + id + ".hold." + std::to_string(number);
}

Promotion::Promotion(std::vector<Move> moves, std::vector<Place> places, PromotionOptions options)
    : moves_(std::move(moves)),
      places_(std::move(places)),
      options_(std::move(options)),
      results_(moves_.size()),
      begun_(moves_.size()),
      fresh_until_(moves_.size()),
      held_(moves_.size()) {}

void Promotion::resume(const std::set<std::size_t>& begun, bool holds) {
  resumed_ = true;
  for (std::size_t i = 0; i < moves_.size(); ++i) begun_[i] = begun_[i] || begun.contains(moves_[i].number);
  for (std::size_t i = 0; i < moves_.size(); ++i) held_[i] = moves_[i].hold && (holds || !begun.empty());
}

std::vector<std::size_t> Promotion::numbers(const Positions& which) const {
  std::vector<std::size_t> out;
  for (const std::size_t at : which) out.push_back(moves_[at].number);
  return out;
}

Result<void> Promotion::record(bool before, Act act, const Positions& which) const {
  if (options_.recorder == nullptr || which.empty()) return {};
  return before ? options_.recorder->before(act, numbers(which)) : options_.recorder->after(act, numbers(which));
}

void Promotion::touch() {
  last_ = Clock::now();
  if (!first_) first_ = last_;
}

milliseconds Promotion::window() const {
  return first_ ? std::chrono::duration_cast<milliseconds>(*last_ - *first_) : milliseconds(0);
}

Result<void> Promotion::pause(milliseconds time) const {
  constexpr milliseconds slice{50};
  for (; time.count() > 0; time -= slice) {
    SHIPSET_CHECK(options_.cancel.check());
    std::this_thread::sleep_for(std::min(time, slice));
  }
  return options_.cancel.check();
}

std::vector<std::size_t> Promotion::steps() const {
  std::set<std::size_t> out;
  for (std::size_t i = 0; i < moves_.size(); ++i)
    if (results_[i].state == MoveState::waiting) out.insert(moves_[i].step);
  return {out.begin(), out.end()};
}

Promotion::Positions Promotion::waiting_in(std::size_t step) const {
  Positions out;
  for (std::size_t i = 0; i < moves_.size(); ++i)
    if (moves_[i].step == step && results_[i].state == MoveState::waiting) out.push_back(i);
  return out;
}

std::vector<Promotion::Group> Promotion::groups_of(const Positions& which) const {
  std::map<std::tuple<std::size_t, std::string, std::string>, std::size_t> at;
  std::vector<Group> out;
  for (const std::size_t i : which) {
    const auto [found, fresh] = at.try_emplace({moves_[i].target, moves_[i].variant, wanted_of(moves_[i])}, out.size());
    if (fresh) out.emplace_back();
    out[found->second].moves.push_back(i);
  }
  return out;
}

Result<void> Promotion::move() {
  for (bool more = true; more;) {
    SHIPSET_TRY(more, move_step());
  }
  return {};
}

Result<bool> Promotion::move_step() {
  SHIPSET_CHECK(options_.cancel.check());
  const auto order = steps();
  if (order.empty()) return false;
  SHIPSET_CHECK(make_step(order[0], order.size() > 1 ? waiting_in(order[1]) : Positions()));
  return true;
}

/// Moves the tags of one step; those of the next one are compared in the same round.
Result<void> Promotion::make_step(std::size_t step, const Positions& next) {
  SHIPSET_CHECK(compare_stale(waiting_in(step)));
  const Positions which = waiting_in(step);
  if (which.empty()) return {};
  SHIPSET_CHECK(record(true, Act::move, which));
  // The journal may have taken its time.
  SHIPSET_CHECK(compare_stale(which));
  auto groups = groups_of(waiting_in(step));
  std::vector<Found> found;
  Work work;
  look(next, found, work);
  for (auto& group : groups) {
    for (const std::size_t at : group.moves) begun_[at] = true;
    group.outcome = unanswered();
    work.emplace_back([this, &group] {
      const Move& one = moves_[group.moves.front()];
      std::vector<oci::TagSet> tags;
      for (const std::size_t at : group.moves)
        tags.push_back({moves_[at].tag,
                        moves_[at].old ? std::optional(moves_[at].old->descriptor.digest) : std::optional<Digest>()});
      group.outcome = store(one).put_tags(tags, one.wanted.descriptor, one.wanted.bytes);
    });
  }
  touch();
  all(work);
  touch();
  Positions done;
  Result<void> out;
  for (const auto& group : groups) {
    take_moved(group, done);
    if (!group.outcome && out) out = group.outcome;
  }
  const auto recorded = record(false, Act::move, done);
  auto judged = judge_all(next, found);
  SHIPSET_CHECK(out);
  SHIPSET_CHECK(judged);
  return recorded;
}

void Promotion::take_moved(const Group& group, Positions& done) {
  if (!group.outcome) return;
  for (const std::size_t at : group.moves) {
    const Move& move = moves_[at];
    results_[at].state = MoveState::moved;
    done.push_back(at);
    emit(options_.events, {EventKind::tag_moved,
                           "promote",
                           move.reference,
                           move.reason,
                           0,
                           0,
                           {{"old", old_of(move)}, {"new", wanted_of(move)}}});
  }
}

Result<void> Promotion::read_back() {
  Positions pending;
  for (std::size_t i = 0; i < moves_.size(); ++i)
    if (results_[i].state == MoveState::moved || results_[i].state == MoveState::present) pending.push_back(i);
  milliseconds wait = options_.first_wait;
  for (int attempt = 1; !pending.empty(); ++attempt, wait *= 2) {
    SHIPSET_CHECK(options_.cancel.check());
    SHIPSET_CHECK(prove(pending, attempt == read_back_tries));
    if (!pending.empty()) SHIPSET_CHECK(pause(wait));
  }
  return {};
}

/// Takes what holds its digest out of `pending`. What shows something of someone else is looked at twice.
Result<void> Promotion::prove(Positions& pending, bool last) {
  std::vector<Found> found;
  Work work;
  look(pending, found, work);
  all(work);
  Positions left;
  Result<void> out;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    const std::size_t at = pending[i];
    const std::string now = found[i] ? digest_of(*found[i]) : std::string();
    if (found[i] && now == wanted_of(moves_[at])) continue;
    left.push_back(at);
    const bool foreign = found[i] && !now.empty() && now != old_of(moves_[at]);
    const bool twice = foreign && results_[at].found == now;
    if (foreign) results_[at].found = now;
    if (!last && !twice) continue;
    if (found[i]) {
      results_[at].found = now;
      if (out || out.error().kind != ErrorKind::tag_moved) out = moved_by_someone(at, now);
    } else if (out) {
      out = found[i].error();
    }
  }
  pending = std::move(left);
  return out;
}

Result<void> Promotion::forward() {
  SHIPSET_CHECK(check());
  SHIPSET_CHECK(hold());
  SHIPSET_CHECK(move());
  SHIPSET_CHECK(read_back());
  SHIPSET_CHECK(options_.cancel.check());
  return options_.recorder != nullptr ? options_.recorder->committed() : Result<void>();
}

Result<void> Promotion::run() {
  auto done = forward();
  if (!done) {
    Error cause = std::move(done).error();
    if (auto undone = undo(); !undone) {
      Error error = std::move(undone).error();
      error.what = "the promotion failed and " + error.what;
      error.why = cause.what + (cause.why.empty() ? "" : ": " + cause.why) + "\n" + error.why;
      for (const auto& [name, value] : cause.context) error.context.emplace(name, value);
      done = std::move(error);
    } else {
      done = std::move(cause);
    }
  }
  release_holds();
  return done;
}

}  // namespace shipset::release
