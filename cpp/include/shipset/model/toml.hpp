// TOML that is no release file, e.g. containers' registries.conf: bounded reading into JSON text. Dates become text,
// numbers that JSON does not know become null; the order of the file is kept. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "shipset/base/result.hpp"

namespace shipset {

/// JSON text of a TOML document; `file` names it in the error (kind io), which says line and column.
/// Bounds: 10 MiB, 64 levels, a million values. https://toml.io/en/v1.0.0
Result<std::string> toml_to_json(std::string_view text, const std::string& file);

}  // namespace shipset
