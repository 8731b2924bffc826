// How much temporary disk a plan needs at most. Private to the module.
#pragma once

#include "shipset/release/plan.hpp"

namespace shipset::release {

/// Sum of the sizes of all distinct inputs of native layers that are to be built, in bytes; compressed layers are
/// smaller, so this is an upper estimate. Links are not followed; what cannot be read counts as nothing here.
std::uint64_t disk_need(const Plan& plan);

}  // namespace shipset::release
