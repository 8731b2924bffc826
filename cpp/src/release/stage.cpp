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
    SHIPSET_CHECK(announce_referrers(*targets_[target], referrers));
  }
  for (const auto& [other, roots] : elsewhere) SHIPSET_CHECK(move(*targets_[other], roots));
  return {};
}

Result<void> Run::announce_referrers(oci::Store& store, const std::vector<oci::Descriptor>& referrers) {
  for (const auto& referrer : referrers) {
    SHIPSET_TRY(const oci::ManifestBytes bytes, work_->manifest(referrer.digest));
    SHIPSET_TRY(const oci::Manifest manifest, oci::Manifest::parse(bytes.bytes, "a referrer"));
    if (!manifest.subject) continue;
    SHIPSET_TRY(const auto listed, store.referrers(manifest.subject->digest, {}));
    const bool known = std::any_of(listed.begin(), listed.end(),
                                   [&](const oci::Descriptor& item) { return item.digest == referrer.digest; });
    if (known) continue;
    // The registry keeps no list of its own: the list is an index under the fallback tag (specs §3.7).
    const std::string tag = std::string(manifest.subject->digest.algorithm()) + "-" +
                            std::string(manifest.subject->digest.encoded().substr(0, 64));
    oci::Index list;
    list.manifests = listed;
    oci::Descriptor entry = oci::describe(bytes.descriptor.media_type, bytes.bytes);
    entry.artifact_type = manifest.artifact_type;
    entry.annotations = manifest.annotations;
    list.manifests.push_back(std::move(entry));
    Document document;
    document.bytes = list.to_bytes();
    document.descriptor = oci::describe(oci::media_type::index, document.bytes);
    SHIPSET_CHECK(store.put_tag(tag, document.descriptor, document.bytes));
    report_.warnings.push_back(store.name() + " lists no referrers itself; they are listed under the tag " + tag);
    tell(EventKind::warning, store.name(), report_.warnings.back());
  }
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
