// The set manifest: one JSON document that lists everything a release consists of, kept in the registry beside it, and
// the choice of a variant by the hardware of a machine. The same set gives the same bytes: no clock, no host, no id of
// a run is in it. Values and pure functions, thread-safe; select() blocks. product.md §2 "set", §4; image-spec 1.1
// "Guidelines for Artifact Usage".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/model/matrix.hpp"
#include "shipset/oci/types.hpp"
#include "shipset/registry/client.hpp"

namespace shipset::release {

inline constexpr int set_schema_version = 1;
inline constexpr std::string_view set_media_type = "application/vnd.shipset.set.v1+json";  ///< of the document
inline constexpr std::string_view set_artifact_type = "application/vnd.shipset.set.v1";    ///< of what carries it
inline constexpr std::size_t max_set_bytes = 8u << 20;
/// What follows the version in the tag of a set manifest.
inline constexpr std::string_view set_tag_suffix = ".shipset";

/// A statement about a platform image, and the manifest that carries it.
struct SetAttestation {
  std::string predicate_type;
  oci::Descriptor manifest, statement;
  bool operator==(const SetAttestation&) const = default;
};

struct SetImage {
  Platform platform;
  oci::Descriptor manifest;
  std::uint64_t layers_bytes = 0;            ///< compressed
  std::vector<std::string> hardware;         ///< as in the release file: vendor :: property :: value
  std::vector<SetAttestation> attestations;  ///< SBOM, provenance
  bool operator==(const SetImage&) const = default;
};

struct SetVariant {
  std::string name, suffix, build_key;
  std::vector<std::string> repositories;  ///< normalised names of the release file where it has tags
  std::vector<std::string> hardware;      ///< of all its platforms
  oci::Descriptor index;
  std::vector<SetImage> images;
  bool operator==(const SetVariant&) const = default;
};

struct SetTag {
  std::string repository, tag, variant;
  Moves moves = Moves::never;
  std::vector<Platform> platforms;  ///< empty: the variant index
  oci::Descriptor points_at;
  bool operator==(const SetTag&) const = default;
};

struct SetGate {
  std::string name, at;
  std::string result;  ///< pass | fail | skipped | open
  bool required = true;
  std::vector<std::string> variants;  ///< empty: all
  std::vector<std::string> judged;    ///< digests of the platform images that it saw, sorted
  std::string evidence;               ///< digest of the result that another job posted; "" for other gates
  bool operator==(const SetGate&) const = default;
};

/// A declared variant that is not part of the set.
struct SetLeftOut {
  std::string name, why;  ///< why: inactive | absent | excluded | failed | unpublished
  bool operator==(const SetLeftOut&) const = default;
};

struct SetManifest {
  std::string name, version, scheme;
  std::vector<std::string> repositories;  ///< normalised names of the release file, wherever it was released to
  std::vector<SetVariant> variants;       ///< file order
  std::vector<SetTag> tags;               ///< in the order of promotion
  std::vector<SetGate> gates;
  std::vector<SetLeftOut> left_out;

  /// Bounded and strict; members that this version does not know are passed over. Kind verify names what is wrong.
  static Result<SetManifest> parse(std::string_view bytes, std::string_view object);
  /// RFC 8785 text: the same set, the same bytes.
  [[nodiscard]] std::string to_bytes() const;
  [[nodiscard]] const SetVariant* find(std::string_view variant) const;
  bool operator==(const SetManifest&) const = default;
};

/// What a machine has: vendor :: property :: value. A property may come several times.
struct HardwareFact {
  std::string vendor, property, value;
  /// Kind usage when the text is not three parts.
  static Result<HardwareFact> parse(std::string_view text);
  bool operator==(const HardwareFact&) const = default;
};

struct RefusedVariant {
  std::string name, why;
  bool operator==(const RefusedVariant&) const = default;
};

struct Choice {
  std::size_t variant = 0;           ///< index into SetManifest::variants
  std::optional<std::size_t> image;  ///< index into its images; set when a platform was asked for
  std::string why;
  std::vector<RefusedVariant> refused;  ///< the other variants, in file order
};
/// The variant for a machine. A property NAME_lower_bound holds when the machine's NAME is at least the value, one
/// NAME_upper_bound when it is below it; any other when the machine has that value. Of several values of one property
/// one has to hold. Among the variants of which every property holds, the one with the most properties wins, then the
/// one with the higher bounds, then the first. Kind not_found tells why each was refused.
Result<Choice> choose_variant(const SetManifest& set, const std::vector<HardwareFact>& machine,
                              const std::optional<Platform>& platform);

struct Selection {
  std::string reference;  ///< of the variant's index, by digest
  std::string name, version, variant, why;
  oci::Descriptor index;
  std::optional<Platform> platform;
  std::optional<oci::Descriptor> image;  ///< manifest of that platform
  std::string image_reference;           ///< by digest; "" without a platform
  std::vector<std::string> hardware;     ///< properties that the variant asks for
  std::vector<std::string> tags;         ///< references of its tags, as the set manifest lists them
  std::vector<RefusedVariant> refused;
  Digest set;  ///< of the document
  [[nodiscard]] std::string to_json() const;
};
/// Finds the set manifest of what `location` names (a tag or digest of any variant, or the set's own tag) and picks.
/// Kinds: not_found (no such reference, no set manifest, no variant fits), verify (the set manifest does not hold).
Result<Selection> select(const Location& location, const std::vector<HardwareFact>& machine,
                         const std::optional<Platform>& platform, const registry::ClientOptions& client,
                         const CancelToken& cancel = {});

}  // namespace shipset::release
