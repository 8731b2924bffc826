// Walks everything below a manifest or index and recomputes every digest, size, diff id and platform.
// Reads all content once; memory does not grow with layer size. Thread-safe.
#pragma once

#include "shipset/oci/store.hpp"

namespace shipset::oci {

struct Finding {
  Digest digest;        ///< object
  std::string place;    ///< path from the root, e.g. "index > linux/arm64 > layer 2"
  std::string message;  ///< what does not hold
};

struct ValidationReport {
  std::uint64_t indexes = 0, manifests = 0, configs = 0, layers = 0, attestations = 0, bytes = 0;
  std::vector<Finding> findings;  ///< empty: everything holds
};

/// Findings are in the report; an Error only when reading was impossible (network, disk).
Result<ValidationReport> validate(Store& store, const Descriptor& root, const EventSink& events,
                                  const CancelToken& cancel);

}  // namespace shipset::oci
