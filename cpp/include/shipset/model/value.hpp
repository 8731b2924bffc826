// A value of the release file: none, boolean, integer or string; and the scope that names resolve in.
// "None" is a known name without a value: an error in a template except as {-x} or {x-}, comparable in `when`.
// Thread-safe: values only. product.md §3 "Values".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shipset/base/result.hpp"

namespace shipset {

using Value = std::variant<std::monostate, bool, std::int64_t, std::string>;

/// Text of a value as a template inserts it: true/false, decimal, the string; none is "".
std::string to_text(const Value& value);
/// "none", "boolean", "integer", "string".
std::string_view type_name(const Value& value) noexcept;

/// Names that a template or a `when` may use. Implementations are immutable while they are used.
class Scope {
 public:
  virtual ~Scope() = default;
  /// nullopt: the name does not exist. A Value of monostate: known, but none.
  [[nodiscard]] virtual std::optional<Value> lookup(std::string_view name) const = 0;
  /// Every name, for suggestions.
  [[nodiscard]] virtual std::vector<std::string> names() const = 0;
};

}  // namespace shipset
