// Dates in the format language of Moment.js (English), which metadata-action uses: YYYY-MM-DD, HHmmss, [week] W, …
#pragma once

#include <string>
#include <string_view>

#include "shipset/base/result.hpp"
#include "shipset/tags/metadata.hpp"

namespace shipset::tags::detail {

/// Error kind usage: a year outside 1–9999.
Result<std::string> format_moment(std::int64_t unix_ms, const ZoneOffset& zone, std::string_view format);

}  // namespace shipset::tags::detail
