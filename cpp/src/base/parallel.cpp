#include "shipset/base/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace shipset {

Result<void> parallel_for(std::size_t count, std::size_t max_threads, const CancelToken& cancel,
                          const std::function<Result<void>(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::optional<Error> first;
  std::size_t first_index = 0;
  const auto run = [&] {
    while (!stop.load(std::memory_order_relaxed)) {
      const std::size_t index = next.fetch_add(1);
      if (index >= count) return;
      Result<void> outcome;
      if (auto allowed = cancel.check(); !allowed) {
        outcome = std::move(allowed);
      } else {
        try {
          outcome = work(index);
        } catch (const std::exception& problem) {
          outcome = Error(ErrorKind::internal, "unexpected exception in a worker", problem.what());
        }
      }
      if (!outcome) {
        const std::lock_guard lock(mutex);
        const auto stopped = [](const Error& error) { return error.kind == ErrorKind::cancelled; };
        if (!first || (index < first_index && !stopped(outcome.error()) && !stopped(*first))) {
          first = std::move(outcome).error();
          first_index = index;
        }
        stop.store(true);
      }
    }
  };
  const std::size_t threads = std::min(count, std::max<std::size_t>(1, max_threads));
  std::vector<std::thread> workers;
  for (std::size_t i = 1; i < threads; ++i) workers.emplace_back(run);
  run();
  for (auto& worker : workers) worker.join();
  if (first) return *first;
  return {};
}

}  // namespace shipset
