// The declared variants: [[variant]] tables, and the matrix with its axes, exclude and include.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "evaluate_impl.hpp"
#include "formats_impl.hpp"
#include "levels_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::detail {

namespace {

constexpr std::size_t max_variants = 20'000;

struct AxisValue {
  std::string text;
  const Level* level = nullptr;
};

struct Axis {
  std::string name;
  std::vector<AxisValue> values;
  [[nodiscard]] const AxisValue* find(std::string_view text) const {
    for (const auto& value : values)
      if (value.text == text) return &value;
    return nullptr;
  }
};

struct Combination {
  OrderedMap axes;
  std::vector<const Level*> levels;
  const Node* node = nullptr;
  const Node* name = nullptr;  ///< given by an include
};

/// The axes that an entry of include or exclude names, each with its values.
using Choice = std::vector<std::pair<std::string, std::vector<std::string>>>;

const std::string* value_of(const OrderedMap& axes, std::string_view name) {
  for (const auto& [axis, value] : axes)
    if (axis == name) return &value;
  return nullptr;
}

bool fits(const OrderedMap& axes, const Choice& choice) {
  return std::all_of(choice.begin(), choice.end(), [&](const auto& one) {
    const std::string* value = value_of(axes, one.first);
    return value != nullptr && std::find(one.second.begin(), one.second.end(), *value) != one.second.end();
  });
}

class MatrixExpansion {
 public:
  MatrixExpansion(const Node& matrix, const KnownNames& known, LevelBuilder& levels, ProblemList& problems)
      : matrix_(matrix), known_(known), levels_(levels), problems_(problems) {}

  std::vector<DeclaredVariant> run() {
    read_axes();
    if (!multiply()) return {};
    exclude();
    include();
    std::vector<DeclaredVariant> out;
    for (auto& one : combinations_)
      if (auto name = name_of(one))
        out.push_back({std::move(*name), one.node, std::move(one.levels), std::move(one.axes)});
    if (out.size() == combinations_.size() && out.empty())
      problems_.error_at_key(matrix_, "the matrix has no combination", "give every axis a value, or remove [matrix]");
    return out;
  }

 private:
  void read_axes() {
    for (const auto& node : matrix_.find("axis")->children) {
      if (variant_section.find(node.key) != nullptr)
        problems_.error_at_key(node, fmt::format("an axis cannot be called `{}`", node.key),
                               "that is a setting of variants; include and exclude could not tell them apart");
      Axis axis{node.key, {}};
      if (const Node* list = node.find("values"))
        for (const auto& value : list->children) add_value(axis, value.text, nullptr, value);
      for (const auto& value : node.children)
        if (value.key != "values") add_value(axis, value.key, &levels_.build(value, *value.spec->section), value);
      if (axis.values.empty())
        problems_.error_at_key(node, fmt::format("the axis `{}` has no values", node.key),
                               "write values = [\"…\"], or a table per value");
      axes_.push_back(std::move(axis));
    }
    if (axes_.empty()) problems_.error_at_key(matrix_, "the matrix has no axis");
  }

  void add_value(Axis& axis, const std::string& text, const Level* level, const Node& node) {
    for (auto& known : axis.values) {
      if (known.text != text) continue;
      if (level == nullptr)
        problems_.error(node, fmt::format("the value \"{}\" stands twice in the axis `{}`", text, axis.name));
      else
        known.level = level;
      return;
    }
    axis.values.push_back({text, level});
  }

  bool multiply() {
    std::size_t count = axes_.empty() ? 0 : 1;
    for (const auto& axis : axes_) {
      count *= axis.values.size();
      if (count <= max_variants) continue;
      problems_.error_at_key(matrix_, fmt::format("the matrix has more than {} combinations", max_variants));
      return false;
    }
    for (std::size_t i = 0; i < count; ++i) {
      Combination one;
      one.node = &matrix_;
      std::size_t rest = count, index = i;
      for (const auto& axis : axes_) {
        rest /= axis.values.size();
        const AxisValue& value = axis.values[index / rest];
        index %= rest;
        one.axes.emplace_back(axis.name, value.text);
        if (value.level != nullptr) one.levels.push_back(value.level);
      }
      combinations_.push_back(std::move(one));
    }
    return true;
  }

