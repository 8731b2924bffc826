// Tags with a hole: a name without a value where the rule expects one, as in "v1.0.0-" from "{version}-{inputs.hw}".
// Odd tags that people typed so are none of its business.
#pragma once

#include <string>

#include "shipset/model/matrix.hpp"

namespace shipset::tags {

/// The name in the tag's rule that is empty although only separators or the tag's ends stand beside it; else empty.
/// Knows inputs, axes, git, event.name, variant and suffix; other names count as filled.
std::string hollow_name(const Matrix& matrix, const Variant& variant, const ResolvedTag& tag);

}  // namespace shipset::tags
