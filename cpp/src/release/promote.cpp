// Promotion: every tag of the set moves, in order, or all go back. Nothing is added to what was staged and gated.
#include <algorithm>
#include <thread>

#include "run.hpp"
#include "shipset/base/parallel.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

constexpr std::size_t looks_at_once = 8;
constexpr int read_back_tries = 6;

Error moved_error(const std::string& reference, const std::string& expected, const std::string& found) {
  const auto name = [](const std::string& digest) { return digest.empty() ? std::string("no tag") : digest; };
  return Error(ErrorKind::tag_moved, reference + " was moved by someone else",
               "expected " + name(expected) + ", found " + name(found),
               "see who released at the same time, then run this release again")
      .with("reference", reference)
      .with("expected", expected)
      .with("found", found);
}

std::string digest_of(const std::optional<oci::Descriptor>& descriptor) {
  return descriptor ? descriptor->digest.str() : std::string();
}

}  // namespace

Result<void> Run::promote() {
  SHIPSET_CHECK(choose_moves());
  const auto begin = std::chrono::steady_clock::now();
  auto made = make_moves();
  report_.promotion_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count();
  return made;
}

Result<void> Run::choose_moves() {
  std::vector<std::size_t> waiting;
  for (std::size_t i = 0; i < plan_.tags.size(); ++i) {
    const auto& tag = plan_.tags[i];
    if (tag.action == TagAction::refuse || !usable(variant_of(tag))) continue;
    waiting.push_back(i);
  }
  std::vector<std::optional<oci::Descriptor>> now(waiting.size());
  SHIPSET_CHECK(parallel_for(waiting.size(), looks_at_once, cancel_, [&](std::size_t i) -> Result<void> {
    const auto& tag = plan_.tags[waiting[i]];
    SHIPSET_TRY(now[i], targets_[tag.target]->resolve(tag.tag));
    return {};
  }));
  for (std::size_t i = 0; i < waiting.size(); ++i) SHIPSET_CHECK(choose_move(waiting[i], now[i]));
  return {};
}

Result<void> Run::choose_move(std::size_t at, const std::optional<oci::Descriptor>& now) {
  const auto& tag = plan_.tags[at];
  const auto& entry = plan_.table.entries[tag.entry];
  auto& row = report_.tags[at];
  oci::Store& store = *targets_[tag.target];
  SHIPSET_TRY(const Document index, index_at(variant_of(tag), tag.target));
  Move move;
  move.tag = at;
  SHIPSET_TRY(move.wanted, point_at(entry, index));
  row.new_digest = move.wanted.descriptor.digest.str();
  if (now && now->digest == move.wanted.descriptor.digest) {
    row.status = Status::present;
    row.reason = "it holds this build already";
    return {};
  }
  if (digest_of(now) != digest_of(tag.current)) return moved_error(row.reference, row.old_digest, digest_of(now));
  if (now && entry.moves == Moves::never && !tag.replace)
    return Error(ErrorKind::tag_conflict, "the exact tag " + row.reference + " holds other content",
                 "it holds " + now->digest.str() + ", this release needs " + row.new_digest,
                 "release under a new version, or name the tag with --replace");
  if (move.wanted.bytes.empty()) {
    SHIPSET_TRY(const oci::ManifestBytes bytes, store.manifest(move.wanted.descriptor.digest));
    move.wanted = {bytes.descriptor, bytes.bytes};
  } else if (entry.index) {
    SHIPSET_CHECK(put_document(store, move.wanted));
  }
  if (now) {
    // The raw bytes as they were are all that undo needs; a digest is read once whatever number of tags hold it.
    const auto same = std::find_if(moves_.begin(), moves_.end(), [&](const Move& other) {
      return other.old && other.old->descriptor.digest == now->digest && plan_.tags[other.tag].target == tag.target;
    });
    if (same != moves_.end()) {
      move.old = same->old;
    } else {
      SHIPSET_TRY(move.old, store.manifest(now->digest));
    }
  }
  moves_.push_back(std::move(move));
  return {};
}

