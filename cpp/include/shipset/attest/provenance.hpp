// SLSA provenance v1 predicate of what shipset itself built or only it knows (specs §1.6 for BuildKit's shape).
// Holds no clock, host, path of the machine or secret value. Pure functions, thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "shipset/base/digest.hpp"

namespace shipset::attest {

struct Dependency {
  std::string uri;     ///< purl of a base, or git URL
  std::string digest_algorithm = "sha256";
  std::string digest_hex;
};

struct ProvenanceInput {
  std::string build_type;   ///< URI of the build type
  std::string builder_id;   ///< URI of the builder
  std::string release_name, version, variant, platform, backend;
  Digest release_file;      ///< digest of the release file
  std::vector<std::pair<std::string, std::string>> inputs;  ///< release inputs as text
  std::vector<std::pair<std::string, std::string>> arguments;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::string> secret_ids;  ///< names only
  std::string source_uri, source_commit;  ///< may be empty
  std::string build_key;
  std::string settings_json;   ///< resolved settings of the platform image (JSON text), in mode max
  std::vector<Dependency> dependencies;
  std::vector<std::pair<std::string, Digest>> layers;  ///< what each layer was made from, in mode max
};

/// `min` leaves out arguments, labels, secret ids, settings and layers.
std::string provenance_predicate(const ProvenanceInput& input, bool max);

}  // namespace shipset::attest
