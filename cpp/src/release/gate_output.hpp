// What a command of a gate prints: without secrets, bounded, into a log file, to the events, and as the last lines for
// the report. Private to the module; belongs to the thread that runs the command.
#pragma once

#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

namespace shipset::release {

/// `gate-<name>.log`; a name that is no file name everywhere gets a hash behind what is left of it.
std::string gate_log_name(const std::string& gate);

class GateOutput {
 public:
  /// `show` gets the first lines as they come. A log that cannot be written is no reason to stop; `log` may be empty.
  GateOutput(const std::filesystem::path& log, std::function<void(const std::string&)> show);
  GateOutput(const GateOutput&) = delete;
  GateOutput& operator=(const GateOutput&) = delete;

  /// A line of the log alone: what was run, how it ended.
  void note(const std::string& text);
  /// One line, or a piece of `longest` bytes of a longer one.
  void add(std::string_view piece, std::size_t longest);
  /// After the last line: the log is complete.
  void end();
  /// The last lines, redacted and printable.
  [[nodiscard]] std::string last_lines() const;
  [[nodiscard]] bool logged() const { return file_.is_open() && !broken_; }

 private:
  void take_line(std::string line);
  void write(const std::string& line);

  std::ofstream file_;
  std::function<void(const std::string&)> show_;
  std::string open_line_;  ///< pieces of a line whose end has not come
  bool skipping_ = false;  ///< the rest of a line that is too long
  bool broken_ = false;
  std::size_t shown_ = 0, written_ = 0, held_ = 0;
  std::uint64_t left_out_ = 0;
  std::deque<std::string> tail_;  ///< raw lines behind those that were written
  std::deque<std::string> last_;  ///< raw lines for the report
};

}  // namespace shipset::release
