// What releases leave behind, and people's own cleaners. Touches only what a journal, a journal's mirror in the
// repository, or the marker of a staged image proves to be ours: tags `_shipset.<id>.…` and the folder of the release.
// Content is never deleted by its digest. Blocking; thread-safe. product.md §4 "Staging", "Removing our tags".
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "shipset/model/reference.hpp"
#include "shipset/release/plan.hpp"

namespace shipset::release {

struct CleanOptions {
  std::filesystem::path directory = ".";  ///< of the release file
  std::string id;                         ///< "" = every release that has ended
  std::optional<Location> staging;        ///< also look there, for mirrored journals and staged images
  bool remove = false;                    ///< else only list
  registry::ClientOptions client;
};

/// One thing that is ours.
struct Leftover {
  std::string release;  ///< id
  std::string kind;     ///< "tag" or "folder"
  std::string name;     ///< reference or path
  std::string what;     ///< e.g. "staged image", "keeps an old image"
  std::string status;   ///< "listed", "removed" or "left"
  std::string why;      ///< of "left": why, and how people remove it; of a folder: what it cannot tell
};

/// A release that is left alone.
struct KeptRelease {
  std::string release, why;
};

struct CleanReport {
  std::vector<Leftover> items;
  std::vector<KeptRelease> kept;
  [[nodiscard]] std::string to_json() const;  ///< schema_version 1
};

/// Of releases that are public or taken back; a failed one, which could be resumed, and images that wait for a
/// promotion only when they are named. One that has begun to move tags is kept in any case. Errors: usage (no such
/// release), auth, registry, network, cancelled.
Result<CleanReport> clean(const CleanOptions& options, const EventSink& events = {}, const CancelToken& cancel = {});

/// Every digest that a tag of the repository or layout needs: manifests, indexes, attestations, referrers; sorted.
/// A listing that is refused or cut short is an error, never a short list.
Result<std::vector<std::string>> keep_list(const Location& location, const registry::ClientOptions& client,
                                           const CancelToken& cancel = {});

}  // namespace shipset::release
