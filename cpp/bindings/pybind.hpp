// The only door to pybind11: every file of the bindings includes this and nothing of pybind11 itself.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

namespace shipset::bindings {
namespace py = pybind11;

// One function per concept; module.cpp calls them in this order.
void bind_errors(py::module_& module);
void bind_values(py::module_& module);
void bind_model(py::module_& module);
void bind_tags(py::module_& module);
void bind_registry(py::module_& module);
void bind_doctor(py::module_& module);
void bind_release(py::module_& module);
void bind_content(py::module_& module);

}  // namespace shipset::bindings
