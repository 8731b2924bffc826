// When a request is worth another try, and how long to wait before it. One Retry belongs to one operation.
// specs §4.6.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "http_impl.hpp"
#include "stop_impl.hpp"

namespace shipset::registry {

/// Retry-After: seconds, or an HTTP date compared with `now_unix_s`. Never negative; nullopt when unreadable.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::int64_t now_unix_s);

/// 408, 429, 500, 502, 503, 504.
bool transient_status(int status) noexcept;

class Retry {
 public:
  explicit Retry(unsigned attempts) : left_(attempts == 0 ? 0 : attempts - 1) {}

  /// True after the wait for the next attempt; false when the outcome is final. Error: stopped on request.
  Result<bool> again(const Outcome& outcome, const Stop& stop);
  /// The same for an outcome that the caller knows to be worth another try.
  Result<bool> once_more(const Outcome& outcome, const Stop& stop);
  [[nodiscard]] unsigned done() const noexcept { return done_; }

 private:
  unsigned left_;
  unsigned done_ = 0;
};

}  // namespace shipset::registry
