// `{…}` templates in strings of the release file: names, filters ({git.sha:12}, {x|slug}, {date:%Y-%m-%d}), dashes
// ({-x}, {x-}), and {{ }} for braces. Parsed once, evaluated against a Scope. Values only, thread-safe.
// A scope gives `date` as an integer, seconds since 1970; {date} alone is YYYY-MM-DD. Filters apply from left to right,
// a date format first. A dash is added only where the filtered text is not empty.
// product.md §3 "Values".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/model/value.hpp"

namespace shipset {

/// What a template or an expression says about a text position: byte offset into the text, for columns.
struct TextProblem {
  std::size_t offset = 0;
  std::string message;
  std::string hint;
};

class Template {
 public:
  struct Piece {
    std::string literal;               ///< text, when name is empty
    std::string name;                  ///< e.g. "git.sha"
    bool dash_before = false;          ///< {-x}
    bool dash_after = false;           ///< {x-}
    std::vector<std::string> filters;  ///< "slug", "12" (length), "%Y-%m-%d" (date)
    std::size_t offset = 0;
  };

  Template() = default;
  /// On a syntax error: Error kind spec, with context["offset"].
  static Result<Template> parse(std::string_view text);

  /// Unknown name or a none value without dash: Error kind spec with context "offset" and "name", hint = nearest name.
  [[nodiscard]] Result<std::string> evaluate(const Scope& scope) const;
  /// As evaluate, but a template that is exactly one `{name}` keeps the type of the value.
  [[nodiscard]] Result<Value> evaluate_value(const Scope& scope) const;
  /// Evaluates every name for which `keep(name)` is false and leaves the others as written; the text around
  /// them is escaped, so that the result is a template again. Used to read tags backwards.
  [[nodiscard]] Result<std::string> evaluate_partially(const Scope& scope, bool (*keep)(std::string_view name)) const;
  /// Problems that can be seen without values: unknown names, filters that do not fit. The scope's values stand for
  /// their types; a name that is none there may have any type later.
  [[nodiscard]] std::vector<TextProblem> problems(const Scope& scope) const;
  [[nodiscard]] const std::vector<Piece>& pieces() const noexcept { return pieces_; }
  [[nodiscard]] bool is_literal() const noexcept;

 private:
  std::vector<Piece> pieces_;
};

/// Lower-case, everything but [a-z0-9] runs become one dash, no dash at the ends.
std::string slug(std::string_view text);

}  // namespace shipset
