// in-toto statements and the manifests that carry them, in BuildKit's two forms (specs §1.2, §1.3) or as referrers.
// Not their content: see spdx.hpp and provenance.hpp. Manifests are canonical compact bytes, so their digests differ
// from BuildKit's indented ones while the content is the same. Same input, same bytes. Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shipset/attest/purl.hpp"
#include "shipset/oci/store.hpp"

namespace shipset::attest {

namespace predicate {
inline constexpr std::string_view spdx = "https://spdx.dev/Document";
inline constexpr std::string_view slsa_v1 = "https://slsa.dev/provenance/v1";
inline constexpr std::string_view slsa_v02 = "https://slsa.dev/provenance/v0.2";
/// What only the release knows of an image whose builder wrote its own provenance: release_predicate().
inline constexpr std::string_view release = "urn:shipset:release:v1";
}  // namespace predicate

inline constexpr std::string_view attestation_artifact_type = "application/vnd.docker.attestation.manifest.v1+json";
/// Value of oci::reference_type_key on an attestation descriptor.
inline constexpr std::string_view attestation_reference_type = "attestation-manifest";
/// Annotation that names the predicate of a statement layer.
inline constexpr std::string_view predicate_type_key = "in-toto.io/predicate-type";

struct Subject {
  std::string name;  ///< purl in BuildKit's dialect (image_purl) or file name
  Digest digest;     ///< of the image manifest
};

/// Statement v1, compact: `_type, predicateType, subject, predicate`. `predicate_json` is JSON text.
std::string make_statement(std::string_view predicate_type, const std::vector<Subject>& subjects,
                           std::string_view predicate_json);

struct StatementBlob {
  std::string predicate_type;
  std::string bytes;
};

/// The statements that an attestation manifest of an index carries, byte for byte and in its order; layers of other
/// types are left out (specs §1.2). Errors: those of the store; verify for a statement over 40 MiB (specs §1.3).
Result<std::vector<StatementBlob>> read_statements(oci::Store& store, const oci::Descriptor& manifest);

/// A manifest with the blobs it needs.
struct AttestationManifest {
  oci::Descriptor descriptor;  ///< for the index: annotations and unknown/unknown platform set (specs §1.1)
  std::string manifest_bytes;
  std::vector<std::pair<oci::Descriptor, std::string>> blobs;  ///< config and statements, each distinct blob once
};

/// All statements of one platform image in one manifest; SBOM statements first, else in the order given.
/// `legacy` picks the form without artifactType and subject.
AttestationManifest make_attestation_manifest(const oci::Descriptor& image,
                                              const std::vector<StatementBlob>& statements, bool legacy);
/// One referrer manifest per statement: artifactType = application/vnd.in-toto+json, subject = image. Its descriptor
/// is as a referrers listing shows it: artifact type and annotations, no platform.
AttestationManifest make_referrer(const oci::Descriptor& subject, const StatementBlob& statement);

}  // namespace shipset::attest
