// What the plan's tags are to move from and to, and the hand-over to the promotion. Everything that is read or stored
// for it is read and stored before: nothing is added to what was staged and gated.
#include <algorithm>

#include "promotion.hpp"
#include "recorded_moves.hpp"
#include "run.hpp"
#include "shipset/base/linked_cancel.hpp"
#include "shipset/base/parallel.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

constexpr std::size_t looks_at_once = 8;
/// A stop lets requests that move tags come to their end for so long: an answer is worth more than a second look.
constexpr std::chrono::milliseconds stop_grace{1000};

Status status_of(MoveState state) {
  switch (state) {
    case MoveState::waiting:
      return Status::not_started;
    case MoveState::present:
      return Status::present;
    case MoveState::moved:
      return Status::done;
    case MoveState::undone:
      return Status::undone;
    case MoveState::stuck:
      return Status::failed;
    case MoveState::foreign:
      return Status::foreign;
    case MoveState::left_out:
      return Status::skipped;
  }
  return Status::not_started;
}

}  // namespace

/// The raw bytes as they are now are all that undo needs; a digest is read once whatever number of tags hold it.
Result<void> Run::read_old() {
  std::set<std::pair<std::size_t, Digest>> wanted;
  for (const auto& tag : plan_.tags)
    if (tag.current && tag.action != TagAction::refuse && tag.action != TagAction::keep && !is_out(tag.target))
      wanted.emplace(tag.target, tag.current->digest);
  const std::vector<std::pair<std::size_t, Digest>> list(wanted.begin(), wanted.end());
  std::vector<Result<oci::ManifestBytes>> read(list.size(), Error(ErrorKind::cancelled, "stopped on request"));
  SHIPSET_CHECK(parallel_for(list.size(), looks_at_once, cancel_, [&](std::size_t i) -> Result<void> {
    read[i] = targets_[list[i].first]->manifest(list[i].second);
    return {};
  }));
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (read[i]) {
      old_.emplace(list[i], std::move(*read[i]));
      continue;
    }
    Error error = std::move(read[i]).error();
    error.what = "cannot keep what tags hold now: " + error.what;
    if (!is_out(list[i].first)) SHIPSET_CHECK(leave_out(list[i].first, std::move(error)));
  }
  return {};
}

Result<void> Run::choose_moves() {
  const auto steps = tags::promotion_steps(plan_.table);
  std::set<std::pair<std::size_t, Digest>> kept;
  for (std::size_t i = 0; i < plan_.tags.size(); ++i) {
    const auto& tag = plan_.tags[i];
    if (is_out(tag.target)) continue;
    if (tag.action == TagAction::refuse || !usable(variant_of(tag))) {
      if (tag.current) kept.emplace(tag.target, tag.current->digest);
      continue;
    }
    if (auto chosen = choose_move(i, steps[tag.entry]); !chosen)
      SHIPSET_CHECK(leave_out(tag.target, std::move(chosen).error()));
  }
  for (const auto& move : moves_) {
    const auto& now = plan_.tags[move.number].current;
    if (now && now->digest == move.wanted.descriptor.digest) kept.emplace(move.target, now->digest);
  }
  // A layout keeps what it holds until someone collects its garbage.
  choose_holds(moves_, kept,
               [&](std::size_t target) { return plan_.targets[target].location.kind == Location::Kind::registry; });
  return {};
}

Result<void> Run::choose_move(std::size_t at, std::size_t step) {
  const auto& tag = plan_.tags[at];
  const auto& entry = plan_.table.entries[tag.entry];
  auto& row = report_.tags[at];
  oci::Store& store = *targets_[tag.target];
  SHIPSET_TRY(const Document index, index_at(variant_of(tag), tag.target));
  Move move;
  move.number = at;
  move.target = tag.target;
  move.tag = tag.tag;
  move.reference = row.reference;
  move.variant = tag.variant;
  move.reason = row.reason;
  move.step = step;
  SHIPSET_TRY(move.wanted, point_at(entry, index));
  row.new_digest = move.wanted.descriptor.digest.str();
  if (tag.current && tag.current->digest != move.wanted.descriptor.digest) {
    if (entry.moves == Moves::never && !tag.replace)
      return Error(ErrorKind::tag_conflict, "the exact tag " + row.reference + " holds other content",
                   "it holds " + tag.current->digest.str() + ", this release needs " + row.new_digest,
                   "release under a new version, or name the tag with --replace");
    if (const auto old = old_.find({tag.target, tag.current->digest}); old != old_.end()) {
      move.old = old->second;
    } else {
      SHIPSET_TRY(move.old, store.manifest(tag.current->digest));
    }
  } else if (tag.current) {
    move.old = oci::ManifestBytes{*tag.current, move.wanted.bytes};
  }
  if (move.wanted.bytes.empty()) {
    SHIPSET_TRY(const oci::ManifestBytes bytes, store.manifest(move.wanted.descriptor.digest));
    move.wanted = {bytes.descriptor, bytes.bytes};
  } else if (entry.index) {
    SHIPSET_CHECK(put_document(store, move.wanted));
  }
  moves_.push_back(std::move(move));
  return {};
}

