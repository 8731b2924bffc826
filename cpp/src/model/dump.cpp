#include "shipset/model/dump.hpp"

#include <fmt/format.h>

#include "shipset/base/text.hpp"

namespace shipset {

namespace {

void line(std::string& out, int indent, std::string_view name, const std::string& text) {
  if (text.empty()) return;
  out.append(static_cast<std::size_t>(indent), ' ').append(name).append(": ").append(text).append("\n");
}

std::string text_of(const OrderedMap& map) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : map) parts.push_back(key + "=" + value);
  return join(parts, " ");
}

std::string text_of(const BuilderSettings& builder) {
  std::vector<std::string> parts;
  for (const auto& part : {builder.name, builder.driver, builder.endpoint, text_of(builder.options)})
    if (!part.empty()) parts.push_back(part);
  for (const auto& node : builder.nodes) {
    parts.push_back("node " + node.name + " " + node.endpoint);
    for (const auto& platform : node.platforms) parts.push_back(platform);
    if (!node.options.empty()) parts.push_back(text_of(node.options));
  }
  return join(parts, " ");
}

std::string text_of(const AttestationSettings& settings) {
  std::string out = "sbom=" + std::string(to_string(settings.sbom));
  out += " provenance=" + std::string(to_string(settings.provenance));
  out += " form=" + std::string(to_string(settings.form)) + " store=";
  std::vector<std::string> stores;
  if (settings.in_index) stores.emplace_back("index");
  if (settings.as_referrer) stores.emplace_back("referrer");
  if (settings.as_file) stores.emplace_back("file");
  return out + join(stores, ",");
}

void config_lines(std::string& out, int indent, const ContainerSettings& config) {
  if (config.entrypoint) line(out, indent, "entrypoint", fmt::format("[{}]", join(*config.entrypoint, ", ")));
  if (config.cmd) line(out, indent, "cmd", fmt::format("[{}]", join(*config.cmd, ", ")));
  line(out, indent, "env", text_of(config.env));
  line(out, indent, "user", config.user.value_or(""));
  line(out, indent, "workdir", config.workdir.value_or(""));
  line(out, indent, "labels", text_of(config.labels));
  line(out, indent, "ports", join(config.ports, " "));
  line(out, indent, "volumes", join(config.volumes, " "));
}

void native_lines(std::string& out, int indent, const NativeSettings& native) {
  if (!native.present) return;
  line(out, indent, "native", native.base + " " + std::string(to_string(native.compression)));
  for (const auto& layer : native.layers) {
    std::string text = layer.from + " -> " + layer.to;
    if (!layer.owner.empty()) text += " owner " + layer.owner;
    if (!layer.mode.empty()) text += " mode " + layer.mode;
    line(out, indent + 2, "layer", text);
  }
  config_lines(out, indent + 2, native.config);
}

void settings_lines(std::string& out, int indent, const BuildSettings& settings) {
  const BuildSettings defaults;
  if (settings.backend != defaults.backend) line(out, indent, "backend", settings.backend);
  if (settings.builder != defaults.builder) line(out, indent, "builder", text_of(settings.builder));
  if (settings.dockerfile != defaults.dockerfile) line(out, indent, "dockerfile", settings.dockerfile);
  if (settings.context != defaults.context) line(out, indent, "context", settings.context);
  line(out, indent, "target", settings.target);
  for (const auto& base : settings.bases)
    line(out, indent, "base", base.arg + "=" + (base.variant.empty() ? base.image : "variant:" + base.variant));
  line(out, indent, "args", text_of(settings.args));
  line(out, indent, "labels", text_of(settings.labels));
  line(out, indent, "annotations", text_of(settings.annotations));
  line(out, indent, "cache_from", join(settings.cache_from, " "));
  line(out, indent, "cache_to", join(settings.cache_to, " "));
  for (const auto& secret : settings.secrets)
    line(out, indent, "secret", secret.id + (secret.env.empty() ? " file " + secret.file : " env " + secret.env));
  line(out, indent, "ssh", join(settings.ssh, " "));
  line(out, indent, "contexts", text_of(settings.contexts));
  line(out, indent, "network", settings.network);
  line(out, indent, "ulimits", join(settings.ulimits, " "));
  if (settings.no_cache) line(out, indent, "no_cache", "true");
  if (settings.pull) line(out, indent, "pull", "true");
  if (settings.rewrite_timestamp) line(out, indent, "rewrite_timestamp", "true");
  if (settings.output != defaults.output) line(out, indent, "output", settings.output);
  line(out, indent, "allow_secret_args", join(settings.allow_secret_args, " "));
  if (settings.attestations != defaults.attestations) line(out, indent, "attestations", text_of(settings.attestations));
  line(out, indent, "hardware", join(settings.hardware, ", "));
  native_lines(out, indent, settings.native);
  line(out, indent, "prebuilt", settings.prebuilt);
}

