#include <fmt/format.h>

#include <algorithm>

#include "formats_impl.hpp"
#include "options_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::detail {

std::string options_text(std::string_view options) {
  std::string out;
  const auto names = split(options, '|');
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += fmt::format("\"{}\"", names[i]);
  }
  return out;
}

std::optional<TextProblem> check_text(const KeySpec& spec, std::string_view text) {
  if (!spec.options.empty()) {
    const auto names = split(spec.options, '|');
    if (std::find(names.begin(), names.end(), text) != names.end()) return {};
    TextProblem out;
    out.message = fmt::format("\"{}\" is not a value of `{}`", printable(text, 80), spec.name);
    const auto nearest = nearest_name(text, names);
    out.hint = nearest.empty() ? fmt::format("write {}", options_text(spec.options))
                               : fmt::format("did you mean \"{}\"? Allowed: {}", nearest, options_text(spec.options));
    return out;
  }
  return check_format(spec.format, text);
}

}  // namespace shipset::detail
