#include "errors.hpp"

#include "shipset/base/cancel.hpp"
#include "shipset/base/secret.hpp"

namespace shipset::bindings {

namespace {

py::list problem_list(const std::vector<Problem>& problems) {
  py::list out;
  for (const auto& problem : problems) {
    const char* severity = problem.severity == Problem::Severity::error ? "error" : "warning";
    out.append(py::make_tuple(severity, problem.file, problem.line, problem.column, problem.key, problem.message,
                              problem.hint));
  }
  return out;
}

}  // namespace

py::object make_exception(const Error& error) {
  const auto make = py::module_::import("shipset.errors").attr("make_error");
  py::dict context;
  for (const auto& [key, value] : error.context) context[py::str(key)] = redact(value);
  return make(to_string(error.kind), redact(error.what), redact(error.why), error.hint, context,
              problem_list(error.problems), exit_code(error.kind));
}

void raise(const Error& error) {
  const auto exception = make_exception(error);
  PyErr_SetObject(py::type::of(exception).ptr(), exception.ptr());
  throw py::error_already_set();
}

void bind_errors(py::module_& module) {
  py::class_<CancelToken>(module, "CancelToken", "A request to stop, for any number of calls; from any thread.")
      .def(py::init<>())
      .def("cancel", &CancelToken::cancel, "Asks every call that has this token to stop.")
      .def_property_readonly("cancelled", &CancelToken::cancelled);
}

}  // namespace shipset::bindings