  [[nodiscard]] const Axis* axis(std::string_view name) const {
    for (const auto& one : axes_)
      if (one.name == name) return &one;
    return nullptr;
  }

  [[nodiscard]] Choice choice_of(const Node& entry) const {
    Choice out;
    for (const auto& one : axes_) {
      const Node* chosen = entry.find(one.name);
      if (chosen == nullptr) continue;
      std::vector<std::string> values;
      if (chosen->is_string()) values.push_back(chosen->text);
      for (const auto& value : chosen->children) values.push_back(value.text);
      out.emplace_back(one.name, std::move(values));
    }
    return out;
  }

  [[nodiscard]] std::string nearest_value(const Axis& of, std::string_view text) const {
    std::vector<std::string> names;
    for (const auto& value : of.values) names.push_back(value.text);
    return nearest_name(text, names);
  }

  void exclude() {
    const Node* list = matrix_.find("exclude");
    if (list == nullptr) return;
    for (const auto& entry : list->children) {
      const Choice choice = choice_of(entry);
      if (choice.empty()) {
        problems_.error(entry, "this entry of `exclude` names no axis", "it would leave out everything");
        continue;
      }
      for (const auto& [name, values] : choice)
        for (const auto& value : values)
          if (axis(name)->find(value) == nullptr) {
            const auto nearest = nearest_value(*axis(name), value);
            problems_.error(entry, fmt::format("the axis `{}` has no value \"{}\"", name, value),
                            nearest.empty() ? std::string() : fmt::format("did you mean \"{}\"?", nearest));
          }
      const auto gone = std::remove_if(combinations_.begin(), combinations_.end(),
                                       [&](const Combination& one) { return fits(one.axes, choice); });
      if (gone == combinations_.end()) problems_.warning(entry, "this entry of `exclude` leaves nothing out");
      combinations_.erase(gone, combinations_.end());
    }
  }

  void include() {
    const Node* list = matrix_.find("include");
    if (list == nullptr) return;
    const std::size_t multiplied = combinations_.size();
    for (const auto& entry : list->children) {
      const Choice choice = choice_of(entry);
      const Level& level = levels_.build(entry, *entry.spec->section);
      const Node* name = entry.find("name");
      std::size_t found = 0;
      for (std::size_t i = 0; i < multiplied; ++i) {
        Combination& one = combinations_[i];
        if (!fits(one.axes, choice)) continue;
        ++found;
        one.levels.push_back(&level);
        if (name != nullptr) one.name = name;
      }
      if (found > 1 && name != nullptr)
        problems_.error(*name, fmt::format("{} combinations cannot all be called \"{}\"", found, name->text),
                        "name enough axes to choose one of them");
      if (found == 0) add_combinations(entry, choice, level);
    }
  }

  void add_combinations(const Node& entry, const Choice& choice, const Level& level) {
    std::vector<Combination> added(1);
    for (const auto& [name, values] : choice) {
      std::vector<Combination> next;
      for (const auto& one : added) {
        for (const auto& value : values) {
          Combination more = one;
          more.axes.emplace_back(name, value);
          const AxisValue* known = axis(name)->find(value);
          if (known != nullptr && known->level != nullptr) more.levels.push_back(known->level);
          const auto nearest = known == nullptr ? nearest_value(*axis(name), value) : std::string();
          if (!nearest.empty())
            problems_.warning(entry, fmt::format("\"{}\" is a new value of the axis `{}`", value, name),
                              fmt::format("did you mean \"{}\"?", nearest));
          next.push_back(std::move(more));
        }
      }
      added = std::move(next);
      if (added.size() + combinations_.size() > max_variants)
        return problems_.error(entry, fmt::format("the matrix has more than {} combinations", max_variants));
    }
    for (auto& one : added) {
      one.node = &entry;
      one.name = entry.find("name");
      one.levels.push_back(&level);
      combinations_.push_back(std::move(one));
    }
  }

