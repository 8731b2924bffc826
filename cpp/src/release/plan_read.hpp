// A frozen plan's JSON, read back: what thaw and restore share. Private to the module; heavy header, sources only.
#pragma once

#include <nlohmann/json.hpp>

#include "shipset/base/json.hpp"
#include "shipset/release/plan.hpp"
#include "stores.hpp"

namespace shipset::release::frozen {

/// Parses and checks kind and schema version. Kind usage.
Result<Json> parse(std::string_view text);
/// The matrix that the plan was made of, from its release file, or from `spec_text` in its place. Kind policy when that
/// has changed.
Result<Matrix> matrix(const Json& plan, const std::filesystem::path& file, const std::optional<std::string>& spec_text);

std::string text_at(const Json& json, const char* key);
const Json& child(const Json& json, const char* key);
std::vector<std::string> texts_at(const Json& json, const char* key);
std::optional<std::int64_t> number_at(const Json& json, const char* key);
Options options(const Json& plan, const registry::ClientOptions& client);
/// What the plan pinned; what it built on variants stands in their keys.
Pins pins(const Json& plan);
/// Destinations that take no part, by name, with the reason.
std::map<std::string, std::string> left_out(const Json& plan);
/// Kind policy: the world is not as the plan says.
Error changed(std::string what, std::string why);

}  // namespace shipset::release::frozen
