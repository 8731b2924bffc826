// Parts of the reader of Dockerfiles: lines → instructions → stages, and the expansion of arguments.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/result.hpp"

namespace shipset::build::dockerfile {

/// Steps of work that are left for one file: nothing in it can make the work more than linear for long.
class Budget {
 public:
  explicit Budget(std::uint64_t steps = 64u << 20) : left_(steps) {}
  /// False once it is used up.
  bool take(std::uint64_t steps) {
    if (steps > left_) return left_ = 0, false;
    return left_ -= steps, true;
  }

 private:
  std::uint64_t left_;
};

/// Kind spec, with one Problem.
Error file_error(const std::string& file, int line, std::string message, std::string hint = {});

/// White space as Go's unicode package sees it, in UTF-8.
std::string_view trim_left(std::string_view text);
std::string_view trim_both(std::string_view text);
/// Splits at runs of blanks (no line feed), like the regular expression [\t\v\f\r ]+; at most `limit` parts, 0 = all.
std::vector<std::string> split_blanks(std::string_view text, std::size_t limit = 0);

// ---- expansion (dockerfile_words.cpp, dockerfile_pattern.cpp)

using Variables = std::map<std::string, std::string, std::less<>>;

struct Expansion {
  std::string text;
  std::set<std::string> matched, unmatched;  ///< variables that have a value, and that have none
};

/// Quotes, escapes and $variables of one word. The error's `what` is the cause alone.
Result<Expansion> expand(std::string_view word, const Variables& variables, char escape, Budget& budget);

struct Heredoc {
  std::string name;
  bool chomp = false;  ///< <<-NAME: tabs before the end mark are left out
};
/// The here-documents that the text of an instruction opens.
Result<std::vector<Heredoc>> heredocs_of(std::string_view line, Budget& budget);

/// Patterns of ${x#p}, ${x%p} and ${x/p/r}: `*`, `?`, and backslash before `*`, `?`, `\`, `}`, `/`.
enum class Cut { prefix, suffix };
Result<std::string> cut_pattern(std::string_view value, std::string_view pattern, Cut cut, bool longest,
                                Budget& budget);
Result<std::string> replace_pattern(std::string_view value, std::string_view pattern, std::string_view replacement,
                                    bool all, Budget& budget);

// ---- instructions (dockerfile_lines.cpp, dockerfile_flags.cpp)

struct Instruction {
  std::string keyword;             ///< lower case
  bool on_build = false;           ///< behind ONBUILD
  std::vector<std::string> flags;  ///< --name=value, quotes taken away
  std::string rest;                ///< behind the flags
  int line = 0;                    ///< where it begins
};

struct FileContent {
  std::vector<Instruction> instructions;
  std::vector<std::size_t> line_starts;
  char escape = '\\';
  std::optional<std::string> syntax;
};

Result<FileContent> read_file_content(std::string_view text, const std::string& name);

/// The flags before the arguments of an instruction; what is left goes to `rest`.
std::vector<std::string> take_flags(std::string_view text, char escape, std::string& rest);
/// Words between blanks; quotes and escapes stay in them.
std::vector<std::string> quoted_words(std::string_view text, char escape);
/// Fields of one line of CSV; nullopt when quotes do not fit.
std::optional<std::vector<std::string>> csv_fields(std::string_view line);
/// Value of the last --name=… among the flags.
std::optional<std::string> flag_value(const std::vector<std::string>& flags, std::string_view name);

// ---- stages (dockerfile_stages.cpp)

struct ArgSetting {
  std::string name;
  std::optional<std::string> value;  ///< not expanded
  int line = 0;
};

/// COPY --from or RUN --mount=from=…
struct SourceUse {
  std::string from;
  std::string instruction;
  int line = 0;
  bool mount = false;  ///< mounts take no numbers
};

struct StageCommand {
  std::vector<SourceUse> sources;  ///< a RUN may mount several
  std::vector<ArgSetting> args;
  bool on_build = false;
};

struct StageText {
  std::string name;            ///< lower case; may be empty
  std::string base, platform;  ///< not expanded
  int line = 0;
  std::vector<StageCommand> commands;  ///< only those that say something here
};

struct FileStages {
  std::vector<ArgSetting> global_args;
  std::vector<StageText> stages;
};

Result<FileStages> read_stages(const FileContent& content, const std::string& name);

}  // namespace shipset::build::dockerfile
