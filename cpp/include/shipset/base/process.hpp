// Runs another program: own process group, standard input, output by line, time limit, kill of the whole group.
// For credential helpers, gates, git and buildx. No shell. Errors: kind io when it cannot be started;
// a non-zero exit is not an Error, it is in the outcome. Thread-safe: one call, one child.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/cancel.hpp"

namespace shipset {

struct ProcessSpec {
  std::vector<std::string> argv;           ///< argv[0] is looked up in PATH
  std::filesystem::path directory;         ///< working folder; empty = the current one
  std::map<std::string, std::string> env;  ///< added to (or replacing in) the inherited environment
  std::vector<std::string> unset_env;      ///< removed from it
  std::string input;                       ///< standard input, then end of file
  std::optional<std::chrono::milliseconds> timeout;
  std::size_t line_limit = 64u << 10;   ///< longer lines come in pieces
  std::size_t output_limit = 1u << 20;  ///< kept bytes per stream; more is dropped from the front
  /// Each line of stdout (false) or stderr (true), without the line feed, as it comes.
  std::function<void(std::string_view line, bool is_stderr)> on_line;
};

struct ProcessOutcome {
  int exit_code = 0;  ///< 128 + signal when it was killed
  bool timed_out = false;
  bool cancelled = false;
  std::string out;  ///< last output_limit bytes of stdout
  std::string err;  ///< last output_limit bytes of stderr
  std::chrono::milliseconds duration{0};
};

/// Runs to the end. A stop or time-out sends SIGTERM to the group, SIGKILL 2 s later.
Result<ProcessOutcome> run_process(const ProcessSpec& spec, const CancelToken& cancel = {});

}  // namespace shipset
