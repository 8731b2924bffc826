// After a release was interrupted, in a new process: where it stands, going on, going back. What is known of it lies in
// its journal, `.shipset/<id>/` beside the release file. Blocking; thread-safe, but one process at a time works on a
// release (another one: kind policy). product.md §4, §6.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "shipset/release/release.hpp"

namespace shipset::release {

struct RecoveryOptions {
  std::filesystem::path directory = ".";  ///< of the release file: `.shipset` is in it
  std::string id;                         ///< of the release
  registry::ClientOptions client;
  /// Repository that holds a mirror of the journal, for a machine that has none: it is taken from there.
  std::optional<Location> staging = {};
};

/// Goes on exactly there, with the frozen plan: builds nothing again that is there, sends nothing again that the
/// destination has; an undo that was interrupted is finished. Kind usage: no such journal; verify: a broken one;
/// policy: it was rolled back, or the world is not as the plan says; else as execute().
Outcome resume(const RecoveryOptions& options, const EventSink& events = {}, const CancelToken& cancel = {});

/// Restores every tag that the release moved, in reverse order, raw bytes, digest proven; new tags are removed where
/// the registry can. A tag that someone else has moved since is left alone and named. After the commit point it proves
/// first that every old digest can be pulled: kind policy names those that cannot, and nothing changes. Kind
/// incomplete: some tags could not be put back.
Outcome rollback(const RecoveryOptions& options, const EventSink& events = {}, const CancelToken& cancel = {});

/// Where releases stand, as JSON (schema_version 1): the one of `options.id`, or all that lie there, oldest first. With
/// `look` each tag is asked what it holds now; else no request is made.
Result<std::string> status_json(const RecoveryOptions& options, bool look, const CancelToken& cancel = {});

}  // namespace shipset::release
