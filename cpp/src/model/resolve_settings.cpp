#include <algorithm>

#include "formats_impl.hpp"
#include "resolve_impl.hpp"

namespace shipset::detail {

bool resolve_text(const Evaluation& evaluation, const Steps& steps, std::string& out) {
  for (const Node* node : candidates(steps))
    if (evaluation.text(*node, out) != Outcome::unset) return true;
  return false;
}

bool resolve_boolean(const Evaluation& evaluation, const Steps& steps, bool& out) {
  for (const Node* node : candidates(steps))
    if (evaluation.boolean(*node, out) != Outcome::unset) return true;
  return false;
}

const Node* resolve_list(const Steps& steps) {
  const auto nodes = candidates(steps);
  return nodes.empty() ? nullptr : nodes.front();
}

std::vector<std::string> resolve_texts(const Evaluation& evaluation, const Steps& steps) {
  const Node* list = resolve_list(steps);
  return list == nullptr ? std::vector<std::string>() : evaluation.texts(*list);
}

OrderedMap resolve_map(const Evaluation& evaluation, const Steps& steps) {
  OrderedMap out;
  if (steps.empty()) return out;
  for (const auto& definition : merged_map(steps)) {
    std::string text;
    for (const Node* node : definition.candidates) {
      const Outcome outcome = evaluation.text(*node, text);
      if (outcome == Outcome::unset) continue;
      if (outcome == Outcome::set) out.emplace_back(std::string(definition.name), std::move(text));
      break;
    }
  }
  return out;
}

namespace {

BaseImage base_image(std::string arg, std::string image) {
  BaseImage out;
  out.arg = std::move(arg);
  out.variant = std::string(variant_of_base(image));
  if (out.variant.empty()) out.image = std::move(image);
  return out;
}

/// `base` as a text is the image alone; the argument's name is kept from below.
void resolve_base(const Evaluation& evaluation, const Steps& steps, std::vector<BaseImage>& out) {
  std::string image, arg;
  bool have_image = false, have_arg = false;
  for (const Node* node : candidates(steps)) {
    Outcome outcome = Outcome::set;
    const Node* chosen = evaluation.chosen(*node, outcome);
    if (chosen == nullptr) continue;
    if (!chosen->is_table()) {
      if (!have_image) have_image = evaluation.text(*chosen, image) != Outcome::unset;
      continue;
    }
    if (const Node* part = chosen->find("image"); part != nullptr && !have_image)
      have_image = evaluation.text(*part, image) != Outcome::unset;
    if (const Node* part = chosen->find("arg"); part != nullptr && !have_arg)
      have_arg = evaluation.text(*part, arg) != Outcome::unset;
  }
  if (!image.empty()) out.push_back(base_image(have_arg ? arg : "BASE_IMAGE", std::move(image)));
}

/// A builder by name replaces what was inherited; tables merge down to the last name or removal.
void resolve_builder(const Evaluation& evaluation, const Steps& steps, BuilderSettings& out) {
  Steps tables;
  for (const Node* node : candidates(steps)) {
    Outcome outcome = Outcome::set;
    const Node* chosen = evaluation.chosen(*node, outcome);
    if (chosen == nullptr) continue;
    if (!chosen->is_table()) {
      if (tables.empty() && evaluation.text(*chosen, out.name) != Outcome::unset) return;
      break;
    }
    tables.insert(tables.begin(), Step{chosen, {}});
  }
  resolve_text(evaluation, below(tables, "name"), out.name);
  resolve_text(evaluation, below(tables, "driver"), out.driver);
  resolve_text(evaluation, below(tables, "endpoint"), out.endpoint);
  out.options = resolve_map(evaluation, below(tables, "options"));
  const Node* nodes = resolve_list(below(tables, "nodes"));
  if (nodes == nullptr) return;
  for (const Node* entry : evaluation.entries(*nodes)) {
    const Steps steps_of_entry{Step{entry, {}}};
    BuilderNode node;
    resolve_text(evaluation, below(steps_of_entry, "name"), node.name);
    resolve_text(evaluation, below(steps_of_entry, "endpoint"), node.endpoint);
    node.platforms = resolve_texts(evaluation, below(steps_of_entry, "platforms"));
    node.options = resolve_map(evaluation, below(steps_of_entry, "options"));
    out.nodes.push_back(std::move(node));
  }
}

void resolve_secrets(const Evaluation& evaluation, const Steps& steps, std::vector<SecretSetting>& out) {
  const Node* list = resolve_list(steps);
  if (list == nullptr) return;
  for (const Node* entry : evaluation.entries(*list)) {
    SecretSetting secret;
    if (const Node* part = entry->find("id")) evaluation.text(*part, secret.id);
    if (const Node* part = entry->find("env")) evaluation.text(*part, secret.env);
    if (const Node* part = entry->find("file")) evaluation.text(*part, secret.file);
    out.push_back(std::move(secret));
  }
}

void resolve_attestations(const Evaluation& evaluation, const Steps& steps, AttestationSettings& out) {
  std::string text;
  if (resolve_text(evaluation, below(steps, "sbom"), text))
    out.sbom = text == "none" ? SbomFormat::none : SbomFormat::spdx;
  if (resolve_text(evaluation, below(steps, "provenance"), text))
    out.provenance = text == "none" ? ProvenanceMode::none : text == "min" ? ProvenanceMode::min : ProvenanceMode::max;
  if (resolve_text(evaluation, below(steps, "form"), text))
    out.form = text == "legacy" ? AttestationForm::legacy : AttestationForm::oci_artifact;
  if (const Node* list = resolve_list(below(steps, "store"))) {
    const auto stores = evaluation.texts(*list);
    const auto has = [&](const char* name) { return std::find(stores.begin(), stores.end(), name) != stores.end(); };
    out.in_index = has("index");
    out.as_referrer = has("referrer");
    out.as_file = has("file");
  }
}

std::optional<std::vector<std::string>> resolve_optional_texts(const Evaluation& evaluation, const Steps& steps) {
  const Node* list = resolve_list(steps);
  if (list == nullptr) return std::nullopt;
  return evaluation.texts(*list);
}

std::optional<std::string> resolve_optional_text(const Evaluation& evaluation, const Steps& steps) {
  std::string text;
  if (!resolve_text(evaluation, steps, text)) return std::nullopt;
  return text;
}

void resolve_config(const Evaluation& evaluation, const Steps& steps, ContainerSettings& out) {
  if (steps.empty()) return;
  out.entrypoint = resolve_optional_texts(evaluation, below(steps, "entrypoint"));
  out.cmd = resolve_optional_texts(evaluation, below(steps, "cmd"));
  out.env = resolve_map(evaluation, below(steps, "env"));
  out.user = resolve_optional_text(evaluation, below(steps, "user"));
  out.workdir = resolve_optional_text(evaluation, below(steps, "workdir"));
  out.labels = resolve_map(evaluation, below(steps, "labels"));
  out.ports = resolve_texts(evaluation, below(steps, "ports"));
  out.volumes = resolve_texts(evaluation, below(steps, "volumes"));
}

void resolve_native(const Evaluation& evaluation, const Steps& steps, NativeSettings& out) {
  out.present = !candidates(steps).empty();
  if (!out.present) return;
  resolve_text(evaluation, below(steps, "base"), out.base);
  std::string text;
  if (resolve_text(evaluation, below(steps, "compression"), text))
    if (auto parsed = parse_compression(text)) out.compression = *parsed;
  if (const Node* layers = resolve_list(below(steps, "layers"))) {
    for (const Node* entry : evaluation.entries(*layers)) {
      NativeLayer layer;
      if (const Node* part = entry->find("from")) evaluation.text(*part, layer.from);
      if (const Node* part = entry->find("to")) evaluation.text(*part, layer.to);
      if (const Node* part = entry->find("owner")) evaluation.text(*part, layer.owner);
      if (const Node* part = entry->find("mode")) evaluation.text(*part, layer.mode);
      out.layers.push_back(std::move(layer));
    }
  }
  resolve_config(evaluation, below(steps, "config"), out.config);
}

}  // namespace

BuildSettings resolve_settings(const Evaluation& evaluation, const Chain& chain) {
  BuildSettings out;
  const auto text = [&](Key key, std::string& to) { resolve_text(evaluation, chain[key], to); };
  text(Key::backend, out.backend);
  text(Key::dockerfile, out.dockerfile);
  text(Key::context, out.context);
  text(Key::target, out.target);
  text(Key::network, out.network);
  resolve_builder(evaluation, chain[Key::builder], out.builder);
  resolve_base(evaluation, chain[Key::base], out.bases);
  for (auto& [arg, image] : resolve_map(evaluation, chain[Key::bases]))
    if (!image.empty()) out.bases.push_back(base_image(arg, image));
  out.args = resolve_map(evaluation, chain[Key::args]);
  out.labels = resolve_map(evaluation, chain[Key::labels]);
  out.annotations = resolve_map(evaluation, chain[Key::annotations]);
  out.contexts = resolve_map(evaluation, chain[Key::contexts]);
  out.cache_from = resolve_texts(evaluation, chain[Key::cache_from]);
  out.cache_to = resolve_texts(evaluation, chain[Key::cache_to]);
  out.ssh = resolve_texts(evaluation, chain[Key::ssh]);
  out.ulimits = resolve_texts(evaluation, chain[Key::ulimits]);
  out.hardware = resolve_texts(evaluation, chain[Key::hardware]);
  resolve_secrets(evaluation, chain[Key::secrets], out.secrets);
  resolve_boolean(evaluation, chain[Key::no_cache], out.no_cache);
  resolve_boolean(evaluation, chain[Key::pull], out.pull);
  resolve_boolean(evaluation, chain[Key::rewrite_timestamp], out.rewrite_timestamp);
  text(Key::output, out.output);
  out.allow_secret_args = resolve_texts(evaluation, chain[Key::allow_secret_args]);
  resolve_attestations(evaluation, chain[Key::attestations], out.attestations);
  resolve_native(evaluation, chain[Key::native], out.native);
  resolve_text(evaluation, below(chain[Key::prebuilt], "image"), out.prebuilt);
  return out;
}

}  // namespace shipset::detail
