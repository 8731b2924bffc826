// A CancelToken that follows others while it lives, for callees that take one token only. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "shipset/base/cancel.hpp"

namespace shipset {

class LinkedCancel {
 public:
  /// `requested` is asked about every 50 ms, on a thread of its own.
  explicit LinkedCancel(std::function<bool()> requested);
  ~LinkedCancel();
  LinkedCancel(const LinkedCancel&) = delete;
  LinkedCancel& operator=(const LinkedCancel&) = delete;
  [[nodiscard]] const CancelToken& token() const noexcept { return token_; }

 private:
  void watch();

  std::function<bool()> requested_;
  CancelToken token_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread watcher_;
};

}  // namespace shipset
