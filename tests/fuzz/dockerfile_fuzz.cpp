// Dockerfiles: any bytes end in an answer or in an error with a place; every image that is found can be looked up.
#include <algorithm>

#include "fuzz.hpp"
#include "shipset/build/dockerfile.hpp"
#include "shipset/model/reference.hpp"

namespace {
using namespace shipset;
using namespace shipset::build;

std::string check_error(const Error& error, const Dockerfile* file) {
  if (error.kind != ErrorKind::spec) return "an error of another kind";
  if (error.context.contains("missing_target")) return {};
  if (error.problems.size() != 1 || error.problems[0].message.empty()) return "an error without a problem";
  for (const auto& text : {error.problems[0].message, error.problems[0].hint})
    if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20; }))
      return "a control character in a message";
  if (file != nullptr && error.problems[0].line > 0 && file->line(error.problems[0].line).empty())
    return "a problem on a line that is empty";
  return {};
}

std::string check_uses(const Dockerfile& file, const DockerfileQuery& query) {
  const auto found = file.uses(query);
  if (!found) return check_error(found.error(), &file);
  if (!query.target.empty() && !file.has_target(query.target)) return "a target that is none";
  int line = 0;
  for (const auto& use : found->images) {
    if (!Reference::parse(use.reference)) return "an image that is no reference";
    if (use.reference == "scratch") return "scratch as an image";
    if (use.line < line || file.line(use.line).empty()) return "a wrong line";
    line = use.line;
    if (use.build_platform && !use.platform.matches(query.build_platform)) return "a wrong platform";
  }
  const auto again = file.uses(query);
  return again && again->images == found->images ? std::string() : "another answer to the same question";
}

std::string check(std::string_view bytes) {
  const auto file = Dockerfile::parse(bytes, "Dockerfile");
  if (!file) return check_error(file.error(), nullptr);
  const auto stages = file->stages();
  if (stages.empty()) return "no stages";
  DockerfileQuery query;
  query.platform = Platform{"linux", "arm64", {}, {}, {}};
  query.build_platform = Platform{"linux", "amd64", {}, {}, {}};
  if (auto broken = check_uses(*file, query); !broken.empty()) return broken;
  query.args = {{"V", "1.2.3"}, {"BASE", "alpine"}};
  query.contexts = {"a", "busybox"};
  query.target = stages[stages.size() / 2];
  return check_uses(*file, query);
}
}  // namespace

const shipset::fuzz::Target& shipset::fuzz::target() {
  static const Target found{check,
                            {"FROM ",
                             "\nFROM ",
                             " AS a",
                             "ARG V=",
                             "\nCOPY --from=",
                             "\nRUN --mount=from=",
                             "<<EOF",
                             "\nEOF\n",
                             "<<-E",
                             "${V",
                             "${V:-",
                             "${V//*/",
                             "${V%%",
                             "}",
                             "\\\n",
                             "# escape=`\n",
                             "# syntax=",
                             "--platform=",
                             "$BUILDPLATFORM",
                             "$BASE",
                             "\nONBUILD ",
                             "\"",
                             "'",
                             "\r\n",
                             "\xef\xbb\xbf",
                             "scratch",
                             "busybox",
                             "$V$V$V$V",
                             "?",
                             "*"}};
  return found;
}
