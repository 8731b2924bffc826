// The planner's second half: what is already there, which tags move, and what must stop the release before it begins.
#include <algorithm>
#include <set>

#include "planner.hpp"
#include "shipset/base/text.hpp"
#include "shipset/oci/transfer.hpp"

namespace shipset::release {

namespace {

bool named(const std::vector<std::string>& names, const tags::Entry& entry) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return name == entry.tag || name == entry.familiar() || name == entry.repository + ":" + entry.tag;
  });
}

}  // namespace

bool Planner::may_replace(const PlannedTag& tag) const {
  return named(plan_.options.replace_tags, entry(tag));
}
bool Planner::is_forced(const PlannedTag& tag) const {
  return named(plan_.options.force_tags, entry(tag));
}

/// A name that fits no tag is a mistake; so is one of the wrong kind, which would silently do nothing.
Result<void> Planner::check_named_tags() const {
  const auto look = [&](const std::vector<std::string>& names, std::string_view option, bool exact) -> Result<void> {
    for (const auto& name : names) {
      std::vector<std::string> known;
      bool here = false, fits = false;
      for (const auto& item : plan_.table.entries) {
        const bool is_exact = item.moves == Moves::never;
        const bool same = named({name}, item);
        here = here || same;
        fits = fits || (same && is_exact == exact);
        if (is_exact == exact) known.push_back(item.tag);
      }
      if (fits) continue;
      const std::string what = std::string(option) + " " + printable(name, 140);
      if (here && exact)
        return Error(ErrorKind::usage, what + " names a tag that is not exact", "such a tag moves by its rule",
                     "to move a forward tag whatever the versions say, use --force-tag");
      if (here)
        return Error(ErrorKind::usage, what + " names an exact tag", "it never moves to other content",
                     "to overwrite it, use --replace");
      const auto near = nearest_name(name, known);
      return Error(ErrorKind::usage, what + " names no tag of this release", {},
                   near.empty() ? "shipset tags lists them" : "did you mean " + near + "?");
    }
    return {};
  };
  SHIPSET_CHECK(look(plan_.options.replace_tags, "--replace", true));
  return look(plan_.options.force_tags, "--force-tag", false);
}

Result<const Planner::Found*> Planner::load(std::size_t target, const oci::Descriptor& descriptor) {
  const auto key = std::make_pair(target, descriptor.digest);
  if (const auto at = found_.find(key); at != found_.end()) return &at->second;
  Found found;
  found.document.descriptor = descriptor;
  auto bytes = looked_[target]->manifest(descriptor.digest);
  if (!bytes && bytes.error().kind != ErrorKind::not_found && bytes.error().kind != ErrorKind::verify)
    return std::move(bytes).error();
  if (bytes && oci::is_index(bytes->descriptor.media_type)) {
    found.document = {bytes->descriptor, bytes->bytes};
    if (const auto index = oci::Index::parse(bytes->bytes, "the index " + descriptor.digest.str())) {
      const auto at = index->annotations.find(std::string(oci::build_key_annotation));
      if (at != index->annotations.end()) found.key = at->second;
    }
    SHIPSET_TRY(found.complete, oci::graph_complete(*looked_[target], bytes->descriptor));
  }
  return &found_.emplace(key, std::move(found)).first->second;
}

void Planner::choose_attestation_form() {
  const bool wanted = std::any_of(plan_.variants.begin(), plan_.variants.end(), [](const PlannedVariant& variant) {
    return std::any_of(variant.images.begin(), variant.images.end(), [](const PlannedImage& image) {
      const auto& form = image.task.settings.attestations;
      return form.in_index && form.form == AttestationForm::oci_artifact;
    });
  });
  if (!wanted) return;
  for (const auto& target : plan_.targets) {
    if (target.location.kind != Location::Kind::registry) continue;
    const auto fact = stores_.profile(target.location).empty_config;
    if (fact.value != std::optional(false)) continue;
    plan_.legacy_attestations = true;
    Problem problem;
    problem.severity = Problem::Severity::warning;
    problem.file = plan_.matrix->file;
    problem.key = "attestations.form";
    problem.message = target.name() + " refuses artifacts with an empty config" +
                      (fact.at_unix_s > 0 ? " (seen " + rfc3339(fact.at_unix_s).substr(0, 10) + ")" : "") +
                      ": attestations take the legacy form at every destination";
    problem.hint = "set form = \"legacy\" to have it so always";
    plan_.warnings.push_back(std::move(problem));
  }
}

/// Tags that keep old digests cannot be taken away again everywhere. Told where that is known and some will be needed.
void Planner::warn_of_what_stays() {
  for (std::size_t target = 0; target < plan_.targets.size(); ++target) {
    const auto& location = plan_.targets[target].location;
    if (location.kind != Location::Kind::registry) continue;
    const auto profile = stores_.profile(location);
    if (profile.delete_tag.value != std::optional(false) || profile.delete_digest.value != std::optional(false))
      continue;
    std::set<Digest> old;
    for (const auto& tag : plan_.tags)
      if (tag.target == target && tag.current && (tag.action == TagAction::move || tag.action == TagAction::decide))
        old.insert(tag.current->digest);
    if (old.empty()) continue;
    Problem problem;
    problem.severity = Problem::Severity::warning;
    problem.file = plan_.matrix->file;
    problem.message = plan_.targets[target].name() + " removes no tags on request: up to " +
                      std::to_string(old.size()) + " tags _shipset.<id>.hold.<n> that keep what moves away stay there";
    problem.hint = "shipset clean lists them; remove them in the registry's web interface, or with its own tool";
    plan_.warnings.push_back(std::move(problem));
  }
}

