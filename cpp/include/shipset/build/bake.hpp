// Tasks as a bake file: one target for the platforms of a variant that are built alike. The file says everything that
// a build depends on, so `buildx bake -f FILE` alone builds the same images. Pure functions, thread-safe.
// specs §9.1; names: `.` becomes `_`, a platform with settings of its own becomes NAME_os-arch.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "shipset/build/builder.hpp"

namespace shipset::build {

struct BakeTarget {
  std::string name;
  std::vector<std::size_t> tasks;  ///< indices into the tasks, in their order
  std::string layout;              ///< folder that gets an OCI layout; empty: pushed by digest
};

struct BakeFile {
  std::string json;  ///< indented; holds names of secrets, never values
  std::vector<BakeTarget> targets;
};

struct BakeOptions {
  /// Where a task may be pushed by digest; none, or settings with output = "layout": into a layout below `layouts`.
  std::function<std::optional<PushPlace>(const Task&)> place;
  std::filesystem::path layouts = "build";
  /// Each platform image as a target of its own: a builder of several nodes would join the platforms of a target in an
  /// index of its own, and tag that `latest`, whatever the target says about pushing by digest.
  bool split_platforms = false;
};

/// All tasks must be prepared (bases pinned). Errors: spec when two target names clash, or when an annotation or a
/// context cannot be written.
Result<BakeFile> make_bake_file(const std::vector<Task>& tasks, const BakeOptions& options);

}  // namespace shipset::build
