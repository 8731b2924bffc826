#include "shipset/attest/statement.hpp"

#include <algorithm>

#include "shipset/base/json.hpp"

namespace shipset::attest {

namespace {

/// The image as a subject: annotations and platform belong to the index it was listed in.
oci::Descriptor plain(const oci::Descriptor& image) {
  oci::Descriptor out;
  out.media_type = image.media_type;
  out.digest = image.digest;
  out.size = image.size;
  return out;
}

void add_blob(AttestationManifest& out, const oci::Descriptor& descriptor, const std::string& bytes) {
  const auto same = [&](const auto& blob) { return blob.first.digest == descriptor.digest; };
  if (std::none_of(out.blobs.begin(), out.blobs.end(), same)) out.blobs.emplace_back(descriptor, bytes);
}

oci::Descriptor statement_layer(const StatementBlob& statement) {
  auto layer = oci::describe(oci::media_type::in_toto, statement.bytes);
  layer.annotations.emplace(predicate_type_key, statement.predicate_type);
  return layer;
}

/// Config of the legacy form: an image of no platform whose diff ids are the statements.
std::string legacy_config(const std::vector<oci::Descriptor>& layers) {
  JsonWriter out;
  out.begin_object().member("architecture", "unknown").member("os", "unknown");
  out.key("config").begin_object().end_object();
  out.key("rootfs").begin_object().member("type", "layers").key("diff_ids").begin_array();
  for (const auto& layer : layers) out.value(layer.digest.str());
  out.end_array().end_object().end_object();
  return out.take();
}

}  // namespace

std::string make_statement(std::string_view predicate_type, const std::vector<Subject>& subjects,
                           std::string_view predicate_json) {
  JsonWriter out;
  out.begin_object().member("_type", "https://in-toto.io/Statement/v1").member("predicateType", predicate_type);
  out.key("subject").begin_array();
  for (const auto& subject : subjects) {
    out.begin_object().member("name", subject.name).key("digest").begin_object();
    out.member(subject.digest.algorithm(), subject.digest.encoded()).end_object().end_object();
  }
  out.end_array().key("predicate").raw(predicate_json).end_object();
  return out.take();
}

AttestationManifest make_attestation_manifest(const oci::Descriptor& image,
                                              const std::vector<StatementBlob>& statements, bool legacy) {
  std::vector<const StatementBlob*> ordered;
  for (const auto& statement : statements) ordered.push_back(&statement);
  std::stable_partition(ordered.begin(), ordered.end(),
                        [](const auto* statement) { return statement->predicate_type == predicate::spdx; });

  AttestationManifest out;
  oci::Manifest manifest;
  for (const auto* statement : ordered) manifest.layers.push_back(statement_layer(*statement));
  if (legacy) {
    const auto config = legacy_config(manifest.layers);
    manifest.config = oci::describe(oci::media_type::config, config);
    add_blob(out, manifest.config, config);
  } else {
    manifest.artifact_type = attestation_artifact_type;
    manifest.config = oci::empty_descriptor();
    manifest.subject = plain(image);
    add_blob(out, manifest.config, "{}");
  }
  for (std::size_t i = 0; i < ordered.size(); ++i) add_blob(out, manifest.layers[i], ordered[i]->bytes);

  out.manifest_bytes = manifest.to_bytes();
  out.descriptor = oci::describe(manifest.media_type, out.manifest_bytes);
  out.descriptor.annotations.emplace(oci::reference_digest_key, image.digest.str());
  out.descriptor.annotations.emplace(oci::reference_type_key, attestation_reference_type);
  Platform nowhere;
  nowhere.os = nowhere.architecture = "unknown";
  out.descriptor.platform = nowhere;
  return out;
}

AttestationManifest make_referrer(const oci::Descriptor& subject, const StatementBlob& statement) {
  AttestationManifest out;
  oci::Manifest manifest;
  manifest.artifact_type = oci::media_type::in_toto;
  manifest.config = oci::empty_descriptor();
  manifest.layers.push_back(statement_layer(statement));
  manifest.subject = plain(subject);
  // Referrers listings show the manifest's annotations: readers find the predicate without fetching the manifest.
  manifest.annotations.emplace(predicate_type_key, statement.predicate_type);
  add_blob(out, manifest.config, "{}");
  add_blob(out, manifest.layers.front(), statement.bytes);
  out.manifest_bytes = manifest.to_bytes();
  out.descriptor = oci::describe(manifest.media_type, out.manifest_bytes);
  out.descriptor.artifact_type = manifest.artifact_type;
  out.descriptor.annotations = manifest.annotations;
  return out;
}

Result<std::vector<StatementBlob>> read_statements(oci::Store& store, const oci::Descriptor& manifest) {
  constexpr std::uint64_t max_statement_bytes = 40u << 20;
  SHIPSET_TRY(const oci::ManifestBytes bytes, store.manifest(manifest.digest));
  const std::string object = "the attestation manifest " + manifest.digest.str();
  SHIPSET_TRY(const oci::Manifest parsed, oci::Manifest::parse(bytes.bytes, object));
  std::vector<StatementBlob> out;
  for (const auto& layer : parsed.layers) {
    const auto type = layer.annotations.find(std::string(predicate_type_key));
    if (layer.media_type != oci::media_type::in_toto || type == layer.annotations.end()) continue;
    if (layer.size > max_statement_bytes)
      return Error(ErrorKind::verify, "cannot take over a statement of " + object, "it is larger than 40 MiB")
          .with("digest", layer.digest.str());
    SHIPSET_TRY(const auto source, store.blob(layer));
    StatementBlob statement{type->second, {}};
    SHIPSET_TRY(const auto reader, source->open());
    SHIPSET_TRY(statement.bytes, read_all(*reader, max_statement_bytes, "a statement of " + object));
    out.push_back(std::move(statement));
  }
  return out;
}

}  // namespace shipset::attest
