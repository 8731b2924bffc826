// Legs: platform images that were staged on their own, by one process or by many machines, until they are joined. A
// leg is an index of the image and its attestation, annotated with what it belongs to, under a tag of its own that only
// its release uses; so jobs that run side by side, or twice, never write the same tag. Private to the module.
// product.md §4 "Staging".
#pragma once

#include "assemble.hpp"
#include "shipset/release/plan.hpp"

namespace shipset::release {

/// `_shipset.<id>.leg.<variant>.<os>-<arch>[-<variant of the arch>]`, hashed when that would be over 128 characters.
std::string leg_tag(const std::string& id, const std::string& variant, const Platform& platform);

/// Build key of one platform image alone.
Digest leg_key(const PlannedImage& image);

struct Leg {
  std::string id, variant, platform, key;
  std::vector<std::string> gates;              ///< external gates that concern it
  oci::Descriptor image;                       ///< platform set
  std::optional<oci::Descriptor> attestation;  ///< as the index lists it
};

/// `gates`: names of the external gates that concern the image, so that their jobs need no release file.
Document leg_document(const std::string& id, const PlannedImage& image, const oci::Descriptor& manifest,
                      const oci::Descriptor& attestation, const std::vector<std::string>& gates);
/// Kind verify when the index is no leg.
Result<Leg> parse_leg(const std::string& bytes, const std::string& object);

/// A leg named by a part, the report of `shipset build`.
struct Part {
  std::string file, id, variant, platform;
  Digest leg;
};
/// Parts that a report names. Kind usage when it is no report of a build that ended well.
Result<std::vector<Part>> read_parts(std::string_view report_json, const std::string& file);

}  // namespace shipset::release
