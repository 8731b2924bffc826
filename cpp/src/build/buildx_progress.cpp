#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "buildx_progress_impl.hpp"
#include "shipset/base/file.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/secret.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build::buildx {

namespace {

constexpr std::size_t kept_lines = 20, line_limit = 2000, logged_limit = 16u << 10, text_limit = 64u << 10;
constexpr std::size_t vertex_limit = 100'000, warning_limit = 200;
constexpr std::uint64_t log_limit = 64u << 20;

std::string text_at(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}

const Json& list_at(const Json& json, const char* key) {
  static const Json none = Json::array();
  const auto at = json.find(key);
  return at != json.end() && at->is_array() ? *at : none;
}

std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) {
  return std::chrono::sys_days(std::chrono::year(static_cast<int>(year)) / std::chrono::month(month) /
                               std::chrono::day(day))
      .time_since_epoch()
      .count();
}

/// RFC 3339 with fractions, in UTC → nanoseconds since 1970; 0 when it is none.
std::int64_t nanoseconds(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &used) != 6)
    return 0;
  if (month < 1 || month > 12 || day < 1 || day > 31 || year < 1970 || year > 2200) return 0;
  std::int64_t fraction = 0, scale = 1'000'000'000;
  const auto rest = std::string_view(text).substr(static_cast<std::size_t>(used));
  if (rest.starts_with("."))
    for (const char c : rest.substr(1)) {
      if (c < '0' || c > '9' || scale == 1) break;
      scale /= 10;
      fraction += (c - '0') * scale;
    }
  const std::int64_t days = days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1'000'000'000 + fraction;
}

/// `2/5]` behind the name of a stage: a step of the Dockerfile, not of the builder's own work.
bool is_dockerfile_step(const std::string& name) {
  const auto end = name.find(']');
  if (!name.starts_with("[") || end == std::string::npos) return false;
  const auto slash = name.rfind('/', end);
  if (slash == std::string::npos || slash == 0 || slash + 1 == end) return false;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return digit(name[slash - 1]) && std::all_of(name.begin() + static_cast<std::ptrdiff_t>(slash) + 1,
                                               name.begin() + static_cast<std::ptrdiff_t>(end), digit);
}

/// `[cpu linux/arm64 final 2/3] RUN x` → `[final 2/3] RUN x`, and the platform. Without a target there is no prefix.
std::string without_prefix(const std::string& name, const std::string& target, std::string& platform) {
  std::string out = name;
  const auto end = out.find(']');
  if (!out.starts_with("[") || end == std::string::npos) return out;
  std::string inside = out.substr(1, end - 1);
  if (!target.empty() && inside == target) return std::string(trim(out.substr(end + 1)));
  if (!target.empty() && inside.starts_with(target + " ")) inside.erase(0, target.size() + 1);
  const std::string first = inside.substr(0, inside.find(' '));
  const bool letter = !first.empty() && first.front() >= 'a' && first.front() <= 'z';  // `3/3` is a number of steps
  if (letter && first.find('/') != std::string::npos && Platform::parse(first)) {
    platform = first;
    inside.erase(0, std::min(inside.size(), first.size() + 1));
  }
  return inside.empty() ? std::string(trim(out.substr(end + 1))) : "[" + inside + "]" + out.substr(end + 1);
}

/// Colours and other sequences of a terminal are left out, tabs become blanks: a log is read everywhere.
std::string plain(std::string_view line) {
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\t') out += "    ";
    if (line[i] != '\t' && line[i] != '\x1b') out += line[i];
    if (line[i] != '\x1b' || i + 1 >= line.size() || line[i + 1] != '[') continue;
    for (i += 2; i < line.size() && (line[i] < '@' || line[i] > '~');) ++i;
  }
  return out;
}

