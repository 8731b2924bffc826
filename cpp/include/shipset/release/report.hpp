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

enum class Status : std::uint8_t { not_started, done, present, failed, skipped, undone };
std::string_view to_string(Status status) noexcept;

struct GateReport {
  std::string name, at;
  Status status = Status::not_started;
  bool required = true;
  int exit_code = 0;
  std::int64_t duration_ms = 0;
  std::string detail;  ///< last lines of its output on failure, redacted
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
  Status status = Status::not_started;  ///< done = moved or created, present = held already, skipped = refused by rule
  std::string old_digest, new_digest;
  std::string reason;
};

struct TargetReport {
  std::string name;
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
  std::vector<std::string> warnings;
  std::int64_t duration_ms = 0;
  std::int64_t promotion_ms = 0;  ///< from the first to the last tag
  std::optional<Error> error;

  [[nodiscard]] std::uint64_t bytes_moved() const;
  [[nodiscard]] std::uint64_t tags_moved() const;
  [[nodiscard]] std::string to_json(bool indented = false) const;
};

}  // namespace shipset::release
