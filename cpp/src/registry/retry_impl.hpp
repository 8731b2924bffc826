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

/// A registry that asks for more patience than this gets an error that says so, not a silent wait.
inline constexpr std::chrono::seconds longest_ordered{300};

/// 408, 429, 500, 502, 503, 504, and what proxies say in place of the latter.
bool transient_status(int status) noexcept;

/// So much new content of a transfer makes the next break a new piece of bad luck, not a failure of the same attempt.
inline constexpr std::uint64_t refill_bytes = 8u << 20;

class Retry {
 public:
  explicit Retry(unsigned attempts) : all_(attempts == 0 ? 0 : attempts - 1), left_(all_) {}

  /// True after the wait for the next attempt; false when the outcome is final. Error: stopped on request.
  Result<bool> again(const Outcome& outcome, const Stop& stop);
  /// The same for an outcome that the caller knows to be worth another try.
  Result<bool> once_more(const Outcome& outcome, const Stop& stop);
  /// The first and shortest wait, without an attempt.
  static Result<void> pause(const Stop& stop);
  /// After progress: all attempts again, and short waits first.
  void refill() noexcept {
    left_ = all_;
    done_ = 0;
  }
  [[nodiscard]] unsigned done() const noexcept { return done_; }

 private:
  unsigned all_, left_;
  unsigned done_ = 0;
};

}  // namespace shipset::registry
