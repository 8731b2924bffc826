// Runs one long call on a worker thread while the calling Python thread waits without the GIL, delivers events and
// looks at signals. Ctrl-C, a raising callback, a deadline and the caller's token go one way: ask the worker to stop,
// wait for it, keep the first cause. Python code runs on the calling thread only. house.md §5.
#pragma once

#include <chrono>
#include <exception>
#include <functional>

#include "errors.hpp"
#include "shipset/base/operation.hpp"

namespace shipset::bindings {

/// What the caller of a long call gives besides its arguments.
struct Caller {
  py::object on_event;  ///< callable of seven arguments, or None
  std::optional<CancelToken> cancel;
  std::optional<double> timeout_s;
};

/// What ended the wait before the call was done: an exception to raise, or the deadline.
struct FirstCause {
  py::object exception;
  bool deadline = false;
};

/// The loop. `wait` is Operation::wait, `stop` is Operation::cancel.
FirstCause pump_events(const Caller& caller,
                       const std::function<bool(std::chrono::milliseconds, std::vector<Event>&)>& wait,
                       const std::function<void()>& stop);

template <class T>
struct Pumped {
  Result<T> result;
  py::object exception;   ///< raised by a callback or a signal; null without one
  bool deadline = false;  ///< the time limit passed first
};

Error deadline_error(double timeout_s);

/// Runs `body` and keeps result and first cause apart, for calls whose result matters also after a stop.
template <class T>
Pumped<T> pump(const Caller& caller, typename Operation<T>::Body body) {
  auto guarded = [body = std::move(body)](const EventSink& events, const CancelToken& cancel) -> Result<T> {
    try {
      return body(events, cancel);
    } catch (const std::exception& problem) {
      return Error(ErrorKind::internal, "unexpected failure inside shipset", problem.what(), "please report this");
    }
  };
  Operation<T> operation(std::move(guarded));
  auto cause = pump_events(
      caller, [&](auto limit, auto& batch) { return operation.wait(limit, batch); }, [&] { operation.cancel(); });
  auto take = [&] {
    const py::gil_scoped_release released;
    return operation.take_result();
  };
  return {take(), std::move(cause.exception), cause.deadline};
}

/// As pump; the first cause is raised, else the result leaves as value or exception.
template <class T>
Result<T> run(const Caller& caller, typename Operation<T>::Body body) {
  auto pumped = pump<T>(caller, std::move(body));
  if (pumped.exception) {
    PyErr_SetObject(py::type::of(pumped.exception).ptr(), pumped.exception.ptr());
    throw py::error_already_set();
  }
  if (pumped.deadline && !pumped.result && pumped.result.error().kind == ErrorKind::cancelled)
    return deadline_error(*caller.timeout_s);
  return std::move(pumped.result);
}

}  // namespace shipset::bindings
