// Parsed templates and conditions of one release file, one object per distinct text, at stable addresses.
// Belongs to the thread that loads; thread-safe to read afterwards.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "shipset/model/expression.hpp"
#include "shipset/model/template.hpp"

namespace shipset::detail {

class Texts {
 public:
  /// Null for text without braces, which needs no evaluation.
  Result<const Template*> text_template(const std::string& text);
  Result<const Expression*> condition(const std::string& text);

 private:
  std::deque<Template> templates_;
  std::deque<Expression> conditions_;
  std::unordered_map<std::string, const Template*> template_by_text_;
  std::unordered_map<std::string, const Expression*> condition_by_text_;
};

}  // namespace shipset::detail
