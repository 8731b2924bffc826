#include "errors.hpp"

#include "shipset/base/cancel.hpp"
#include "shipset/base/secret.hpp"

namespace shipset::bindings {

namespace {

py::list problem_list(const std::vector<Problem>& problems) {
  py::list out;
  for (const auto& problem : problems) {
    const char* severity = problem.severity == Problem::Severity::error ? "error" : "warning";
    out.append(py::make_tuple(severity, text(problem.file), problem.line, problem.column, text(problem.key),
                              text(problem.message), text(problem.hint)));
  }
  return out;
}

}  // namespace

py::str text(std::string_view bytes) {
  PyObject* decoded = PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "replace");
  if (decoded == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(decoded);
}

py::object make_exception(const Error& error) {
  const auto make = py::module_::import("shipset.errors").attr("make_error");
  py::dict context;
  for (const auto& [key, value] : error.context) context[text(key)] = text(redact(value));
  return make(to_string(error.kind), text(redact(error.what)), text(redact(error.why)), text(redact(error.hint)),
              context, problem_list(error.problems), exit_code(error.kind));
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
