#include "shipset/model/matrix_json.hpp"

namespace shipset {

namespace {

void write_list(JsonWriter& out, std::string_view name, const std::vector<std::string>& list) {
  out.key(name).begin_array();
  for (const auto& entry : list) out.value(entry);
  out.end_array();
}

void write_map(JsonWriter& out, std::string_view name, const OrderedMap& map) {
  out.key(name).begin_object();
  for (const auto& [key, value] : map) out.member(key, value);
  out.end_object();
}

template <class Map>
void write_sorted(JsonWriter& out, std::string_view name, const Map& map) {
  out.key(name).begin_object();
  for (const auto& [key, value] : map) out.member(key, value);
  out.end_object();
}

void write_optional(JsonWriter& out, std::string_view name, const std::optional<std::vector<std::string>>& list) {
  if (list)
    write_list(out, name, *list);
  else
    out.key(name).null();
}

void write_optional(JsonWriter& out, std::string_view name, const std::optional<std::string>& text) {
  if (text)
    out.member(name, *text);
  else
    out.key(name).null();
}

void write_optional(JsonWriter& out, std::string_view name, const std::optional<std::int64_t>& number) {
  if (number)
    out.member(name, *number);
  else
    out.key(name).null();
}

void write_budget(JsonWriter& out, const std::optional<Budget>& budget) {
  out.key("budget");
  if (!budget) {
    out.null();
    return;
  }
  const auto limit = [&](const char* key, const auto& value) {
    out.key(key);
    if (value)
      out.value(static_cast<std::uint64_t>(*value));
    else
      out.null();
  };
  out.begin_object();
  limit("image_bytes", budget->image_bytes);
  limit("layer_bytes", budget->layer_bytes);
  limit("growth_bytes", budget->growth_bytes);
  out.key("growth_percent");
  if (budget->growth_basis_points)
    out.value(*budget->growth_basis_points / 100.0);
  else
    out.null();
  out.end_object();
}

void write_ci(JsonWriter& out, const std::string& ci_json) {
  if (ci_json.empty())
    out.key("ci").null();
  else
    out.key("ci").raw(ci_json);
}

void write_config(JsonWriter& out, const ContainerSettings& config) {
  out.key("config").begin_object();
  write_optional(out, "entrypoint", config.entrypoint);
  write_optional(out, "cmd", config.cmd);
  write_map(out, "env", config.env);
  write_optional(out, "user", config.user);
  write_optional(out, "workdir", config.workdir);
  write_map(out, "labels", config.labels);
  write_list(out, "ports", config.ports);
  write_list(out, "volumes", config.volumes);
  out.end_object();
}

void write_native(JsonWriter& out, const NativeSettings& native) {
  if (!native.present) {
    out.key("native").null();
    return;
  }
  out.key("native").begin_object().member("base", native.base).key("layers").begin_array();
  for (const auto& layer : native.layers) {
    out.begin_object().member("from", layer.from).member("to", layer.to);
    out.member("owner", layer.owner).member("mode", layer.mode).end_object();
  }
  out.end_array().member("compression", to_string(native.compression));
  write_config(out, native.config);
  out.end_object();
}

void write_attestations(JsonWriter& out, const AttestationSettings& settings) {
  out.key("attestations").begin_object();
  out.member("sbom", to_string(settings.sbom)).member("provenance", to_string(settings.provenance));
  out.member("form", to_string(settings.form)).key("store").begin_array();
  if (settings.in_index) out.value("index");
  if (settings.as_referrer) out.value("referrer");
  if (settings.as_file) out.value("file");
  out.end_array().end_object();
}

void write_facts(JsonWriter& out, const Facts& facts) {
  out.key("facts").begin_object();
  write_sorted(out, "git", facts.git);
  out.member("event_name", facts.event_name).member("date_unix_s", facts.date_unix_s);
  if (!facts.event.empty()) write_sorted(out, "event", facts.event);
  write_sorted(out, "env", facts.env);
  write_optional(out, "source_date_epoch", facts.source_date_epoch);
  write_optional(out, "commit_time_unix_s", facts.commit_time_unix_s);
  out.member("context_clean", facts.context_clean).member("ci_run", facts.ci_run);
  if (facts.versions) write_list(out, "versions", *facts.versions);
  out.end_object();
}

}  // namespace

void write(JsonWriter& out, const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value))
    out.value(*flag);
  else if (const auto* number = std::get_if<std::int64_t>(&value))
    out.value(*number);
  else if (const auto* text = std::get_if<std::string>(&value))
    out.value(*text);
  else
    out.null();
}

