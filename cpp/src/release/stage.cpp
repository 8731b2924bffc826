// Staging: everything below every index of the release is put in place at every destination, by digest. No tag moves.
#include <algorithm>

#include "run.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

Result<void> Run::stage() {
  for (std::size_t target = 0; target < targets_.size(); ++target) SHIPSET_CHECK(stage_at(target));
  return {};
}

Result<void> Run::stage_at(std::size_t target) {
  oci::TransferOptions options;
  options.events = events_;
  options.cancel = cancel_;
  for (std::size_t other = 0; other < target; ++other)
    if (plan_.targets[other].location.kind == Location::Kind::registry) options.mount_from.push_back(targets_[other]);
  std::vector<oci::Descriptor> built, referrers;
  std::map<std::size_t, std::vector<oci::Descriptor>> elsewhere;  ///< by the target that has them
  for (std::size_t i = 0; i < plan_.variants.size(); ++i) {
    const auto& variant = plan_.variants[i];
    if (std::find(variant.targets.begin(), variant.targets.end(), target) == variant.targets.end()) continue;
    if (to_build(i) && !states_[i].failed) {
      built.push_back(states_[i].index.descriptor);
      // Something below a manifest that is there is gone: nothing may be taken for granted.
      if (variant.action == VariantAction::repair) options.trust_present = false;
      for (const auto& list : states_[i].referrers) referrers.insert(referrers.end(), list.begin(), list.end());
    } else if (variant.action == VariantAction::copy && !variant.found[target]) {
      for (const std::size_t other : variant.targets)
        if (variant.found[other]) {
          elsewhere[other].push_back(*variant.found[other]);
          break;
        }
    }
  }
  auto& row = report_.targets[target];
  const auto move = [&](oci::Store& source, const std::vector<oci::Descriptor>& roots) -> Result<void> {
    if (roots.empty()) return {};
    staged_ = true;
    auto moved = oci::transfer(source, *targets_[target], roots, options);
    if (!moved) return std::move(moved).error().with("destination", plan_.targets[target].name());
    row.blobs_moved += moved->blobs_moved;
    row.blobs_present += moved->blobs_present;
    row.blobs_mounted += moved->blobs_mounted;
    row.bytes_moved += moved->bytes_moved;
    row.manifests_pushed += moved->manifests_pushed;
    return {};
  };
  if (work_) {
    SHIPSET_CHECK(move(*work_, built));
    SHIPSET_CHECK(move(*work_, referrers));
  }
  for (const auto& [other, roots] : elsewhere) SHIPSET_CHECK(move(*targets_[other], roots));
  return {};
}

Result<Document> Run::index_at(std::size_t variant, std::size_t target) {
  if (to_build(variant)) return states_[variant].index;
  const auto& planned = plan_.variants[variant];
  for (const std::size_t at : planned.targets) {
    const bool here = at == target && planned.found[at];
    const bool copied = !planned.found[target] && planned.found[at];
    if (!here && !copied) continue;
    SHIPSET_TRY(const oci::ManifestBytes bytes, targets_[target]->manifest(planned.found[at]->digest));
    return Document{bytes.descriptor, bytes.bytes};
  }
  return Error(ErrorKind::internal, "variant " + planned.name + " has no index to point tags at");
}

}  // namespace shipset::release
