#include "pump.hpp"

#include <fmt/format.h>

namespace shipset::bindings {

namespace {

constexpr std::chrono::milliseconds slice{50};

py::object take_exception(py::error_already_set& raised) {
  py::object value = raised.value();
  if (raised.trace()) PyException_SetTraceback(value.ptr(), raised.trace().ptr());
  return value;
}

void deliver(const py::object& on_event, const std::vector<Event>& batch) {
  for (const auto& event : batch) {
    py::dict fields;
    for (const auto& [name, value] : event.fields) fields[text(name)] = text(value);
    on_event(to_string(event.kind), text(event.phase), text(event.subject), text(event.message), event.bytes,
             event.total_bytes, fields);
  }
}

}  // namespace

FirstCause pump_events(const Caller& caller,
                       const std::function<bool(std::chrono::milliseconds, std::vector<Event>&)>& wait,
                       const std::function<void()>& stop) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  FirstCause cause;
  bool stopping = false;
  const auto ask_to_stop = [&] {
    stopping = true;
    stop();
  };
  std::vector<Event> batch;
  for (bool more = true; more;) {
    batch.clear();
    {
      const py::gil_scoped_release released;
      more = wait(slice, batch);
    }
    try {
      if (!cause.exception && !caller.on_event.is_none()) deliver(caller.on_event, batch);
      if (!cause.exception && PyErr_CheckSignals() != 0) throw py::error_already_set();
    } catch (py::error_already_set& raised) {
      cause.exception = take_exception(raised);
      ask_to_stop();
    }
    if (stopping || !more) continue;
    if (caller.cancel && caller.cancel->cancelled()) ask_to_stop();
    const std::chrono::duration<double> passed = Clock::now() - start;
    if (!stopping && caller.timeout_s && passed.count() >= *caller.timeout_s) {
      cause.deadline = true;
      ask_to_stop();
    }
  }
  return cause;
}

Error deadline_error(double timeout_s) {
  return Error(ErrorKind::cancelled, fmt::format("stopped after {:g} s", timeout_s),
               "the time limit of the call passed", "give the call more time with timeout_s")
      .with("cause", "deadline");
}

}  // namespace shipset::bindings
