// How JavaScript reads text, as far as rules of metadata-action depend on it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/result.hpp"

namespace shipset::tags::detail {

/// Without white space at both ends, Unicode's included.
std::string_view script_trim(std::string_view text);
/// What Number(text) gives; none for NaN.
std::optional<double> script_number(std::string_view text);
/// The first record of a CSV text (RFC 4180, quotes only around whole fields). Error kind usage also for text behind
/// the first record, which the action would drop without a word.
Result<std::vector<std::string>> read_csv(std::string_view text);

}  // namespace shipset::tags::detail
