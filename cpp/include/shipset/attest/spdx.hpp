// SPDX 2.3 JSON documents (specs §6.1, NTIA elements §6.5). Same catalogue, same bytes: no clock, no random value;
// documentNamespace is derived from the image digest. Pure functions, thread-safe.
#pragma once

#include "shipset/attest/catalog.hpp"

namespace shipset::attest {

struct SpdxOptions {
  std::string name;  ///< document name: familiar repository and variant, e.g. docker/model-runner (cuda, linux/amd64)
  oci::Descriptor image;            ///< the platform image
  std::string platform;             ///< os/arch[/variant]; may be empty
  std::int64_t created_unix_s = 0;  ///< SOURCE_DATE_EPOCH, else the commit's time, else 0
  std::string tool_version;
  std::string repository;  ///< e.g. ghcr.io/o/app, for the purl of the image; empty: from the first word of `name`
};

/// Compact JSON text of the document: DOCUMENT DESCRIBES the image, the image CONTAINS each package, packages
/// DEPENDS_ON each other where that is known. What the catalogue could not read stands in the document's comment.
std::string spdx_document(const Catalogue& catalogue, const SpdxOptions& options);

}  // namespace shipset::attest
