// Result<T>: a value or an Error. The only way a function of shipset reports failure in C++.
// Not a general expected: no monadic chains, use SHIPSET_TRY. Thread-safety: as of T.
#pragma once

#include <cassert>
#include <optional>
#include <utility>
#include <variant>

#include "shipset/base/error.hpp"

namespace shipset {

/// A value was taken from a Result that holds an Error: a bug of the caller. Prints the error and ends the process.
[[noreturn]] void die_of_unchecked(const Error& error);

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : data_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : data_(std::in_place_index<1>, std::move(error)) {}
  template <class U>
  requires(std::is_convertible_v<U&&, T> && !std::is_same_v<std::remove_cvref_t<U>, Result> &&
           !std::is_same_v<std::remove_cvref_t<U>, T> && !std::is_same_v<std::remove_cvref_t<U>, Error>)
      Result(U&& value)
      : data_(std::in_place_index<0>, std::forward<U>(value)) {}

  [[nodiscard]] bool ok() const noexcept { return data_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  T& value() & { return require(), *std::get_if<0>(&data_); }
  const T& value() const& { return require(), *std::get_if<0>(&data_); }
  /// By value: a reference into a temporary Result would dangle in a range-for.
  T value() && { return require(), std::move(*std::get_if<0>(&data_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & { return assert(!ok()), *std::get_if<1>(&data_); }
  const Error& error() const& { return assert(!ok()), *std::get_if<1>(&data_); }
  Error&& error() && { return assert(!ok()), std::move(*std::get_if<1>(&data_)); }

 private:
  void require() const {
    if (!ok()) die_of_unchecked(*std::get_if<1>(&data_));
  }
  std::variant<T, Error> data_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}
  [[nodiscard]] bool ok() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return ok(); }
  void value() const {
    if (!ok()) die_of_unchecked(*error_);
  }
  Error& error() & { return assert(!ok()), *error_; }
  const Error& error() const& { return assert(!ok()), *error_; }
  Error&& error() && { return assert(!ok()), std::move(*error_); }

 private:
  std::optional<Error> error_;
};

}  // namespace shipset

#define SHIPSET_CONCAT_INNER(a, b) a##b
#define SHIPSET_CONCAT(a, b) SHIPSET_CONCAT_INNER(a, b)

/// `SHIPSET_TRY(auto x, f());` — x is the value, or the enclosing function returns f's Error.
#define SHIPSET_TRY(decl, expr) SHIPSET_TRY_IMPL(SHIPSET_CONCAT(result_, __COUNTER__), decl, expr)
#define SHIPSET_TRY_IMPL(name, decl, expr)   \
  auto name = (expr);                        \
  if (!name) return std::move(name).error(); \
  decl = std::move(name).value()

/// `SHIPSET_CHECK(f());` — for Result<void>, or where the value is not wanted.
#define SHIPSET_CHECK(expr)                                                                   \
  do {                                                                                        \
    if (auto check_result_ = (expr); !check_result_) return std::move(check_result_).error(); \
  } while (false)
