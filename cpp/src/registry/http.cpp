#include <charconv>

#include "http_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

void Headers::add(std::string_view name, std::string_view value) {
  fields_.emplace_back(to_lower(trim(name)), std::string(trim(value)));
}

std::string_view Headers::get(std::string_view name) const {
  for (const auto& [key, value] : fields_)
    if (key == name) return value;
  return {};
}

std::vector<std::string> Headers::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : fields_)
    if (key == name) out.push_back(value);
  return out;
}

std::optional<std::uint64_t> Headers::number(std::string_view name) const {
  const auto text = get(name);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string Headers::media_type() const {
  auto text = get("content-type");
  text = text.substr(0, text.find(';'));
  return to_lower(trim(text));
}

}  // namespace shipset::registry
