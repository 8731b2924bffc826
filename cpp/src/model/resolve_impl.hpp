// From levels to resolved settings and tags: inheritance, conditions and templates applied for one variant and
// platform. Faults go to the evaluation's sink. Belongs to one thread. product.md §3 "Inheritance".
#pragma once

#include <string>
#include <vector>

#include "evaluate_impl.hpp"
#include "levels_impl.hpp"
#include "shipset/model/matrix.hpp"
#include "shipset/model/settings.hpp"

namespace shipset::detail {

/// The text of a scalar from its candidates; false when it is not set at any level.
bool resolve_text(const Evaluation& evaluation, const Steps& steps, std::string& out);
bool resolve_boolean(const Evaluation& evaluation, const Steps& steps, bool& out);
/// Entries of the list of the highest level that sets it; null steps give nothing.
std::vector<std::string> resolve_texts(const Evaluation& evaluation, const Steps& steps);
const Node* resolve_list(const Steps& steps);
OrderedMap resolve_map(const Evaluation& evaluation, const Steps& steps);

BuildSettings resolve_settings(const Evaluation& evaluation, const Chain& chain);

/// Tag rules of the variant; platform rules need `platforms`. `scope` is switched to each platform and back.
std::vector<ResolvedTag> resolve_tags(RunScope& scope, Faults& faults, const Chain& chain, const Variant& variant);
/// Tags that stand below one platform.
void resolve_platform_tags(RunScope& scope, Faults& faults, const Level& level, const Platform& platform,
                           std::vector<ResolvedTag>& out);

/// The merged `ci` table as JSON text; "" when there is none. Entries that fail are left out; with `quiet` without a
/// fault (platform names in the variant's own table).
std::string resolve_ci(const Scope& scope, Faults& faults, const Steps& steps);

}  // namespace shipset::detail
