// A run that takes up another process's promotion, or its work after the commit point: nothing is built or staged.
#include <algorithm>

#include "recorded_moves.hpp"
#include "run.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

Result<void> Run::go_on() {
  phase_ = "preflight";
  SHIPSET_CHECK(open_targets());
  const auto& past = session_.past;
  for (const auto& gate : past.gates)
    for (auto& row : report_.gates)
      if (row.name == gate.name) row = gate;
  std::vector<std::string> locations;
  for (const auto& target : plan_.targets) locations.push_back(anchored(target.location));
  moves_ = recorded_moves(past, locations);
  const bool fits =
      locations.size() == plan_.targets.size() && std::all_of(moves_.begin(), moves_.end(), [&](const Move& move) {
        return move.number < plan_.tags.size() && plan_.tags[move.number].tag == move.tag;
      });
  if (!fits)
    return Error(ErrorKind::verify, "the journal of release " + plan_.id + " does not fit its plan",
                 "it moves other tags", "go back with shipset rollback " + plan_.id);
  SHIPSET_CHECK(leave_out_unrecorded());
  SHIPSET_CHECK(restore_states());
  report_.outcome = "staged";
  moving_ = true;
  if (!past.committed) return phase("promote", &Run::promote);
  committed_ = true;
  for (const auto& move : moves_) {
    auto& row = report_.tags[move.number];
    const std::string wanted = move.wanted.descriptor.digest.str();
    row.new_digest = wanted;
    row.status = row.old_digest == wanted ? Status::present : Status::done;
  }
  return {};
}

/// A destination that has tags in the plan and no move in the journal was left out by the earlier process.
Result<void> Run::leave_out_unrecorded() {
  const auto recorded = [&](std::size_t target) {
    return std::any_of(moves_.begin(), moves_.end(), [&](const Move& move) { return move.target == target; });
  };
  for (const auto& tag : plan_.tags) {
    const std::size_t variant = variant_of(tag);
    const bool there = !to_build(variant) || session_.past.indexes.contains(tag.variant);
    if (tag.action == TagAction::refuse || !usable(variant) || !there) continue;
    if (is_out(tag.target) || recorded(tag.target)) continue;
    SHIPSET_CHECK(leave_out(tag.target, Error(ErrorKind::registry, "it was left out before the tags began to move")));
  }
  return {};
}

/// What the earlier process built is where it staged it.
Result<void> Run::restore_states() {
  for (std::size_t i = 0; i < plan_.variants.size(); ++i) {
    if (!to_build(i)) continue;
    const auto& variant = plan_.variants[i];
    const auto index = session_.past.indexes.find(variant.name);
    if (index == session_.past.indexes.end()) {
      states_[i].failed = true;  // an optional one that was not built
      report_.variants[i].status = Status::failed;
      continue;
    }
    for (std::size_t j = 0; j < variant.images.size(); ++j) restore_image(i, j);
    report_.variants[i].status = Status::done;
    report_.variants[i].index = index->second;
    for (const std::size_t target : places_of(i)) {
      auto bytes = targets_[target]->manifest(index->second.digest);
      if (!bytes) return std::move(bytes).error();
      states_[i].index = {bytes->descriptor, bytes->bytes};
    }
  }
  return {};
}

void Run::restore_image(std::size_t variant, std::size_t image) {
  const auto& planned = plan_.variants[variant].images[image].task;
  const auto key = std::make_pair(planned.variant, planned.platform.str());
  auto& row = report_.variants[variant].images[image];
  row.status = Status::done;
  if (const auto at = session_.past.images.find(key); at != session_.past.images.end()) {
    states_[variant].images[image] = at->second.built;
    row.manifest = at->second.built.manifest;
    row.bytes = at->second.built.bytes;
    row.notes = at->second.built.notes;
  }
  const auto at = session_.past.attested.find(key);
  if (at == session_.past.attested.end()) return;
  if (at->second.attestation) states_[variant].attestations[image] = *at->second.attestation;
  states_[variant].referrers[image] = at->second.referrers;
  row.sbom = at->second.sbom;
  row.provenance = at->second.provenance;
  row.packages = at->second.packages;
}

}  // namespace shipset::release
