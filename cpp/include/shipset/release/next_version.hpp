// Versions that exist where a release goes, and the one that comes next. Blocking; thread-safe. product.md §6.
#pragma once

#include <string>
#include <vector>

#include "shipset/base/cancel.hpp"
#include "shipset/base/event.hpp"
#include "shipset/model/next_version.hpp"
#include "shipset/model/spec.hpp"
#include "shipset/registry/client.hpp"

namespace shipset::release {

/// Every version that a variant of the release has at its destinations (`destination` as Options::destination), read
/// by the exact tag rules backwards. Each text once, in no particular order. A repository that does not exist has none.
/// Errors: a listing that is refused or cut short (its own kind), usage where no exact rule can be read backwards.
Result<std::vector<std::string>> existing_versions(const Matrix& matrix, const std::string& destination,
                                                   const registry::ClientOptions& client, const EventSink& events = {},
                                                   const CancelToken& cancel = {});

struct NextVersionOptions {
  VersionStep step = VersionStep::minor;
  bool git = true;       ///< count facts.versions; unknown ones are an error of kind usage
  bool registry = true;  ///< count what the destinations have
  std::string destination;
  registry::ClientOptions client;
};

/// The next version of a release file. Its own version does not matter, and inputs that only that names may be missing.
Result<NextVersion> next_version(const ReleaseSpec& spec, const InputValues& inputs, const Facts& facts,
                                 const NextVersionOptions& options, const EventSink& events = {},
                                 const CancelToken& cancel = {});

}  // namespace shipset::release
