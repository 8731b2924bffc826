// Results of external gates: another job (a GPU machine, a person) judges what a release has staged and posts its
// answer where it is staged, as a small artifact under the tag `_shipset.<id>.gate.<name>`; promotion reads it there.
// A result is bound to the digests of the platform images that it judged; for other bytes it does not count. A second
// result for a gate replaces the first one. Blocking; thread-safe. product.md §4, §6.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/event.hpp"
#include "shipset/model/matrix.hpp"
#include "shipset/registry/client.hpp"

namespace shipset::release {

/// What the other job says.
struct GateResult {
  bool pass = false;
  std::string details_json;  ///< any JSON value; empty = none
  std::optional<std::int64_t> duration_ms;
};

/// `{"result": "pass" or "fail", "details": …, "duration_s": …}`: at most 256 KiB, 16 deep, 10,000 values; `object`
/// names it in errors of kind usage (no JSON, too much, another member or value).
Result<GateResult> parse_gate_result(std::string_view json, const std::string& object);

/// A platform image that a gate judged.
struct JudgedImage {
  std::string variant, platform;
  Digest digest;  ///< of the image manifest
  bool operator==(const JudgedImage&) const = default;
};

/// What was posted, and where.
struct GatePost {
  std::string id, gate;
  bool pass = false;
  std::string reference;  ///< of the artifact, by digest
  std::string tag;        ///< the same by tag
  std::vector<JudgedImage> judged;
  std::vector<std::string> notes;  ///< what it replaces; who else posted at the same time
  [[nodiscard]] std::string to_json() const;
};

/// Where a release is staged and what its gates are, as the poster knows them.
struct GatePlace {
  std::string id;
  std::optional<Location> results;         ///< the staging repository; none: where the first judged image lies
  std::vector<Location> staged;            ///< repositories and layouts that hold what was staged
  std::optional<std::vector<Gate>> gates;  ///< none: what was staged tells
  std::vector<std::pair<std::string, Platform>> images;  ///< of the plan; empty: the tags of the staging tell

  /// From a release file. `destination` as in Options; with one, the staging repository of the file does not count.
  static Result<GatePlace> of_matrix(const Matrix& matrix, const std::string& destination, const std::string& id);
  /// From the JSON of a plan, which needs neither release file nor sources here. Kind usage when it is none.
  static Result<GatePlace> of_plan(std::string_view plan_json);
  /// From the repository alone. Kind usage for a docker-archive.
  static Result<GatePlace> of_staging(const std::string& location, const std::string& id);
};

/// Posts a result. Kind usage: no such gate, or none of at = "external"; kind policy: nothing of this release is staged
/// for it there; else the errors of registry, network and disk.
Result<GatePost> post_gate(const GatePlace& place, const std::string& gate, const GateResult& result,
                           const registry::ClientOptions& client, const EventSink& events = {},
                           const CancelToken& cancel = {});

}  // namespace shipset::release
