// Checks of a release file beyond the shape of single values: references between its parts. Load time, no inputs.
#pragma once

#include <vector>

#include "levels_impl.hpp"
#include "problems_impl.hpp"
#include "shipset/model/version.hpp"

namespace shipset::detail {

void check_inputs(const Node& root, ProblemList& problems);
void check_gates(const Node& root, const Declarations& declarations, ProblemList& problems);
/// Platforms, bases, repositories and tag rules of every variant.
void check_variants(const Node& root, const Declarations& declarations, ProblemList& problems);

/// Members of a cycle in order, or nothing. `edges[i]` are the nodes that i needs.
std::vector<std::size_t> find_cycle(const std::vector<std::vector<std::size_t>>& edges);

}  // namespace shipset::detail
