// Staging: everything below every index of the release is put in place at every destination, by digest. No tag moves.
#include <algorithm>

#include "run.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

/// Targets that share a store get one delivery.
void add(std::vector<oci::Delivery>& all, std::vector<std::size_t>& numbers, oci::Delivery delivery,
         std::size_t target) {
  for (auto& other : all) {
    if (other.destination != delivery.destination) continue;
    for (auto& root : delivery.roots)
      if (std::find(other.roots.begin(), other.roots.end(), root) == other.roots.end())
        other.roots.push_back(std::move(root));
    for (auto& tag : delivery.tags)
      if (std::none_of(other.tags.begin(), other.tags.end(), [&](const auto& one) { return one.tag == tag.tag; }))
        other.tags.push_back(std::move(tag));
    other.trust_present = other.trust_present && delivery.trust_present;
    return;
  }
  all.push_back(std::move(delivery));
  numbers.push_back(target);
}

}  // namespace

Result<void> Run::stage() {
  if (leaves_legs()) SHIPSET_CHECK(make_legs());
  std::vector<oci::Delivery> built;
  std::vector<std::size_t> numbers;  ///< targets of `built`
  std::map<std::size_t, std::vector<oci::Delivery>> copied;
  std::map<std::size_t, std::vector<std::size_t>> copied_to;
  for (std::size_t target = 0; target < targets_.size(); ++target) {
    if (is_out(target)) continue;
    oci::Delivery delivery = built_for(target);
    if (leaves_legs()) {
      auto legs = legs_for(target);
      delivery.roots.insert(delivery.roots.end(), legs.roots.begin(), legs.roots.end());
      delivery.tags = std::move(legs.tags);
    }
    if (!delivery.roots.empty()) add(built, numbers, std::move(delivery), target);
    for (auto& [other, roots] : found_elsewhere(target)) {
      copied[other].push_back({targets_[target], std::move(roots)});
      copied_to[other].push_back(target);
    }
  }
  SHIPSET_CHECK(stage_images());
  if (work_) SHIPSET_CHECK(deliver(*work_, built, numbers));
  for (const auto& [other, deliveries] : copied) SHIPSET_CHECK(deliver(*targets_[other], deliveries, copied_to[other]));
  return goal_ == Goal::stage ? Result<void>() : choose_moves();
}

/// Images that are not in the work store go straight from where they are; a builder may have put them in place already.
Result<void> Run::stage_images() {
  std::map<oci::Store*, std::map<std::size_t, oci::Delivery>> wanted;
  for (std::size_t i = 0; i < plan_.variants.size(); ++i) {
    if (!to_build(i) || states_[i].failed) continue;
    for (std::size_t j = 0; j < states_[i].images.size(); ++j)
      for (const std::size_t target : places_of(i)) {
        const auto& image = states_[i].images[j];
        if (!image || image->store == nullptr || image->store == targets_[target]) continue;
        auto& delivery = wanted[image->store].try_emplace(target, oci::Delivery{targets_[target], {}}).first->second;
        delivery.roots.push_back(image->manifest);
        // A leg brings its attestation along; else that one was made here.
        if (goal_ == Goal::promote && !states_[i].attestations[j].digest.empty())
          delivery.roots.push_back(states_[i].attestations[j]);
        if (plan_.variants[i].action == VariantAction::repair) delivery.trust_present = false;
      }
  }
  for (auto& [store, by_target] : wanted) {
    std::vector<oci::Delivery> deliveries;
    std::vector<std::size_t> numbers;
    for (auto& [target, delivery] : by_target) {
      deliveries.push_back(std::move(delivery));
      numbers.push_back(target);
    }
    SHIPSET_CHECK(deliver(*store, deliveries, numbers));
  }
  return {};
}

/// What was built for a target, with what refers to it.
oci::Delivery Run::built_for(std::size_t target) const {
  oci::Delivery out{targets_[target], {}};
  for (std::size_t i = 0; i < plan_.variants.size(); ++i) {
    const auto& variant = plan_.variants[i];
    if (std::find(variant.targets.begin(), variant.targets.end(), target) == variant.targets.end()) continue;
    if (!to_build(i) || states_[i].failed) continue;
    // Some platforms alone are no variant: others join them.
    if (variant.images.size() < declared(i).platforms.size() && goal_ == Goal::stage) continue;
    out.roots.push_back(states_[i].index.descriptor);
    // Something below a manifest that is there is gone: nothing may be taken for granted. Images that come from
    // elsewhere were put in place so before.
    const bool elsewhere = std::any_of(states_[i].images.begin(), states_[i].images.end(),
                                       [](const auto& image) { return image && image->store != nullptr; });
    if (variant.action == VariantAction::repair && !elsewhere) out.trust_present = false;
    for (const auto& list : states_[i].referrers) out.roots.insert(out.roots.end(), list.begin(), list.end());
  }
  return out;
}

/// What a target lacks and another target has, by that other one.
std::map<std::size_t, std::vector<oci::Descriptor>> Run::found_elsewhere(std::size_t target) const {
  std::map<std::size_t, std::vector<oci::Descriptor>> out;
  for (const auto& variant : plan_.variants) {
    if (std::find(variant.targets.begin(), variant.targets.end(), target) == variant.targets.end()) continue;
    if (variant.action != VariantAction::copy || variant.found[target]) continue;
    const auto other = std::find_if(variant.targets.begin(), variant.targets.end(),
                                    [&](std::size_t at) { return variant.found[at].has_value() && !is_out(at); });
    if (other != variant.targets.end()) out[*other].push_back(*variant.found[*other]);
  }
  return out;
}

Result<void> Run::deliver(oci::Store& source, std::vector<oci::Delivery> deliveries, std::vector<std::size_t> numbers) {
  for (std::size_t i = numbers.size(); i-- > 0;)
    if (is_out(numbers[i])) {
      numbers.erase(numbers.begin() + static_cast<std::ptrdiff_t>(i));
      deliveries.erase(deliveries.begin() + static_cast<std::ptrdiff_t>(i));
    }
  if (deliveries.empty()) return {};
  staged_ = true;
  oci::TransferOptions options;
  options.events = events_;
  options.cancel = cancel_;
  auto reports = oci::transfer(source, deliveries, options);
  if (!reports) {
    Error error = std::move(reports).error();
    const auto side = error.context.find("side"), store = error.context.find("store");
    if (side != error.context.end() && side->second == "destination" && store != error.context.end())
      error.with("destination", std::string(store->second));
    // One destination ends the transfer to all of them; without it the others go on where they stopped.
    const auto to = error.context.find("destination");
    for (const std::size_t number : numbers)
      if (to != error.context.end() && targets_[number]->name() == to->second) {
        SHIPSET_CHECK(leave_out(number, std::move(error)));
        return deliver(source, std::move(deliveries), std::move(numbers));
      }
    return error;
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    auto& row = report_.targets[numbers[i]];
    const auto& moved = (*reports)[i];
    row.blobs_moved += moved.blobs_moved;
    row.blobs_present += moved.blobs_present;
    row.blobs_mounted += moved.blobs_mounted;
    row.bytes_moved += moved.bytes_moved;
    row.bytes_again += moved.bytes_again;
    row.bytes_kept += moved.bytes_kept;
    row.manifests_pushed += moved.manifests_pushed;
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
