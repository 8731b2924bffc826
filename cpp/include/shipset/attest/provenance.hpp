// SLSA provenance v1 predicate of what shipset itself built or only it knows (specs §1.6 for BuildKit's shape).
// Holds no clock, host, path of the machine or secret value; credentials in URLs are removed. Same input, same bytes.
// Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shipset/base/digest.hpp"

namespace shipset::attest {

/// Type URIs of shipset's own builds. SLSA asks for a URI that identifies the shape of the parameters; these are names
/// only and can be fetched nowhere. The number grows when the meaning of a member below changes. `native` and
/// `prebuilt` are images that shipset put together itself; `release` is what shipset knows of an image that another
/// builder made and describes in its own provenance.
inline constexpr std::string_view build_type_native = "urn:shipset:build:native:v1";
inline constexpr std::string_view build_type_prebuilt = "urn:shipset:build:prebuilt:v1";
/// Builder id where no other is known.
inline constexpr std::string_view builder_id_local = "urn:shipset:builder:local";

struct Dependency {
  std::string uri;  ///< purl of a base, or git URL
  std::string digest_algorithm = "sha256";
  std::string digest_hex;  ///< empty: not known
};

struct ProvenanceInput {
  std::string build_type;  ///< URI of the build type
  std::string builder_id;  ///< URI of the builder
  std::string release_name, version, variant, platform, backend;
  Digest release_file;                                      ///< digest of the release file
  std::vector<std::pair<std::string, std::string>> inputs;  ///< release inputs as text
  std::vector<std::pair<std::string, std::string>> arguments;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::string> secret_ids;    ///< names only
  std::string source_uri, source_commit;  ///< may be empty
  std::string build_key;
  std::string settings_json;  ///< resolved settings of the platform image (JSON text), in mode max
  std::vector<Dependency> dependencies;
  std::vector<std::pair<std::string, Digest>> layers;  ///< what each layer was made from, in mode max
};

/// Compact JSON: `buildDefinition {buildType, externalParameters {release, inputs, variant, platform, source,
/// arguments, labels, secrets}, internalParameters {backend, buildKey, settings, layers}, resolvedDependencies}` and
/// `runDetails {builder, metadata {shipset_mode}}`. Members without a value are left out; objects are sorted by name.
/// `min` leaves out arguments, labels, secret ids, settings and layers.
std::string provenance_predicate(const ProvenanceInput& input, bool max);

/// What stands beside the provenance that another builder wrote, and repeats nothing of it: `release {name, version,
/// file}`, `inputs`, `variant`, `platform`, `source`, `buildKey`, `bases` (as the plan pinned them).
std::string release_predicate(const ProvenanceInput& input);

}  // namespace shipset::attest
