// Scopes of a release file: which names exist where (StaticScope, for checks without values), and what they are for one
// release, variant and platform (RunScope). A scope belongs to one thread. product.md §3 "Values".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "description_impl.hpp"
#include "node_impl.hpp"
#include "problems_impl.hpp"
#include "shipset/model/matrix.hpp"
#include "shipset/model/platform.hpp"
#include "shipset/model/template.hpp"
#include "shipset/model/value.hpp"

namespace shipset::detail {

/// Everything that the file declares, with a sample of the right type; a sample of none is of any type.
struct KnownNames {
  using Samples = std::map<std::string, Value, std::less<>>;
  Samples inputs, vars, versions, env, axes;  ///< versions: the real values
};

/// Walks a checked or unchecked tree; `versions` are the values of the [versions] file.
KnownNames collect_names(const Node& root, const std::map<std::string, std::string>& versions);

/// Names at a level of the file; values are samples whose types count.
class StaticScope final : public Scope {
 public:
  StaticScope(const KnownNames& known, Names level) : known_(known), level_(level) {}
  [[nodiscard]] std::optional<Value> lookup(std::string_view name) const override;
  [[nodiscard]] std::vector<std::string> names() const override;

 private:
  const KnownNames& known_;
  Names level_;
};

/// Where a name that is unknown at one level is known, for hints; empty when nowhere.
std::string_view where_known(const KnownNames& known, std::string_view name);

/// Values of one release: the same for every variant.
struct ReleaseValues {
  const KnownNames* known = nullptr;
  const Facts* facts = nullptr;
  std::map<std::string, Value, std::less<>> inputs;
  std::map<std::string, Value, std::less<>> version;  ///< "version", "version.major", …
};

/// "version" and its parts; parts are none for a version that is not of the scheme.
std::map<std::string, Value, std::less<>> version_values(const std::string& version, VersionScheme scheme);

/// What turned out wrong while values were computed. Each finding is reported for the first variant that has it.
class Faults {
 public:
  /// `problems` null: faults are only counted.
  explicit Faults(ProblemList* problems) : problems_(problems) {}
  void report(const Node& node, const TextProblem& problem);
  void report(const Node& node, std::string message, std::string hint = {});
  void set_about(std::string about) { about_ = std::move(about); }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] const std::string& last() const noexcept { return last_; }

 private:
  ProblemList* problems_;
  std::string about_, last_;
  std::size_t count_ = 0;
  std::map<std::pair<const Node*, std::string>, bool> seen_;
};

/// A variable with its definitions, highest level first; the first that gives a value counts.
struct VarDefinition {
  std::string_view name;
  std::vector<const Node*> candidates;
};

class RunScope final : public Scope {
 public:
  RunScope(const ReleaseValues& values, Names level, Faults& faults)
      : values_(values), level_(level), faults_(faults) {}

  void set_variant(std::string_view name, const OrderedMap& axes);
  void set_suffix(std::string_view suffix) { suffix_ = suffix; }
  void set_level(Names level) { level_ = level; }
  /// Forgets values of variables, as they may depend on the platform.
  void set_platform(const Platform* platform);
  void set_vars(std::vector<VarDefinition> vars);

  [[nodiscard]] std::optional<Value> lookup(std::string_view name) const override;
  [[nodiscard]] std::vector<std::string> names() const override;
  /// Whether a platform name was looked up since the last set_platform().
  [[nodiscard]] bool platform_used() const noexcept { return platform_used_; }

 private:
  struct Var {
    VarDefinition definition;
    enum class State : std::uint8_t { unknown, running, known } state = State::unknown;
    Value value;
    bool platform_used = false;
  };
  [[nodiscard]] std::optional<Value> lookup_var(std::string_view name) const;
  [[nodiscard]] std::optional<Value> lookup_platform(std::string_view part) const;

  const ReleaseValues& values_;
  Names level_;
  Faults& faults_;
  std::string_view variant_, suffix_;
  const OrderedMap* axes_ = nullptr;
  const Platform* platform_ = nullptr;
  mutable bool platform_used_ = false;
  mutable std::vector<Var> vars_;
};

}  // namespace shipset::detail