Result<void> Run::make_moves() {
  for (std::size_t i = 0; i < moves_.size(); ++i) {
    auto allowed = cancel_.check();
    if (allowed) allowed = make_move(moves_[i]);
    if (!allowed) return undo(std::move(allowed).error(), i + 1);
  }
  if (auto proven = read_back(); !proven) return undo(std::move(proven).error(), moves_.size());
  for (const auto& move : moves_) report_.tags[move.tag].status = Status::done;
  return {};
}

Result<void> Run::make_move(const Move& move) {
  const auto& tag = plan_.tags[move.tag];
  const auto& row = report_.tags[move.tag];
  oci::Store& store = *targets_[tag.target];
  SHIPSET_TRY(const auto now, store.resolve(tag.tag));
  const std::string expected = move.old ? move.old->descriptor.digest.str() : std::string();
  if (digest_of(now) != expected) return moved_error(row.reference, expected, digest_of(now));
  SHIPSET_CHECK(store.put_tag(tag.tag, move.wanted.descriptor, move.wanted.bytes));
  Event event{EventKind::tag_moved, phase_, row.reference, row.reason, 0, 0, {}};
  event.fields = {{"old", expected}, {"new", move.wanted.descriptor.digest.str()}};
  emit(events_, event);
  return {};
}

Result<void> Run::read_back() {
  return parallel_for(moves_.size(), looks_at_once, {}, [&](std::size_t i) -> Result<void> {
    const auto& move = moves_[i];
    const auto& tag = plan_.tags[move.tag];
    std::string found;
    for (int attempt = 0; attempt < read_back_tries; ++attempt) {
      // Some registries show a tag a moment after they have accepted it.
      if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(100 << attempt));
      SHIPSET_TRY(const auto now, targets_[tag.target]->resolve(tag.tag));
      found = digest_of(now);
      if (found == move.wanted.descriptor.digest.str()) return {};
    }
    return moved_error(report_.tags[move.tag].reference, move.wanted.descriptor.digest.str(), found);
  });
}

bool Run::undo_one(const Move& move) {
  const auto& tag = plan_.tags[move.tag];
  oci::Store& store = *targets_[tag.target];
  const std::string old = move.old ? move.old->descriptor.digest.str() : std::string();
  auto now = store.resolve(tag.tag);
  if (now && digest_of(*now) == old) {
    // What the registry accepted a moment ago may only now come into sight.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    now = store.resolve(tag.tag);
  }
  if (!now) return false;
  if (digest_of(*now) == old) return true;
  // A tag that holds neither the old nor our digest belongs to someone else by now.
  if (digest_of(*now) != move.wanted.descriptor.digest.str()) return false;
  if (move.old) {
    if (!store.put_tag(tag.tag, move.old->descriptor, move.old->bytes)) return false;
  } else {
    const auto removed = store.remove_tag(tag.tag);
    if (!removed || !*removed) return false;
  }
  const auto proof = store.resolve(tag.tag);
  return proof.ok() && digest_of(*proof) == old;
}

Error Run::undo(Error cause, std::size_t made) {
  std::vector<std::string> stuck;
  if (!cancel_.check()) {
    for (std::size_t i = 0; i < targets_.size(); ++i)
      if (auto on = stores_.write_on(plan_.targets[i], *targets_[i])) targets_[i] = *on;
  }
  for (std::size_t i = std::min(made, moves_.size()); i-- > 0;) {
    auto& row = report_.tags[moves_[i].tag];
    if (undo_one(moves_[i])) {
      row.status = Status::undone;
      tell(EventKind::note, row.reference, "put back");
    } else {
      row.status = Status::failed;
      stuck.push_back(row.reference + " (was " + (row.old_digest.empty() ? "no tag" : row.old_digest) + ")");
    }
  }
  if (stuck.empty()) return cause;
  Error error(ErrorKind::incomplete,
              "the promotion failed and " + std::to_string(stuck.size()) + " tags could not be put back",
              cause.what + (cause.why.empty() ? "" : ": " + cause.why) + "\nnot put back: " + join(stuck, ", "),
              "put these tags back by hand, or release again once the registry answers");
  error.context = cause.context;
  return error;
}

}  // namespace shipset::release
