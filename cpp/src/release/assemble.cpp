#include "assemble.hpp"

#include <algorithm>

namespace shipset::release {

namespace {

bool wanted(const oci::Descriptor& entry, const std::vector<Platform>& platforms) {
  return entry.platform && std::any_of(platforms.begin(), platforms.end(),
                                       [&](const Platform& platform) { return entry.platform->matches(platform); });
}

/// The attestation entries of `index` that speak about one of `images`.
std::vector<oci::Descriptor> attestations_of(const oci::Index& index, const std::vector<oci::Descriptor>& images) {
  std::vector<oci::Descriptor> out;
  for (const auto& entry : index.manifests) {
    if (!oci::is_attestation(entry)) continue;
    const auto about = entry.annotations.find(std::string(oci::reference_digest_key));
    const bool ours = about != entry.annotations.end() &&
                      std::any_of(images.begin(), images.end(),
                                  [&](const oci::Descriptor& image) { return image.digest.str() == about->second; });
    if (ours) out.push_back(entry);
  }
  return out;
}

}  // namespace

Document assemble_index(const std::vector<oci::Descriptor>& images, const std::vector<oci::Descriptor>& attestations,
                        oci::Annotations annotations) {
  oci::Index index;
  index.manifests = images;
  index.manifests.insert(index.manifests.end(), attestations.begin(), attestations.end());
  index.annotations = std::move(annotations);
  Document document;
  document.bytes = index.to_bytes();
  document.descriptor = oci::describe(oci::media_type::index, document.bytes);
  return document;
}

Result<Document> point_at(const tags::Entry& entry, const Document& document) {
  if (entry.platforms.empty()) return document;
  SHIPSET_TRY(const oci::Index index, oci::Index::parse(document.bytes, "the index of variant " + entry.variant));
  std::vector<oci::Descriptor> images;
  for (const auto& item : index.manifests)
    if (!oci::is_attestation(item) && wanted(item, entry.platforms)) images.push_back(item);
  if (images.empty())
    return Error(ErrorKind::spec, "the tag " + entry.familiar() + " points at nothing",
                 "variant " + entry.variant + " has none of the platforms of that rule",
                 "name a platform of the variant in the rule's platforms, or limit the rule by variants");
  if (entry.index) return assemble_index(images, attestations_of(index, images), index.annotations);
  Document one;
  one.descriptor = images.front();
  return one;
}

}  // namespace shipset::release
