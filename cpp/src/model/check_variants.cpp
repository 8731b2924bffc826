#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <unordered_map>

#include "evaluate_impl.hpp"
#include "formats_impl.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/template.hpp"
#include "spec_checks_impl.hpp"

namespace shipset::detail {

namespace {

using Indices = std::unordered_map<std::string_view, std::size_t>;

/// Calls `use` with every value that may stand for the node: itself, or each alternative.
void each_value(const Node& node, const std::function<void(const Node&)>& use) {
  if (is_conditional(node)) {
    for (const auto& alternative : node.children)
      if (const Node* value = alternative.find("value")) use(*value);
  } else if (node.is_table() && node.find("value") != nullptr && node.find("tag") == nullptr) {
    use(*node.find("value"));
  } else {
    use(node);
  }
}

void each_entry(const Node* list, const std::function<void(const Node&)>& use) {
  if (list == nullptr) return;
  for (const auto& entry : list->children) each_value(entry, use);
}

std::string nearest_variant(std::string_view name, const Indices& indices) {
  std::vector<std::string> names;
  for (const auto& [known, index] : indices) names.emplace_back(known);
  std::sort(names.begin(), names.end());
  const auto nearest = nearest_name(name, names);
  return nearest.empty() ? std::string() : fmt::format("did you mean \"{}\"?", nearest);
}

class VariantChecks {
 public:
  VariantChecks(const Node& root, const Declarations& declarations, ProblemList& problems)
      : root_(root), declarations_(declarations), problems_(problems) {
    for (std::size_t i = 0; i < declarations.variants.size(); ++i) indices_.emplace(declarations.variants[i].name, i);
  }

  void run() {
    const Node* release = root_.find("release");
    const Node* scheme = release == nullptr ? nullptr : release->find("scheme");
    scheme_none_ = scheme != nullptr && scheme->text == "none";
    check_level(declarations_.release);
    for (const auto& level : declarations_.storage) check_level(level);
    edges_.resize(declarations_.variants.size());
    for (std::size_t i = 0; i < declarations_.variants.size(); ++i) check_variant(i);
    check_cycle();
  }

 private:
  void check_level(const Level& level) {
    for (const auto& [key, node] : level.entries) {
      if (key == Key::base || key == Key::bases) check_base_names(*node);
      if (key == Key::platforms) check_duplicates(*node);
      if (key == Key::tags) check_rule_variants(node->find("platform_rules"));
    }
  }

  void check_base_names(const Node& node) {
    each_value(node, [&](const Node& value) {
      if (value.is_table()) {
        for (const auto& child : value.children)
          if (child.key != "arg") check_base_names(child);
      } else if (const auto name = variant_of_base(value.text); !name.empty() && value.text_template == nullptr) {
        if (!indices_.contains(name))
          problems_.error(value, fmt::format("the base names the variant \"{}\", which is not declared", name),
                          nearest_variant(name, indices_));
      }
    });
  }

  void check_duplicates(const Node& list) {
    std::vector<Platform> seen;
    for (const auto& entry : list.children) {
      if (!entry.is_string() || entry.text_template != nullptr) continue;
      const auto parsed = Platform::parse(entry.text);
      if (!parsed) continue;
      if (std::any_of(seen.begin(), seen.end(), [&](const Platform& one) { return one.matches(*parsed); }))
        problems_.error(entry, fmt::format("the platform {} stands twice", entry.text));
      seen.push_back(*parsed);
    }
  }

  void check_rule_variants(const Node* rules) {
    each_entry(rules, [&](const Node& rule) {
      each_entry(rule.find("variants"), [&](const Node& name) {
        if (name.is_string() && name.text_template == nullptr && !indices_.contains(name.text))
          problems_.error(name, fmt::format("the rule names the variant \"{}\", which is not declared", name.text),
                          nearest_variant(name.text, indices_));
      });
    });
  }

  void check_variant(std::size_t index) {
    const DeclaredVariant& variant = declarations_.variants[index];
    chain_.clear();
    chain_.push(declarations_.release);
    for (const Level* level : variant.levels) chain_.push(*level);
    check_platforms(variant);
    add_edges(index, chain_);
    for (const Level* level : variant.levels)
      for (const auto& [platform, override_level] : level->platforms) {
        Chain own;
        own.push(*override_level);
        add_edges(index, own);
      }
    const auto rules = rules_of(chain_[Key::tags]);
    check_forward(rules);
    if (root_.find("release") != nullptr && !rules.empty() && candidates(chain_[Key::repositories]).empty() &&
        !std::exchange(homeless_, true))
      problems_.error(*root_.find("release"),
                      fmt::format("the tags of variant \"{}\" have no repository", variant.name),
                      "write repositories = [\"…\"] in [release] or in the variant");
  }

