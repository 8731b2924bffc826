// The file .dockerignore, and the order of its rules.
#include <fmt/format.h>

#include "dockerfile_impl.hpp"
#include "ignore_rules_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build {

namespace {

constexpr std::size_t max_text = 1u << 20;
constexpr std::size_t max_rules = 10'000;
constexpr std::size_t max_pattern = 4096;

// The shortest path that means the same, as Go's filepath.Clean.
std::string clean(std::string_view path) {
  const bool rooted = path.starts_with('/');
  std::vector<std::string> parts;
  for (auto& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..")
      parts.push_back(std::move(part));
    else if (!parts.empty() && parts.back() != "..")
      parts.pop_back();
    else if (!rooted)
      parts.push_back(std::move(part));
  }
  auto out = (rooted ? "/" : "") + join(parts, "/");
  return out.empty() ? "." : out;
}

// One line as ignorefile reads it: "!" stays in front, a leading slash goes.
std::string read_line(std::string_view line) {
  auto text = dockerfile::trim_both(line);
  if (text.empty()) return {};
  const bool exception = text.front() == '!';
  if (exception) text = dockerfile::trim_both(text.substr(1));
  std::string pattern = text.empty() ? std::string() : clean(text);
  if (pattern.size() > 1 && pattern.front() == '/') pattern.erase(0, 1);
  return exception ? "!" + pattern : pattern;
}

// What an exception is about: the path before a star at its end.
std::string prefix_of(std::string text) {
  for (const std::string_view end : {"/**", "/*"})
    if (text.ends_with(end)) text.resize(text.size() - end.size());
  return text;
}

Error rule_error(const std::string& name, int line, std::string message) {
  Error out(ErrorKind::spec, fmt::format("the ignore file \"{}\" cannot be used", printable(name, 200)));
  Problem problem;
  problem.file = name;
  problem.line = line;
  problem.message = std::move(message);
  out.problems.push_back(std::move(problem));
  return out;
}

}  // namespace

bool IgnoreRules::Data::excludes(const std::string& path, const ignore::Matched& parent, ignore::Matched& own) const {
  own.assign(rules.size(), false);
  bool out = false;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    bool match = !parent.empty() && parent[i];
    // Only a rule that would change the outcome is asked; what was not asked, the entries below do not know.
    if (!match) {
      if (rules[i].exception != out) continue;
      match = rules[i].pattern.matches(path);
    }
    own[i] = match;
    if (match) out = !rules[i].exception;
  }
  return out;
}

bool IgnoreRules::Data::closed(const std::string& folder) const {
  if (!plain_exceptions) return false;
  for (const auto& rule : rules)
    if (rule.exception && rule.prefix.starts_with(folder + "/")) return false;
  return true;
}

IgnoreRules::IgnoreRules() : data_(std::make_shared<Data>()) {}

Result<IgnoreRules> IgnoreRules::parse(std::string_view text, const std::string& name) {
  if (text.size() > max_text) return rule_error(name, 0, fmt::format("it has more than {}", human_bytes(max_text)));
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  auto data = std::make_shared<Data>();
  int number = 0;
  for (const auto& line : split(text, '\n')) {
    ++number;
    if (line.starts_with('#')) continue;
    const auto shown = read_line(line);
    if (dockerfile::trim_both(shown).empty()) continue;
    auto pattern = clean(dockerfile::trim_both(shown));  // once more: that is what the matcher does
    Data::Rule rule;
    rule.exception = pattern.front() == '!';
    if (rule.exception) pattern.erase(0, 1);
    if (pattern.empty()) return rule_error(name, number, "\"!\" alone is no exception");
    if (pattern.size() > max_pattern)
      return rule_error(name, number, fmt::format("the pattern has more than {} bytes", max_pattern));
    if (data->rules.size() == max_rules)
      return rule_error(name, number, fmt::format("there are more than {} patterns", max_rules));
    auto parsed = ignore::Pattern::parse(pattern);
    if (!parsed)
      return rule_error(name, number,
                        fmt::format("\"{}\" is no pattern: {}", printable(pattern, 200), parsed.error().what));
    rule.pattern = std::move(*parsed);
    if (rule.exception) {
      const auto about = prefix_of(pattern);
      if (about.find_first_of("*[]?^\\") != about.npos) data->plain_exceptions = false;
      rule.prefix = about + "/";
    }
    data->rules.push_back(std::move(rule));
  }
  IgnoreRules out;
  out.data_ = std::move(data);
  return out;
}

bool IgnoreRules::excludes(std::string_view path) const {
  const auto cleaned = clean(path);
  if (cleaned == "." || cleaned.starts_with("..") || cleaned.starts_with('/')) return false;
  ignore::Matched parent, own;
  for (std::size_t slash = cleaned.find('/');; slash = cleaned.find('/', slash + 1)) {
    const auto part = cleaned.substr(0, slash);
    const bool out = data_->excludes(part, parent, own);
    if (slash == cleaned.npos) return out;
    if (out && data_->closed(part)) return true;
    parent.swap(own);
  }
}

}  // namespace shipset::build
