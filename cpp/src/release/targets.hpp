// Where a release goes: the repositories of the file, or what --to makes of them. Private to the module; pure.
#pragma once

#include "shipset/release/plan.hpp"

namespace shipset::release {

/// Targets in the order in which the file first names their repositories (inactive variants included, so that a
/// condition does not move a layout). Two repositories that fall on one place are an error of kind usage.
Result<std::vector<Target>> make_targets(const Matrix& matrix, const std::string& destination);

}  // namespace shipset::release
