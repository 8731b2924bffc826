// From text to instructions: parser directives, comments, continuation lines, here-documents. The rules are those of
// BuildKit's parser, line for line; where it is surprising, a test says so.
#include <fmt/format.h>

#include <algorithm>

#include "dockerfile_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build::dockerfile {

namespace {

constexpr std::size_t max_text = 1u << 20;
constexpr std::size_t max_lines = 100'000;
constexpr std::size_t max_line = 65'536;  // with its line feed; BuildKit's limit
constexpr std::string_view keywords[] = {"add",    "arg",   "cmd",         "copy",  "entrypoint", "env",
                                         "expose", "from",  "healthcheck", "label", "maintainer", "onbuild",
                                         "run",    "shell", "stopsignal",  "user",  "volume",     "workdir"};
constexpr std::string_view mark = "\xef\xbb\xbf";

std::string_view without_line_end(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_comment(std::string_view line) {
  return trim_left(line).starts_with('#');
}

struct Directive {
  std::string name, value;
};

// `# name = value` with a name that is known.
std::optional<Directive> directive_of(std::string_view line, std::string_view comment = "#") {
  if (!line.starts_with(comment)) return std::nullopt;
  line = trim_left(line.substr(comment.size()));
  const std::size_t equals = line.find('=');
  if (equals == line.npos) return std::nullopt;
  Directive out{to_lower(trim_both(line.substr(0, equals))), std::string(trim_both(line.substr(equals + 1)))};
  if (out.value.empty() || (out.name != "syntax" && out.name != "escape" && out.name != "check")) return std::nullopt;
  return out;
}

// The image that reads this file. Looked for a little more widely than other directives are: behind a line `#!`, and
// with the comments of other languages.
std::optional<std::string> find_syntax(std::string_view text) {
  if (text.starts_with(mark)) text.remove_prefix(mark.size());
  if (text.starts_with("#!")) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  for (const std::string_view comment : {"#", "//"}) {
    std::set<std::string> seen;
    for (auto rest = text; !rest.empty();) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const auto directive = directive_of(without_line_end(rest.substr(0, end)), comment);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (!directive || !seen.insert(directive->name).second) break;
      if (directive->name == "syntax") return directive->value.substr(0, directive->value.find(' '));
    }
  }
  return std::nullopt;
}

// Whether the text is a JSON array of strings, which is taken literally: it has no here-documents.
bool is_json_words(std::string_view text) {
  std::size_t i = 0;
  const auto skip = [&] {
    while (i < text.size() && std::string_view(" \t\r\n").find(text[i]) != std::string_view::npos) ++i;
  };
  const auto take = [&](char c) {
    skip();
    return i < text.size() && text[i] == c ? (++i, true) : false;
  };
  if (!take('[')) return false;
  bool done = take(']');
  while (!done) {
    if (!take('"')) return false;
    for (; i < text.size() && text[i] != '"'; ++i) {
      if (static_cast<unsigned char>(text[i]) < 0x20) return false;
      if (text[i] != '\\') continue;
      if (++i == text.size() || std::string_view("\"\\/bfnrtu").find(text[i]) == std::string_view::npos) return false;
      for (int digits = text[i] == 'u' ? 4 : 0; digits > 0; --digits)
        if (++i >= text.size() || std::string_view("0123456789abcdefABCDEF").find(text[i]) == std::string_view::npos)
          return false;
    }
    if (i++ >= text.size()) return false;
    if (take(']')) break;
    if (!take(',')) return false;
  }
  skip();
  return i == text.size();
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Result<FileContent> read();

 private:
  Result<void> split_lines();
  Result<void> directive(std::string_view line);
  Result<void> instruction(const std::string& text, int line);
  Result<Instruction> parse(std::string_view text, int line) const;
  Result<Instruction> on_build(const Instruction& outer) const;
  Result<void> check_keyword(const Instruction& found) const;
  Result<void> skip_heredocs(const std::string& text, const Instruction& found);

  [[nodiscard]] Error error(int line, std::string message, std::string hint = {}) const {
    return file_error(name_, line, std::move(message), std::move(hint));
  }
  [[nodiscard]] int number() const { return static_cast<int>(next_); }  ///< of the line that was read last
  [[nodiscard]] bool at_end() const { return next_ >= lines_.size(); }

  /// Takes the mark of a line that goes on away; whether there was one.
  [[nodiscard]] bool take_continuation(std::string_view& line) const {
    auto text = line;
    while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    if (!text.ends_with(out_.escape)) return false;
    text.remove_suffix(1);
    if (text.ends_with(out_.escape)) return false;  // escaped
    line = text;
    return true;
  }

  std::string_view text_;
  const std::string& name_;
  FileContent out_;
  std::vector<std::string_view> lines_;  ///< with their ends
  std::size_t next_ = 0;
  bool directives_done_ = false;
  std::set<std::string> seen_;
  Budget budget_;
};

Result<void> Reader::split_lines() {
  if (text_.size() > max_text) return error(0, fmt::format("the file has more than {}", human_bytes(max_text)));
  for (std::size_t at = 0; at < text_.size();) {
    const std::size_t end = std::min(text_.find('\n', at), text_.size() - 1) + 1;
    if (lines_.size() == max_lines) return error(0, fmt::format("the file has more than {} lines", max_lines));
    lines_.push_back(text_.substr(at, end - at));
    out_.line_starts.push_back(at);
    if (lines_.back().size() > max_line - (lines_.back().ends_with('\n') ? 0 : 1))
      return error(static_cast<int>(lines_.size()), fmt::format("the line has more than {} characters", max_line - 1),
                   "BuildKit reads no longer ones");
    at = end;
  }
  if (!lines_.empty() && lines_.front().starts_with(mark)) lines_.front().remove_prefix(mark.size());
  return {};
}

Result<void> Reader::directive(std::string_view line) {
  if (directives_done_) return {};
  const auto found = directive_of(line);
  if (!found) {
    directives_done_ = true;
    return {};
  }
  if (!seen_.insert(found->name).second)
    return error(number(), fmt::format("the directive {} stands twice", found->name), "leave one of them");
  if (found->name != "escape") return {};
  if (found->value != "\\" && found->value != "`")
    return error(number(), fmt::format("the escape character cannot be \"{}\"", printable(found->value, 40)),
                 "it is \\ or `");
  out_.escape = found->value.front();
  return {};
}

Result<FileContent> Reader::read() {
  SHIPSET_CHECK(split_lines());
  out_.syntax = find_syntax(text_);
  while (!at_end()) {
    auto line = trim_left(without_line_end(lines_[next_++]));
    SHIPSET_CHECK(directive(line));
    if (is_comment(line)) continue;
    const int first = number();
    bool goes_on = take_continuation(line);
    if (!goes_on && line.empty()) continue;
    std::string text(line);
    while (goes_on && !at_end()) {
      auto further = without_line_end(lines_[next_++]);
      if (is_comment(further) || trim_left(further).empty()) continue;
      goes_on = take_continuation(further);
      text += further;
    }
    SHIPSET_CHECK(instruction(text, first));
  }
  if (out_.instructions.empty()) return error(0, "the file has no instructions", "a Dockerfile begins with FROM");
  return std::move(out_);
}

Result<Instruction> Reader::parse(std::string_view text, int line) const {
  const auto parts = split_blanks(trim_both(text), 2);
  Instruction out;
  out.keyword = to_lower(parts.front());
  out.line = line;
  if (parts.size() == 2) out.flags = take_flags(parts.back(), out_.escape, out.rest);
  out.rest = trim_both(out.rest);
  SHIPSET_CHECK(check_keyword(out));
  return out;
}

Result<void> Reader::check_keyword(const Instruction& found) const {
  if (out_.syntax || std::find(std::begin(keywords), std::end(keywords), found.keyword) != std::end(keywords))
    return {};
  const auto near = nearest_name(found.keyword, {std::begin(keywords), std::end(keywords)});
  auto upper = near;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return error(found.line, fmt::format("\"{}\" is no instruction", printable(found.keyword, 40)),
               near.empty() ? "a line that belongs to the instruction before it needs a \\ at the end of that one"
                            : fmt::format("did you mean {}?", upper));
}

Result<Instruction> Reader::on_build(const Instruction& outer) const {
  if (outer.rest.empty()) return error(outer.line, "ONBUILD has no instruction behind it");
  SHIPSET_TRY(auto inner, parse(outer.rest, outer.line));
  if (inner.keyword == "onbuild" || inner.keyword == "from" || inner.keyword == "maintainer")
    return error(outer.line, "ONBUILD cannot trigger ONBUILD, FROM or MAINTAINER");
  inner.on_build = true;
  return inner;
}

Result<void> Reader::instruction(const std::string& text, int line) {
  SHIPSET_TRY(auto found, parse(text, line));
  if (found.keyword == "onbuild") {
    SHIPSET_TRY(auto inner, on_build(found));
    found = std::move(inner);
  }
  const bool may_have = found.keyword == "run" || found.keyword == "copy" || found.keyword == "add";
  if (may_have && text.find("<<") != text.npos && !is_json_words(found.rest)) SHIPSET_CHECK(skip_heredocs(text, found));
  out_.instructions.push_back(std::move(found));
  return {};
}

Result<void> Reader::skip_heredocs(const std::string& text, const Instruction& found) {
  auto documents = heredocs_of(text, budget_);
  if (!documents) return error(found.line, "a here-document cannot be read: " + documents.error().what);
  for (const auto& document : *documents) {
    bool ended = false;
    while (!ended && !at_end()) {
      auto line = without_line_end(lines_[next_++]);
      while (document.chomp && line.starts_with('\t')) line.remove_prefix(1);
      ended = line == document.name;
    }
    if (!ended)
      return error(found.line, fmt::format("the here-document {} has no end", printable(document.name, 60)),
                   fmt::format("end it with a line that holds {} alone", printable(document.name, 60)));
  }
  return {};
}

}  // namespace

Error file_error(const std::string& file, int line, std::string message, std::string hint) {
  Error out(ErrorKind::spec, fmt::format("the Dockerfile \"{}\" cannot be used", printable(file, 200)));
  Problem problem;
  problem.file = file;
  problem.line = line;
  problem.message = std::move(message);
  problem.hint = std::move(hint);
  out.problems.push_back(std::move(problem));
  return out;
}

Result<FileContent> read_file_content(std::string_view text, const std::string& name) {
  return Reader(text, name).read();
}

}  // namespace shipset::build::dockerfile
