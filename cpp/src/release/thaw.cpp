// A frozen plan is a promise: everything is derived again from the release file and compared with what was promised.
#include <set>

#include "plan_read.hpp"
#include "planner.hpp"
#include "shipset/base/text.hpp"
#include "shipset/release/plan.hpp"

namespace shipset::release {

using namespace frozen;

namespace {

Error no_longer(const std::string& variant, std::string why) {
  Error error = changed("variant " + variant + " is no longer what the plan says", std::move(why));
  error.hint +=
      "; files that jobs leave in the build context change it: keep them elsewhere, or name them in "
      ".dockerignore";
  return error;
}

std::map<std::string, Digest> keys_of(const Json& promised) {
  std::map<std::string, Digest> out;
  for (const auto& variant : child(promised, "variants"))
    if (auto key = Digest::parse(text_at(variant, "build_key"))) out.emplace(text_at(variant, "name"), std::move(*key));
  return out;
}

/// One line per platform image: bases and source as the plan froze them.
std::string sources_of(const Json& image) {
  std::string out = text_at(image, "platform") + " " + text_at(image, "source");
  for (const auto& base : child(image, "bases"))
    out += " " + text_at(base, "reference") + "@" + text_at(base, "digest");
  return out;
}

const Json& image_at(const Json& images, const std::string& platform) {
  static const Json nothing;
  for (const auto& image : images)
    if (text_at(image, "platform") == platform) return image;
  return nothing;
}

std::string difference(const Json& promised, const Json& now) {
  const std::string before = sources_of(promised), after = sources_of(now);
  return before == after ? "its settings differ" : "planned: " + before + "\nnow:     " + after;
}

/// Of a part of the plan, each image that is built here.
Result<void> compare_images(const Json& promised, const Json& now, const std::string& name) {
  for (const auto& image : now) {
    const Json& before = image_at(promised, text_at(image, "platform"));
    if (text_at(before, "key") == text_at(image, "key")) continue;
    return no_longer(name, difference(before, image));
  }
  return {};
}

Result<void> compare_variants(const Json& promised, const Json& now) {
  const auto& before = child(promised, "variants");
  const auto& after = child(now, "variants");
  if (before.size() != after.size()) return changed("the plan names other variants than the release file", {});
  for (std::size_t i = 0; i < before.size(); ++i) {
    const std::string name = text_at(before[i], "name");
    std::string why = "its settings differ";
    const auto& images = child(before[i], "images");
    const auto& images_now = child(after[i], "images");
    if (text_at(after[i], "action") == "excluded") continue;
    if (images_now.size() < images.size()) {
      SHIPSET_CHECK(compare_images(images, images_now, name));
      continue;
    }
    if (text_at(before[i], "build_key") == text_at(after[i], "build_key")) continue;
    for (std::size_t j = 0; j < images.size() && j < images_now.size(); ++j)
      if (sources_of(images[j]) != sources_of(images_now[j])) why = difference(images[j], images_now[j]);
    return no_longer(name, why);
  }
  return {};
}

std::string digest_at(const Json& tag) {
  return text_at(child(tag, "current"), "digest");
}

Result<void> compare_tags(const Json& promised, const Json& now) {
  const auto out = left_out(now);
  std::set<std::string> unseen;  // nothing moves there
  for (const auto& target : child(now, "targets"))
    if (out.contains(text_at(target, "location"))) unseen.insert(text_at(target, "repository"));
  const auto& before = child(promised, "tags");
  const auto& after = child(now, "tags");
  if (before.size() != after.size()) return changed("the plan names other tags than the release file gives now", {});
  for (std::size_t i = 0; i < before.size(); ++i) {
    const std::string reference = text_at(before[i], "reference");
    if (reference != text_at(after[i], "reference"))
      return changed("the plan names other tags than the release file gives now", "planned: " + reference);
    if (digest_at(before[i]) == digest_at(after[i]) || text_at(after[i], "action") == "keep" ||
        unseen.contains(text_at(after[i], "repository")))
      continue;
    const std::string expected = digest_at(before[i]).empty() ? "no tag" : digest_at(before[i]);
    const std::string found = digest_at(after[i]).empty() ? "no tag" : digest_at(after[i]);
    return Error(ErrorKind::tag_moved, reference + " has moved since the plan was made",
                 "the plan expected " + expected + ", found " + found, "see who moved it, then make a new plan")
        .with("reference", reference)
        .with("expected", expected)
        .with("found", found);
  }
  return {};
}

}  // namespace

Result<Plan> thaw_plan(std::string_view text, const ThawOptions& thaw, const EventSink& events,
                       const CancelToken& cancel) {
  SHIPSET_TRY(const Json promised, parse(text));
  SHIPSET_TRY(const Matrix matrix, frozen::matrix(promised, thaw.file, thaw.spec_text));
  Options options = frozen::options(promised, thaw.client);
  options.id = thaw.id.empty() ? text_at(promised, "id") : thaw.id;
  options.results = thaw.results;
  if (!thaw.only.empty()) options.only = thaw.only;
  if (!thaw.builder.empty()) options.builder = thaw.builder;
  Planner planner(matrix, options, pins(promised), events, cancel);
  planner.promise_keys(keys_of(promised));
  planner.promise_left_out(left_out(promised));
  SHIPSET_TRY(Plan plan, planner.run());
  SHIPSET_TRY(const Json now, parse(plan.to_json()));
  SHIPSET_CHECK(compare_variants(promised, now));
  if (thaw.only.empty()) SHIPSET_CHECK(compare_tags(promised, now));
  // What is known of the destinations may have grown; the form that was planned is the one that is stored.
  if (const auto form = promised.find("legacy_attestations"); form != promised.end() && form->is_boolean())
    plan.legacy_attestations = form->get<bool>();
  return plan;
}

}  // namespace shipset::release
