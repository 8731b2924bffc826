// A matrix as JSON: members in a fixed order, so equal data gives equal text. For `plan --format json`, the plan file
// and the build key. Writes only; nothing here reads JSON. Thread-safe: pure functions.
#pragma once

#include <string>

#include "shipset/base/json.hpp"
#include "shipset/model/matrix.hpp"

namespace shipset {

/// Every member of the settings, compact, in a fixed order; equal settings give equal bytes. Part of the build key.
std::string settings_json(const BuildSettings& settings);

/// {"file", "directory", "file_digest", "name", "version", "scheme", …, "inputs": {…}, "gates": […], "variants": […],
/// "facts": {…}, "warnings": […]}; unset texts are "" and unset lists [].
void write(JsonWriter& out, const Matrix& matrix);
void write(JsonWriter& out, const Variant& variant);
void write(JsonWriter& out, const PlatformImage& image);
void write(JsonWriter& out, const ResolvedTag& tag);
void write(JsonWriter& out, const BuildSettings& settings);
void write(JsonWriter& out, const Gate& gate);
void write(JsonWriter& out, const Problem& problem);
void write(JsonWriter& out, const Value& value);

}  // namespace shipset