/// `JSONArgsRecommended: JSON arguments recommended for CMD … (line 17)` without what is said anyway.
std::string without_line(std::string text, int line) {
  const std::string behind = " (line " + std::to_string(line) + ")";
  if (text.ends_with(behind)) text.resize(text.size() - behind.size());
  return text;
}

int first_line(const Json& warning) {
  for (const auto& range : list_at(warning, "range")) {
    const auto start = range.is_object() ? range.find("start") : range.end();
    if (!range.is_object() || start == range.end() || !start->is_object()) continue;
    const auto line = start->find("line");
    if (line != start->end() && line->is_number_unsigned() && line->get<std::uint64_t>() < 1'000'000)
      return static_cast<int>(line->get<std::uint64_t>());
  }
  return 0;
}

}  // namespace

Progress::Progress(std::map<std::string, std::string> subjects, EventSink events, std::filesystem::path log_directory)
    : subjects_(std::move(subjects)),
      events_(std::move(events)),
      log_directory_(std::move(log_directory)),
      prefixed_(subjects_.size() > 1) {
  for (const auto& [target, subject] : subjects_) {
    auto& row = targets_[target];
    if (!log_directory_.empty()) row.steps.log = (log_directory_ / (target + ".log")).string();
  }
}

void Progress::line(std::string_view text) {
  if (!text.starts_with("{")) {
    text_ += printable(redact(text), line_limit);
    text_ += '\n';
    if (text_.size() > 2 * text_limit) text_.erase(0, text_.size() - text_limit);
    return;
  }
  const auto json = parse_json(text, "progress of buildx", ErrorKind::build);
  if (!json) return;  // a line that is no progress says nothing about it
  for (const auto& item : list_at(*json, "vertexes")) {
    if (!item.is_object()) continue;
    vertex(text_at(item, "digest"), text_at(item, "name"), nanoseconds(text_at(item, "started")),
           nanoseconds(text_at(item, "completed")), item.value("cached", Json(false)) == Json(true),
           text_at(item, "error"));
  }
  for (const auto& item : list_at(*json, "statuses")) {
    if (!item.is_object()) continue;
    const auto current = item.find("current");
    if (current != item.end() && current->is_number_unsigned())
      moved(text_at(item, "vertex"), text_at(item, "id"), current->get<std::uint64_t>());
  }
  for (const auto& item : list_at(*json, "logs")) {
    std::string bytes;
    if (item.is_object() && base64_decode(text_at(item, "data"), bytes)) printed(text_at(item, "vertex"), bytes);
  }
  for (const auto& item : list_at(*json, "warnings")) {
    std::string said;
    if (item.is_object() && base64_decode(text_at(item, "short"), said))
      warned(text_at(item, "vertex"), first_line(item), said, text_at(item, "url"));
  }
}

/// What BuildKit's linter says about the Dockerfile; told once, however many targets of a call share the file.
void Progress::warned(const std::string& digest, int line, const std::string& said, const std::string& url) {
  const auto at = vertexes_.find(digest);
  if (at == vertexes_.end() || warnings_.size() >= warning_limit) return;
  const std::string text =
      printable(redact(without_line(said, line) + (url.empty() ? "" : ", see " + url)), line_limit);
  for (auto& known : warnings_)
    if (known.line == line && known.text == text) {
      known.targets.insert(at->second.targets.begin(), at->second.targets.end());
      return;
    }
  warnings_.push_back({at->second.targets, line, text});
}

std::string Progress::target_of(const std::string& name) {
  for (const auto& [candidate, subject] : subjects_) {
    // One target alone has no prefix, unless it is built together with others that it needs.
    if (subjects_.size() == 1 && name.starts_with("[" + candidate + " internal]")) prefixed_ = true;
    if (prefixed_ && (name.starts_with("[" + candidate + " ") || name.starts_with("[" + candidate + "]")))
      return candidate;
  }
  const bool of_call = name.starts_with("[internal] load local bake") || name.starts_with("[internal] target results");
  return prefixed_ || subjects_.empty() || of_call ? std::string() : subjects_.begin()->first;
}

