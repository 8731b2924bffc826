// A request to stop, shared by everything that belongs to one operation. Copies share one state.
// Thread-safe. Long loops call `cancelled()` at least every 100 ms or per 64 KiB piece.
#pragma once

#include <atomic>
#include <memory>

#include "shipset/base/result.hpp"

namespace shipset {

class CancelToken {
 public:
  CancelToken() : state_(std::make_shared<std::atomic<bool>>(false)) {}
  void cancel() const noexcept { state_->store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool cancelled() const noexcept { return state_->load(std::memory_order_relaxed); }
  /// Error kind `cancelled` once a stop was requested.
  [[nodiscard]] Result<void> check() const {
    if (cancelled()) return Error(ErrorKind::cancelled, "stopped on request");
    return {};
  }

 private:
  std::shared_ptr<std::atomic<bool>> state_;
};

}  // namespace shipset
