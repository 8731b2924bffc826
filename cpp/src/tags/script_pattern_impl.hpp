// Regular expressions of JavaScript on PCRE2, with limits: patterns come from release files, subjects from git refs.
// What JavaScript and PCRE2 read differently is refused, not guessed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/result.hpp"

namespace shipset::tags::detail {

/// What String.match gives: the groups of the first match, unset ones empty; with flag `g` the texts of all matches.
using PatternMatch = std::vector<std::optional<std::string>>;

/// None when nothing matches. `flags` of JavaScript: g, i, m, s, u. Error kind usage: bad pattern or flag, text that is
/// no UTF-8, a match that takes too long.
Result<std::optional<PatternMatch>> match_pattern(std::string_view pattern, std::string_view flags,
                                                  std::string_view subject);

}  // namespace shipset::tags::detail
