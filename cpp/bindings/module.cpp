// Table of contents of shipset._core: what the Python package of the same word stands on. Text and JSON go over the
// border, typed values are made in Python; Spec, Matrix, Plan and CancelToken stay opaque.
#include "pybind.hpp"

PYBIND11_MODULE(_core, module) {
  module.doc() = "The C++ core of shipset. Use the package shipset; this module may change without notice.";
  module.attr("__version__") = SHIPSET_VERSION;
  shipset::bindings::bind_errors(module);    // errors.py, events.py
  shipset::bindings::bind_values(module);    // values.py
  shipset::bindings::bind_model(module);     // spec.py, matrix.py, tags.py
  shipset::bindings::bind_tags(module);      // metadata.py
  shipset::bindings::bind_registry(module);  // registry.py
  shipset::bindings::bind_doctor(module);    // diagnosis.py
  shipset::bindings::bind_release(module);   // release.py
  shipset::bindings::bind_content(module);   // content.py
}
