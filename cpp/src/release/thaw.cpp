// A frozen plan is a promise: everything is derived again from the release file and compared with what was promised.
#include <nlohmann/json.hpp>

#include "planner.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"
#include "shipset/release/plan.hpp"

namespace shipset::release {

namespace {

constexpr JsonLimits plan_limits{256u << 20, 32, 20'000'000};

Error unreadable(std::string why) {
  return Error(ErrorKind::usage, "the plan file cannot be used", std::move(why), "make it again with shipset plan -o");
}

std::string text_at(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}

const Json& child(const Json& json, const char* key) {
  static const Json nothing;
  const auto at = json.is_object() ? json.find(key) : json.end();
  return at == json.end() ? nothing : *at;
}

std::map<std::string, std::string> map_at(const Json& json, const char* key) {
  std::map<std::string, std::string> out;
  for (const auto& item : child(json, key).items())
    if (item.value().is_string()) out.emplace(item.key(), item.value().get<std::string>());
  return out;
}

std::vector<std::string> texts_at(const Json& json, const char* key) {
  std::vector<std::string> out;
  for (const auto& item : child(json, key))
    if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

std::optional<std::int64_t> number_at(const Json& json, const char* key) {
  const auto& value = child(json, key);
  return value.is_number_integer() ? std::optional(value.get<std::int64_t>()) : std::nullopt;
}

Facts facts_of(const Json& json) {
  Facts facts;
  facts.git = map_at(json, "git");
  facts.event_name = text_at(json, "event_name");
  facts.event = map_at(json, "event");
  facts.date_unix_s = number_at(json, "date_unix_s").value_or(0);
  facts.env = map_at(json, "env");
  facts.source_date_epoch = number_at(json, "source_date_epoch");
  facts.commit_time_unix_s = number_at(json, "commit_time_unix_s");
  facts.context_clean = child(json, "context_clean") == Json(true);
  facts.ci_run = text_at(json, "ci_run");
  if (child(json, "versions").is_array()) facts.versions = texts_at(json, "versions");
  return facts;
}

Options options_of(const Json& json, const registry::ClientOptions& client) {
  Options options;
  options.destination = text_at(json, "to");
  options.backend = text_at(json, "backend");
  options.builder = text_at(json, "builder");
  options.only = texts_at(json, "only");
  options.replace_tags = texts_at(json, "replace");
  options.force_tags = texts_at(json, "force_tag");
  options.from_version = text_at(json, "from_version");
  options.client = client;
  return options;
}

Error changed(std::string what, std::string why) {
  return Error(ErrorKind::policy, std::move(what), std::move(why),
               "look at what changed, then make a new plan with shipset plan -o");
}

Error no_longer(const std::string& variant, std::string why) {
  Error error = changed("variant " + variant + " is no longer what the plan says", std::move(why));
  error.hint +=
      "; files that jobs leave in the build context change it: keep them elsewhere, or name them in "
      ".dockerignore";
  return error;
}

/// What the plan pinned; what it built on variants stands in their keys.
Pins pins_of(const Json& promised) {
  Pins out;
  for (const auto& variant : child(promised, "variants"))
    for (const auto& image : child(variant, "images"))
      for (const auto& base : child(image, "bases")) {
        const auto digest = Digest::parse(text_at(base, "digest"));
        const auto index = Digest::parse(text_at(base, "index_digest"));
        const std::string reference = text_at(base, "reference");
        if (!digest || reference.starts_with("variant:")) continue;
        const std::string platform = text_at(base, "platform");
        out[{reference, platform}] = {text_at(base, "arg"), reference, *digest, index ? *index : Digest(), platform};
      }
  return out;
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
  const auto& before = child(promised, "tags");
  const auto& after = child(now, "tags");
  if (before.size() != after.size()) return changed("the plan names other tags than the release file gives now", {});
  for (std::size_t i = 0; i < before.size(); ++i) {
    const std::string reference = text_at(before[i], "reference");
    if (reference != text_at(after[i], "reference"))
      return changed("the plan names other tags than the release file gives now", "planned: " + reference);
    if (digest_at(before[i]) == digest_at(after[i]) || text_at(after[i], "action") == "keep") continue;
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
  SHIPSET_TRY(const Json promised, parse_json(text, "the plan file", ErrorKind::usage, plan_limits));
  if (text_at(promised, "kind") != "shipset.plan") return unreadable("it is not a plan of shipset");
  if (number_at(promised, "schema_version") != plan_schema_version)
    return unreadable("it has schema version " + child(promised, "schema_version").dump() + ", this shipset reads " +
                      std::to_string(plan_schema_version));
  SHIPSET_TRY(const ReleaseSpec spec,
              ReleaseSpec::load(thaw.file.empty() ? std::filesystem::path(text_at(promised, "file")) : thaw.file));
  Options options = options_of(child(promised, "options"), thaw.client);
  const Facts facts = facts_of(child(promised, "facts"));
  const InputValues inputs = map_at(promised, "inputs");
  SHIPSET_TRY(const Matrix matrix, options.from_version.empty()
                                       ? spec.matrix(inputs, facts)
                                       : spec.matrix_of_version(options.from_version, inputs, facts));
  if (matrix.file_digest.str() != text_at(promised, "file_digest"))
    return changed("the release file has changed since the plan was made",
                   "planned: " + text_at(promised, "file_digest") + "\nnow:     " + matrix.file_digest.str());
  options.id = thaw.id.empty() ? text_at(promised, "id") : thaw.id;
  options.results = thaw.results;
  if (!thaw.only.empty()) options.only = thaw.only;
  if (!thaw.builder.empty()) options.builder = thaw.builder;
  Planner planner(matrix, options, pins_of(promised), events, cancel);
  planner.promise_keys(keys_of(promised));
  SHIPSET_TRY(Plan plan, planner.run());
  SHIPSET_TRY(const Json now, parse_json(plan.to_json(), "the plan", ErrorKind::internal, plan_limits));
  SHIPSET_CHECK(compare_variants(promised, now));
  if (thaw.only.empty()) SHIPSET_CHECK(compare_tags(promised, now));
  // What is known of the destinations may have grown; the form that was planned is the one that is stored.
  if (const auto form = promised.find("legacy_attestations"); form != promised.end() && form->is_boolean())
    plan.legacy_attestations = form->get<bool>();
  return plan;
}

}  // namespace shipset::release
