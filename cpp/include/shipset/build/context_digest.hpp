// What a build context holds, as one digest: equal for equal content on every machine, in every folder, with any
// number of threads. It covers what BuildKit would be sent: paths, types, permission bits, targets of links, content of
// files, after .dockerignore; no times, owners, extended attributes or link counts.
// https://docs.docker.com/build/concepts/context/#dockerignore-files
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/cancel.hpp"
#include "shipset/base/digest.hpp"

namespace shipset::build {

/// The rules of a .dockerignore, decided as BuildKit decides them while it walks a context (moby/patternmatcher and
/// fsutil, with their surprises). Values; thread-safe.
class IgnoreRules {
 public:
  IgnoreRules();
  /// `name` is for messages. Kind spec with a Problem: a pattern that is none, "!" alone, a limit (1 MiB, 10,000
  /// patterns of 4096 bytes).
  static Result<IgnoreRules> parse(std::string_view text, const std::string& name);
  /// Whether the entry at `path` (relative to the context, with slashes) stays out. A folder that stays out is still
  /// sent when something below it is not excluded.
  [[nodiscard]] bool excludes(std::string_view path) const;

  struct Data;
  [[nodiscard]] const Data& data() const { return *data_; }

 private:
  std::shared_ptr<const Data> data_;
};

/// sha256 over the context's sorted entries, the Dockerfile (empty path: a named context, which has none) and the
/// ignore file. These two always count, excluded or not, inside of the context or outside. Rules are those of
/// `<dockerfile>.dockerignore` where it exists, else of
/// `.dockerignore` at the context's root. The folder `.shipset` at the root never counts.
/// What lies at `results` never counts either: paths that the release itself writes, such as its destination.
/// `dockerfile` is empty for a context that only lends files. Sockets, pipes and devices count by their kind. Files are
/// read by at most 4 threads, in pieces.
/// Errors: io (names the path), spec (a wrong pattern, more than a million entries), cancelled.
Result<Digest> context_digest(const std::filesystem::path& context, const std::filesystem::path& dockerfile,
                              const CancelToken& cancel = {}, const std::vector<std::filesystem::path>& results = {});

}  // namespace shipset::build
