#include <fmt/format.h>

#include "shipset/base/text.hpp"
#include "spec_data_impl.hpp"
#include "template_impl.hpp"

namespace shipset::detail {

Result<std::map<std::string, std::string>> parse_versions(std::string_view text, std::string_view name) {
  std::map<std::string, std::string> out;
  const auto wrong = [&](std::size_t line, std::string why) {
    return Error(ErrorKind::spec, fmt::format("{} line {} is not KEY=VALUE", name, line), std::move(why));
  };
  if (!is_utf8(text)) return Error(ErrorKind::spec, fmt::format("{} is not UTF-8 text", name));
  std::size_t number = 0;
  for (const auto& raw : split(text, '\n')) {
    ++number;
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#') continue;
    const std::size_t equals = line.find('=');
    if (equals == line.npos) return wrong(number, "it has no =");
    const std::string key(trim(line.substr(0, equals)));
    std::string_view value = trim(line.substr(equals + 1));
    if (!is_name(key)) return wrong(number, fmt::format("\"{}\" is not a name", printable(key, 80)));
    const char quote = value.empty() ? '\0' : value.front();
    if (quote == '"' || quote == '\'') {
      if (value.size() < 2 || value.back() != quote) return wrong(number, "a quote is not closed");
      value = value.substr(1, value.size() - 2);
    }
    if (!out.emplace(key, value).second) return wrong(number, fmt::format("{} stands twice", key));
  }
  return out;
}

}  // namespace shipset::detail
