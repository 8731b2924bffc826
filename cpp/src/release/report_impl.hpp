// Pieces of a report as JSON, for the journal, which keeps them from one process to the next. Private to the module.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "shipset/base/json.hpp"
#include "shipset/release/report.hpp"

namespace shipset::release {

/// The row of a gate, as in the report.
void write_gate(JsonWriter& out, const GateReport& gate);
/// The same backwards; nullopt: it is no such row.
std::optional<GateReport> read_gate(const Json& json);

}  // namespace shipset::release
