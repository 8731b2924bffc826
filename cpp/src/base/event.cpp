#include "shipset/base/event.hpp"

#include "shipset/base/operation.hpp"

namespace shipset {

std::string_view to_string(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::phase_started:
      return "phase_started";
    case EventKind::phase_finished:
      return "phase_finished";
    case EventKind::task_started:
      return "task_started";
    case EventKind::task_finished:
      return "task_finished";
    case EventKind::task_failed:
      return "task_failed";
    case EventKind::step_started:
      return "step_started";
    case EventKind::step_finished:
      return "step_finished";
    case EventKind::step_failed:
      return "step_failed";
    case EventKind::step_log:
      return "step_log";
    case EventKind::blob_waiting:
      return "blob_waiting";
    case EventKind::blob_skipped:
      return "blob_skipped";
    case EventKind::blob_mounted:
      return "blob_mounted";
    case EventKind::blob_started:
      return "blob_started";
    case EventKind::blob_progress:
      return "blob_progress";
    case EventKind::blob_finished:
      return "blob_finished";
    case EventKind::blob_failed:
      return "blob_failed";
    case EventKind::manifest_pushed:
      return "manifest_pushed";
    case EventKind::tag_moved:
      return "tag_moved";
    case EventKind::tag_kept:
      return "tag_kept";
    case EventKind::warning:
      return "warning";
    case EventKind::note:
      return "note";
  }
  return "note";
}

void EventQueue::push(const Event& event) {
  const std::lock_guard lock(mutex_);
  if (event.kind == EventKind::blob_progress) {
    const auto [at, fresh] = progress_at_.try_emplace(event.subject, events_.size());
    if (!fresh) {
      events_[at->second] = event;
      return;
    }
  } else {
    // A later progress of this subject may not overtake the state change.
    progress_at_.erase(event.subject);
  }
  events_.push_back(event);
  ready_.notify_one();
}

void EventQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  ready_.notify_all();
}

bool EventQueue::wait(std::chrono::milliseconds limit, std::vector<Event>& batch) {
  std::unique_lock lock(mutex_);
  ready_.wait_for(lock, limit, [this] { return closed_ || !events_.empty(); });
  batch.clear();
  batch.swap(events_);
  progress_at_.clear();
  return !(closed_ && batch.empty());
}

}  // namespace shipset
