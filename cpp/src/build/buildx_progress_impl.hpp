// Reads buildx's progress (rawjson: one JSON object a line with vertexes, statuses, logs, warnings; text between them)
// into events, one log a target, and what is needed to tell how a target went. Private.
// Thread-safety: one thread.
#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "shipset/base/event.hpp"
#include "shipset/build/builder.hpp"

namespace shipset::build::buildx {

/// What is known of one target of a call.
struct TargetProgress {
  BuildSteps steps;
  std::string failed_step;                 ///< name of the step that failed first
  std::string failed_platform;             ///< that it was for; empty: buildx does not tell
  std::string error;                       ///< what it said
  bool cancelled = false;                  ///< stopped because of another target
  std::deque<std::string> last_lines;      ///< printed by the step that failed, the newest last
  std::string place;                       ///< Dockerfile:LINE and the lines around it, as buildx shows them
  std::int64_t first_ns = 0, last_ns = 0;  ///< since 1970; 0: never began
  [[nodiscard]] std::chrono::milliseconds duration() const {
    return std::chrono::milliseconds((last_ns - first_ns) / 1'000'000);
  }
};

/// A warning of BuildKit's linter.
struct LintWarning {
  std::set<std::string> targets;  ///< that read the file
  int line = 0;                   ///< of the Dockerfile; 0: none
  std::string text;
};

class Progress {
 public:
  /// `subjects`: target → what events call it. One target alone has no prefix in buildx's names.
  Progress(std::map<std::string, std::string> subjects, EventSink events, std::filesystem::path log_directory);
  /// One line of standard error.
  void line(std::string_view text);
  /// Nothing more comes: the text between the lines is read for what it says about targets.
  void end();
  [[nodiscard]] const TargetProgress& of(const std::string& target) const { return targets_.at(target); }
  [[nodiscard]] const std::vector<LintWarning>& warnings() const { return warnings_; }
  /// Lines that were not JSON; the last 64 KiB.
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  struct Step {
    std::string target, name, subject, platform;
    std::string logged;       ///< name in the log, with the platform where a target has several
    std::string last_logged;  ///< what the log says of its end
    bool running = false, failed = false, counted = false, cached = false;
    bool told = false;  ///< its failure is the one that its target tells
    std::int64_t started_ns = 0, took_ns = 0;
  };
  struct Vertex {
    std::set<std::string> targets;
    std::deque<std::string> lines;  ///< the last that it printed
    std::string open_line;
    bool returned = false;  ///< behind a carriage return
  };

  void vertex(const std::string& digest, const std::string& name, std::int64_t started_ns, std::int64_t completed_ns,
              bool cached, const std::string& error);
  void begin(Step& step, std::int64_t at_ns);
  void finish(Step& step, std::int64_t at_ns, const std::string& error);
  void fail(Step& step, const std::string& error);
  void warned(const std::string& digest, int line, const std::string& said, const std::string& url);
  void printed(const std::string& digest, std::string_view bytes);
  void print_line(const std::string& digest, Vertex& vertex, std::string line);
  void moved(const std::string& digest, const std::string& id, std::uint64_t current);
  void log(const std::string& target, const std::string& line);
  void tell(EventKind kind, const Step& step, std::string message,
            std::vector<std::pair<std::string, std::string>> fields = {});
  Step& step_of(const std::string& digest, const std::string& name);
  std::string target_of(const std::string& name);

  std::map<std::string, std::string> subjects_;
  EventSink events_;
  std::filesystem::path log_directory_;
  std::map<std::string, TargetProgress> targets_;
  std::map<std::pair<std::string, std::string>, Step> steps_;  ///< by vertex and target
  std::map<std::string, Vertex> vertexes_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> moved_;  ///< by vertex and id: bytes counted already
  std::map<std::string, std::ofstream> logs_;
  std::map<std::string, std::uint64_t> log_bytes_;
  std::vector<LintWarning> warnings_;
  bool prefixed_;  ///< whether names begin with their target
  std::string text_;
};

}  // namespace shipset::build::buildx
