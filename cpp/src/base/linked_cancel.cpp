#include "shipset/base/linked_cancel.hpp"

#include <chrono>

namespace shipset {

namespace {
constexpr auto slice = std::chrono::milliseconds(50);
}

LinkedCancel::LinkedCancel(std::function<bool()> requested)
    : requested_(std::move(requested)), watcher_([this] { watch(); }) {}

LinkedCancel::~LinkedCancel() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  changed_.notify_all();
  watcher_.join();
}

void LinkedCancel::watch() {
  std::unique_lock lock(mutex_);
  while (!done_ && !token_.cancelled()) {
    if (requested_()) token_.cancel();
    changed_.wait_for(lock, slice);
  }
}

}  // namespace shipset
