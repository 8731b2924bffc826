// Allowed values of a key, as the description lists them. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <string_view>

#include "description_impl.hpp"
#include "shipset/model/template.hpp"

namespace shipset::detail {

/// What is wrong with an evaluated text by the options and the format of its key.
std::optional<TextProblem> check_text(const KeySpec& spec, std::string_view text);

/// "a", "b" or "c".
std::string options_text(std::string_view options);

}  // namespace shipset::detail