  void check_platforms(const DeclaredVariant& variant) {
    const auto lists = candidates(chain_[Key::platforms]);
    if (lists.empty())
      return problems_.error(*variant.node, fmt::format("the variant \"{}\" has no platforms", variant.name),
                             "write platforms = [\"linux/amd64\", …] in [build] or in the variant");
    std::vector<Platform> possible;
    bool computed = false;
    each_entry(lists.front(), [&](const Node& value) {
      computed = computed || value.text_template != nullptr;
      if (auto parsed = Platform::parse(value.text)) possible.push_back(std::move(*parsed));
    });
    if (computed) return;
    // A value of an axis or an include may serve variants that lack the platform.
    const Level* own = variant.levels.empty() ? nullptr : variant.levels.back();
    if (own == nullptr || own->node != variant.node) return;
    for (const auto& [platform, level] : own->platforms)
      if (std::none_of(possible.begin(), possible.end(), [&](const Platform& one) { return one.matches(platform); }))
        problems_.warning_at_key(*level->node,
                                 fmt::format("the variant \"{}\" is not built for {}", variant.name, platform.str()),
                                 "add the platform to `platforms`, or remove these settings");
  }

  /// Dependencies that hold whatever the inputs; conditional ones are followed when a matrix is made.
  void add_edges(std::size_t index, const Chain& chain) {
    const auto add = [&](const Node& node) {
      const Node* value = node.is_table() ? node.find("image") : &node;
      if (value == nullptr || !value->is_string() || value->text_template != nullptr) return;
      const auto target = indices_.find(variant_of_base(value->text));
      if (target != indices_.end()) edges_[index].push_back(target->second);
    };
    if (const auto bases = candidates(chain[Key::base]); !bases.empty()) add(*bases.front());
    for (const auto& definition : merged_map(chain[Key::bases])) add(*definition.candidates.front());
  }

  void check_cycle() {
    const auto cycle = find_cycle(edges_);
    if (cycle.empty()) return;
    std::string path;
    for (const auto member : cycle) path += declarations_.variants[member].name + " → ";
    path += declarations_.variants[cycle.front()].name;
    problems_.error(*declarations_.variants[cycle.front()].node,
                    fmt::format("variants are bases of each other: {}", path),
                    "a variant can only build on variants that do not need it");
  }

  static std::vector<const Node*> rules_of(const Steps& steps) {
    std::vector<const Node*> lists, out;
    for (const auto& step : steps) {
      if (step.node == nullptr) {
        if (step.removed.empty() || step.removed.front() == "rules") lists.clear();
        continue;
      }
      if (const Node* rules = step.node->find("rules")) lists.assign(1, rules);
      if (const Node* add = step.node->find("add")) lists.push_back(add);
    }
    if (const Node* rules = step_list(below(steps, "platform_rules"))) lists.push_back(rules);
    for (const Node* list : lists) each_entry(list, [&](const Node& rule) { out.push_back(&rule); });
    return out;
  }

  static const Node* step_list(const Steps& steps) {
    const auto nodes = candidates(steps);
    return nodes.empty() ? nullptr : nodes.front();
  }

  static const Node* dialect_text(const Node& rule) {
    const Node* text = rule.is_table() ? rule.find("rule") : &rule;
    return text != nullptr && text->is_string() && is_dialect_rule(text->text) ? text : nullptr;
  }

  static bool may_move(const Node& rule, std::string_view how) {
    const Node* moves = rule.is_table() ? rule.find("moves") : nullptr;
    if (moves == nullptr) return how == "never";
    bool found = false;
    each_value(*moves,
               [&](const Node& value) { found = found || value.text_template != nullptr || value.text == how; });
    return found;
  }

  /// Whether the version can be read back from tags of this rule.
  static bool tells_version(const Node& rule) {
    // Which tags such rules give depends on the event; `tags` tells then.
    if (const Node* dialect = dialect_text(rule))
      return rule.find("moves") != nullptr || dialect->text.find("type=semver") != std::string::npos ||
             dialect->text.find("type=pep440") != std::string::npos;
    const Node* tag = rule.is_table() ? rule.find("tag") : &rule;
    bool found = false;
    if (tag == nullptr) return false;
    each_value(*tag, [&](const Node& value) {
      if (value.text_template == nullptr) return;
      std::set<std::string> names;
      for (const auto& piece : value.text_template->pieces()) names.insert(piece.name);
      const bool parts =
          names.contains("version.major") && names.contains("version.minor") && names.contains("version.patch");
      const bool variable =
          std::any_of(names.begin(), names.end(), [](const auto& name) { return name.starts_with("vars."); });
      found = found || parts || variable || names.contains("version") || names.contains("version.plain");
    });
    return found;
  }

  void check_forward(const std::vector<const Node*>& rules) {
    const bool exact = std::any_of(rules.begin(), rules.end(),
                                   [](const Node* rule) { return may_move(*rule, "never") && tells_version(*rule); });
    for (const Node* rule : rules) {
      if (!may_move(*rule, "forward") || may_move(*rule, "never")) continue;
      if (scheme_none_)
        problems_.error(*rule, "a forward tag needs versions that can be ordered, but `scheme` is \"none\"",
                        "set release.scheme, or let the tag move \"always\"");
      else if (!exact)
        problems_.error(*rule, "a forward tag needs an exact tag with the version beside it",
                        "add { tag = \"{version}{-suffix}\" }: from such tags the highest version is read");
    }
  }

  const Node& root_;
  const Declarations& declarations_;
  ProblemList& problems_;
  Indices indices_;
  Chain chain_;
  std::vector<std::vector<std::size_t>> edges_;
  bool scheme_none_ = false, homeless_ = false;
};

}  // namespace

void check_variants(const Node& root, const Declarations& declarations, ProblemList& problems) {
  VariantChecks(root, declarations, problems).run();
}

}  // namespace shipset::detail
