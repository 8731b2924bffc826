#include <fmt/format.h>

#include <algorithm>

#include "variant_impl.hpp"

namespace shipset::detail {

namespace {

/// Conditions of all levels, lowest first, after removals; product: all must hold.
std::vector<const Node*> conditions_of(const Steps& steps) {
  auto out = candidates(steps);
  std::reverse(out.begin(), out.end());
  return out;
}

template <class T>
void add_once(std::vector<T>& list, const T& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

std::vector<const Level*> overrides_for(const DeclaredVariant& declared, const Platform& platform) {
  std::vector<const Level*> out;
  for (const Level* level : declared.levels)
    for (const auto& [name, override_level] : level->platforms)
      if (name.matches(platform)) out.push_back(override_level);
  return out;
}

}  // namespace

Variant VariantMaker::make(const DeclaredVariant& declared) {
  Variant out;
  out.name = declared.name;
  out.axes = declared.axes;
  out.line = declared.node->key_at.line;
  faults_.set_about(fmt::format(" (variant {})", declared.name));
  chain_.clear();
  chain_.push(spec_.declarations.release);
  for (const Level* level : declared.levels) chain_.push(*level);

  make_suffix(declared, out);
  make_condition(out);
  Faults quiet(nullptr);
  Faults& faults = out.active ? faults_ : quiet;
  RunScope scope(values_, Names::variant, faults);
  scope.set_variant(out.name, out.axes);
  scope.set_suffix(out.suffix);
  scope.set_vars(merged_map(chain_[Key::vars]));
  make_head(scope, faults, out);
  make_platforms(scope, faults, declared, out);
  if (out.publish) make_tags(scope, faults, declared, out);
  collect(out);
  if (out.active) check_backend(declared, out);
  faults_.set_about({});
  return out;
}

void VariantMaker::make_suffix(const DeclaredVariant& declared, Variant& out) {
  out.suffix = declared.name;
  if (chain_[Key::suffix].empty()) return;
  RunScope scope(values_, Names::suffix, faults_);
  scope.set_variant(out.name, out.axes);
  scope.set_vars(merged_map(chain_[Key::vars]));
  std::string suffix;
  if (resolve_text(Evaluation(scope, faults_), chain_[Key::suffix], suffix)) out.suffix = std::move(suffix);
}

void VariantMaker::make_condition(Variant& out) {
  const auto conditions = conditions_of(chain_[Key::when]);
  if (conditions.empty()) return;
  RunScope scope(values_, Names::variant, faults_);
  scope.set_variant(out.name, out.axes);
  scope.set_suffix(out.suffix);
  scope.set_vars(merged_map(chain_[Key::vars]));
  const Evaluation evaluation(scope, faults_);
  for (const Node* when : conditions) {
    if (!evaluation.condition(*when).value_or(false)) out.active = false;
    if (conditions.size() == 1)
      out.when = when->text;
    else
      out.when += fmt::format("{}({})", out.when.empty() ? "" : " and ", when->text);
  }
}

void VariantMaker::make_head(RunScope& scope, Faults& faults, Variant& out) {
  const Evaluation evaluation(scope, faults);
  std::string required;
  if (resolve_text(evaluation, chain_[Key::required], required)) {
    if (required == "if-present")
      out.required = Required::if_present;
    else if (required == "false")
      out.required = Required::no;
    else if (required != "true")
      faults.report(*candidates(chain_[Key::required]).front(),
                    fmt::format("`required` is \"{}\", not true, false or \"if-present\"", required));
  }
  resolve_boolean(evaluation, chain_[Key::publish], out.publish);
  out.repositories = resolve_texts(evaluation, chain_[Key::repositories]);
  if (!chain_[Key::ci].empty()) {
    // Entries with platform names belong to the platforms alone.
    Faults quiet(nullptr);
    out.ci_json = resolve_ci(scope, quiet, chain_[Key::ci]);
  }
}

void VariantMaker::make_platforms(RunScope& scope, Faults& faults, const DeclaredVariant& declared, Variant& out) {
  const auto texts = resolve_texts(Evaluation(scope, faults), chain_[Key::platforms]);
  scope.set_level(Names::platform);
  const PlatformImage* shared = nullptr;
  out.platforms.reserve(texts.size());
  for (const auto& text : texts) {
    auto parsed = Platform::parse(text);
    if (!parsed) continue;
    const bool twice = std::any_of(out.platforms.begin(), out.platforms.end(),
                                   [&](const PlatformImage& one) { return one.platform.matches(*parsed); });
    if (twice) {
      faults.report(*candidates(chain_[Key::platforms]).front(), fmt::format("the platform {} stands twice", text));
      continue;
    }
    PlatformImage image;
    image.platform = std::move(*parsed);
    const auto overrides = overrides_for(declared, image.platform);
    if (shared != nullptr && overrides.empty()) {
      image.settings = shared->settings;
      image.ci_json = shared->ci_json;
      out.platforms.push_back(std::move(image));
      continue;
    }
    if (!make_image(scope, faults, overrides, image)) continue;
    const bool shareable = overrides.empty() && !scope.platform_used();
    out.platforms.push_back(std::move(image));
    if (shareable) shared = &out.platforms.back();
  }
  scope.set_level(Names::variant);
  scope.set_platform(nullptr);
  if (out.platforms.empty() && faults.count() == 0)
    faults.report(*declared.node, fmt::format("no platform is left for the variant \"{}\"", out.name),
                  "conditions leave out all of its platforms");
}

bool VariantMaker::make_image(RunScope& scope, Faults& faults, const std::vector<const Level*>& overrides,
                              PlatformImage& image) {
  const Chain* chain = &chain_;
  if (!overrides.empty()) {
    platform_chain_ = chain_;
    for (const Level* level : overrides) platform_chain_.push_platform(*level);
    chain = &platform_chain_;
    scope.set_vars(merged_map((*chain)[Key::vars]));
  }
  scope.set_platform(&image.platform);
  const Evaluation evaluation(scope, faults);
  bool wanted = true;
  for (const Level* level : overrides)
    for (const auto& [key, node] : level->entries)
      if (key == Key::when && !evaluation.condition(*node).value_or(false)) wanted = false;
  if (wanted) {
    image.settings = resolve_settings(evaluation, *chain);
    if (!(*chain)[Key::ci].empty()) image.ci_json = resolve_ci(scope, faults, (*chain)[Key::ci]);
  }
  if (!overrides.empty()) scope.set_vars(merged_map(chain_[Key::vars]));
  return wanted;
}

void VariantMaker::make_tags(RunScope& scope, Faults& faults, const DeclaredVariant& declared, Variant& out) {
  const std::size_t before = faults.count();
  out.tags = resolve_tags(scope, faults, chain_, out);
  out.flavor = resolve_texts(Evaluation(scope, faults), below(chain_[Key::tags], "flavor"));
  for (const auto& image : out.platforms)
    for (const Level* level : overrides_for(declared, image.platform))
      resolve_platform_tags(scope, faults, *level, image.platform, out.tags);
  if (!out.active && faults.count() > before)
    problems_.warning(*declared.node,
                      fmt::format("the variant \"{}\" is not in this release, and some of its tags cannot be named: {}",
                                  out.name, faults.last()));
}

void VariantMaker::collect(Variant& out) const {
  for (const auto& image : out.platforms) {
    for (const auto& hardware : image.settings.hardware) add_once(out.hardware, hardware);
    for (const auto& base : image.settings.bases)
      if (!base.variant.empty()) add_once(out.depends_on, base.variant);
  }
}

void VariantMaker::check_backend(const DeclaredVariant& declared, const Variant& variant) const {
  for (const auto& image : variant.platforms) {
    const BuildSettings& settings = image.settings;
    if (settings.backend == "prebuilt" && settings.prebuilt.empty())
      faults_.report(*declared.node,
                     fmt::format("the backend is \"prebuilt\", but there is no image for {}", image.platform.str()),
                     "write [variant.prebuilt] image = \"…\", or per platform");
    if (settings.backend == "native" && !settings.native.present)
      faults_.report(*declared.node, "the backend is \"native\", but there is no [build.native] or [variant.native]");
  }
}

}  // namespace shipset::detail
