// A secret in memory: wiped when it dies, never printed. Values register themselves so that redact() can remove
// them from any text that leaves the process (defence in depth; the first rule is not to put them there).
// Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace shipset {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value);
  Secret(const Secret&);
  Secret(Secret&&) noexcept;
  Secret& operator=(Secret) noexcept;
  ~Secret();
  [[nodiscard]] bool empty() const noexcept { return value_.empty(); }
  /// The value itself, for the one place that sends it.
  [[nodiscard]] const std::string& reveal() const noexcept { return value_; }

 private:
  std::string value_;
};

/// Replaces every registered secret of 6 and more characters (and its base64 form) by `***`.
std::string redact(std::string_view text);

}  // namespace shipset
