// Handlebars as far as tag rules go: text, `{{name}}`, `{{{name}}}`, `{{&name}}`, helpers with arguments, `if` and
// `unless` with `else`, comments, `~`, escaped braces. Values are HTML-escaped in double braces, as there. Everything
// else of the language (partials, loops, sub-expressions, paths) is an error of kind usage.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/result.hpp"

namespace shipset::tags::detail {

/// `{{name 'first' key='second'}}`
struct TemplateCall {
  std::string name;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> options;
};

/// What names mean. A value is true in `if` when its text is not empty and it is not the number 0.
class TemplateScope {
 public:
  struct Value {
    std::string text;
    bool is_true = false;
    explicit Value(std::string text_) : text(std::move(text_)), is_true(!text.empty()) {}
    Value(std::string text_, bool is_true_) : text(std::move(text_)), is_true(is_true_) {}
  };
  virtual ~TemplateScope() = default;
  /// None for a name that means nothing, which is the empty text.
  [[nodiscard]] virtual Result<std::optional<Value>> value(std::string_view name) const = 0;
  /// None when there is no helper of this name.
  [[nodiscard]] virtual Result<std::optional<std::string>> call(const TemplateCall& call) const = 0;
};

struct TemplateNode {
  enum class Kind { text, value, condition } kind = Kind::text;
  std::string text;      // kind text
  TemplateCall call;     // kinds value and condition (its name)
  bool escaped = true;   // kind value
  bool negated = false;  // kind condition: unless
  std::vector<TemplateNode> yes, no;
};

class Handlebars {
 public:
  static Result<Handlebars> parse(std::string_view text);
  /// Error kind usage for an unknown helper, or when more than 64 KiB come out.
  [[nodiscard]] Result<std::string> render(const TemplateScope& scope) const;
  /// Whether the whole text is one `{{name}}`.
  [[nodiscard]] bool is_only(std::string_view name) const;
  [[nodiscard]] const std::vector<TemplateNode>& nodes() const noexcept { return nodes_; }

 private:
  std::vector<TemplateNode> nodes_;
};

/// parse and render.
Result<std::string> render_template(std::string_view text, const TemplateScope& scope);

}  // namespace shipset::tags::detail
