// Puts platform images and their attestations together into one index per variant, and finds what a tag points at
// in it. Pure functions over documents; private to the module. specs §1.1, §2.3.
#pragma once

#include "shipset/oci/types.hpp"
#include "shipset/tags/table.hpp"

namespace shipset::release {

struct Document {
  oci::Descriptor descriptor;
  std::string bytes;
};

/// Images first, in platform order, then one attestation descriptor per image; build key and `index:` annotations.
Document assemble_index(const std::vector<oci::Descriptor>& images, const std::vector<oci::Descriptor>& attestations,
                        oci::Annotations annotations);

/// What an entry of the tag table points at, given the variant's index: the index itself, one platform's manifest
/// (bytes empty: they are in the store), or an index of just its platforms (bytes set). Missing platform: kind spec.
Result<Document> point_at(const tags::Entry& entry, const Document& index);

}  // namespace shipset::release