Progress::Step& Progress::step_of(const std::string& digest, const std::string& name) {
  const std::string target = target_of(name);
  const auto [at, fresh] = steps_.try_emplace({digest, target});
  Step& step = at->second;
  if (!fresh) return step;
  step.target = target;
  step.name = printable(redact(without_prefix(name, prefixed_ ? target : "", step.platform)), line_limit);
  if (target.empty()) return step;
  step.subject = subjects_.at(target);
  if (!step.platform.empty() && step.subject.find('/') == std::string::npos) step.subject += "/" + step.platform;
  step.logged = step.platform.empty() ? step.name : step.platform + " " + step.name;
  vertexes_[digest].targets.insert(target);
  if (is_dockerfile_step(name)) {
    step.counted = true;
    ++targets_[target].steps.total;
  }
  return step;
}

void Progress::vertex(const std::string& digest, const std::string& name, std::int64_t started_ns,
                      std::int64_t completed_ns, bool cached, const std::string& error) {
  if (digest.empty() || steps_.size() > vertex_limit) return;
  Step& step = step_of(digest, name);
  if (step.target.empty()) return;
  // Of an imported cache it is said once, before the content is fetched, and not where that ends.
  if (cached && !std::exchange(step.cached, true) && step.counted) ++targets_[step.target].steps.cached;
  if (started_ns != 0) begin(step, started_ns);
  if (completed_ns != 0 || !error.empty()) finish(step, completed_ns != 0 ? completed_ns : started_ns, error);
}

/// A step may begin and end several times: its key is found, later its content is fetched.
void Progress::begin(Step& step, std::int64_t at_ns) {
  auto& target = targets_[step.target];
  if (target.first_ns == 0 || at_ns < target.first_ns) target.first_ns = at_ns;
  target.last_ns = std::max(target.last_ns, at_ns);
  if (step.running || step.failed || at_ns <= step.started_ns) return;
  const bool first = step.started_ns == 0;
  step.running = true;
  step.started_ns = at_ns;
  if (first) log(step.target, step.logged);
  tell(EventKind::step_started, step, step.name);
}

void Progress::finish(Step& step, std::int64_t at_ns, const std::string& error) {
  auto& target = targets_[step.target];
  target.last_ns = std::max(target.last_ns, at_ns);
  if (step.failed) return;
  if (!error.empty()) return fail(step, error);
  if (!step.running) return;
  step.running = false;
  if (at_ns > step.started_ns) step.took_ns += at_ns - step.started_ns;
  const std::string took_ms = std::to_string(step.took_ns / 1'000'000);
  const std::string line = step.logged + (step.cached ? ": cached" : ": done after " + took_ms + " ms");
  if (line != step.last_logged) log(step.target, line);
  step.last_logged = line;
  tell(EventKind::step_finished, step, step.name,
       {{"cached", step.cached ? "true" : "false"},
        {"milliseconds", took_ms},
        {"transferred_bytes", std::to_string(target.steps.transferred_bytes)}});
}

void Progress::fail(Step& step, const std::string& error) {
  auto& target = targets_[step.target];
  step.failed = true;
  const std::string said = printable(redact(error), line_limit);
  log(step.target, step.logged + ": ERROR: " + said);
  if (error.find("context canceled") != std::string::npos) {
    target.cancelled = true;
    return;
  }
  tell(EventKind::step_failed, step, step.name, {{"error", said}});
  if (!target.error.empty()) return;
  target.failed_step = step.name;
  target.failed_platform = step.platform;
  target.error = said;
  step.told = true;
}

