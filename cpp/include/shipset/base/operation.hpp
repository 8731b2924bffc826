// An Operation runs one long call on its own thread and hands its events to the caller's thread.
// State changes are never dropped; progress is merged per blob. The caller waits in slices, so it can look at
// signals; a stop goes through the CancelToken. Used by the Python bindings and by C++ users who want a loop.
// Thread-safety: `push` from anywhere; `wait` and `take_result` from one thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "shipset/base/cancel.hpp"
#include "shipset/base/event.hpp"

namespace shipset {

/// Queue of events from many threads to one; blob_progress of one subject replaces the one still waiting.
class EventQueue {
 public:
  void push(const Event& event);
  void close();
  /// Waits until there are events or the queue is closed, at most `limit`; moves the waiting events out.
  /// False once closed and empty.
  bool wait(std::chrono::milliseconds limit, std::vector<Event>& batch);

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<Event> events_;
  std::unordered_map<std::string, std::size_t> progress_at_;
  bool closed_ = false;
};

template <class T>
class Operation {
 public:
  using Body = std::function<Result<T>(const EventSink&, const CancelToken&)>;

  explicit Operation(Body body, CancelToken cancel = {}) : cancel_(std::move(cancel)) {
    thread_ = std::thread([this, body = std::move(body)] {
      EventSink sink = [this](const Event& e) { queue_.push(e); };
      result_.emplace(body(sink, cancel_));
      queue_.close();
    });
  }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation() {
    cancel_.cancel();
    if (thread_.joinable()) thread_.join();
  }
  /// As EventQueue::wait.
  bool wait(std::chrono::milliseconds limit, std::vector<Event>& batch) { return queue_.wait(limit, batch); }
  void cancel() const { cancel_.cancel(); }
  /// Joins the worker; call once, after wait returned false (or to wait without events).
  Result<T> take_result() {
    thread_.join();
    return std::move(*result_);
  }

 private:
  CancelToken cancel_;
  EventQueue queue_;
  std::optional<Result<T>> result_;
  std::thread thread_;
};

}  // namespace shipset
