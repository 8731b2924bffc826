// A frozen plan taken as it is: for a release whose tags have begun to move, where looking again would see its own
// half.
#include "restore.hpp"

#include <algorithm>

#include "plan_read.hpp"
#include "planner.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

using namespace frozen;

namespace {

std::optional<VariantAction> variant_action(const std::string& name) {
  for (const auto action : {VariantAction::build, VariantAction::present, VariantAction::copy, VariantAction::repair,
                            VariantAction::inactive, VariantAction::absent, VariantAction::excluded})
    if (to_string(action) == name) return action;
  return std::nullopt;
}

std::optional<TagAction> tag_action(const std::string& name) {
  for (const auto action : {TagAction::create, TagAction::move, TagAction::keep, TagAction::decide, TagAction::refuse})
    if (to_string(action) == name) return action;
  return std::nullopt;
}

Result<std::optional<oci::Descriptor>> descriptor_at(const Json& json, const char* key) {
  const Json& found = child(json, key);
  if (!found.is_object()) return std::optional<oci::Descriptor>();
  oci::Descriptor out;
  out.media_type = text_at(found, "media_type");
  SHIPSET_TRY(out.digest, Digest::parse(text_at(found, "digest")));
  out.size = static_cast<std::uint64_t>(number_at(found, "size_bytes").value_or(0));
  return std::optional<oci::Descriptor>(std::move(out));
}

Error other(const std::string& what) {
  return changed("the frozen plan does not fit its release file: " + what,
                 "a file that it reads, or shipset itself, has changed since");
}

Result<void> restore_image(PlannedImage& image, const Json& frozen) {
  image.task.bases.clear();
  const std::string source = text_at(frozen, "source");
  if (!source.empty()) {
    SHIPSET_TRY(image.task.source, Digest::parse(source));
  }
  for (const auto& base : child(frozen, "bases")) {
    build::PinnedBase pinned{text_at(base, "arg"), text_at(base, "reference"), {}, {}, text_at(base, "platform")};
    SHIPSET_TRY(pinned.digest, Digest::parse(text_at(base, "digest")));
    if (const auto index = Digest::parse(text_at(base, "index_digest"))) pinned.index_digest = *index;
    image.task.bases.push_back(std::move(pinned));
  }
  return {};
}

}  // namespace

Result<void> Planner::restore_variant(PlannedVariant& variant, const Json& frozen) {
  const auto action = variant_action(text_at(frozen, "action"));
  if (!action || text_at(frozen, "name") != variant.name) return other("its variants differ");
  variant.action = *action;
  variant.why = text_at(frozen, "why");
  if (const std::string key = text_at(frozen, "build_key"); !key.empty()) {
    SHIPSET_TRY(variant.build_key, Digest::parse(key));
  }
  const Json& images = child(frozen, "images");
  std::vector<PlannedImage> kept;
  for (auto& image : variant.images)
    for (const auto& item : images) {
      if (text_at(item, "platform") != image.task.platform.str()) continue;
      SHIPSET_CHECK(restore_image(image, item));
      if (build_key({image}).str() != text_at(item, "key")) return other("the settings of variant " + variant.name);
      kept.push_back(std::move(image));
      break;
    }
  if (kept.size() != images.size()) return other("the platforms of variant " + variant.name);
  variant.images = std::move(kept);
  const Json& at = child(frozen, "at");
  for (std::size_t i = 0; i < variant.targets.size() && i < at.size(); ++i) {
    SHIPSET_TRY(variant.found[variant.targets[i]], descriptor_at(at[i], "index"));
  }
  return {};
}

Result<Plan> Planner::restore(const Json& frozen) {
  SHIPSET_CHECK(make_frame());
  SHIPSET_CHECK(list_variants());
  const Json& variants = child(frozen, "variants");
  if (variants.size() != plan_.variants.size()) return other("its variants differ");
  for (std::size_t i = 0; i < plan_.variants.size(); ++i)
    SHIPSET_CHECK(restore_variant(plan_.variants[i], variants[i]));
  const auto out = left_out(frozen);
  for (auto& target : plan_.targets)
    if (const auto at = out.find(target.name()); at != out.end()) target.left_out = at->second;
  list_tags();
  const Json& tags = child(frozen, "tags");
  if (tags.size() != plan_.tags.size()) return other("its tags differ");
  for (std::size_t i = 0; i < plan_.tags.size(); ++i) {
    auto& tag = plan_.tags[i];
    const auto action = tag_action(text_at(tags[i], "action"));
    if (!action || text_at(tags[i], "reference") != plan_.targets[tag.target].name() + ":" + tag.tag)
      return other("its tags differ");
    tag.action = *action;
    tag.reason = text_at(tags[i], "reason");
    SHIPSET_TRY(tag.current, descriptor_at(tags[i], "current"));
  }
  plan_.set.tag = text_at(child(frozen, "set"), "tag");
  plan_.set.due = child(child(frozen, "set"), "due") == Json(true);
  plan_.legacy_attestations = child(frozen, "legacy_attestations") == Json(true);
  return std::move(plan_);
}

Result<Plan> look_again(const Plan& plan, const EventSink& events, const CancelToken& cancel) {
  SHIPSET_TRY(const Json frozen, parse(plan.to_json()));
  Options options = plan.options;
  options.id = plan.id;
  return Planner(*plan.matrix, options, pins(frozen), events, cancel).run();
}

Result<Plan> restore_plan(std::string_view text, const std::filesystem::path& file, const std::string& spec_text,
                          const registry::ClientOptions& client, const EventSink& events) {
  SHIPSET_TRY(const Json frozen, parse(text));
  SHIPSET_TRY(const Matrix matrix, frozen::matrix(frozen, file, spec_text));
  Options options = frozen::options(frozen, client);
  options.id = text_at(frozen, "id");
  return Planner(matrix, options, pins(frozen), events, {}).restore(frozen);
}

}  // namespace shipset::release
