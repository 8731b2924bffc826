// Runs the tasks of a batch one by one on a few threads, with their events and outcomes: what builders that work in
// this process share. Private.
#pragma once

#include "shipset/build/builder.hpp"

namespace shipset::build {

/// The error with context variant and platform.
Error about(Error error, const Task& task);

/// Calls `make` for every task and `done` once for each, one at a time. Keeps the promises of Builder::build.
void each_task(const std::vector<Task>& tasks, const BuildContext& context,
               const std::function<Result<BuiltImage>(const Task&)>& make, const std::function<void(Outcome)>& done);

}  // namespace shipset::build
