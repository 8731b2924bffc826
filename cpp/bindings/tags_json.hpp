// The tag table as JSON text, the form of `shipset tags --format json`. Pure function.
#pragma once

#include <string>

#include "shipset/tags/table.hpp"

namespace shipset::bindings {

/// {"schema_version": 1, "name", "version", "entries": [{"repository", "tag", "reference", "variant", …}]}
std::string tags_json(const Matrix& matrix, const tags::Table& table, bool indented);

}  // namespace shipset::bindings