/// What a carriage return alone is overwritten by, as on a terminal; the end of a very long line is left out.
void Progress::printed(const std::string& digest, std::string_view bytes) {
  const auto at = vertexes_.find(digest);
  if (at == vertexes_.end()) return;
  Vertex& vertex = at->second;
  for (const char c : bytes) {
    if (c == '\n') {
      print_line(digest, vertex, std::move(vertex.open_line));
      vertex.open_line.clear();
    } else if (c != '\r') {
      if (vertex.returned) vertex.open_line.clear();
      if (vertex.open_line.size() < text_limit) vertex.open_line += c;
    }
    vertex.returned = c == '\r';
  }
}

void Progress::print_line(const std::string& digest, Vertex& vertex, std::string line) {
  const std::string clean = redact(plain(line));
  const std::string shown = printable(clean, line_limit);
  vertex.lines.push_back(shown);
  if (vertex.lines.size() > kept_lines) vertex.lines.pop_front();
  for (const auto& target : vertex.targets) log(target, "  " + printable(clean, logged_limit));
  const auto step = steps_.find({digest, vertex.targets.empty() ? "" : *vertex.targets.begin()});
  if (step != steps_.end()) tell(EventKind::step_log, step->second, shown);
}

/// Bytes of contexts that went to the builder and of layers that it fetched. The ids of both say what they are.
void Progress::moved(const std::string& digest, const std::string& id, std::uint64_t current) {
  const bool counts = id.starts_with("transferring ") || id.starts_with("sha256:");
  const auto at = vertexes_.find(digest);
  if (!counts || at == vertexes_.end() || moved_.size() > vertex_limit) return;
  auto& known = moved_[{digest, id}];
  if (current <= known) return;
  for (const auto& target : at->second.targets) targets_[target].steps.transferred_bytes += current - known;
  known = current;
}

/// Which lines of which Dockerfile a failure is about stands only in the text at the end: `Dockerfile:10`, the lines
/// between two rules, then `ERROR: target NAME: …`.
void Progress::end() {
  for (auto& [digest, vertex] : vertexes_)
    if (!vertex.open_line.empty()) print_line(digest, vertex, std::move(vertex.open_line));
  // What a step printed may come after its failure.
  for (const auto& [key, step] : steps_)
    if (step.told) targets_[key.second].last_lines = vertexes_[key.first].lines;
  std::string block;
  bool inside = false;
  for (const auto& line : split(text_, '\n')) {
    if (line.starts_with("-----")) {
      inside = !inside && !block.empty();
      continue;
    }
    if (inside) {
      block += "\n" + line;
      continue;
    }
    const auto colon = line.rfind(':');
    const bool place = colon != std::string::npos && colon + 1 < line.size() && line.find(' ') == std::string::npos &&
                       std::all_of(line.begin() + static_cast<std::ptrdiff_t>(colon) + 1, line.end(),
                                   [](char c) { return c >= '0' && c <= '9'; });
    if (place) block = line;
    if (!line.starts_with("ERROR: ")) continue;
    for (auto& [name, target] : targets_)
      if (line.find("target " + name + ":") != std::string::npos || (targets_.size() == 1 && target.place.empty())) {
        if (target.error.empty() && line.find("context canceled") == std::string::npos) target.error = line.substr(7);
        target.place = block;
      }
    block.clear();
  }
}

void Progress::log(const std::string& target, const std::string& line) {
  if (log_directory_.empty()) return;
  auto at = logs_.find(target);
  if (at == logs_.end()) {
    (void)make_directories(log_directory_);  // a log that cannot be written is no reason to stop
    at = logs_.emplace(target, std::ofstream(log_directory_ / (target + ".log"), std::ios::trunc)).first;
  }
  auto& bytes = log_bytes_[target];
  if (bytes > log_limit) return;
  bytes += line.size() + 1;
  at->second << (bytes > log_limit ? "(the rest is left out)" : line) << '\n';
  at->second.flush();
}

void Progress::tell(EventKind kind, const Step& step, std::string message,
                    std::vector<std::pair<std::string, std::string>> fields) {
  emit(events_, {kind, "build", step.subject, std::move(message), 0, 0, std::move(fields)});
}

}  // namespace shipset::build::buildx
