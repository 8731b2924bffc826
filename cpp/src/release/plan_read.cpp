#include "plan_read.hpp"

#include "shipset/base/text.hpp"

namespace shipset::release::frozen {

namespace {

constexpr JsonLimits plan_limits{256u << 20, 32, 20'000'000};

Error unreadable(std::string why) {
  return Error(ErrorKind::usage, "the plan file cannot be used", std::move(why), "make it again with shipset plan -o");
}

std::map<std::string, std::string> map_at(const Json& json, const char* key) {
  std::map<std::string, std::string> out;
  for (const auto& item : child(json, key).items())
    if (item.value().is_string()) out.emplace(item.key(), item.value().get<std::string>());
  return out;
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

}  // namespace

std::string text_at(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}

const Json& child(const Json& json, const char* key) {
  static const Json nothing;
  const auto at = json.is_object() ? json.find(key) : json.end();
  return at == json.end() ? nothing : *at;
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

Options options(const Json& plan, const registry::ClientOptions& client) {
  const Json& json = child(plan, "options");
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

Pins pins(const Json& plan) {
  Pins out;
  for (const auto& variant : child(plan, "variants"))
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

std::map<std::string, std::string> left_out(const Json& plan) {
  std::map<std::string, std::string> out;
  for (const auto& target : child(plan, "targets"))
    if (auto why = text_at(target, "left_out"); !why.empty()) out.emplace(text_at(target, "location"), std::move(why));
  return out;
}

Error changed(std::string what, std::string why) {
  return Error(ErrorKind::policy, std::move(what), std::move(why),
               "look at what changed, then make a new plan with shipset plan -o");
}

Result<Json> parse(std::string_view text) {
  SHIPSET_TRY(Json plan, parse_json(text, "the plan file", ErrorKind::usage, plan_limits));
  if (text_at(plan, "kind") != "shipset.plan") return unreadable("it is not a plan of shipset");
  if (number_at(plan, "schema_version") != plan_schema_version)
    return unreadable("it has schema version " + printable(child(plan, "schema_version").dump(), 40) +
                      ", this shipset reads " + std::to_string(plan_schema_version));
  return plan;
}

Result<Matrix> matrix(const Json& plan, const std::filesystem::path& file,
                      const std::optional<std::string>& spec_text) {
  const std::filesystem::path from = file.empty() ? std::filesystem::path(text_at(plan, "file")) : file;
  SHIPSET_TRY(const ReleaseSpec spec, spec_text ? ReleaseSpec::parse(*spec_text, from) : ReleaseSpec::load(from));
  const Facts facts = facts_of(child(plan, "facts"));
  const InputValues inputs = map_at(plan, "inputs");
  const std::string version = text_at(child(plan, "options"), "from_version");
  SHIPSET_TRY(Matrix matrix,
              version.empty() ? spec.matrix(inputs, facts) : spec.matrix_of_version(version, inputs, facts));
  if (matrix.file_digest.str() != text_at(plan, "file_digest"))
    return changed("the release file has changed since the plan was made",
                   "planned: " + text_at(plan, "file_digest") + "\nnow:     " + matrix.file_digest.str());
  return matrix;
}

}  // namespace shipset::release::frozen
