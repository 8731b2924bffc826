#include <atomic>
#include <mutex>

#include "each_task_impl.hpp"
#include "shipset/base/parallel.hpp"

namespace shipset::build {

namespace {

Error not_started(const Task& task, std::string why) {
  return about(Error(ErrorKind::cancelled, task.name() + " was not built", std::move(why)), task)
      .with("state", "not started");
}

void tell(const BuildContext& context, EventKind kind, const Task& task, std::string message = {}) {
  emit(context.events, {kind, "build", task.name(), std::move(message), 0, 0, {}});
}

Result<BuiltImage> make_guarded(const Task& task, const std::function<Result<BuiltImage>(const Task&)>& make) {
  try {
    return make(task);
  } catch (const std::exception& problem) {
    return Error(ErrorKind::internal, "cannot build " + task.name(), problem.what());
  }
}

}  // namespace

Error about(Error error, const Task& task) {
  return std::move(error).with("variant", task.variant).with("platform", task.platform.str());
}

void each_task(const std::vector<Task>& tasks, const BuildContext& context,
               const std::function<Result<BuiltImage>(const Task&)>& make, const std::function<void(Outcome)>& done) {
  std::mutex done_mutex;
  std::vector<char> reported(tasks.size(), 0);
  std::atomic<bool> failed{false};
  const auto report = [&](Outcome outcome) {
    const std::lock_guard lock(done_mutex);
    reported[outcome.task] = 1;
    done(std::move(outcome));
  };
  const auto work = [&](std::size_t i) -> Result<void> {
    if (context.fail_fast && failed) return {};
    const auto begin = std::chrono::steady_clock::now();
    tell(context, EventKind::task_started, tasks[i]);
    Outcome outcome;
    outcome.task = i;
    outcome.result = make_guarded(tasks[i], make);
    outcome.duration = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    if (!outcome.result) {
      failed = true;
      outcome.result = about(std::move(outcome.result).error(), tasks[i]);
      tell(context, EventKind::task_failed, tasks[i], outcome.result.error().what);
    } else {
      tell(context, EventKind::task_finished, tasks[i]);
    }
    report(std::move(outcome));
    return {};
  };
  const auto ran = parallel_for(tasks.size(), context.parallel, context.cancel, work);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (reported[i]) continue;
    Outcome outcome;
    outcome.task = i;
    outcome.result = not_started(tasks[i], ran ? "another image failed and fail_fast is set" : "stopped on request");
    if (!ran && ran.error().kind != ErrorKind::cancelled) outcome.result = about(ran.error(), tasks[i]);
    report(std::move(outcome));
  }
}

}  // namespace shipset::build
