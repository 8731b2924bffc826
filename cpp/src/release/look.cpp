// The planner's look at the destinations: what every tag holds now, and which destination cannot be asked.
#include <algorithm>

#include "planner.hpp"
#include "promotion.hpp"
#include "shipset/base/parallel.hpp"

namespace shipset::release {

namespace {
constexpr std::size_t looks_at_once = 8;
}  // namespace

Result<void> Planner::look_at_tags() {
  looked_.resize(plan_.targets.size());
  for (std::size_t i = 0; i < plan_.targets.size(); ++i) {
    const auto promised = promised_left_out_.find(plan_.targets[i].name());
    const auto looked = promised == promised_left_out_.end()
                            ? look_at_target(i)
                            : Result<void>(Error(ErrorKind::registry, promised->second));
    if (!looked) SHIPSET_CHECK(leave_out(i, looked.error()));
  }
  return {};
}

/// What cannot be asked before anything has moved needs not end the release at the others.
Result<void> Planner::leave_out(std::size_t target, const Error& error) {
  if (!plan_.matrix->continue_on_registry_failure || !of_the_registry(error.kind)) return error;
  Target& out = plan_.targets[target];
  out.left_out = error.what + (error.why.empty() ? "" : ": " + error.why);
  if (std::all_of(plan_.targets.begin(), plan_.targets.end(), [](const auto& one) { return !one.left_out.empty(); }))
    return error;
  looked_[target] = nullptr;
  for (auto& tag : plan_.tags)
    if (tag.target == target) tag.current.reset();
  Problem problem;
  problem.severity = Problem::Severity::warning;
  problem.file = plan_.matrix->file;
  problem.key = "release.on_registry_failure";
  problem.message = out.name() + " is left out: " + out.left_out;
  problem.hint = error.hint;
  plan_.warnings.push_back(std::move(problem));
  return {};
}

Result<void> Planner::look_at_target(std::size_t target) {
  SHIPSET_TRY(looked_[target], stores_.look(plan_.targets[target]));
  oci::Store* const store = looked_[target];
  if (store == nullptr) return {};
  std::vector<PlannedTag*> here;
  for (auto& tag : plan_.tags)
    if (tag.target == target) here.push_back(&tag);
  if (auto* layout = dynamic_cast<oci::LayoutStore*>(store)) {
    SHIPSET_TRY(const oci::Index index, layout->index());
    std::map<std::string, const oci::Descriptor*> named;
    for (const auto& item : index.manifests)
      if (const auto name = item.annotations.find(std::string(oci::ref_name_key)); name != item.annotations.end())
        named.insert_or_assign(name->second, &item);
    for (auto* tag : here)
      if (const auto at = named.find(tag->tag); at != named.end()) tag->current = *at->second;
    return {};
  }
  return parallel_for(here.size(), looks_at_once, cancel_, [&](std::size_t i) -> Result<void> {
    SHIPSET_TRY(here[i]->current, store->resolve(here[i]->tag));
    return {};
  });
}

}  // namespace shipset::release
