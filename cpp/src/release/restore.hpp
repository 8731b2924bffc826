// A frozen plan as it was, without a look at the destinations or at the sources. Private to the module. No request is
// made; thread-safe.
#pragma once

#include "shipset/release/plan.hpp"

namespace shipset::release {

/// Kind policy: the release file's text, or what it reads, gives other variants or tags than the plan has.
/// `file` is where the release file lies; `spec_text` is what stood in it.
Result<Plan> restore_plan(std::string_view plan_json, const std::filesystem::path& file, const std::string& spec_text,
                          const registry::ClientOptions& client, const EventSink& events);

/// The same plan from another look at the destinations; images stay pinned as they are. Errors as make_plan.
Result<Plan> look_again(const Plan& plan, const EventSink& events, const CancelToken& cancel);

}  // namespace shipset::release
