#include <algorithm>

#include "description_impl.hpp"
#include "resolve_impl.hpp"
#include "shipset/model/template.hpp"

namespace shipset::detail {

namespace {

bool is_version_name(std::string_view name) {
  return name == "version" || name.starts_with("version.");
}

Moves moves_of(const std::string& text) {
  if (text == "forward") return Moves::forward;
  return text == "always" ? Moves::always : Moves::never;
}

/// `{` and `}` doubled, so that plain text is a template of itself.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '{' || c == '}') out += c;
    out += c;
  }
  return out;
}

/// A version that is not of its scheme has no parts, so there is no tag that a forward rule with one could move.
bool lacks_parts(const Scope& scope, const Template& text) {
  const auto is_none = [&](std::string_view name) {
    const auto value = scope.lookup(name);
    return value && std::holds_alternative<std::monostate>(*value);
  };
  const auto& pieces = text.pieces();
  return !is_none("version") && is_none("version.major") &&
         std::any_of(pieces.begin(), pieces.end(), [&](const Template::Piece& piece) {
           return piece.name.starts_with("version.") && !piece.dash_before && !piece.dash_after && is_none(piece.name);
         });
}

/// The text of a rule of docker/metadata-action; null for every other rule.
const Node* dialect_rule(const Node& rule) {
  if (rule.is_table()) return rule.find("rule");
  return rule.is_string() && is_dialect_rule(rule.text) ? &rule : nullptr;
}

/// Evaluates one rule, a table or a bare template; nothing when its condition is false or it fails.
std::optional<ResolvedTag> resolve_rule(const Evaluation& evaluation, const Node& rule) {
  ResolvedTag out;
  const Node* tag = &rule;
  if (rule.is_table()) {
    if (const Node* when = rule.find("when"); when != nullptr && !evaluation.condition(*when).value_or(false))
      return std::nullopt;
    tag = rule.find("tag");
    std::string moves;
    if (const Node* node = rule.find("moves"); node != nullptr && evaluation.text(*node, moves) == Outcome::set) {
      out.moves = moves_of(moves);
      out.moves_given = true;
    }
  }
  if (const Node* dialect = dialect_rule(rule)) {
    out.dialect = true;
    out.rule = dialect->text;
    out.line = rule.at.line;
    out.column = rule.at.column;
    return out;
  }
  Outcome outcome = Outcome::set;
  const Node* source = evaluation.chosen(*tag, outcome);
  if (source != nullptr && out.moves == Moves::forward && source->text_template != nullptr &&
      lacks_parts(evaluation.scope(), *source->text_template))
    return std::nullopt;
  if (source == nullptr || evaluation.text(*source, out.tag) != Outcome::set) return std::nullopt;
  out.rule = source->text;
  out.line = rule.at.line;
  out.column = rule.at.column;
  if (source->text_template == nullptr) {
    out.shape = escaped(out.tag);
  } else {
    auto shape = source->text_template->evaluate_partially(evaluation.scope(), is_version_name);
    if (!shape) return evaluation.report(*source, shape.error()), std::nullopt;
    out.shape = std::move(*shape);
  }
  return out;
}

void add_rules(const Evaluation& evaluation, const Node* list, std::vector<ResolvedTag>& out) {
  if (list == nullptr) return;
  for (const Node* rule : evaluation.entries(*list))
    if (auto tag = resolve_rule(evaluation, *rule)) out.push_back(std::move(*tag));
}

bool applies_to(const Evaluation& evaluation, const Node& rule, const std::string& variant) {
  const Node* list = rule.find("variants");
  if (list == nullptr) return true;
  const auto names = evaluation.texts(*list);
  return std::find(names.begin(), names.end(), variant) != names.end();
}

std::vector<Platform> platforms_of(const Evaluation& evaluation, const Node& rule, const Variant& variant) {
  const Node* list = rule.find("platforms");
  std::vector<Platform> wanted, out;
  if (list != nullptr)
    for (const auto& text : evaluation.texts(*list))
      if (auto parsed = Platform::parse(text)) wanted.push_back(std::move(*parsed));
  for (const auto& image : variant.platforms)
    if (list == nullptr ||
        std::any_of(wanted.begin(), wanted.end(), [&](const Platform& one) { return one.matches(image.platform); }))
      out.push_back(image.platform);
  return out;
}

void add_platform_rule(RunScope& scope, Faults& faults, const Node& rule, const Variant& variant,
                       std::vector<ResolvedTag>& out) {
  scope.set_level(Names::variant);
  scope.set_platform(nullptr);
  const Evaluation evaluation(scope, faults);
  if (!applies_to(evaluation, rule, variant.name)) return;
  auto platforms = platforms_of(evaluation, rule, variant);
  if (platforms.empty()) return;
  bool index = false;
  if (const Node* node = rule.find("index")) evaluation.boolean(*node, index);
  // An index of several platforms has no platform of its own, one platform's index has.
  const bool each = !index || platforms.size() == 1;
  scope.set_level(each ? Names::platform : Names::variant);
  const auto add = [&](std::vector<Platform> targets) {
    if (auto tag = resolve_rule(evaluation, rule)) {
      tag->platforms = std::move(targets);
      tag->index = index;
      out.push_back(std::move(*tag));
    }
  };
  if (!each) return add(std::move(platforms));
  for (const auto& platform : platforms) {
    scope.set_platform(&platform);
    add({platform});
  }
}

}  // namespace

std::vector<ResolvedTag> resolve_tags(RunScope& scope, Faults& faults, const Chain& chain, const Variant& variant) {
  std::vector<ResolvedTag> out;
  scope.set_level(Names::variant);
  scope.set_platform(nullptr);
  const Evaluation evaluation(scope, faults);
  // `rules` starts anew at its level, `add` appends to what is there.
  Steps steps = chain[Key::tags];
  std::vector<const Node*> lists;
  for (const auto& step : steps) {
    if (step.node == nullptr) {
      if (step.removed.empty() || step.removed.front() == "rules" || step.removed.front() == "add") lists.clear();
      continue;
    }
    if (const Node* rules = step.node->find("rules")) lists.assign(1, rules);
    if (const Node* add = step.node->find("add")) lists.push_back(add);
  }
  for (const Node* list : lists) add_rules(evaluation, list, out);
  if (const Node* rules = resolve_list(below(steps, "platform_rules"))) {
    for (const Node* rule : evaluation.entries(*rules)) add_platform_rule(scope, faults, *rule, variant, out);
    scope.set_level(Names::variant);
    scope.set_platform(nullptr);
  }
  return out;
}

void resolve_platform_tags(RunScope& scope, Faults& faults, const Level& level, const Platform& platform,
                           std::vector<ResolvedTag>& out) {
  scope.set_level(Names::platform);
  scope.set_platform(&platform);
  const Evaluation evaluation(scope, faults);
  std::vector<ResolvedTag> own;
  for (const auto& [key, node] : level.entries) {
    if (key != Key::tags) continue;
    add_rules(evaluation, node->find("rules"), own);
    add_rules(evaluation, node->find("add"), own);
  }
  for (auto& tag : own) {
    tag.platforms = {platform};
    out.push_back(std::move(tag));
  }
  scope.set_level(Names::variant);
  scope.set_platform(nullptr);
}

}  // namespace shipset::detail
