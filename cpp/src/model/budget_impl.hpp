// Sizes and percentages as people write them in budgets of gates. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

#include "shipset/base/result.hpp"

namespace shipset::detail {

/// "2 GiB", "1.5 GB", "512 B" → bytes. Units are B, kB or KB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB. Kind
/// spec says what is wrong: no unit, an unknown one, more than 16 TiB, none at all, or a part of a byte.
Result<std::uint64_t> parse_size(std::string_view text);

/// "10%", "2.5 %" → hundredths of a percent, at most 10000 %.
Result<std::uint32_t> parse_percent(std::string_view text);

}  // namespace shipset::detail
