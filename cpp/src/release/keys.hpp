// Identity of what a release makes: the build key of a variant and the id of a release. Pure; private to the module.
// No clock, no run id, no tag goes into a build key (product.md §4, promise 3).
#pragma once

#include "shipset/release/plan.hpp"

namespace shipset::release {

/// Digest over backend, resolved settings, pinned bases and source digests of all platform images, in file order.
Digest build_key(const std::vector<PlannedImage>& images);

/// 12 hex digits over release file, inputs, source state, destinations and CI run, without one over `seed`: stable over
/// attempts.
std::string release_id(const Matrix& matrix, const std::vector<Target>& targets, const Options& options,
                       const std::string& seed);

/// What tells releases of one working copy from the same ones of another, where no CI run does: random, kept in
/// `.shipset/seed`. Empty where nothing can be written: then two working copies have the same ids.
std::string id_seed(const std::filesystem::path& directory);

/// The id is part of tags and of folder names. Kind usage.
Result<void> check_release_id(const std::string& id);

}  // namespace shipset::release
