// An Error as a Python exception. The classes live in shipset.errors; which one it is, is decided there by the kind.
// Everything here wants the GIL.
#pragma once

#include "pybind.hpp"
#include "shipset/base/result.hpp"

namespace shipset::bindings {

/// Text for Python; bytes that are no UTF-8, from a file name or a server, become replacement characters.
py::str text(std::string_view bytes);
/// The exception object, not raised.
py::object make_exception(const Error& error);
[[noreturn]] void raise(const Error& error);

}  // namespace shipset::bindings

namespace pybind11::detail {

/// A Result leaves C++ as its value or as an exception.
template <class T>
struct type_caster<shipset::Result<T>> {
  using Value = make_caster<T>;
  static constexpr auto name = Value::name;
  static handle cast(shipset::Result<T>&& result, return_value_policy policy, handle parent) {
    if (!result) shipset::bindings::raise(result.error());
    return Value::cast(std::move(result).value(), return_value_policy_override<T>::policy(policy), parent);
  }
};

template <>
struct type_caster<shipset::Result<void>> {
  static constexpr auto name = const_name("None");
  static handle cast(shipset::Result<void>&& result, return_value_policy, handle) {
    if (!result) shipset::bindings::raise(result.error());
    return none().release();
  }
};

}  // namespace pybind11::detail
