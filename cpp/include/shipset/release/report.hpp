// What a release did, as data; text and HTML are made from it by the face. Holds no secrets, no host data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shipset/base/error.hpp"
#include "shipset/build/builder.hpp"
#include "shipset/oci/types.hpp"

namespace shipset::release {

inline constexpr int report_schema_version = 1;

enum class Status : std::uint8_t { not_started, done, present, failed, skipped, undone, foreign };
std::string_view to_string(Status status) noexcept;

/// What a size budget found of one platform image; sizes are of compressed layers.
struct GateMeasure {
  std::string variant, platform;
  std::uint64_t image_bytes = 0, layer_bytes = 0;  ///< of all layers, of the largest
  std::optional<std::uint64_t> former_bytes;       ///< of the same image in the last release
  std::string compared_with;                       ///< reference of that release; empty: there was none to look for
  std::vector<std::string> over;                   ///< each limit that it exceeds, in words
};

struct GateReport {
  std::string name, at;
  Status status = Status::not_started;  ///< not_started also: an external gate whose result is still open
  bool required = true;
  int exit_code = 0;
  std::int64_t duration_ms = 0;  ///< of an external gate: what its result says
  /// Last lines of its output on failure, images over their budget, details of an external result; redacted.
  std::string detail;
  std::string log;                    ///< path below the folder of the release file; empty: none was written
  std::vector<std::string> judged;    ///< digests of the platform images that it saw
  std::string result;                 ///< reference by digest of the result that another job posted
  std::vector<GateMeasure> measured;  ///< of a budget
  std::vector<std::string> notes;
};

struct ImageReport {
  std::string platform;
  Status status = Status::not_started;
  std::optional<oci::Descriptor> manifest;
  std::uint64_t bytes = 0;  ///< compressed layers
  std::uint64_t packages = 0;
  bool sbom = false, provenance = false;
  std::int64_t duration_ms = 0;
  build::BuildSteps steps;             ///< of a builder that runs a Dockerfile
  std::optional<oci::Descriptor> leg;  ///< what was staged, when the run ended there
  std::optional<Error> error;
  std::vector<std::string> notes;
};

struct VariantReport {
  std::string name;
  Status status = Status::not_started;
  std::string required;  ///< "true", "false", "if-present"
  std::string build_key;
  std::optional<oci::Descriptor> index;
  std::string why;
  std::vector<ImageReport> images;
};

struct TagReport {
  std::string reference;  ///< where it really is, e.g. localhost:5000/docker/model-runner:v1.0.0
  std::string variant;
  /// done = moved or created, present = held already, skipped = refused by rule or left out, undone = holds the old
  /// digest again, failed = could not be put back, foreign = someone else moved it
  Status status = Status::not_started;
  std::string old_digest, new_digest;
  std::string found_digest;  ///< failed, foreign: what it holds as far as it was seen; "" = no tag
  std::string reason;
  std::string detail;  ///< why it is failed, foreign or left out
};

struct TargetReport {
  std::string name;
  Status status = Status::not_started;  ///< done, failed = left out before anything moved, or not_started
  std::optional<Error> error;           ///< why it was left out
  std::vector<std::string> holds_left;  ///< tags that kept old digests and could not be removed
  std::uint64_t blobs_moved = 0, blobs_present = 0, blobs_mounted = 0, bytes_moved = 0, manifests_pushed = 0;
  std::uint64_t bytes_again = 0;  ///< sent a second time after a broken connection or an earlier process
  std::uint64_t bytes_kept = 0;   ///< not sent: the destination held them from an earlier attempt
};

struct Report {
  std::string id, name, version, file;
  std::string outcome;  ///< "released", "nothing to do", "staged", "failed", "cancelled", "incomplete"
  std::vector<GateReport> gates;
  std::vector<VariantReport> variants;
  std::vector<TagReport> tags;
  std::vector<TargetReport> targets;
  std::optional<oci::Descriptor> set;  ///< the document of the set manifest, once every destination has it
  std::vector<std::string> warnings;
  std::int64_t duration_ms = 0;
  std::int64_t promotion_ms = 0;  ///< from before the first request that moves a tag to after the last
  std::optional<Error> error;

  [[nodiscard]] std::uint64_t bytes_moved() const;
  [[nodiscard]] std::uint64_t tags_moved() const;
  [[nodiscard]] std::string to_json(bool indented = false) const;
};

}  // namespace shipset::release
