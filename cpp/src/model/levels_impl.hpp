// Levels of inheritance and the variants that the file declares: release < axis values in their order < include <
// variant < platform. Built once when a file is loaded; read by every matrix. product.md §3 "Inheritance", "Matrix".
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "description_impl.hpp"
#include "node_impl.hpp"
#include "problems_impl.hpp"
#include "scope_impl.hpp"
#include "shipset/model/platform.hpp"
#include "texts_impl.hpp"

namespace shipset::detail {

/// An entry of `unset`: the setting, and what of it (nothing: all).
struct Unset {
  Key key = Key::none;
  std::vector<std::string> rest;
  const Node* node = nullptr;
};

/// What one table of the file sets and unsets.
struct Level {
  const Node* node = nullptr;
  std::vector<std::pair<Key, const Node*>> entries;
  std::vector<Unset> unsets;
  std::vector<std::pair<Platform, const Level*>> platforms;
};

struct DeclaredVariant {
  std::string name;
  const Node* node = nullptr;        ///< where it is declared
  std::vector<const Level*> levels;  ///< above the release, lowest first
  OrderedMap axes;
};

struct Declarations {
  std::deque<Level> storage;
  Level release;
  std::vector<DeclaredVariant> variants;  ///< in file order
};

/// Precondition: the tree is checked without errors of shape. Reports what is wrong with names and the matrix.
Declarations declare(const Node& root, const KnownNames& known, ProblemList& problems);

/// Adds the inheritable settings of a table to a level.
void add_entries(const Node& table, Level& level);
/// Whether the level sets what is unset.
bool sets(const Level& level, const Unset& unset) noexcept;

/// Makes levels of checked tables; levels stay at their address.
class LevelBuilder {
 public:
  LevelBuilder(std::deque<Level>& storage, ProblemList& problems) : storage_(storage), problems_(problems) {}
  Level& build(const Node& table, const SectionSpec& section);

 private:
  std::deque<Level>& storage_;
  ProblemList& problems_;
};

/// A step of a merge: a table or value that is set, or (node null) something that is removed.
struct Step {
  const Node* node = nullptr;
  std::span<const std::string> removed;  ///< path below; empty: everything
};
using Steps = std::vector<Step>;  ///< lowest level first

/// The steps of one key below tables that merge.
Steps below(const Steps& steps, std::string_view key);
/// Nodes that may give a scalar or list, highest first: down to the last removal.
std::vector<const Node*> candidates(const Steps& steps);
/// Merged map: each name with its candidates, highest first, in the order in which names first appear.
std::vector<VarDefinition> merged_map(const Steps& steps);

/// Every setting of one variant (and platform) as steps.
class Chain {
 public:
  void clear();
  void push(const Level& level);
  /// As push(), without what a platform says about itself alone: `when` and `tags`.
  void push_platform(const Level& level);
  [[nodiscard]] const Steps& operator[](Key key) const { return steps_[static_cast<std::size_t>(key)]; }

 private:
  Steps steps_[static_cast<std::size_t>(Key::count)];
};

}  // namespace shipset::detail
