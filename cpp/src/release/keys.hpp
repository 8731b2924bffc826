// Identity of what a release makes: the build key of a variant and the id of a release. Pure; private to the module.
// No clock, no run id, no tag goes into a build key (product.md §4, promise 3).
#pragma once

#include "shipset/release/plan.hpp"

namespace shipset::release {

/// Digest over backend, resolved settings, pinned bases and source digests of all platform images, in file order.
Digest build_key(const std::vector<PlannedImage>& images);

/// 12 hex digits over release file, inputs, source state, destinations and CI run: stable over attempts.
std::string release_id(const Matrix& matrix, const std::vector<Target>& targets, const Options& options);

}  // namespace shipset::release