Result<std::vector<Place>> Run::places(const CancelToken& late) {
  std::vector<Place> out(plan_.targets.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (is_out(i)) continue;
    SHIPSET_TRY(out[i].store, stores_.write_until(plan_.targets[i], *targets_[i], late));
    SHIPSET_TRY(out[i].undoing, stores_.write_on(plan_.targets[i], *targets_[i]));
  }
  return out;
}

Result<void> Run::promote() {
  std::optional<std::chrono::steady_clock::time_point> since;
  const LinkedCancel late([this, since]() mutable {
    if (!cancel_.cancelled()) return false;
    const auto now = std::chrono::steady_clock::now();
    if (!since) since = now;
    return now - *since >= stop_grace;
  });
  std::erase_if(moves_, [&](const Move& move) { return is_out(move.target); });
  std::optional<JournalRecorder> recorder;
  if (session_.journal) recorder.emplace(*session_.journal);
  if (session_.journal && !session_.going_on()) {
    std::vector<std::string> locations;
    for (const auto& target : plan_.targets) locations.push_back(anchored(target.location));
    SHIPSET_CHECK(record_moves(*session_.journal, moves_, locations));
    mirror();
    moving_ = true;
  }
  SHIPSET_TRY(auto where, places(late.token()));
  PromotionOptions options;
  options.id = plan_.id;
  options.continue_on_failure = plan_.matrix->continue_on_registry_failure;
  options.events = events_;
  options.cancel = cancel_;
  if (recorder) options.recorder = &*recorder;
  Promotion promotion(moves_, std::move(where), std::move(options));
  if (session_.going_on()) promotion.resume(begun_moves(session_.past), session_.past.begun.contains("hold"));
  auto done = promotion.run();
  take_results(promotion);
  committed_ = done.ok();
  gone_back_ = !committed_ && promotion.gone_back();
  return done;
}

void Run::take_results(const Promotion& promotion) {
  report_.promotion_ms = promotion.window().count();
  for (const auto& [target, error] : promotion.left_out()) {
    const auto left = leave_out(target, error);
    (void)left;  // the promotion asked whether it may be
  }
  for (std::size_t i = 0; i < promotion.moves().size(); ++i) {
    const auto& move = promotion.moves()[i];
    const auto& result = promotion.results()[i];
    auto& row = report_.tags[move.number];
    row.status = status_of(result.state);
    row.detail = result.why;
    if (result.state == MoveState::present) row.reason = "it holds this build already";
    if (result.state == MoveState::stuck || result.state == MoveState::foreign) row.found_digest = result.found;
    if (result.state == MoveState::moved) report_.targets[move.target].status = Status::done;
  }
  for (const auto& [target, tag] : promotion.holds_left()) report_.targets[target].holds_left.push_back(tag);
  std::vector<std::string> left;
  for (const auto& [target, tag] : promotion.holds_left()) left.push_back(plan_.targets[target].name() + ":" + tag);
  if (!left.empty())
    report_.warnings.push_back("these tags kept what other tags held before and could not be removed: " +
                               join(left, ", "));
}

std::vector<std::size_t> Run::places_of(std::size_t variant) const {
  std::vector<std::size_t> out;
  for (const std::size_t target : plan_.variants[variant].targets)
    if (!is_out(target)) out.push_back(target);
  return out;
}

Result<void> Run::leave_out(std::size_t target, Error error) {
  if (!plan_.matrix->continue_on_registry_failure || !of_the_registry(error.kind)) return error;
  auto& row = report_.targets[target];
  row.status = Status::failed;
  row.error = error;
  for (std::size_t i = 0; i < plan_.tags.size(); ++i) {
    if (plan_.tags[i].target != target) continue;
    report_.tags[i].status = Status::skipped;
    report_.tags[i].detail = "its destination is left out";
  }
  tell(EventKind::warning, row.name, "is left out: " + error.what + (error.why.empty() ? "" : ": " + error.why));
  left_out_.insert_or_assign(target, error);
  if (left_out_.size() == plan_.targets.size()) return error;
  return {};
}

Result<void> Run::leave_out_unseen() {
  for (std::size_t i = 0; i < plan_.targets.size(); ++i)
    if (const auto& why = plan_.targets[i].left_out; !why.empty())
      SHIPSET_CHECK(leave_out(i, Error(ErrorKind::registry, why)));
  return {};
}

/// The rest is done; that something is missing is an error all the same.
Result<void> Run::tell_left_out() const {
  if (left_out_.empty()) return {};
  std::vector<std::string> names, reasons;
  for (const auto& [target, error] : left_out_) {
    names.push_back(plan_.targets[target].name());
    reasons.push_back(names.back() + ": " + error.what + (error.why.empty() ? "" : ": " + error.why));
  }
  return Error(ErrorKind::registry,
               std::to_string(names.size()) + " of " + std::to_string(plan_.targets.size()) +
                   " destinations were left out; the others " +
                   (report_.outcome == "nothing to do" ? "have this release already" : "are " + report_.outcome),
               join(reasons, "\n"), "run the same release again once they answer: it does only what is missing")
      .with("left_out", join(names, ", "));
}

}  // namespace shipset::release
