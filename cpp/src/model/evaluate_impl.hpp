// Values of nodes in a scope: conditional values, templates, types and formats, as the node's description says.
// Faults go to the given sink with their place. Belongs to one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "node_impl.hpp"
#include "scope_impl.hpp"

namespace shipset::detail {

enum class Outcome : std::uint8_t {
  set,
  unset,   ///< a conditional value of which nothing matched: as if the key were not there
  failed,  ///< reported
};

class Evaluation {
 public:
  Evaluation(const Scope& scope, Faults& faults) : scope_(scope), faults_(faults) {}

  /// The node that counts after conditions: itself, or a value of its alternatives; null: see `outcome`.
  const Node* chosen(const Node& node, Outcome& outcome) const;
  Outcome value(const Node& node, Value& out) const;
  Outcome text(const Node& node, std::string& out) const;
  Outcome boolean(const Node& node, bool& out) const;
  Outcome integer(const Node& node, std::int64_t& out) const;
  /// Entries of a list that are not left out, as nodes; entries may be tables.
  [[nodiscard]] std::vector<const Node*> entries(const Node& list) const;
  /// Texts of a list; entries that are left out or fail are missing.
  [[nodiscard]] std::vector<std::string> texts(const Node& list) const;
  /// Whether a `when` holds; nothing when it fails.
  [[nodiscard]] std::optional<bool> condition(const Node& when) const;
  [[nodiscard]] const Scope& scope() const noexcept { return scope_; }
  [[nodiscard]] Faults& faults() const noexcept { return faults_; }
  void report(const Node& node, const Error& error) const;

 private:
  Outcome plain_value(const Node& node, Value& out) const;

  const Scope& scope_;
  Faults& faults_;
};

/// Whether a list entry or a value is written as alternatives: a list of { when, value } tables.
bool is_conditional(const Node& node) noexcept;

/// Whether a tag rule is one of docker/metadata-action, which `tags` evaluates.
inline bool is_dialect_rule(std::string_view text) noexcept {
  return text.starts_with("type=");
}

/// Error with context "offset" → TextProblem.
TextProblem to_text_problem(const Error& error);

}  // namespace shipset::detail