void write(JsonWriter& out, const BuildSettings& settings) {
  out.begin_object().member("backend", settings.backend).key("builder").begin_object();
  out.member("name", settings.builder.name).member("driver", settings.builder.driver);
  out.member("endpoint", settings.builder.endpoint);
  write_map(out, "options", settings.builder.options);
  out.key("nodes").begin_array();
  for (const auto& node : settings.builder.nodes) {
    out.begin_object().member("name", node.name).member("endpoint", node.endpoint);
    write_list(out, "platforms", node.platforms);
    write_map(out, "options", node.options);
    out.end_object();
  }
  out.end_array().end_object().member("dockerfile", settings.dockerfile).member("context", settings.context);
  out.member("target", settings.target).key("bases").begin_array();
  for (const auto& base : settings.bases) {
    out.begin_object().member("arg", base.arg).member("image", base.image).member("variant", base.variant).end_object();
  }
  out.end_array();
  write_map(out, "args", settings.args);
  write_map(out, "labels", settings.labels);
  write_map(out, "annotations", settings.annotations);
  write_list(out, "cache_from", settings.cache_from);
  write_list(out, "cache_to", settings.cache_to);
  out.key("secrets").begin_array();
  for (const auto& secret : settings.secrets) {
    out.begin_object().member("id", secret.id).member("env", secret.env).member("file", secret.file).end_object();
  }
  out.end_array();
  write_list(out, "ssh", settings.ssh);
  write_map(out, "contexts", settings.contexts);
  out.member("network", settings.network);
  write_list(out, "ulimits", settings.ulimits);
  out.member("no_cache", settings.no_cache).member("pull", settings.pull);
  out.member("rewrite_timestamp", settings.rewrite_timestamp).member("output", settings.output);
  write_list(out, "allow_secret_args", settings.allow_secret_args);
  write_attestations(out, settings.attestations);
  write_list(out, "hardware", settings.hardware);
  write_native(out, settings.native);
  out.member("prebuilt", settings.prebuilt).end_object();
}

std::string settings_json(const BuildSettings& settings) {
  JsonWriter out;
  write(out, settings);
  return out.take();
}

void write(JsonWriter& out, const PlatformImage& image) {
  out.begin_object().member("platform", image.platform.str()).key("settings");
  write(out, image.settings);
  write_ci(out, image.ci_json);
  out.end_object();
}

void write(JsonWriter& out, const ResolvedTag& tag) {
  out.begin_object().member("tag", tag.tag).member("shape", tag.shape).member("rule", tag.rule);
  out.member("moves", to_string(tag.moves)).key("platforms").begin_array();
  for (const auto& platform : tag.platforms) out.value(platform.str());
  out.end_array().member("index", tag.index).member("line", tag.line).member("column", tag.column).end_object();
}

void write(JsonWriter& out, const Variant& variant) {
  out.begin_object().member("name", variant.name).member("suffix", variant.suffix).member("active", variant.active);
  out.member("when", variant.when).member("required", to_string(variant.required)).member("publish", variant.publish);
  write_list(out, "repositories", variant.repositories);
  out.key("platforms").begin_array();
  for (const auto& image : variant.platforms) write(out, image);
  out.end_array().key("tags").begin_array();
  for (const auto& tag : variant.tags) write(out, tag);
  out.end_array();
  write_list(out, "hardware", variant.hardware);
  write_map(out, "axes", variant.axes);
  write_list(out, "depends_on", variant.depends_on);
  write_ci(out, variant.ci_json);
  out.member("line", variant.line).end_object();
}

void write(JsonWriter& out, const Gate& gate) {
  out.begin_object().member("name", gate.name).member("at", to_string(gate.at));
  write_list(out, "run", gate.run);
  write_budget(out, gate.budget);
  write_list(out, "variants", gate.variants);
  out.member("required", gate.required).member("timeout_s", gate.timeout_s).end_object();
}

void write(JsonWriter& out, const Problem& problem) {
  const bool error = problem.severity == Problem::Severity::error;
  out.begin_object().member("severity", error ? "error" : "warning").member("file", problem.file);
  out.member("line", problem.line).member("column", problem.column).member("key", problem.key);
  out.member("message", problem.message).member("hint", problem.hint).end_object();
}

void write(JsonWriter& out, const Matrix& matrix) {
  out.begin_object().member("file", matrix.file).member("directory", matrix.directory);
  out.member("file_digest", matrix.file_digest.str()).member("name", matrix.name).member("version", matrix.version);
  out.member("scheme", to_string(matrix.scheme));
  write_list(out, "repositories", matrix.repositories);
  out.member("on_registry_failure", matrix.continue_on_registry_failure ? "continue" : "all");
  out.member("set_tag", matrix.set_tag);
  out.member("fail_fast", matrix.fail_fast).member("staging_repository", matrix.staging_repository);
  write_list(out, "withdrawn", matrix.withdrawn);
  write_list(out, "flavor", matrix.flavor);
  out.key("inputs").begin_object();
  for (const auto& [name, value] : matrix.inputs) {
    out.key(name);
    write(out, value);
  }
  out.end_object().key("gates").begin_array();
  for (const auto& gate : matrix.gates) write(out, gate);
  out.end_array().key("variants").begin_array();
  for (const auto& variant : matrix.variants) write(out, variant);
  out.end_array();
  write_facts(out, matrix.facts);
  out.key("warnings").begin_array();
  for (const auto& problem : matrix.warnings) write(out, problem);
  out.end_array().end_object();
}

}  // namespace shipset
