// What images hold, compared: diff of two references, layouts or sets of tags, and the SBOM of an image, from its
// attestation, else made of its layers. Reads manifests, configs and statements; layers only where an image has no
// SBOM. Blocking; may be called from any thread. product.md §6.
#pragma once

#include "shipset/base/event.hpp"
#include "shipset/oci/types.hpp"
#include "shipset/registry/open.hpp"

namespace shipset::release {

struct DiffOptions {
  std::string platform;  ///< only this one; "" = all
  bool packages = true;  ///< false: SBOMs are not read, and no layer is
};
/// JSON (schema_version 1, see the reference pages): platforms added, removed, changed; of changed ones config, layers
/// and packages. Two places without a tag are compared tag by tag. Errors: usage (no such platform, too many tags),
/// those of the stores.
Result<std::string> diff_json(const Location& from, const Location& to, const DiffOptions& options,
                              const registry::ClientOptions& client, const EventSink& events = {},
                              const CancelToken& cancel = {});

struct Sbom {
  std::string platform;
  Digest image;
  std::string source;    ///< "attestation", "referrer" or "layers"
  std::string document;  ///< SPDX JSON
};
/// One for each platform image, or of the one platform. Errors: usage (no such platform), those of the store, verify (a
/// statement that cannot be read).
Result<std::vector<Sbom>> sboms(const Location& location, const std::string& platform,
                                const registry::ClientOptions& client, const EventSink& events = {},
                                const CancelToken& cancel = {});

}  // namespace shipset::release
