#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "pattern_impl.hpp"
#include "shipset/base/text.hpp"
#include "spec_checks_impl.hpp"

namespace shipset::detail {

namespace {

std::string type_of(const Node& input) {
  const Node* type = input.find("type");
  return type == nullptr ? "string" : type->text;
}

bool is_literal(const Node& node) {
  return node.is_string() && node.text_template == nullptr;
}

void check_options(const Node& input, const std::string& type, ProblemList& problems) {
  const Node* options = input.find("options");
  if (type == "choice" && (options == nullptr || options->children.empty()))
    problems.error(input, fmt::format("the choice `{}` has no options", input.key), "write options = [\"…\", \"…\"]");
  if (type != "choice" && options != nullptr)
    problems.error_at_key(*options,
                          fmt::format("`options` is for inputs of type \"choice\", this one is \"{}\"", type));
  std::set<std::string_view> seen;
  if (options != nullptr)
    for (const auto& option : options->children)
      if (!seen.insert(option.text).second)
        problems.error(option, fmt::format("the option \"{}\" stands twice", printable(option.text, 80)));
}

void check_default(const Node& input, const std::string& type, const Node& value, ProblemList& problems) {
  if (value.is_array()) {
    for (const auto& alternative : value.children)
      if (const Node* one = alternative.find("value")) check_default(input, type, *one, problems);
    return;
  }
  if (value.text_template != nullptr) return;
  const bool boolean = value.is(Node::Type::boolean), integer = value.is(Node::Type::integer);
  const bool good = type == "boolean" ? boolean : type == "integer" ? integer : value.is_string();
  if (!good)
    return problems.error(value, fmt::format("the default of the {} `{}` is {}", type, input.key, describe(value.type)),
                          type == "boolean" ? "write true or false, without quotes" : "");
  if (!value.is_string()) return;
  if (const Node* options = input.find("options"); options != nullptr && type == "choice") {
    std::vector<std::string> names;
    for (const auto& option : options->children) names.push_back(option.text);
    if (std::find(names.begin(), names.end(), value.text) == names.end()) {
      const auto nearest = nearest_name(value.text, names);
      problems.error(
          value, fmt::format("the default \"{}\" is not an option", printable(value.text, 80)),
          nearest.empty() ? "options are " + join(names, ", ") : fmt::format("did you mean \"{}\"?", nearest));
    }
  }
  if (const Node* text = input.find("pattern"))
    if (const auto pattern = Pattern::parse(text->text); pattern && !pattern->matches(value.text))
      problems.error(value, fmt::format("the default \"{}\" does not match the pattern", printable(value.text, 80)));
}

void check_budget(const Node& budget, const std::string& at, const Node* run, ProblemList& problems) {
  if (at != "staged")
    problems.error_at_key(budget, fmt::format("a gate with at = \"{}\" has no images to measure", at),
                          "a budget needs at = \"staged\"");
  if (run != nullptr) problems.error_at_key(*run, "a gate has either a command or a budget", "write two gates");
  if (budget.children.empty())
    problems.error_at_key(budget, "the budget limits nothing",
                          "write image, layer, growth or growth_bytes, e.g. budget = { image = \"2 GiB\" }");
}

void check_gate(const Node& gate, const std::set<std::string_view>& variants, ProblemList& problems) {
  const Node* run = gate.find("run");
  const Node* budget = gate.find("budget");
  const std::string& at = gate.find("at")->text;
  const bool external = at == "external";
  if (budget != nullptr) check_budget(*budget, at, run, problems);
  if (external && run != nullptr)
    problems.error_at_key(*run, "an external gate has no command", "another job reports its result with shipset gate");
  if (!external && budget == nullptr && (run == nullptr || run->children.empty()))
    problems.error(gate, fmt::format("the gate \"{}\" has no command", gate.find("name")->text),
                   at == "staged" ? "write run = [\"program\", \"argument\"], or a budget"
                                  : "write run = [\"program\", \"argument\"]");
  if (const Node* timeout = gate.find("timeout_s"))
    if (timeout->is(Node::Type::integer) && (timeout->number <= 0 || timeout->number > 7 * 86400))
      problems.error(*timeout, "`timeout_s` is not between 1 and 604800");
  const Node* names = gate.find("variants");
  if (names == nullptr) return;
  for (const auto& name : names->children)
    if (is_literal(name) && !variants.contains(name.text)) {
      const auto nearest = nearest_name(name.text, {variants.begin(), variants.end()});
      problems.error(name, fmt::format("the gate names the variant \"{}\", which is not declared", name.text),
                     nearest.empty() ? std::string() : fmt::format("did you mean \"{}\"?", nearest));
    }
}

}  // namespace

void check_inputs(const Node& root, ProblemList& problems) {
  const Node* inputs = root.find("inputs");
  if (inputs == nullptr) return;
  std::map<std::string, const Node*> seen;
  for (const auto& input : inputs->children) {
    const std::string type = type_of(input);
    check_options(input, type, problems);
    const Node* pattern = input.find("pattern");
    if (pattern != nullptr && type != "string")
      problems.error_at_key(*pattern,
                            fmt::format("`pattern` is for inputs of type \"string\", this one is \"{}\"", type));
    if (const Node* value = input.find("default")) check_default(input, type, *value, problems);
    // SHIPSET_INPUT_NAME in the environment knows no case and no dashes.
    std::string variable = to_lower(input.key);
    std::replace(variable.begin(), variable.end(), '-', '_');
    const auto [other, fresh] = seen.emplace(variable, &input);
    if (!fresh)
      problems.error_at_key(input, fmt::format("the inputs `{}` and `{}` have the same variable in the environment",
                                               other->second->key, input.key));
  }
}

void check_gates(const Node& root, const Declarations& declarations, ProblemList& problems) {
  const Node* gates = root.find("gate");
  if (gates == nullptr) return;
  std::set<std::string_view> variants, names;
  for (const auto& variant : declarations.variants) variants.insert(variant.name);
  for (const auto& gate : gates->children) {
    check_gate(gate, variants, problems);
    const Node& name = *gate.find("name");
    if (!names.insert(name.text).second) problems.error(name, fmt::format("two gates are called \"{}\"", name.text));
  }
}

std::vector<std::size_t> find_cycle(const std::vector<std::vector<std::size_t>>& edges) {
  enum class Mark : std::uint8_t { fresh, open, done };
  std::vector<Mark> marks(edges.size(), Mark::fresh);
  std::vector<std::pair<std::size_t, std::size_t>> path;  // node, next edge
  for (std::size_t start = 0; start < edges.size(); ++start) {
    if (marks[start] != Mark::fresh) continue;
    path.assign(1, {start, 0});
    marks[start] = Mark::open;
    while (!path.empty()) {
      auto& [node, next] = path.back();
      if (next == edges[node].size()) {
        marks[node] = Mark::done;
        path.pop_back();
        continue;
      }
      const std::size_t to = edges[node][next++];
      if (marks[to] == Mark::open) {
        std::vector<std::size_t> cycle;
        bool inside = false;
        for (const auto& [member, edge] : path)
          if (inside = inside || member == to; inside) cycle.push_back(member);
        return cycle;
      }
      if (marks[to] == Mark::fresh) {
        marks[to] = Mark::open;
        path.emplace_back(to, 0);
      }
    }
  }
  return {};
}

}  // namespace shipset::detail
