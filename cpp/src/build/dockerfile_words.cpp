// Quotes, escapes and variables of one word, as BuildKit's frontend understands them (which is close to a shell, not a
// shell). One reader serves two ends: values of ARG and FROM, and finding here-documents, where everything stays as
// it is written.
#include <fmt/format.h>

#include <utility>

#include "dockerfile_impl.hpp"

namespace shipset::build::dockerfile {

namespace {

constexpr std::size_t max_depth = 64;
constexpr std::size_t max_value_bytes = 64u << 10;
constexpr char no_stop = '\0';

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
// Letters beyond ASCII may be in names: bytes of UTF-8 are taken as such.
bool is_name(char c) {
  return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_special(char c) {
  return std::string_view("@*#?-$!0").find(c) != std::string_view::npos;
}

Error cause(std::string text) {
  return Error(ErrorKind::spec, std::move(text));
}
Error missing_brace() {
  return cause("a substitution ${…} has no closing brace");
}
Error too_long() {
  return cause("an expanded value has more than 64 KiB");
}
Error bad_modifier(std::string_view modifier) {
  return cause(fmt::format("the modifier \"{}\" of a substitution is not known", modifier));
}

struct Style {
  char escape = '\\';
  bool raw_quotes = false;
  bool skip_unset = false;  ///< variables without a value stay as they are written
  std::size_t limit = max_value_bytes;
};

class Lexer {
 public:
  Lexer(std::string_view text, const Variables& variables, Style style, Budget& budget)
      : text_(text), variables_(variables), style_(style), budget_(budget) {}

  /// `raw_escapes` keeps escapes in the result; `pattern` doubles them inside of quotes, for a pattern is read again.
  Result<std::string> until(char stop, bool raw_escapes, bool pattern);
  std::vector<std::string> words() {
    end_word();
    return std::move(words_);
  }
  Expansion take(std::string text) { return {std::move(text), std::move(matched_), std::move(unmatched_)}; }

 private:
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[at_]; }
  char next() { return text_[at_++]; }

  void end_word() {
    if (!word_.empty()) words_.push_back(std::move(word_));
    word_.clear();
  }
  void add_to_word(char c) {
    if (is_blank(c))
      end_word();
    else
      word_ += c;
  }

  Result<void> special(std::string& out, bool pattern);
  Result<void> single_quoted(std::string& out, bool pattern);
  Result<void> double_quoted(std::string& out, bool pattern);
  void escaped_in_quotes(std::string& out, bool pattern);
  void angle(std::string& out);
  Result<void> dollar(std::string& out);
  Result<void> braced(std::string& out);
  Result<void> replaced(const std::string& name, std::string& out);
  Result<std::string> modified(const std::string& name, const std::string& modifier, std::string word);
  std::string name();
  const std::string* value_of(const std::string& name);

  std::string_view text_;
  const Variables& variables_;
  Style style_;
  Budget& budget_;
  std::size_t at_ = 0, depth_ = 0;
  bool raw_escapes_ = false;
  std::string word_;
  std::vector<std::string> words_;
  std::set<std::string> matched_, unmatched_;
};

Result<std::string> Lexer::until(char stop, bool raw_escapes, bool pattern) {
  if (depth_ >= max_depth) return cause(fmt::format("substitutions are nested deeper than {}", max_depth));
  ++depth_;
  const bool before = std::exchange(raw_escapes_, raw_escapes);
  const std::size_t words_before = words_.size();
  if (depth_ > 1) word_.clear();  // as in BuildKit: the word around a nested one begins anew
  std::string out;
  while (!at_end()) {
    if (out.size() > style_.limit) return too_long();
    const char c = peek();
    if (stop != no_stop && c == stop) {
      ++at_;
      raw_escapes_ = before;
      --depth_;
      word_.clear();
      words_.resize(words_before);
      return out;
    }
    if (c == '$' || c == '<' || c == '\'' || c == '"') {
      SHIPSET_CHECK(special(out, pattern));
      continue;
    }
    ++at_;
    if (c != style_.escape) {
      out += c;
      add_to_word(c);
      continue;
    }
    if (raw_escapes_) out += c, word_ += c;
    if (at_end()) break;
    out += peek();
    word_ += next();
  }
  if (stop != no_stop)
    return stop == '}' ? missing_brace() : cause(fmt::format("a substitution ends before its \"{}\"", stop));
  raw_escapes_ = before;
  --depth_;
  return out;
}

Result<void> Lexer::special(std::string& out, bool pattern) {
  const char c = peek();
  std::string part;
  if (c == '$') {
    SHIPSET_CHECK(dollar(part));
    for (const char each : part) add_to_word(each);
  } else {
    if (c == '<') angle(part);
    if (c == '\'') SHIPSET_CHECK(single_quoted(part, pattern));
    if (c == '"') SHIPSET_CHECK(double_quoted(part, pattern));
    word_ += part;
  }
  out += part;
  return {};
}

Result<void> Lexer::single_quoted(std::string& out, bool pattern) {
  if (style_.raw_quotes) out += peek();
  ++at_;
  while (!at_end()) {
    const char c = next();
    if (c == '\'') {
      if (style_.raw_quotes) out += c;
      return {};
    }
    if (pattern && c == style_.escape) out += c;
    out += c;
  }
  return cause("a single quote is not closed");
}

Result<void> Lexer::double_quoted(std::string& out, bool pattern) {
  if (style_.raw_quotes) out += peek();
  ++at_;
  while (!at_end()) {
    if (out.size() > style_.limit) return too_long();
    const char c = peek();
    if (c == '$') {
      SHIPSET_CHECK(dollar(out));
      continue;
    }
    ++at_;
    if (c == '"') {
      if (style_.raw_quotes) out += c;
      return {};
    }
    if (c == style_.escape)
      escaped_in_quotes(out, pattern);
    else
      out += c;
  }
  return cause("a double quote is not closed");
}

// Behind an escape character within double quotes.
void Lexer::escaped_in_quotes(std::string& out, bool pattern) {
  if (at_end()) return;
  const char c = peek();
  if (c == '"' || c == '$' || c == style_.escape) {
    if (raw_escapes_) out += style_.escape;
    out += next();
    return;
  }
  if (raw_escapes_ && (!style_.raw_quotes || pattern)) out += style_.escape;
  out += style_.escape;
}

// `<<` takes the blanks behind it along: a here-document's name may stand apart.
void Lexer::angle(std::string& out) {
  out += next();
  if (peek() != '<' || at_end()) return;
  out += next();
  while (!at_end() && (peek() == ' ' || peek() == '\t' || peek() == '\r')) out += next();
}

std::string Lexer::name() {
  std::string out;
  if (!at_end() && is_digit(peek())) {
    while (!at_end() && is_digit(peek())) out += next();
    return out;
  }
  if (!at_end() && is_special(peek())) return std::string(1, next());
  while (!at_end() && is_name(peek())) out += next();
  return out;
}

const std::string* Lexer::value_of(const std::string& name) {
  const auto found = variables_.find(name);
  (found == variables_.end() ? unmatched_ : matched_).insert(name);
  return found == variables_.end() ? nullptr : &found->second;
}

Result<void> Lexer::dollar(std::string& out) {
  ++at_;
  if (peek() == '{') return braced(out);
  const auto variable = name();
  const auto* value = variable.empty() ? nullptr : value_of(variable);
  if (variable.empty() || (value == nullptr && style_.skip_unset))
    out.append(1, '$').append(variable);
  else if (value != nullptr && !budget_.take(value->size()))
    return cause("the substitutions take too much work");
  else if (value != nullptr)
    out += *value;
  return {};
}

Result<void> Lexer::braced(std::string& out) {
  ++at_;
  if (at_end()) return missing_brace();
  if (peek() == '{' || peek() == '}' || peek() == ':')
    return cause("a substitution ${…} has no name where its name should be");
  const auto variable = name();
  if (at_end()) return missing_brace();
  std::string modifier(1, next());
  const auto* value = value_of(variable);
  if (value != nullptr && !budget_.take(value->size() + 1)) return cause("the substitutions take too much work");
  if (modifier == "}") {
    if (value == nullptr && style_.skip_unset)
      out += "${" + variable + "}";
    else if (value != nullptr)
      out += *value;
    return {};
  }
  if (modifier == "/") return replaced(variable, out);
  if (modifier == ":") {
    if (at_end()) return missing_brace();
    modifier += next();
  } else if (std::string_view("+-?#%").find(modifier) == std::string_view::npos) {
    return bad_modifier(modifier);
  }
  const bool cuts = modifier.back() == '#' || modifier.back() == '%';
  if (cuts && modifier.size() == 2) return bad_modifier(modifier);
  SHIPSET_TRY(auto word, until('}', cuts, cuts));
  if (value == nullptr && style_.skip_unset) {
    out += "${" + variable + modifier + word + "}";
    return {};
  }
  SHIPSET_TRY(const auto text, modified(variable, modifier, std::move(word)));
  out += text;
  return {};
}

Result<std::string> Lexer::modified(const std::string& name, const std::string& modifier, std::string word) {
  const auto found = variables_.find(name);
  const bool set = found != variables_.end();
  const std::string value = set ? found->second : std::string();
  const bool counts = set && (modifier.size() == 1 || !value.empty());
  switch (modifier.back()) {
    case '-':
      return counts ? value : word;
    case '+':
      return counts ? word : std::string();
    case '?':
      if (counts) return value;
      if (word.empty()) word = set ? "is not allowed to be empty" : "is not allowed to be unset";
      return cause(name + ": " + word);
    case '#':
    case '%': {
      const bool longest = word.starts_with(modifier);
      if (longest) word.erase(0, 1);
      return cut_pattern(value, word, modifier == "%" ? Cut::suffix : Cut::prefix, longest, budget_);
    }
    default:
      return bad_modifier(modifier);
  }
}

Result<void> Lexer::replaced(const std::string& name, std::string& out) {
  const bool all = peek() == '/';
  if (all) ++at_;
  SHIPSET_TRY(const auto pattern, until('/', true, true));
  SHIPSET_TRY(const auto replacement, until('}', true, false));
  const auto found = variables_.find(name);
  if (found == variables_.end() && style_.skip_unset) {
    out += "${" + name + "/" + pattern + "/" + replacement + "}";
    return {};
  }
  const std::string value = found == variables_.end() ? std::string() : found->second;
  SHIPSET_TRY(const auto text, replace_pattern(value, pattern, replacement, all, budget_));
  out += text;
  return {};
}

// <<NAME, <<-NAME, 3<<"NAME": one word behind the signs, and nothing else.
Result<std::optional<Heredoc>> heredoc_of(std::string_view word, Budget& budget) {
  std::size_t at = 0;
  while (at < word.size() && is_digit(word[at])) ++at;
  if (word.substr(at, 2) != "<<") return std::optional<Heredoc>();
  at += 2;
  Heredoc out;
  out.chomp = word.substr(at, 1) == "-";
  if (out.chomp) ++at;
  while (at < word.size() && is_blank(word[at]) && word[at] != '\v') ++at;
  const auto rest = word.substr(at);
  if (rest.empty() || rest.find('<') != rest.npos) return std::optional<Heredoc>();
  const Variables none;
  Lexer lexer(rest, none, Style{'\\', false, true}, budget);
  SHIPSET_CHECK(lexer.until(no_stop, false, false));
  auto words = lexer.words();
  if (words.size() != 1) return std::optional<Heredoc>();
  out.name = std::move(words.front());
  return std::optional(std::move(out));
}

}  // namespace

Result<Expansion> expand(std::string_view word, const Variables& variables, char escape, Budget& budget) {
  if (!budget.take(word.size() + 1)) return cause("the substitutions take too much work");
  Lexer lexer(word, variables, Style{escape, false, false}, budget);
  SHIPSET_TRY(auto text, lexer.until(no_stop, false, false));
  if (text.size() > max_value_bytes) return too_long();
  return lexer.take(std::move(text));
}

Result<std::vector<Heredoc>> heredocs_of(std::string_view line, Budget& budget) {
  std::vector<Heredoc> out;
  const Variables none;
  Lexer lexer(line, none, Style{'\\', true, true, std::string::npos}, budget);
  // What does not read as words of a shell opens nothing: it is left to the shell that will run it.
  if (!lexer.until(no_stop, true, false)) return out;
  for (const auto& word : lexer.words()) {
    SHIPSET_TRY(auto found, heredoc_of(word, budget));
    if (found) out.push_back(std::move(*found));
  }
  return out;
}

}  // namespace shipset::build::dockerfile
