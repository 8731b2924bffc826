// What happens, told while it happens. Everything long takes an EventSink; the command line, notebooks and logs
// are only readers of these events. Events hold no secrets.
// An EventSink is called from worker threads and must be thread-safe; the queue of Operation is one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shipset {

enum class EventKind : std::uint8_t {
  phase_started,  ///< subject = phase: plan, preflight, gates, build, attest, stage, promote, verify, report
  phase_finished,
  task_started,  ///< subject = variant/platform, or a gate's name
  task_finished,
  task_failed,
  step_started,   ///< subject = variant/platform or variant, message = the step of its Dockerfile
  step_finished,  ///< fields: cached = true or false, milliseconds, transferred_bytes of its target so far
  step_failed,    ///< message = the step; field error
  step_log,       ///< message = one line that a step printed
  blob_waiting,   ///< subject = digest; it will be moved, or found to be there
  blob_skipped,   ///< the destination has it
  blob_mounted,
  blob_started,
  blob_progress,  ///< merged per subject in queues
  blob_finished,
  blob_failed,
  manifest_pushed,  ///< subject = digest
  tag_moved,        ///< subject = reference with tag
  tag_kept,
  warning,
  note,
};
std::string_view to_string(EventKind kind) noexcept;

struct Event {
  EventKind kind = EventKind::note;
  std::string phase;                                        ///< the phase it belongs to; may be empty
  std::string subject;                                      ///< what it is about
  std::string message;                                      ///< one line for people; may be empty
  std::uint64_t bytes = 0;                                  ///< done so far, for blobs
  std::uint64_t total_bytes = 0;                            ///< 0 = unknown
  std::vector<std::pair<std::string, std::string>> fields;  ///< further data by name, e.g. destination, digest
};

/// May be empty; use emit().
using EventSink = std::function<void(const Event&)>;

inline void emit(const EventSink& sink, const Event& event) {
  if (sink) sink(event);
}

}  // namespace shipset