  std::optional<std::string> name_of(const Combination& one) {
    if (one.name != nullptr) return one.name->text;
    static const Facts no_facts;
    ReleaseValues values;
    values.known = &known_;
    values.facts = &no_facts;
    Faults faults(&problems_);
    RunScope scope(values, Names::axis, faults);
    scope.set_variant({}, one.axes);
    std::vector<std::string> axes;
    for (const auto& [axis, value] : one.axes) axes.push_back(fmt::format("{}=\"{}\"", axis, value));
    faults.set_about(fmt::format(" (combination {})", join(axes, ", ")));
    std::string name;
    const Node& node = *matrix_.find("name");
    if (Evaluation(scope, faults).text(node, name) != Outcome::set) return std::nullopt;
    return name;
  }

  const Node& matrix_;
  const KnownNames& known_;
  LevelBuilder& levels_;
  ProblemList& problems_;
  std::vector<Axis> axes_;
  std::vector<Combination> combinations_;
};

void check_names(const std::vector<DeclaredVariant>& variants, ProblemList& problems) {
  std::unordered_map<std::string_view, const DeclaredVariant*> seen;
  for (const auto& variant : variants) {
    const auto [other, fresh] = seen.emplace(variant.name, &variant);
    if (fresh) continue;
    const Node* name = variant.node->find("name");
    problems.error(name != nullptr && variant.axes.empty() ? *name : *variant.node,
                   fmt::format("two variants are called \"{}\"", variant.name),
                   fmt::format("the other one is declared in line {}", other->second->node->key_at.line));
  }
}

void check_unsets(const Declarations& declarations, ProblemList& problems) {
  std::unordered_map<const Node*, bool> useful;
  const auto look = [&](const Level& level, const std::vector<const Level*>& lower) {
    for (const auto& unset : level.unsets) {
      const bool set = std::any_of(lower.begin(), lower.end(), [&](const Level* one) { return sets(*one, unset); });
      useful[unset.node] = useful[unset.node] || set;
    }
  };
  for (const auto& variant : declarations.variants) {
    std::vector<const Level*> lower{&declarations.release};
    for (const Level* level : variant.levels) {
      look(*level, lower);
      lower.push_back(level);
    }
    for (const Level* level : variant.levels)
      for (const auto& [platform, override_level] : level->platforms) look(*override_level, lower);
  }
  for (const auto& [node, was_useful] : useful)
    if (!was_useful)
      problems.warning(*node, fmt::format("\"{}\" is not set here, so there is nothing to remove", node->text));
}

}  // namespace

Declarations declare(const Node& root, const KnownNames& known, ProblemList& problems) {
  Declarations out;
  out.release.node = &root;
  add_entries(root, out.release);
  for (const auto* section : {"release", "build"})
    if (const Node* table = root.find(section)) add_entries(*table, out.release);

  LevelBuilder levels(out.storage, problems);
  const Node* matrix = root.find("matrix");
  const auto add_matrix = [&] {
    if (matrix == nullptr) return;
    for (auto& one : MatrixExpansion(*matrix, known, levels, problems).run()) out.variants.push_back(std::move(one));
    matrix = nullptr;
  };
  if (const Node* variants = root.find("variant")) {
    for (const auto& node : variants->children) {
      if (matrix != nullptr && matrix->key_at < node.at) add_matrix();
      const Level& level = levels.build(node, variant_section);
      out.variants.push_back({node.find("name")->text, &node, {&level}, {}});
    }
  }
  add_matrix();
  if (out.variants.size() > max_variants)
    problems.error(root, fmt::format("the file declares more than {} variants", max_variants));
  if (out.variants.empty() && root.find("matrix") == nullptr)
    problems.error(root, "the file declares no variant", "add a [[variant]] with a name, or a [matrix]");
  check_names(out.variants, problems);
  // In a file with errors it may have been set by what was taken away.
  if (!problems.has_errors()) check_unsets(out, problems);
  return out;
}

}  // namespace shipset::detail
