// `when` expressions: and or not == != ( ), names, "strings", integers, true, false, none. Typed: a name that stands
// alone must be boolean; comparing different types (except with none) is an error. No string is true by accident.
// Bounded depth. Values only, thread-safe. product.md §3 "when".
#pragma once

#include <memory>

#include "shipset/model/template.hpp"

namespace shipset {

class Expression {
 public:
  /// Error kind spec, with context["offset"].
  static Result<Expression> parse(std::string_view text);
  /// Type errors and unknown names: Error kind spec with context "offset".
  [[nodiscard]] Result<bool> evaluate(const Scope& scope) const;
  /// Unknown names, and type errors that any values would give.
  [[nodiscard]] std::vector<TextProblem> problems(const Scope& scope) const;
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  struct Node;

 private:
  std::string text_;
  std::shared_ptr<const Node> root_;
};

}  // namespace shipset
