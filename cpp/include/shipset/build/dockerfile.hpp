// Reader of Dockerfiles: which stages a file has, which build arguments it declares, which images a build of it will
// look up. It executes nothing and asks nobody: it follows the rules of BuildKit's Dockerfile frontend (directives,
// continuation lines, here-documents, expansion of arguments in FROM, reachable stages), so that base images can be
// pinned before a build. What it cannot see: triggers (ONBUILD) inside base images, and frontends that a `# syntax=`
// line names and that know more than BuildKit's own. Values; thread-safe. Bounded: a file has at most 1 MiB, and the
// work is linear in its size. https://docs.docker.com/reference/dockerfile/
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/result.hpp"
#include "shipset/model/platform.hpp"
#include "shipset/model/settings.hpp"

namespace shipset::build {

/// One image that the build will look up.
struct ImageUse {
  std::string reference;        ///< as the build looks it up, arguments expanded: "golang:1.24-bookworm"
  Platform platform;            ///< it is needed for
  bool build_platform = false;  ///< because of --platform=$BUILDPLATFORM, or of what is computed from the builder's
  std::string stage;            ///< that uses it: its name, or its number as text
  std::string instruction;      ///< "FROM", "COPY --from", "RUN --mount"; "ONBUILD …" when a base stage triggers it
  int line = 0;                 ///< where the instruction begins, from 1
  bool operator==(const ImageUse&) const = default;
};

struct DockerfileQuery {
  std::string target;              ///< name of a stage; empty: the last one
  OrderedMap args;                 ///< build arguments given; of one name the last counts
  std::set<std::string> contexts;  ///< names of extra build contexts: they replace images and stages of that name
  Platform platform;               ///< to build for
  Platform build_platform;         ///< of the builder
};

struct DockerfileUses {
  /// Of the stages that the target needs, in order of the file; without scratch, stages and contexts.
  std::vector<ImageUse> images;
  std::set<std::string> declared_args;  ///< by ARG in the stages that the target needs, and before the first FROM
  std::set<std::string> stages;         ///< that the target needs, by the names of Dockerfile::stages
  std::vector<std::string> notes;       ///< what could not be told, e.g. the image of a COPY --from=$X
};

class Dockerfile {
 public:
  /// `name` is for messages. Kind spec with a Problem (file, line, message, hint): not a Dockerfile, an instruction
  /// that is misspelt (unless a `# syntax=` line asks for another frontend), a here-document without end, a limit.
  static Result<Dockerfile> parse(std::string_view text, const std::string& name);

  /// Names in order of the file, in lower case; a stage without a name is its number as text.
  [[nodiscard]] std::vector<std::string> stages() const;
  /// Whether the build can be asked for this stage: by name, in any case. BuildKit takes no numbers as target.
  [[nodiscard]] bool has_target(std::string_view target) const;
  /// Kind spec: no such target (context missing_target; `why` lists the stages, the hint names the nearest), a FROM
  /// that expands to nothing or to what is no reference, a substitution that fails, a stage used before it is defined.
  [[nodiscard]] Result<DockerfileUses> uses(const DockerfileQuery& query) const;
  /// Text of one line (from 1) without its line end; empty when there is none.
  [[nodiscard]] std::string line(int number) const;
  /// Line (from 1) of the instruction that BuildKit calls `step`, e.g. "[final 2/3] RUN make", in the stages that the
  /// query needs; 0: it cannot be told.
  [[nodiscard]] int step_line(const DockerfileQuery& query, std::string_view step) const;
  /// Whether the line is in a stage that the query needs, or before the first FROM.
  [[nodiscard]] bool needs_line(const DockerfileQuery& query, int line) const;
  /// The line and two around it, numbered, with a mark; empty when there is no such line.
  [[nodiscard]] std::string excerpt(int line) const;
  /// Image of the `# syntax=` directive.
  [[nodiscard]] std::optional<std::string> syntax() const;

 private:
  struct Data;
  explicit Dockerfile(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  std::shared_ptr<const Data> data_;
};

/// Build arguments that BuildKit knows without ARG: HTTP_PROXY and its like in any case, BUILDKIT_*, the platform
/// arguments, SOURCE_DATE_EPOCH.
bool is_predefined_arg(std::string_view name);

}  // namespace shipset::build
