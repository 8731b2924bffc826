#include <fmt/format.h>

#include <algorithm>

#include "levels_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::detail {

namespace {

/// "a.b" at its first dot, with quotes around the second part taken off.
std::pair<std::string, std::string> split_path(std::string_view path) {
  const std::size_t dot = path.find('.');
  if (dot == path.npos) return {std::string(path), {}};
  std::string_view rest = path.substr(dot + 1);
  if (rest.size() >= 2 && rest.front() == '"' && rest.back() == '"') rest = rest.substr(1, rest.size() - 2);
  return {std::string(path.substr(0, dot)), std::string(rest)};
}

std::vector<std::string> names_of(const SectionSpec& section) {
  std::vector<std::string> out;
  for (const auto& key : section.keys)
    if (!key.reserved && key.name != "unset" && key.name != "name" && key.name != "platform")
      out.emplace_back(key.name);
  return out;
}

/// Follows the path through the description; empty hint and null when it names nothing that can be removed.
std::optional<Unset> parse_unset(const Node& entry, const SectionSpec& section, ProblemList& problems) {
  Unset out;
  out.node = &entry;
  const SectionSpec* here = &section;
  auto [name, rest] = split_path(entry.text);
  for (bool first = true;; first = false) {
    const KeySpec* key = here == nullptr ? nullptr : here->find(name);
    if (key == nullptr || (first && key->key == Key::none)) {
      const auto nearest = here == nullptr ? std::string() : nearest_name(name, names_of(*here));
      problems.error(entry, fmt::format("`unset` names \"{}\", which is not a setting", printable(entry.text, 80)),
                     nearest.empty() ? "name a setting, e.g. \"target\" or \"args.CUDA\""
                                     : fmt::format("did you mean \"{}\"?", nearest));
      return std::nullopt;
    }
    if (first)
      out.key = key->key;
    else
      out.rest.push_back(name);
    if (rest.empty()) return out;
    if (key->shape == Shape::map || key->shape == Shape::free) {
      out.rest.push_back(rest);
      return out;
    }
    here = key->shape == Shape::list || key->shape == Shape::table_list ? nullptr : key->section;
    std::tie(name, rest) = split_path(rest);
  }
}

const Node* descend(const Node* node, std::span<const std::string> path) {
  for (const auto& part : path) {
    if (node == nullptr || !node->is_table()) return nullptr;
    node = node->find(part);
  }
  return node;
}

}  // namespace

Level& LevelBuilder::build(const Node& table, const SectionSpec& section) {
  Level& level = storage_.emplace_back();
  level.node = &table;
  add_entries(table, level);
  const Node* unset = section.find("unset") != nullptr ? table.find("unset") : nullptr;
  if (unset != nullptr)
    for (const auto& entry : unset->children)
      if (auto parsed = parse_unset(entry, section, problems_)) level.unsets.push_back(std::move(*parsed));
  const KeySpec* platforms = section.find("platform");
  const Node* overrides = platforms != nullptr ? table.find("platform") : nullptr;
  if (overrides != nullptr)
    for (const auto& one : overrides->children)
      if (auto platform = Platform::parse(one.key))
        level.platforms.emplace_back(std::move(*platform), &build(one, *platforms->section));
  return level;
}

void add_entries(const Node& table, Level& level) {
  for (const auto& child : table.children)
    if (child.spec != nullptr && child.spec->key != Key::none) level.entries.emplace_back(child.spec->key, &child);
}

bool sets(const Level& level, const Unset& unset) noexcept {
  for (const auto& [key, node] : level.entries)
    if (key == unset.key && (unset.rest.empty() || descend(node, unset.rest) != nullptr)) return true;
  return false;
}

Steps below(const Steps& steps, std::string_view key) {
  Steps out;
  for (const auto& step : steps) {
    if (step.node == nullptr) {
      if (step.removed.empty())
        out.push_back(step);
      else if (step.removed.front() == key)
        out.push_back({nullptr, step.removed.subspan(1)});
    } else if (step.node->is_table()) {
      if (const Node* child = step.node->find(key)) out.push_back({child, {}});
    }
  }
  return out;
}

std::vector<const Node*> candidates(const Steps& steps) {
  std::vector<const Node*> out;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (step->node != nullptr)
      out.push_back(step->node);
    else if (step->removed.empty())
      break;
  }
  return out;
}

std::vector<VarDefinition> merged_map(const Steps& steps) {
  std::vector<VarDefinition> out;
  const auto find = [&](std::string_view name) {
    return std::find_if(out.begin(), out.end(), [&](const VarDefinition& one) { return one.name == name; });
  };
  for (const auto& step : steps) {
    if (step.node == nullptr) {
      if (step.removed.empty())
        out.clear();
      else if (const auto gone = find(step.removed.front()); gone != out.end())
        out.erase(gone);
      continue;
    }
    for (const auto& child : step.node->children) {
      const auto known = find(child.key);
      if (known == out.end())
        out.push_back({child.key, {&child}});
      else
        known->candidates.insert(known->candidates.begin(), &child);
    }
  }
  return out;
}

void Chain::clear() {
  for (auto& steps : steps_) steps.clear();
}

void Chain::push(const Level& level) {
  for (const auto& unset : level.unsets) steps_[static_cast<std::size_t>(unset.key)].push_back({nullptr, unset.rest});
  for (const auto& [key, node] : level.entries) steps_[static_cast<std::size_t>(key)].push_back({node, {}});
}

void Chain::push_platform(const Level& level) {
  for (const auto& unset : level.unsets) steps_[static_cast<std::size_t>(unset.key)].push_back({nullptr, unset.rest});
  for (const auto& [key, node] : level.entries)
    if (key != Key::when && key != Key::tags) steps_[static_cast<std::size_t>(key)].push_back({node, {}});
}

}  // namespace shipset::detail
