#include <nlohmann/json.hpp>

#include "report_impl.hpp"
#include "shipset/base/secret.hpp"
#include "shipset/release/report.hpp"

namespace shipset::release {

namespace {

void write_error(JsonWriter& out, const std::optional<Error>& error) {
  out.key("error");
  if (!error) {
    out.null();
    return;
  }
  out.begin_object().member("kind", to_string(error->kind)).member("what", redact(error->what));
  out.member("why", redact(error->why)).member("hint", redact(error->hint));
  out.member("exit_code", exit_code(error->kind)).key("context").begin_object();
  for (const auto& [name, value] : error->context) out.member(name, redact(value));
  out.end_object().end_object();
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

void write_texts(JsonWriter& out, std::string_view key, const std::vector<std::string>& texts) {
  out.key(key).begin_array();
  for (const auto& text : texts) out.value(redact(text));
  out.end_array();
}

void write_measure(JsonWriter& out, const GateMeasure& measure) {
  out.begin_object().member("variant", measure.variant).member("platform", measure.platform);
  out.member("image_bytes", measure.image_bytes).member("layer_bytes", measure.layer_bytes).key("former_bytes");
  if (measure.former_bytes)
    out.value(*measure.former_bytes);
  else
    out.null();
  out.member("compared_with", measure.compared_with);
  write_texts(out, "over", measure.over);
  out.end_object();
}

void write_image(JsonWriter& out, const ImageReport& image) {
  out.begin_object().member("platform", image.platform).member("status", to_string(image.status));
  write_descriptor(out, "manifest", image.manifest);
  out.member("size_bytes", image.bytes).member("packages", image.packages).member("sbom", image.sbom);
  out.member("provenance", image.provenance).member("duration_ms", image.duration_ms);
  out.key("steps").begin_object().member("total", image.steps.total).member("cached", image.steps.cached);
  out.member("transferred_bytes", image.steps.transferred_bytes).member("log", image.steps.log).end_object();
  write_descriptor(out, "leg", image.leg);
  out.key("notes").begin_array();
  for (const auto& note : image.notes) out.value(redact(note));
  out.end_array();
  write_error(out, image.error);
  out.end_object();
}

void write_variant(JsonWriter& out, const VariantReport& variant) {
  out.begin_object().member("name", variant.name).member("status", to_string(variant.status));
  out.member("required", variant.required).member("build_key", variant.build_key);
  write_descriptor(out, "index", variant.index);
  out.member("why", redact(variant.why)).key("images").begin_array();
  for (const auto& image : variant.images) write_image(out, image);
  out.end_array().end_object();
}

void write_tag(JsonWriter& out, const TagReport& tag) {
  out.begin_object().member("reference", tag.reference).member("variant", tag.variant);
  out.member("status", to_string(tag.status)).member("old_digest", tag.old_digest);
  out.member("new_digest", tag.new_digest).member("found_digest", tag.found_digest);
  out.member("reason", redact(tag.reason)).member("detail", redact(tag.detail)).end_object();
}

void write_target(JsonWriter& out, const TargetReport& target) {
  out.begin_object().member("name", target.name).member("status", to_string(target.status));
  out.member("blobs_moved", target.blobs_moved);
  out.member("blobs_present", target.blobs_present).member("blobs_mounted", target.blobs_mounted);
  out.member("bytes_moved", target.bytes_moved).member("bytes_again", target.bytes_again);
  out.member("bytes_kept", target.bytes_kept).member("manifests_pushed", target.manifests_pushed);
  out.key("holds_left").begin_array();
  for (const auto& tag : target.holds_left) out.value(tag);
  out.end_array();
  write_error(out, target.error);
  out.end_object();
}

template <class T, class F>
void write_list(JsonWriter& out, std::string_view key, const std::vector<T>& items, F write_one) {
  out.key(key).begin_array();
  for (const auto& item : items) write_one(out, item);
  out.end_array();
}

std::vector<std::string> texts(const Json& list) {
  return list.get<std::vector<std::string>>();
}

GateMeasure read_measure(const Json& json) {
  GateMeasure out;
  out.variant = json.at("variant").get<std::string>();
  out.platform = json.at("platform").get<std::string>();
  out.image_bytes = json.at("image_bytes").get<std::uint64_t>();
  out.layer_bytes = json.at("layer_bytes").get<std::uint64_t>();
  if (json.at("former_bytes").is_number_unsigned()) out.former_bytes = json.at("former_bytes").get<std::uint64_t>();
  out.compared_with = json.at("compared_with").get<std::string>();
  out.over = texts(json.at("over"));
  return out;
}

}  // namespace

void write_gate(JsonWriter& out, const GateReport& gate) {
  out.begin_object().member("name", gate.name).member("at", gate.at).member("status", to_string(gate.status));
  out.member("required", gate.required).member("exit_code", gate.exit_code).member("duration_ms", gate.duration_ms);
  out.member("detail", redact(gate.detail)).member("log", gate.log);
  write_texts(out, "judged", gate.judged);
  out.member("result", gate.result).key("measured").begin_array();
  for (const auto& measure : gate.measured) write_measure(out, measure);
  out.end_array();
  write_texts(out, "notes", gate.notes);
  out.end_object();
}

std::optional<GateReport> read_gate(const Json& json) {
  const auto text = [&](const char* key) { return json.at(key).get<std::string>(); };
  GateReport gate;
  try {
    gate.name = text("name");
    gate.at = text("at");
    for (const auto status : {Status::done, Status::failed, Status::skipped})
      if (to_string(status) == text("status")) gate.status = status;
    gate.required = json.at("required").get<bool>();
    gate.exit_code = json.at("exit_code").get<int>();
    gate.duration_ms = json.at("duration_ms").get<std::int64_t>();
    gate.detail = text("detail");
    gate.log = text("log");
    gate.judged = texts(json.at("judged"));
    gate.result = text("result");
    for (const auto& measure : json.at("measured")) gate.measured.push_back(read_measure(measure));
    gate.notes = texts(json.at("notes"));
  } catch (const Json::exception&) {
    return std::nullopt;
  }
  return gate;
}

std::uint64_t Report::bytes_moved() const {
  std::uint64_t sum = 0;
  for (const auto& target : targets) sum += target.bytes_moved;
  return sum;
}

std::uint64_t Report::tags_moved() const {
  std::uint64_t count = 0;
  for (const auto& tag : tags) count += tag.status == Status::done ? 1 : 0;
  return count;
}

std::string Report::to_json(bool indented) const {
  JsonWriter out(indented);
  out.begin_object().member("schema_version", report_schema_version).member("kind", "shipset.report").member("id", id);
  out.member("name", name).member("version", version).member("file", file).member("outcome", outcome);
  out.member("bytes_moved", bytes_moved()).member("tags_moved", tags_moved());
  write_list(out, "gates", gates, write_gate);
  write_list(out, "variants", variants, write_variant);
  write_list(out, "tags", tags, write_tag);
  write_list(out, "targets", targets, write_target);
  write_descriptor(out, "set", set);
  out.key("warnings").begin_array();
  for (const auto& warning : warnings) out.value(redact(warning));
  out.end_array().member("duration_ms", duration_ms).member("promotion_ms", promotion_ms);
  write_error(out, error);
  out.end_object();
  return out.take();
}

}  // namespace shipset::release
