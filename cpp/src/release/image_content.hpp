// The platform images below a manifest or index, with what is said about each. Private to the module.
#pragma once

#include <map>
#include <set>

#include "shipset/oci/store.hpp"
#include "shipset/release/compare.hpp"

namespace shipset::release {

struct ImageContent {
  std::string platform;
  oci::Descriptor descriptor;
  oci::Manifest manifest;
  std::vector<oci::Descriptor> attestations;  ///< manifests of the index that speak about it
};

/// At most 1000 images in at most 4 levels (kind verify). `platform` "" = all; one that is not there: kind usage.
Result<std::vector<ImageContent>> images_below(oci::Store& store, const oci::Descriptor& root,
                                               const std::string& platform, const CancelToken& cancel);

Result<oci::ImageConfig> config_of(oci::Store& store, const ImageContent& image);

/// From an attestation of the index, else from a referrer, else from the layers.
Result<Sbom> sbom_of(oci::Store& store, const ImageContent& image, const std::string& name, const EventSink& events,
                     const CancelToken& cancel);

/// Name without version → versions, as an SPDX document tells them; the image itself is not among them.
struct PackageVersions {
  std::string name;
  std::set<std::string> versions;
};
Result<std::map<std::string, PackageVersions>> packages_of(const Sbom& sbom);

/// Whether a location names one image, and not a whole repository or layout.
bool names_one(const Location& location);

}  // namespace shipset::release
