#include "keys.hpp"
#include "shipset/base/json.hpp"
#include "shipset/model/matrix_json.hpp"
#include "shipset/release/plan.hpp"

namespace shipset::release {

namespace {

void write_texts(JsonWriter& out, std::string_view key, const std::vector<std::string>& texts) {
  out.key(key).begin_array();
  for (const auto& text : texts) out.value(text);
  out.end_array();
}

void write_map(JsonWriter& out, std::string_view key, const std::map<std::string, std::string>& map) {
  out.key(key).begin_object();
  for (const auto& [name, value] : map) out.member(name, value);
  out.end_object();
}

void write_facts(JsonWriter& out, const Facts& facts) {
  out.key("facts").begin_object();
  write_map(out, "git", facts.git);
  out.member("event_name", facts.event_name).member("date_unix_s", facts.date_unix_s);
  if (!facts.event.empty()) write_map(out, "event", facts.event);
  write_map(out, "env", facts.env);
  if (facts.source_date_epoch) out.member("source_date_epoch", *facts.source_date_epoch);
  if (facts.commit_time_unix_s) out.member("commit_time_unix_s", *facts.commit_time_unix_s);
  out.member("context_clean", facts.context_clean).member("ci_run", facts.ci_run);
  if (facts.versions) write_texts(out, "versions", *facts.versions);
  out.end_object();
}

void write_options(JsonWriter& out, const Options& options) {
  out.key("options").begin_object().member("to", options.destination).member("backend", options.backend);
  out.member("builder", options.builder);
  write_texts(out, "only", options.only);
  write_texts(out, "replace", options.replace_tags);
  write_texts(out, "force_tag", options.force_tags);
  if (!options.from_version.empty()) out.member("from_version", options.from_version);
  out.end_object();
}

void write_descriptor(JsonWriter& out, std::string_view key, const std::optional<oci::Descriptor>& descriptor) {
  out.key(key);
  if (!descriptor) {
    out.null();
    return;
  }
  out.begin_object().member("media_type", descriptor->media_type).member("digest", descriptor->digest.str());
  out.member("size_bytes", descriptor->size).end_object();
}

void write_image(JsonWriter& out, const PlannedImage& image) {
  const build::Task& task = image.task;
  out.begin_object().member("platform", task.platform.str()).member("backend", task.settings.backend);
  out.member("key", build_key({image}).str());
  out.member("source", task.source.str()).key("bases").begin_array();
  for (const auto& base : task.bases) {
    out.begin_object().member("arg", base.arg).member("reference", base.reference);
    out.member("digest", base.digest.str()).member("index_digest", base.index_digest.str());
    out.member("platform", base.platform).end_object();
  }
  out.end_array().key("settings").raw(settings_json(task.settings)).end_object();
}

void write_variant(JsonWriter& out, const Plan& plan, const PlannedVariant& variant, const Variant& declared) {
  out.begin_object().member("name", variant.name).member("action", to_string(variant.action));
  out.member("why", variant.why).member("required", to_string(declared.required)).member("publish", declared.publish);
  write_texts(out, "hardware", declared.hardware);
  out.member("build_key", variant.build_key.str()).key("at").begin_array();
  for (const std::size_t target : variant.targets) {
    out.begin_object().member("target", plan.targets[target].name());
    write_descriptor(out, "index", variant.found[target]);
    out.end_object();
  }
  out.end_array().key("images").begin_array();
  for (const auto& image : variant.images) write_image(out, image);
  out.end_array().end_object();
}

void write_tag(JsonWriter& out, const Plan& plan, const PlannedTag& tag) {
  const auto& entry = plan.table.entries[tag.entry];
  out.begin_object().member("reference", plan.targets[tag.target].name() + ":" + tag.tag);
  out.member("repository", entry.repository).member("tag", tag.tag).member("variant", tag.variant);
  out.key("platforms").begin_array();
  for (const auto& platform : entry.platforms) out.value(platform.str());
  out.end_array().member("index", entry.platforms.empty() || entry.index);
  out.member("moves", to_string(entry.moves)).member("action", to_string(tag.action));
  write_descriptor(out, "current", tag.current);
  out.member("reason", tag.reason).end_object();
}

}  // namespace

std::string Plan::to_json(bool indented) const {
  JsonWriter out(indented);
  out.begin_object().member("schema_version", plan_schema_version).member("kind", "shipset.plan").member("id", id);
  out.member("file", matrix->file).member("file_digest", matrix->file_digest.str());
  out.member("name", matrix->name).member("version", matrix->version).key("inputs").begin_object();
  for (const auto& [name, value] : matrix->inputs) out.member(name, to_text(value));
  out.end_object();
  write_facts(out, matrix->facts);
  write_options(out, options);
  out.key("targets").begin_array();
  for (const auto& target : targets)
    out.begin_object()
        .member("repository", target.repository)
        .member("location", target.name())
        .member("left_out", target.left_out)
        .end_object();
  out.end_array().member("staging_repository", matrix->staging_repository).key("gates").begin_array();
  for (const auto& gate : matrix->gates) write(out, gate);
  out.end_array().key("variants").begin_array();
  for (std::size_t i = 0; i < variants.size(); ++i) write_variant(out, *this, variants[i], matrix->variants[i]);
  out.end_array().key("tags").begin_array();
  for (const auto& tag : tags) write_tag(out, *this, tag);
  out.end_array().key("set").begin_object().member("tag", set.tag).member("due", set.due).end_object();
  out.key("warnings").begin_array();
  for (const auto& warning : warnings) write(out, warning);
  out.end_array()
      .member("legacy_attestations", legacy_attestations)
      .member("disk_bytes", disk_bytes)
      .member("nothing_to_do", nothing_to_do())
      .end_object();
  return out.take();
}

}  // namespace shipset::release
