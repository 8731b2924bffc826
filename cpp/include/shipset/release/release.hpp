// The release: preflight → gates → build → attest → stage → gates on the staged bytes → promote → read back → report.
// Tags move only when every required variant is staged everywhere; a failed promotion is undone. What was done, what
// failed and what was not started is always in the report, also on failure. product.md §4.
// One call at a time per plan; blocks; events come from worker threads.
#pragma once

#include "shipset/release/plan.hpp"
#include "shipset/release/report.hpp"

namespace shipset::release {

/// How far to go.
enum class Goal : std::uint8_t {
  stage,    ///< `build`: builds, attests and stages; moves no tag
  promote,  ///< `promote`: joins what others staged, then as release
  release,  ///< everything
};

struct Outcome {
  Report report;
  std::optional<Error> error;  ///< first cause; set means the release failed
};

/// `parts`: reports of builds (file name, JSON) that name what was staged, for the goal promote; empty: it is found by
/// the tags of the staging. Missing, doubled and foreign parts: kind policy.
Outcome execute(const Plan& plan, Goal goal, const EventSink& events = {}, const CancelToken& cancel = {},
                const std::vector<std::pair<std::string, std::string>>& parts = {});

}  // namespace shipset::release