void tag_line(std::string& out, const ResolvedTag& tag) {
  if (tag.dialect) {  // what it gives is not evaluated here
    out += "    " + tag.rule + (tag.moves_given ? "  " + std::string(to_string(tag.moves)) : std::string()) + "\n";
    return;
  }
  out += "    " + tag.tag + "  " + std::string(to_string(tag.moves));
  if (!tag.platforms.empty()) {
    std::vector<std::string> names;
    for (const auto& platform : tag.platforms) names.push_back(platform.str());
    out += (tag.index ? "  index of " : "  ") + join(names, ", ");
  }
  out += "  from " + tag.rule + "\n";
}

void variant_block(std::string& out, const Variant& variant) {
  out += "\n" + variant.name + (variant.active ? "" : "  (not in this release)") + "\n";
  if (variant.suffix != variant.name) out += "  suffix: \"" + variant.suffix + "\"\n";
  line(out, 2, "when", variant.when);
  if (variant.required != Required::yes) line(out, 2, "required", std::string(to_string(variant.required)));
  if (!variant.publish) line(out, 2, "publish", "false");
  line(out, 2, "axes", text_of(variant.axes));
  line(out, 2, "after", join(variant.depends_on, " "));
  line(out, 2, "ci", variant.ci_json);
  line(out, 2, "repositories", join(variant.repositories, " "));
  for (std::size_t i = 0; i < variant.platforms.size(); ++i) {
    const auto& image = variant.platforms[i];
    out += "  " + image.platform.str() + "\n";
    const auto* next = i + 1 < variant.platforms.size() ? &variant.platforms[i + 1] : nullptr;
    if (next != nullptr && next->settings == image.settings && next->ci_json == image.ci_json) continue;
    settings_lines(out, 4, image.settings);
    if (image.ci_json != variant.ci_json) line(out, 4, "ci", image.ci_json);
  }
  if (!variant.tags.empty()) out += "  tags\n";
  for (const auto& tag : variant.tags) tag_line(out, tag);
}

std::string budget_text(const Budget& budget) {
  std::string out;
  const auto limit = [&](const char* name, const auto& value, const char* unit) {
    if (value) out += std::string(" ") + name + " " + std::to_string(*value) + unit;
  };
  limit("image", budget.image_bytes, " B");
  limit("layer", budget.layer_bytes, " B");
  limit("growth", budget.growth_bytes, " B");
  limit("growth", budget.growth_basis_points, "/10000");
  return out;
}

void gate_line(std::string& out, const Gate& gate) {
  out += "gate \"" + gate.name + "\" " + std::string(to_string(gate.at));
  if (!gate.run.empty()) out += ": " + join(gate.run, " ");
  if (gate.budget) out += ":" + budget_text(*gate.budget);
  out += " (" + std::to_string(gate.timeout_s) + " s" + (gate.required ? "" : ", not required");
  if (!gate.variants.empty()) out += ", only " + join(gate.variants, " ");
  out += ")\n";
}

}  // namespace

std::string to_table(const Matrix& matrix) {
  std::string out = matrix.name + " " + (matrix.version.empty() ? "(no version)" : matrix.version) + " (" +
                    std::string(to_string(matrix.scheme)) + ")\n";
  line(out, 0, "repositories", join(matrix.repositories, " "));
  line(out, 0, "staging", matrix.staging_repository);
  line(out, 0, "withdrawn", join(matrix.withdrawn, " "));
  if (matrix.continue_on_registry_failure) line(out, 0, "on_registry_failure", "continue");
  if (matrix.set_tag) line(out, 0, "set_tag", "true");
  if (matrix.fail_fast) line(out, 0, "fail_fast", "true");
  for (const auto& [name, value] : matrix.inputs)
    out += "input " + name + " = " + to_text(value) + " (" + std::string(type_name(value)) + ")\n";
  for (const auto& gate : matrix.gates) gate_line(out, gate);
  for (const auto& variant : matrix.variants) variant_block(out, variant);
  for (const auto& warning : matrix.warnings) out += "\nwarning: " + warning.message + "\n";
  return out;
}

}  // namespace shipset
