#include "shipset/model/value.hpp"

namespace shipset {

std::string to_text(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return {};
}

std::string_view type_name(const Value& value) noexcept {
  constexpr std::string_view names[] = {"none", "boolean", "integer", "string"};
  return names[value.index()];
}

}  // namespace shipset
