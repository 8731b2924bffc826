// What went wrong, as a value. Errors carry data; text is written once, at the edge, by render().
// Nothing here throws for a user's mistake, and nothing here knows a terminal or Python.
// Thread-safe: values only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace shipset {

/// Family of an error. Decides the exit code (product page of the commands) and the Python exception class.
enum class ErrorKind : std::uint8_t {
  internal,      ///< a bug in shipset: exit 1
  usage,         ///< wrong argument or option: exit 2
  spec,          ///< the release file is wrong: exit 2
  build,         ///< an image could not be built: exit 3
  io,            ///< local disk or file: exit 3
  policy,        ///< refused by a rule: exit 4
  gate,          ///< a gate said no: exit 4
  tag_conflict,  ///< an exact tag holds other content: exit 4
  tag_moved,     ///< a tag no longer holds the recorded digest: exit 4
  auth,          ///< registry: not logged in or not allowed: exit 5
  registry,      ///< registry refused, or answered something unreadable: exit 5
  not_found,     ///< the named content does not exist: exit 5
  network,       ///< no connection, time-out, broken link: exit 6
  verify,        ///< content or signature does not verify: exit 7
  incomplete,    ///< public tags are mixed: exit 8
  cancelled,     ///< stopped on request with nothing public changed: exit 130
};

/// Name of the kind as in JSON output and documentation, e.g. "tag_conflict".
std::string_view to_string(ErrorKind kind) noexcept;

/// Exit code of the command line for this kind (0 is never returned).
int exit_code(ErrorKind kind) noexcept;

/// A finding of a checker at a place of a file. Lines and columns start at 1; 0 means unknown.
struct Problem {
  enum class Severity : std::uint8_t { error, warning };
  Severity severity = Severity::error;
  std::string file;
  int line = 0;
  int column = 0;
  std::string key;      ///< dotted path in the file, e.g. `variant[1].platforms`
  std::string message;  ///< what is wrong
  std::string hint;     ///< what to do; may be empty

  bool operator==(const Problem&) const = default;
};

/// `file:line:column: error: message` and, if there is one, a second line `  hint: …`.
std::string render(const Problem& problem);

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string what;  ///< what failed, on which object (first line)
  std::string why;   ///< cause (second line; may be empty)
  std::string hint;  ///< what to do (third line; may be empty)
  /// Machine-readable details, e.g. side=destination, host, repository, digest, status, code. No secrets.
  std::map<std::string, std::string> context;
  std::vector<Problem> problems;  ///< every finding, when a checker failed

  Error() = default;
  Error(ErrorKind kind_, std::string what_, std::string why_ = {}, std::string hint_ = {})
      : kind(kind_), what(std::move(what_)), why(std::move(why_)), hint(std::move(hint_)) {}

  Error& with(std::string key, std::string value) & {
    context.insert_or_assign(std::move(key), std::move(value));
    return *this;
  }
  Error&& with(std::string key, std::string value) && {
    context.insert_or_assign(std::move(key), std::move(value));
    return std::move(*this);
  }
};

/// Lines `what`, `why`, `hint: …`; problems first when there are some.
std::string render(const Error& error);

}  // namespace shipset
