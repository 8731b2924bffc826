// What planning can tell of the set manifest: whether its tag is free, and, where that costs no request, whether it is
// there. A registry is asked about it only for that tag.
#include <algorithm>

#include "planner.hpp"
#include "set_store.hpp"

namespace shipset::release {

Result<void> Planner::judge_set() {
  const Matrix& matrix = *plan_.matrix;
  if (matrix.set_tag) plan_.set.tag = set_tag_of(matrix.version);
  const bool settled = plan_.nothing_to_do();
  for (std::size_t target = 0; target < plan_.targets.size(); ++target) {
    if (looked_[target] == nullptr) continue;
    SHIPSET_TRY(const bool tagged, judge_set_tag(target));
    if (!settled) continue;
    SHIPSET_TRY(const bool there, has_set(target));
    plan_.set.due = plan_.set.due || !tagged || !there;
  }
  return refuse_conflicts();
}

/// False: the set shall have a tag here and has none.
Result<bool> Planner::judge_set_tag(std::size_t target) {
  const auto& tag = plan_.set.tag;
  const bool used =
      std::any_of(plan_.tags.begin(), plan_.tags.end(), [&](const PlannedTag& one) { return one.target == target; });
  if (tag.empty() || !used) return true;
  oci::Store& store = *looked_[target];
  SHIPSET_TRY(const auto at, store.resolve(tag));
  if (!at) return false;
  SHIPSET_TRY(const auto note, tagged_set(store, *at));
  if (!note || note->name != plan_.matrix->name || note->version != plan_.matrix->version)
    conflicts_.push_back(plan_.targets[target].name() + ":" + tag + " holds " + at->digest.str() +
                         ", which is no set manifest of this release");
  return true;
}

/// Only of layouts: there the question costs no request.
Result<bool> Planner::has_set(std::size_t target) {
  if (dynamic_cast<oci::LayoutStore*>(looked_[target]) == nullptr) return true;
  for (const auto& tag : plan_.tags) {
    const auto& index = find(tag.variant)->found[tag.target];
    if (tag.target != target || tag.action != TagAction::keep || !index) continue;
    SHIPSET_TRY(const auto notes, find_sets(*looked_[target], index->digest));
    if (std::none_of(notes.begin(), notes.end(), [&](const SetNote& note) {
          return note.name == plan_.matrix->name && note.version == plan_.matrix->version;
        }))
      return false;
  }
  return true;
}

}  // namespace shipset::release
