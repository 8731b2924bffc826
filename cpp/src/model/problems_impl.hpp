// Findings about a release file, collected so that all are reported at once. Equal findings at one place count once;
// after a thousand only a count is kept. Belongs to one thread.
#pragma once

#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "node_impl.hpp"
#include "shipset/base/error.hpp"
#include "shipset/model/template.hpp"

namespace shipset::detail {

class ProblemList {
 public:
  explicit ProblemList(std::string file) : file_(std::move(file)) {}

  /// About the value of the node.
  void error(const Node& node, std::string message, std::string hint = {});
  /// About the key of the node, or its being there at all.
  void error_at_key(const Node& node, std::string message, std::string hint = {});
  /// About a byte of the node's text.
  void error(const Node& node, const TextProblem& problem);
  void warning(const Node& node, std::string message, std::string hint = {});
  void warning_at_key(const Node& node, std::string message, std::string hint = {});

  [[nodiscard]] bool has_errors() const noexcept { return errors_ > 0; }
  /// Warnings alone, by place.
  [[nodiscard]] std::vector<Problem> warnings() const;
  /// The Error (kind spec) with everything found, by place. Precondition: has_errors().
  [[nodiscard]] Error to_error() const;

 private:
  void add(Problem::Severity severity, Place at, const Node& node, std::string message, std::string hint);

  std::string file_;
  std::vector<Problem> problems_;
  std::set<std::tuple<int, int, std::string>> seen_;
  std::size_t errors_ = 0, left_out_ = 0;
};

}  // namespace shipset::detail
