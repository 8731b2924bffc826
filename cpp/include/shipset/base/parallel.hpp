// Runs a function over 0..n-1 on a few threads; an error stops what has not started. They start in order, and of
// several errors that of the lowest number is returned: where every item fails alike, the message is the same on every
// run. A stop (kind cancelled) is returned when it was the first. Exceptions of standard containers (bad_alloc) end as
// internal errors. Blocking; thread-safe.
#pragma once

#include <cstddef>
#include <functional>

#include "shipset/base/cancel.hpp"

namespace shipset {

Result<void> parallel_for(std::size_t count, std::size_t max_threads, const CancelToken& cancel,
                          const std::function<Result<void>(std::size_t)>& work);

}  // namespace shipset
