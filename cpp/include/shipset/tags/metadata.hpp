// The dialect of docker/metadata-action: rules like `type=semver,pattern={{version}}`, a flavor, and what happened
// (ref, commit, event) give the same tags, in the same order, with the same version and the same `latest`.
// Where the action would give a tag that no registry takes, or one tag twice, this is an error. Pure: clock, event and
// time zones are given. Thread-safe. Specification: the action's documentation, and its results (tests/fixtures).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "shipset/base/result.hpp"

namespace shipset::tags {

/// What happened, in the words of GitHub. Texts are empty where they are not known.
struct MetadataEvent {
  std::string ref;         ///< refs/heads/main, refs/tags/v1.2.3, refs/pull/7/merge
  std::string sha;         ///< the commit, as it shall be shown
  std::string event_name;  ///< push, pull_request, schedule, …
  std::string default_branch;
  std::string base_ref;  ///< of a tag: the branch that it was pushed from; of a pull request: where it goes
};

struct ZoneOffset {
  std::int32_t east_s = 0;   ///< seconds east of UTC
  std::string abbreviation;  ///< "CET"
};
/// The offset of a zone of the tz database at a moment; none when it is not known. Asked on the calling thread.
using ZoneLookup = std::function<std::optional<ZoneOffset>(const std::string& zone, std::int64_t unix_ms)>;

struct MetadataRequest {
  std::vector<std::string> images;  ///< `ghcr.io/acme/app`, `name=…,enable=…`; none: tags without a name
  std::vector<std::string> tags;    ///< none: the action's default rules
  std::vector<std::string> flavor;
  MetadataEvent event;
  std::string short_sha_length;  ///< DOCKER_METADATA_SHORT_SHA_LENGTH as it stands in the environment
  std::int64_t now_unix_ms = 0;
  std::int64_t commit_unix_ms = 0;
  ZoneLookup zone;  ///< without one only UTC is known
};

struct MetadataTags {
  std::vector<std::string> tags;       ///< references, image by image
  std::optional<std::string> version;  ///< the first tag; none when no rule applies
  std::vector<std::string> partial;    ///< the other tags but `latest`
  bool latest = false;
  std::vector<std::string> warnings;  ///< rules that could not be applied, and why
};

/// Errors of kind usage: a rule, flavor or image that cannot be read, an invalid or doubled tag, a pattern that takes
/// too long, a limit (1000 entries, 16 KiB each).
Result<MetadataTags> metadata_tags(const MetadataRequest& request);

}  // namespace shipset::tags