Result<void> Planner::judge_variants() {
  for (auto& variant : plan_.variants) {
    if (variant.images.empty()) continue;
    SHIPSET_CHECK(cancel_.check());
    std::size_t there = 0, lacking = 0;
    for (const std::size_t target : variant.targets) {
      SHIPSET_CHECK(judge_at(variant, target));
      if (plan_.targets[target].left_out.empty()) ++(variant.found[target] ? there : lacking);
    }
    if (there == 0) continue;
    variant.action = lacking == 0 ? VariantAction::present : VariantAction::copy;
    variant.why = variant.action == VariantAction::present ? "every destination has this build (same build key)"
                                                           : "one destination has this build, others get it from there";
  }
  return refuse_conflicts();
}

Result<void> Planner::judge_at(PlannedVariant& variant, std::size_t target) {
  const auto listed = tags_of_.find({target, variant.name});
  if (variant.why.empty()) variant.why = "no tag of the destination holds this build";
  if (listed == tags_of_.end() || looked_[target] == nullptr) return {};
  const auto is_exact = [&](std::size_t i) { return entry(plan_.tags[i]).moves == Moves::never; };
  const bool has_exact = std::any_of(listed->second.begin(), listed->second.end(), is_exact);
  for (const std::size_t i : listed->second) {
    const auto& tag = plan_.tags[i];
    if (!tag.current || !entry(tag).platforms.empty() || (has_exact && !is_exact(i))) continue;
    SHIPSET_TRY(const Found* const found, load(target, *tag.current));
    if (found->key == variant.build_key.str()) {
      if (found->complete) {
        variant.found[target] = found->document.descriptor;
      } else {
        variant.action = VariantAction::repair;
        variant.why = entry(tag).familiar() + " is this build, but content below it is missing";
      }
    } else if (is_exact(i) && !may_replace(tag) && !variant.unbuildable) {
      conflicts_.push_back(plan_.targets[target].name() + ":" + tag.tag + " holds " + tag.current->digest.str() +
                           (found->key.empty() ? ", which has no build key" : ", built from other inputs"));
    }
  }
  return {};
}

Result<void> Planner::refuse_conflicts() const {
  if (conflicts_.empty()) return {};
  return Error(ErrorKind::tag_conflict,
               conflicts_.size() == 1 ? "an exact tag holds other content"
                                      : std::to_string(conflicts_.size()) + " exact tags hold other content",
               join(conflicts_, "\n"),
               "release under a new version, or name each tag that may be overwritten with --replace TAG")
      .with("tags", join(conflicts_, "; "));
}

Result<void> Planner::judge_tags() {
  for (auto& tag : plan_.tags) {
    const auto* variant = find(tag.variant);
    SHIPSET_CHECK(judge_tag(tag, *variant));
  }
  return refuse_conflicts();
}

Result<void> Planner::judge_tag(PlannedTag& tag, const PlannedVariant& variant) {
  const auto& item = entry(tag);
  tag.reason = item.reason;
  if (!plan_.targets[tag.target].left_out.empty()) {
    tag.action = TagAction::refuse;
    tag.reason = "its destination is left out";
    return {};
  }
  if (auto why = left_alone(tag); !why.empty()) {
    tag.action = TagAction::refuse;
    tag.reason = std::move(why);
    return {};
  }
  const auto& found = variant.found[tag.target];
  if (found && tag.current) {
    SHIPSET_TRY(const Found* const at, load(tag.target, *found));
    SHIPSET_TRY(const Document wanted, point_at(item, at->document));
    if (wanted.descriptor.digest == tag.current->digest) {
      tag.action = TagAction::keep;
      tag.reason = "it holds this build already";
      return {};
    }
    if (item.moves == Moves::never && !may_replace(tag)) {
      conflicts_.push_back(plan_.targets[tag.target].name() + ":" + tag.tag + " holds " + tag.current->digest.str() +
                           ", this release needs " + wanted.descriptor.digest.str());
      return {};
    }
  }
  if (item.moves == Moves::forward) return judge_forward(tag);
  tag.action = !tag.current ? TagAction::create : found ? TagAction::move : TagAction::decide;
  tag.replace = tag.current && item.moves == Moves::never && may_replace(tag);
  if (tag.replace) tag.reason += "; --replace names it";
  return {};
}

Result<const tags::VersionReader*> Planner::versions_at(std::size_t target) {
  auto reader = versions_.find(target);
  if (reader == versions_.end()) {
    std::vector<std::string> all;
    if (looked_[target] != nullptr) {
      SHIPSET_TRY(all, looked_[target]->tags());
    }
    reader = versions_.emplace(target, tags::VersionReader(*plan_.matrix, plan_.targets[target].repository, all)).first;
  }
  return &reader->second;
}

Result<void> Planner::judge_forward(PlannedTag& tag) {
  SHIPSET_TRY(const tags::VersionReader* const reader, versions_at(tag.target));
  const auto decision = reader->decide(entry(tag));
  tag.reason = decision.reason;
  tag.action = !tag.current ? TagAction::create : TagAction::move;
  if (decision.move) return {};
  if (is_forced(tag)) {
    tag.reason = "--force-tag names it, although " + decision.reason;
    return {};
  }
  tag.action = TagAction::refuse;
  return {};
}

}  // namespace shipset::release
