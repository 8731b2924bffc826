// `when` expressions: and or not == != ( ), names, "strings" or 'strings', integers, true, false, none. Typed: a name
// that stands alone must be boolean; comparing different types (except with none) is an error. No string is true by
// accident. Binding, tightest first: not, == and !=, and, or. `and` and `or` stop at the first operand that decides.
// `date` reads as the string YYYY-MM-DD. Bounded depth and length. Values only, thread-safe. product.md §3 "when".
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
  /// Unknown names, and type errors that any values would give. The scope's values stand for their types; a name that
  /// is none there may have any type later.
  [[nodiscard]] std::vector<TextProblem> problems(const Scope& scope) const;
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  struct Node;

 private:
  std::string text_;
  std::shared_ptr<const Node> root_;
};

}  // namespace shipset
