#include "texts_impl.hpp"

namespace shipset::detail {

Result<const Template*> Texts::text_template(const std::string& text) {
  if (text.find_first_of("{}") == std::string::npos) return nullptr;
  if (const auto known = template_by_text_.find(text); known != template_by_text_.end()) return known->second;
  SHIPSET_TRY(auto parsed, Template::parse(text));
  const Template* out = &templates_.emplace_back(std::move(parsed));
  template_by_text_.emplace(text, out);
  return out;
}

Result<const Expression*> Texts::condition(const std::string& text) {
  if (const auto known = condition_by_text_.find(text); known != condition_by_text_.end()) return known->second;
  SHIPSET_TRY(auto parsed, Expression::parse(text));
  const Expression* out = &conditions_.emplace_back(std::move(parsed));
  condition_by_text_.emplace(text, out);
  return out;
}

}  // namespace shipset::detail
