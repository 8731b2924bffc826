// Set manifests in a repository: small artifact manifests whose subject is a variant index and whose only layer is the
// document, and one without subject under a tag. They are found through referrers, wherever those are listed, and told
// apart by annotations, which listings show. Private to the module. image-spec 1.1 "Guidelines for Artifact Usage";
// distribution-spec 1.1 "Listing Referrers".
#pragma once

#include "shipset/oci/store.hpp"
#include "shipset/release/set.hpp"

namespace shipset::release {

inline constexpr std::string_view set_name_key = "io.shipset.set.name";
inline constexpr std::string_view set_version_key = "io.shipset.set.version";
inline constexpr std::string_view set_digest_key = "io.shipset.set.digest";  ///< of the document
/// Which of several set manifests of one name and version is the newest: a release that adds a variant or a tag to a
/// version that is there publishes another one.
inline constexpr std::string_view set_generation_key = "io.shipset.set.generation";

/// A set manifest as a listing shows it; nothing of it is proven.
struct SetNote {
  oci::Descriptor artifact;
  Digest document;
  std::string name, version;
  std::uint64_t generation = 0;
};
/// The set manifest that a descriptor with annotations tells of; nullopt: it is something else.
std::optional<SetNote> set_note(const oci::Descriptor& artifact);
/// Every set manifest that refers to a variant index, the newest of each name and version first.
Result<std::vector<SetNote>> find_sets(oci::Store& store, const Digest& index);

/// The set manifest that a tag holds; nullopt: something else.
Result<std::optional<SetNote>> tagged_set(oci::Store& store, const oci::Descriptor& at);

/// A document with what its artifact manifests say.
struct SetDocument {
  SetManifest set;
  std::string bytes;
  oci::Descriptor descriptor;
  std::uint64_t generation = 1;
};
SetDocument make_set_document(SetManifest set);

/// An artifact manifest and the config that it needs.
struct SetArtifact {
  oci::Descriptor descriptor, config;
  std::string bytes, config_bytes;
};
/// `legacy`: for registries that refuse an empty config. Without subject: for a tag.
SetArtifact set_artifact(const SetDocument& document, const oci::Descriptor* subject, bool legacy);

/// What an artifact manifest carries, proven: its form, its subject (when one is given), digest and size of the
/// document and the document itself. Kind verify when something does not hold, not_found when something is not there.
struct SetContent {
  SetManifest set;
  oci::Descriptor document;
  std::uint64_t bytes = 0;
};
Result<SetContent> read_set(oci::Store& store, const oci::Descriptor& artifact, const Digest& subject);

/// Where a set was published: a repository, and the variant indexes that it refers to there.
struct SetPlace {
  oci::Store* store = nullptr;
  std::vector<oci::Descriptor> indexes;
};
/// References of the artifact manifests of this name and version, and the set's tag if it holds one of them.
/// `document`: only those that carry it; empty: any. Kind of the store where looking fails.
Result<std::vector<std::string>> list_set(const std::vector<SetPlace>& places, const std::string& name,
                                          const std::string& version, const Digest& document = {});
/// Removes them, with the lists of referrers that hold nothing else. Returns references of what the registry does not
/// let us remove. Other referrers of the indexes, and the indexes, stay. For a release that was undone.
Result<std::vector<std::string>> remove_set(const std::vector<SetPlace>& places, const std::string& name,
                                            const std::string& version, const Digest& document = {});

/// `<version>.shipset`
std::string set_tag_of(const std::string& version);

}  // namespace shipset::release
