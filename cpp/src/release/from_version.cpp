// The planner's way for `promote --from-version`: nothing is built or prepared; every variant is found by its exact
// tags of that version, and only what these tags cannot tell apart is a reason to stop.
#include <algorithm>
#include <array>
#include <set>

#include "planner.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

constexpr std::size_t shown_versions = 5;

/// What a rule says about the checkout or the day, not about the version.
bool is_about_now(const tags::Entry& entry) {
  constexpr std::array words = {"git.sha", "git.branch", "git.commit_count", "{date",    "{-date",
                                "{{sha",   "{{branch",   "commit_date",      "type=sha", "type=schedule"};
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return entry.reason.find(word) != std::string::npos; });
}

}  // namespace

/// Why `--from-version` leaves a tag as it is; "" when its rule is applied.
std::string Planner::left_alone(const PlannedTag& tag) const {
  const std::string& version = plan_.options.from_version;
  if (version.empty()) return {};
  const auto& item = entry(tag);
  const auto& variant = plan_.variants[variant_at_.at(tag.variant)];
  if (variant.action != VariantAction::present) return variant.why;
  if (item.moves == Moves::never && !tags::names_whole_version(item, plan_.matrix->scheme))
    return "an exact tag that does not name " + version;
  if (is_about_now(item)) return "it is about the checkout or the day, not about " + version;
  return {};
}

Result<void> Planner::find_version() {
  if (plan_.matrix->version != plan_.options.from_version)
    return Error(ErrorKind::usage, "the matrix is of version " + printable(plan_.matrix->version, 80),
                 "the tags of " + printable(plan_.options.from_version, 80) + " were asked for");
  std::vector<std::string> missing;
  for (auto& variant : plan_.variants) {
    if (variant.action == VariantAction::inactive || variant.action == VariantAction::excluded) continue;
    SHIPSET_CHECK(cancel_.check());
    SHIPSET_CHECK(find_variant(variant, missing));
  }
  if (!missing.empty()) return refuse_missing(missing);
  const bool any = std::any_of(plan_.variants.begin(), plan_.variants.end(),
                               [](const PlannedVariant& variant) { return variant.action == VariantAction::present; });
  if (any) return refuse_conflicts();
  return Error(ErrorKind::usage, "no variant of " + given_.name + " is released as " + plan_.options.from_version,
               "all of them are left out");
}

Result<void> Planner::find_variant(PlannedVariant& variant, std::vector<std::string>& missing) {
  if (variant.images.empty() || !plan_.matrix->find(variant.name)->publish) {
    variant.action = VariantAction::excluded;
    variant.why = "it is not published";
    return {};
  }
  std::vector<std::string> mine;
  for (const std::size_t target : variant.targets) SHIPSET_CHECK(find_variant_at(variant, target, mine));
  variant.action = VariantAction::present;
  variant.why = "version " + plan_.options.from_version + " is there";
  if (mine.empty()) return {};
  variant.action = VariantAction::absent;
  variant.why = join(mine, "; ");
  // What was skipped when the version was released has nothing that could be promoted now.
  const auto required = plan_.matrix->find(variant.name)->required;
  const bool nowhere = std::none_of(variant.found.begin(), variant.found.end(), [](const auto& at) { return !!at; });
  if (required == Required::no || (required == Required::if_present && nowhere)) return {};
  missing.insert(missing.end(), mine.begin(), mine.end());
  return {};
}

/// The index that the exact tags of the version hold at one target.
Result<void> Planner::find_variant_at(PlannedVariant& variant, std::size_t target, std::vector<std::string>& missing) {
  const auto listed = tags_of_.find({target, variant.name});
  std::vector<std::string> looked;
  std::optional<std::size_t> holder;
  if (listed != tags_of_.end()) {
    for (const std::size_t i : listed->second) {
      const auto& tag = plan_.tags[i];
      const auto& item = entry(tag);
      if (item.moves != Moves::never || !item.platforms.empty() ||
          !tags::names_whole_version(item, plan_.matrix->scheme))
        continue;
      const std::string reference = plan_.targets[target].name() + ":" + tag.tag;
      looked.push_back(reference);
      // The first rule decides; another exact tag that differs is a conflict, and one that may be replaced decides
      // last.
      if (tag.current && (!holder || (may_replace(plan_.tags[*holder]) && !may_replace(tag)))) holder = i;
    }
  }
  if (looked.empty())
    return Error(ErrorKind::usage, "variant " + variant.name + " cannot be found by its version",
                 "no exact tag of it names a whole version", "give it the rule { tag = \"{version}{-suffix}\" }");
  if (!holder) {
    missing.push_back(variant.name + ": " + join(looked, ", ") + " is not there");
    return {};
  }
  const auto& tag = plan_.tags[*holder];
  const std::string reference = plan_.targets[target].name() + ":" + tag.tag;
  SHIPSET_TRY(const Found* const found, load(target, *tag.current));
  if (found->document.bytes.empty()) {
    missing.push_back(variant.name + ": " + reference + " is no index");
  } else if (!found->complete) {
    missing.push_back(variant.name + ": " + reference + " is not complete, content below it is missing");
  } else {
    variant.found[target] = found->document.descriptor;
    if (auto key = Digest::parse(found->key)) variant.build_key = std::move(*key);
  }
  return {};
}

Result<void> Planner::refuse_missing(const std::vector<std::string>& missing) {
  const std::string& version = plan_.options.from_version;
  const bool somewhere = std::any_of(plan_.variants.begin(), plan_.variants.end(), [](const PlannedVariant& variant) {
    return std::any_of(variant.found.begin(), variant.found.end(), [](const auto& at) { return !!at; });
  });
  if (somewhere)
    return Error(ErrorKind::policy, "version " + version + " is not complete", join(missing, "\n"),
                 "release it again: what is there is not built again");
  std::set<std::string> known;
  for (std::size_t target = 0; target < plan_.targets.size(); ++target) {
    SHIPSET_TRY(const tags::VersionReader* const reader, versions_at(target));
    for (const auto& variant : plan_.variants)
      for (const auto& found : reader->versions(variant.name)) known.insert(found.raw());
  }
  std::vector<std::string> names(known.begin(), known.end());
  std::string hint = names.empty() ? "the destination has no version of this release" : "";
  if (const auto near = nearest_name(version, names); !near.empty()) {
    hint = "did you mean " + near + "?";
  } else if (!names.empty()) {
    if (names.size() > shown_versions) names.erase(names.begin(), names.end() - shown_versions);
    hint = "there are " + join(names, ", ");
  }
  return Error(ErrorKind::usage, "there is no version " + printable(version, 80), join(missing, "\n"), hint);
}

}  // namespace shipset::release
