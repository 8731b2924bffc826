// Joining what was staged: every leg of the plan is found, checked and put into the index of its variant. Nothing is
// built here. A leg that is missing, there twice with other content, or of another release stops the promotion.
#include <algorithm>

#include "legs.hpp"
#include "run.hpp"
#include "shipset/base/parallel.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {
constexpr std::size_t looks_at_once = 8;
}

Result<void> Run::collect() {
  SHIPSET_CHECK(check_parts());
  std::vector<std::pair<std::size_t, std::size_t>> wanted;
  for (std::size_t i = 0; i < plan_.variants.size(); ++i)
    if (to_build(i))
      for (std::size_t j = 0; j < plan_.variants[i].images.size(); ++j) wanted.emplace_back(i, j);
  std::vector<std::string> problems(wanted.size());
  SHIPSET_CHECK(parallel_for(wanted.size(), looks_at_once, cancel_, [&](std::size_t at) -> Result<void> {
    const auto [variant, image] = wanted[at];
    SHIPSET_TRY(problems[at], find_leg(variant, image));
    return {};
  }));
  std::vector<std::string> stops;
  for (std::size_t at = 0; at < wanted.size(); ++at) {
    if (problems[at].empty()) continue;
    const std::size_t variant = wanted[at].first;
    states_[variant].failed = true;
    auto& row = report_.variants[variant];
    row.status = Status::failed;
    row.why = problems[at];
    row.images[wanted[at].second].status = Status::failed;
    if (declared(variant).required == Required::no)
      report_.warnings.push_back("optional variant " + row.name + ": " + problems[at]);
    else
      stops.push_back(problems[at]);
  }
  if (!stops.empty())
    return Error(ErrorKind::policy,
                 std::to_string(stops.size()) + (stops.size() == 1 ? " part" : " parts") + " of release " + plan_.id +
                     (stops.size() == 1 ? " is" : " are") + " not as the plan says; no tag has moved",
                 join(stops, "\n"), "run the jobs of these parts again, then promote")
        .with("failed", std::to_string(stops.size()));
  for (std::size_t i = 0; i < plan_.variants.size(); ++i) {
    if (!to_build(i) || states_[i].failed) continue;
    SHIPSET_CHECK(assemble(i));
    report_.variants[i].status = Status::done;
  }
  return {};
}

/// Parts that name what the plan does not, or one image twice.
Result<void> Run::check_parts() {
  std::map<std::pair<std::string, std::string>, const Part*> seen;
  std::vector<std::string> problems;
  for (const auto& part : parts_) {
    const std::string name = part.variant + "/" + part.platform + " in " + part.file;
    const auto at = variant_at_.find(part.variant);
    const bool known =
        at != variant_at_.end() &&
        std::any_of(plan_.variants[at->second].images.begin(), plan_.variants[at->second].images.end(),
                    [&](const PlannedImage& image) { return image.task.platform.str() == part.platform; });
    if (part.id != plan_.id) {
      problems.push_back(name + " is foreign: it belongs to release " + printable(part.id, 40));
    } else if (!known) {
      problems.push_back(name + " is foreign: the plan has no such image");
    } else if (const auto [other, fresh] = seen.emplace(std::make_pair(part.variant, part.platform), &part);
               !fresh && other->second->leg != part.leg) {
      problems.push_back(name + " is doubled: " + other->second->file + " names another image for it");
    }
  }
  if (problems.empty()) return {};
  return Error(ErrorKind::policy, "the parts do not fit release " + plan_.id, join(problems, "\n"),
               "give only the parts of this release, one for each image");
}

/// What is wrong with the leg; empty: it was taken.
Result<std::string> Run::find_leg(std::size_t variant, std::size_t image) {
  const auto& planned = plan_.variants[variant].images[image];
  const std::string name = planned.task.name();
  std::optional<Digest> named;
  for (const auto& part : parts_)
    if (part.variant == planned.task.variant && part.platform == planned.task.platform.str()) named = part.leg;
  if (!parts_.empty() && !named) return name + " is missing: no part names it";
  std::vector<oci::Store*> stores;
  if (staging_store_ != nullptr) stores.push_back(staging_store_);
  for (const std::size_t target : places_of(variant)) stores.push_back(targets_[target]);
  for (oci::Store* const at : stores) {
    oci::Store& store = *at;
    std::optional<Digest> digest = named;
    if (!digest) {
      SHIPSET_TRY(const auto tagged, store.resolve(leg_tag(plan_.id, planned.task.variant, planned.task.platform)));
      if (tagged) digest = tagged->digest;
    }
    if (!digest) continue;
    auto bytes = store.manifest(*digest);
    if (!bytes && bytes.error().kind == ErrorKind::not_found) continue;
    if (!bytes) return std::move(bytes).error();
    return take_leg(variant, image, store, *bytes);
  }
  return name + " is missing: it was not staged" + (named ? " where the plan goes to" : "");
}

