#include <algorithm>
#include <cmath>

#include "description_impl.hpp"
#include "resolve_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/model/template.hpp"

namespace shipset::detail {

namespace {

/// Free tables written as JSON: tables merge by key, everything else replaces.
class CiWriter {
 public:
  CiWriter(const Scope& scope, Faults& faults) : scope_(scope), faults_(faults) {}

  void table(const Steps& steps) {
    out_.begin_object();
    for (const auto& definition : merged_map(steps)) member(definition, below(steps, definition.name));
    out_.end_object();
  }
  std::string take() { return out_.take(); }

 private:
  void member(const VarDefinition& definition, const Steps& steps) {
    for (const Node* node : definition.candidates) {
      if (node->is_table()) {
        Steps tables;
        for (const auto& step : steps)
          if (step.node == nullptr || step.node->is_table()) tables.push_back(step);
        out_.key(definition.name);
        return table(tables);
      }
      Outcome outcome = Outcome::set;
      const Node* chosen = Evaluation(scope_, faults_).chosen(*node, outcome);
      if (outcome == Outcome::unset) continue;
      std::string text;
      if (chosen == nullptr || !evaluated(*chosen, text)) return;
      out_.key(definition.name);
      return value(*chosen, text);
    }
  }

  /// False when a text of it fails: half a list would be worse than none.
  bool evaluated(const Node& node, std::string& text) {
    if (node.is_string()) return Evaluation(scope_, faults_).text(node, text) == Outcome::set;
    std::string unused;
    return !node.is_array() || std::all_of(node.children.begin(), node.children.end(),
                                           [&](const Node& entry) { return evaluated(entry, unused); });
  }

  void value(const Node& node, const std::string& text) {
    switch (node.type) {
      case Node::Type::string:
        out_.value(text);
        break;
      case Node::Type::datetime:
        out_.value(node.text);
        break;
      case Node::Type::integer:
        out_.value(node.number);
        break;
      case Node::Type::floating:
        out_.value(node.real);
        break;
      case Node::Type::boolean:
        out_.value(node.flag);
        break;
      case Node::Type::table:
        table({Step{&node, {}}});
        break;
      case Node::Type::array:
        out_.begin_array();
        for (const auto& entry : node.children) {
          std::string one;
          if (evaluated(entry, one)) value(entry, one);
        }
        out_.end_array();
        break;
    }
  }

  const Scope& scope_;
  Faults& faults_;
  JsonWriter out_;
};

}  // namespace

std::string resolve_ci(const Scope& scope, Faults& faults, const Steps& steps) {
  if (candidates(steps).empty()) return {};
  CiWriter writer(scope, faults);
  writer.table(steps);
  std::string out = writer.take();
  return out == "{}" ? std::string() : out;
}

}  // namespace shipset::detail
