// Runs a function over 0..n-1 on a few threads; the first error stops what has not started and is returned.
// Exceptions of standard containers (bad_alloc) end as internal errors. Blocking; thread-safe.
#pragma once

#include <cstddef>
#include <functional>

#include "shipset/base/cancel.hpp"

namespace shipset {

Result<void> parallel_for(std::size_t count, std::size_t max_threads, const CancelToken& cancel,
                          const std::function<Result<void>(std::size_t)>& work);

}  // namespace shipset
