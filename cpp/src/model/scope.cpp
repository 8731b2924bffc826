#include <fmt/format.h>

#include <array>
#include <charconv>

#include "evaluate_impl.hpp"
#include "scope_impl.hpp"

namespace shipset::detail {

namespace {

using Samples = KnownNames::Samples;

constexpr std::array<std::string_view, 6> git_names = {"sha",      "branch",         "tag",
                                                       "ref_type", "default_branch", "commit_count"};
constexpr std::array<std::string_view, 4> platform_parts = {"os", "arch", "variant", "machine"};
constexpr std::array<std::string_view, 5> version_parts = {"major", "minor", "patch", "prerelease", "plain"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  for (const auto candidate : names)
    if (candidate == name) return true;
  return false;
}

std::optional<Value> find(const Samples& samples, std::string_view name) {
  const auto found = samples.find(name);
  if (found == samples.end()) return std::nullopt;
  return found->second;
}

/// "inputs.x" → {"inputs", "x"}; without a dot the second part is empty.
std::pair<std::string_view, std::string_view> parts_of(std::string_view name) {
  const std::size_t dot = name.find('.');
  if (dot == name.npos) return {name, {}};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

bool holds(Names level, Names wanted) {
  return level != Names::axis && level >= wanted;
}

std::vector<std::string> all_names(const KnownNames& known, Names level) {
  std::vector<std::string> out;
  const auto add = [&](std::string_view prefix, const auto& names) {
    for (const auto& name : names) out.push_back(fmt::format("{}.{}", prefix, name));
  };
  const auto add_samples = [&](std::string_view prefix, const Samples& samples) {
    for (const auto& [name, value] : samples) out.push_back(fmt::format("{}.{}", prefix, name));
  };
  if (level == Names::axis || holds(level, Names::suffix)) add_samples("axis", known.axes);
  if (holds(level, Names::input)) {
    add_samples("versions", known.versions);
    add("git", git_names);
    add_samples("env", known.env);
    out.insert(out.end(), {"event.name", "date"});
  }
  if (holds(level, Names::version)) {
    add_samples("inputs", known.inputs);
    add_samples("vars", known.vars);
  }
  if (holds(level, Names::release)) {
    out.emplace_back("version");
    add("version", version_parts);
  }
  if (holds(level, Names::suffix)) out.emplace_back("variant");
  if (holds(level, Names::variant)) out.emplace_back("suffix");
  if (holds(level, Names::platform)) {
    out.emplace_back("platform");
    add("platform", platform_parts);
  }
  return out;
}

Value sample_of_input(const Node& input) {
  const Node* type = input.find("type");
  if (type == nullptr || !type->is_string()) return Value(std::string());
  if (type->text == "boolean") return Value(false);
  if (type->text == "integer") return Value(std::int64_t{0});
  return Value(std::string());
}

Value sample_of_var(const Node& var) {
  if (var.is(Node::Type::boolean)) return Value(false);
  if (var.is(Node::Type::integer)) return Value(std::int64_t{0});
  // A text that is one placeholder takes the type of what it names.
  if (var.is_string() && var.text.find('{') == std::string::npos) return Value(std::string());
  return Value();
}

void collect_vars(const Node* table, Samples& vars) {
  if (table == nullptr || !table->is_table()) return;
  const Node* own = table->find("vars");
  if (own != nullptr && own->is_table()) {
    for (const auto& var : own->children) {
      const auto [at, fresh] = vars.emplace(var.key, sample_of_var(var));
      if (!fresh && at->second.index() != sample_of_var(var).index()) at->second = Value();
    }
  }
  if (const Node* platforms = table->find("platform"); platforms != nullptr && platforms->is_table())
    for (const auto& platform : platforms->children) collect_vars(&platform, vars);
}

void collect_vars_of_all(const Node* list, Samples& vars) {
  if (list == nullptr || !list->is_array()) return;
  for (const auto& entry : list->children) collect_vars(&entry, vars);
}

void collect_matrix(const Node* matrix, KnownNames& out) {
  if (matrix == nullptr || !matrix->is_table()) return;
  collect_vars_of_all(matrix->find("include"), out.vars);
  const Node* axes = matrix->find("axis");
  if (axes == nullptr || !axes->is_table()) return;
  for (const auto& axis : axes->children) {
    out.axes.emplace(axis.key, Value(std::string()));
    for (const auto& value : axis.children) collect_vars(&value, out.vars);
  }
}

}  // namespace

KnownNames collect_names(const Node& root, const std::map<std::string, std::string>& versions) {
  KnownNames out;
  for (const auto& [name, value] : versions) out.versions.emplace(name, Value(value));
  if (const Node* inputs = root.find("inputs"); inputs != nullptr && inputs->is_table())
    for (const auto& input : inputs->children) out.inputs.emplace(input.key, sample_of_input(input));
  if (const Node* env = root.find("env"); env != nullptr && env->is_table())
    if (const Node* allow = env->find("allow"); allow != nullptr && allow->is_array())
      for (const auto& name : allow->children)
        if (name.is_string()) out.env.emplace(name.text, Value(std::string()));
  collect_vars(&root, out.vars);
  collect_vars_of_all(root.find("variant"), out.vars);
  collect_matrix(root.find("matrix"), out);
  return out;
}

std::optional<Value> StaticScope::lookup(std::string_view name) const {
  const auto [group, part] = parts_of(name);
  const Value text{std::string()};
  if (group == "axis" && (level_ == Names::axis || holds(level_, Names::suffix))) return find(known_.axes, part);
  if (holds(level_, Names::input)) {
    if (group == "versions") return find(known_.versions, part);
    if (group == "env") return find(known_.env, part);
    if (group == "git" && contains(git_names, part)) return part == "commit_count" ? Value(std::int64_t{0}) : text;
    if (name == "event.name") return text;
    if (name == "date") return Value(std::int64_t{0});
  }
  if (holds(level_, Names::version)) {
    if (group == "inputs") return find(known_.inputs, part);
    if (group == "vars") return find(known_.vars, part);
  }
  if (holds(level_, Names::release) && group == "version") {
    if (name == "version" || part == "plain" || part == "prerelease") return text;
    if (contains(version_parts, part)) return Value(std::int64_t{0});
  }
  if (holds(level_, Names::suffix) && name == "variant") return text;
  if (holds(level_, Names::variant) && name == "suffix") return text;
  if (holds(level_, Names::platform) && group == "platform" && (name == group || contains(platform_parts, part)))
    return text;
  return std::nullopt;
}

std::vector<std::string> StaticScope::names() const {
  return all_names(known_, level_);
}

std::string_view where_known(const KnownNames& known, std::string_view name) {
  if (StaticScope(known, Names::variant).lookup(name))
    return StaticScope(known, Names::release).lookup(name) ? "after the version is known" : "for each variant";
  if (StaticScope(known, Names::platform).lookup(name)) return "in the settings of each platform and in platform rules";
  return {};
}

std::map<std::string, Value, std::less<>> version_values(const std::string& version, VersionScheme scheme) {
  std::map<std::string, Value, std::less<>> out;
  out["version"] = version.empty() ? Value() : Value(version);
  for (const auto part : version_parts) out[fmt::format("version.{}", part)] = Value();
  if (version.empty()) return out;
  out["version.plain"] = version.starts_with('v') ? version.substr(1) : version;
  const auto parsed = Version::parse(version, scheme);
  if (!parsed || scheme == VersionScheme::none) return out;
  for (std::size_t i = 0; i < 3 && i < parsed->numbers().size(); ++i)
    out[fmt::format("version.{}", version_parts[i])] = static_cast<std::int64_t>(parsed->numbers()[i]);
  if (!parsed->prerelease().empty()) out["version.prerelease"] = parsed->prerelease();
  out["version.plain"] = parsed->plain();
  return out;
}

void RunScope::set_variant(std::string_view name, const OrderedMap& axes) {
  variant_ = name;
  axes_ = &axes;
}

void RunScope::set_platform(const Platform* platform) {
  platform_ = platform;
  platform_used_ = false;
  for (auto& var : vars_) var.state = Var::State::unknown;
}

void RunScope::set_vars(std::vector<VarDefinition> vars) {
  vars_.clear();
  for (auto& definition : vars) vars_.push_back({std::move(definition), Var::State::unknown, {}, false});
}

std::optional<Value> RunScope::lookup_var(std::string_view name) const {
  for (auto& var : vars_) {
    if (var.definition.name != name) continue;
    if (var.state == Var::State::running) {
      faults_.report(*var.definition.candidates.front(), fmt::format("vars.{} is defined by itself", name),
                     "break the circle of variables that name each other");
      return Value();
    }
    if (var.state == Var::State::unknown) {
      const bool used_before = std::exchange(platform_used_, false);
      var.state = Var::State::running;
      var.value = Value();
      const Evaluation evaluation(*this, faults_);
      for (const Node* candidate : var.definition.candidates)
        if (evaluation.value(*candidate, var.value) != Outcome::unset) break;
      var.state = Var::State::known;
      var.platform_used = platform_used_;
      platform_used_ = used_before;
    }
    platform_used_ = platform_used_ || var.platform_used;
    return var.value;
  }
  if (values_.known->vars.find(name) != values_.known->vars.end()) return Value();
  return std::nullopt;
}

std::optional<Value> RunScope::lookup_platform(std::string_view part) const {
  platform_used_ = true;
  if (platform_ == nullptr) return std::nullopt;
  if (part.empty()) return Value(platform_->str());
  if (part == "os") return Value(platform_->os);
  if (part == "arch") return Value(platform_->architecture);
  if (part == "machine") return Value(platform_->machine());
  if (part == "variant") return platform_->variant.empty() ? Value() : Value(platform_->variant);
  return std::nullopt;
}

std::optional<Value> RunScope::lookup(std::string_view name) const {
  const auto [group, part] = parts_of(name);
  const Facts& facts = *values_.facts;
  if (group == "version") return holds(level_, Names::release) ? find(values_.version, name) : std::nullopt;
  if (group == "inputs") return holds(level_, Names::version) ? find(values_.inputs, part) : std::nullopt;
  if (group == "vars") return holds(level_, Names::version) ? lookup_var(part) : std::nullopt;
  if (name == "suffix")
    return holds(level_, Names::variant) ? std::optional(Value(std::string(suffix_))) : std::nullopt;
  if (name == "variant")
    return holds(level_, Names::suffix) ? std::optional(Value(std::string(variant_))) : std::nullopt;
  if (group == "platform") return holds(level_, Names::platform) ? lookup_platform(part) : std::nullopt;
  if (group == "axis") {
    if (level_ < Names::suffix && level_ != Names::axis) return std::nullopt;
    if (axes_ != nullptr)
      for (const auto& [axis, value] : *axes_)
        if (axis == part) return Value(value);
    return values_.known->axes.contains(part) ? std::optional(Value()) : std::nullopt;
  }
  if (!holds(level_, Names::input)) return std::nullopt;
  if (group == "versions") return find(values_.known->versions, part);
  if (group == "git" && contains(git_names, part)) {
    const auto found = facts.git.find(std::string(part));
    if (found == facts.git.end()) return Value();
    std::int64_t number = 0;
    const char* end = found->second.data() + found->second.size();
    if (part == "commit_count" && std::from_chars(found->second.data(), end, number).ptr == end) return Value(number);
    return Value(found->second);
  }
  if (group == "env" && values_.known->env.contains(part)) {
    const auto found = facts.env.find(std::string(part));
    return found == facts.env.end() ? Value() : Value(found->second);
  }
  if (name == "event.name") return facts.event_name.empty() ? Value() : Value(facts.event_name);
  if (name == "date") return Value(facts.date_unix_s);
  return std::nullopt;
}

std::vector<std::string> RunScope::names() const {
  return all_names(*values_.known, level_);
}

}  // namespace shipset::detail