Result<std::string> Run::take_leg(std::size_t variant, std::size_t image, oci::Store& store,
                                  const oci::ManifestBytes& document) {
  const auto& planned = plan_.variants[variant].images[image];
  const std::string name = planned.task.name();
  const auto leg = parse_leg(document.bytes, "the leg " + document.descriptor.digest.str());
  if (!leg) return name + " is foreign: " + leg.error().what;
  if (leg->id != plan_.id) return name + " is foreign: it belongs to release " + printable(leg->id, 40);
  if (leg->variant != planned.task.variant || leg->platform != planned.task.platform.str())
    return name + " is foreign: what was staged for it is " + printable(leg->variant + "/" + leg->platform, 100);
  if (leg->key != leg_key(planned).str()) return name + " was built from other inputs than the plan says";
  SHIPSET_TRY(const bool complete, oci::graph_complete(store, document.descriptor));
  if (!complete) return name + " is staged, but content below it is missing";
  build::BuiltImage built;
  built.manifest = leg->image;
  built.store = &store;
  states_[variant].images[image] = std::move(built);
  if (leg->attestation) states_[variant].attestations[image] = *leg->attestation;
  auto& row = report_.variants[variant].images[image];
  row.status = Status::done;
  row.manifest = leg->image;
  row.leg = document.descriptor;
  return std::string();
}

/// Legs under tags of their own: where a run ends after staging, and others join what it left.
oci::Delivery Run::legs_for(std::size_t target) {
  oci::Delivery out{targets_[target], {}};
  for (std::size_t i = 0; i < plan_.variants.size(); ++i) {
    const auto& variant = plan_.variants[i];
    if (!to_build(i) || states_[i].failed) continue;
    if (std::find(variant.targets.begin(), variant.targets.end(), target) == variant.targets.end()) continue;
    for (std::size_t j = 0; j < variant.images.size(); ++j) {
      const auto& leg = *report_.variants[i].images[j].leg;
      out.roots.push_back(leg);
      out.tags.push_back({leg_tag(plan_.id, variant.name, variant.images[j].task.platform), leg.digest});
    }
  }
  return out;
}

Result<void> Run::make_legs() {
  for (std::size_t i = 0; i < plan_.variants.size(); ++i) {
    if (!to_build(i) || states_[i].failed) continue;
    for (std::size_t j = 0; j < plan_.variants[i].images.size(); ++j) {
      const auto leg = leg_document(plan_.id, plan_.variants[i].images[j], states_[i].images[j]->manifest,
                                    states_[i].attestations[j], external_gates(plan_.variants[i].name));
      SHIPSET_CHECK(put_document(*work_, leg));
      report_.variants[i].images[j].leg = leg.descriptor;
    }
  }
  return {};
}

/// After the release the legs are nobody's; one that cannot be removed is told, and is no failure.
void Run::remove_legs() {
  std::vector<std::string> left;
  const auto remove = [&](oci::Store& store, const std::string& tag) {
    const auto removed = store.remove_tag(tag);
    if (!removed || !*removed) left.push_back(store.name() + ":" + tag);
  };
  for (std::size_t i = 0; i < plan_.variants.size(); ++i)
    for (const auto& image : plan_.variants[i].images) {
      if (!to_build(i) || states_[i].failed) continue;
      const std::string tag = leg_tag(plan_.id, plan_.variants[i].name, image.task.platform);
      if (staging_store_ != nullptr) remove(*staging_store_, tag);
      for (const std::size_t target : places_of(i)) remove(*targets_[target], tag);
    }
  if (!left.empty()) report_.warnings.push_back("these tags of the staging could not be removed: " + join(left, ", "));
}

}  // namespace shipset::release
