// Progress of buildx: any lines end, and what they tell is short and harmless.
#include "../../cpp/src/build/buildx_progress_impl.hpp"
#include "fuzz.hpp"
#include "shipset/base/text.hpp"

namespace {
using namespace shipset;
using namespace shipset::build;

bool is_harmless(const std::string& text) {
  for (const unsigned char c : text)
    if (c < 0x20 && c != '\n') return false;
  return true;
}

std::string check_target(const buildx::TargetProgress& told) {
  if (told.steps.cached > told.steps.total) return "more steps cached than there are";
  if (told.duration().count() < 0) return "a negative duration";
  if (!is_harmless(told.error) || !is_harmless(told.failed_step)) return "a control character in a failure";
  for (const auto& line : told.last_lines)
    if (!is_harmless(line) || line.size() > 10'000) return "a line that is not harmless";
  return {};
}

std::string check(std::string_view bytes) {
  std::string broken;
  const bool alone = bytes.size() % 2 == 0;
  std::map<std::string, std::string> subjects{{"one", "one/linux/amd64"}};
  if (!alone) subjects.emplace("two", "two");
  buildx::Progress progress(subjects,
                            [&](const Event& event) {
                              if (!is_harmless(event.message)) broken = "a control character in an event";
                              if (event.subject.empty()) broken = "an event about nothing";
                            },
                            {});
  for (const auto& line : split(bytes, '\n')) progress.line(line);
  progress.end();
  if (progress.text().size() > 200'000) return "text without a limit";
  for (const auto& [target, subject] : subjects)
    if (auto found = check_target(progress.of(target)); !found.empty()) return found;
  for (const auto& warning : progress.warnings())
    if (!is_harmless(warning.text)) return "a control character in a warning";
  return broken;
}
}  // namespace

const shipset::fuzz::Target& shipset::fuzz::target() {
  static const Target found{check,
                            {"{\"vertexes\":[",
                             "{\"statuses\":[",
                             "{\"logs\":[",
                             "{\"warnings\":[",
                             "\"digest\":\"a\"",
                             "\"name\":\"[one 1/2] RUN x\"",
                             "\"name\":\"[two linux/arm64 1/2] RUN x\"",
                             "\"name\":\"[one internal] load\"",
                             "\"started\":\"2026-01-02T03:04:05.678Z\"",
                             "\"completed\":\"2026-01-02T03:04:06Z\"",
                             "\"cached\":true",
                             "\"error\":\"x\"",
                             "\"error\":\"context canceled\"",
                             "\"vertex\":\"a\"",
                             "\"data\":\"eAp5Cg==\"",
                             "\"data\":\"G1szMW14DXkK\"",
                             "\"short\":\"eA==\"",
                             "\"range\":[{\"start\":{\"line\":3}}]",
                             "\"id\":\"sha256:1\"",
                             "\"id\":\"transferring context:\"",
                             "\"current\":123",
                             "]}",
                             "\n",
                             "Dockerfile:3\n-----\n>>> x\n-----\nERROR: target one: failed to solve: x\n"}};
  return found;
}
