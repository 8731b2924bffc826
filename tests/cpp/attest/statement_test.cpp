#include "shipset/attest/statement.hpp"

#include <nlohmann/json.hpp>

#include "catch_shim.hpp"

using namespace shipset;
using namespace shipset::attest;

namespace {

const std::string hex_a(64, 'a');

oci::Descriptor image() {
  oci::Descriptor out;
  out.media_type = oci::media_type::manifest;
  out.digest = Digest::from_hex(hex_a);
  out.size = 1234;
  out.platform = Platform{"linux", "amd64", {}, {}, {}};
  out.annotations.emplace("some", "annotation of the index");
  return out;
}

std::string empty_provenance() {
  return make_statement(predicate::slsa_v1,
                        {{"pkg:docker/ghcr.io/o/app@1.0?platform=linux%2Famd64", Digest::from_hex(hex_a)}}, "{}");
}

/// The same content as BuildKit writes it.
std::string indented(const std::string& compact) {
  return nlohmann::ordered_json::parse(compact).dump(2);
}

}  // namespace

TEST_CASE("statement, one subject and an empty predicate, has BuildKit's bytes") {
  const auto statement = empty_provenance();
  CHECK(statement.size() == 269);
  CHECK(Digest::of(std::string_view(statement)).encoded() ==
        "f7d4f3fbe856cb92c6bf21fb77ed51dc9370e242bfc458a0a7d54d47d781a9a2");
}

TEST_CASE("statement, no subject, has an empty list") {
  CHECK(make_statement("t", {}, "{}") ==
        R"({"_type":"https://in-toto.io/Statement/v1","predicateType":"t","subject":[],"predicate":{}})");
}

TEST_CASE("attestation manifest, artifact form, is BuildKit's content and differs only in white space") {
  const auto made = make_attestation_manifest(image(), {{std::string(predicate::slsa_v1), empty_provenance()}}, false);
  const auto theirs = indented(made.manifest_bytes);
  CHECK(theirs.size() == 836);
  CHECK(Digest::of(std::string_view(theirs)).encoded() ==
        "3b1850a715126793afe1ccabb893f400052ed22bccc4e36feb49abee18dec7c5");
  REQUIRE(made.blobs.size() == 2);
  CHECK(made.blobs[0].second == "{}");
  CHECK(made.blobs[0].first.media_type == oci::media_type::empty);
  CHECK(made.blobs[1].second == empty_provenance());
}

TEST_CASE("attestation manifest, legacy form, has a config of no platform and neither subject nor artifact type") {
  const auto made = make_attestation_manifest(image(), {{std::string(predicate::slsa_v1), empty_provenance()}}, true);
  REQUIRE(made.blobs.size() == 2);
  CHECK(made.blobs[0].second.size() == 167);
  CHECK(made.blobs[0].first.digest.encoded() == "679e704d95dc1da2cc116fb9dbafdae4239fe792cc0cebc8344d1698db8957d5");
  const auto manifest = nlohmann::json::parse(made.manifest_bytes);
  CHECK(manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json");
  CHECK_FALSE(manifest.contains("subject"));
  CHECK_FALSE(manifest.contains("artifactType"));
  CHECK_FALSE(manifest["config"].contains("data"));
}

TEST_CASE("attestation descriptor, for the index, names its image and no platform") {
  const auto made = make_attestation_manifest(image(), {{std::string(predicate::slsa_v1), "{}"}}, false);
  const auto& descriptor = made.descriptor;
  CHECK(descriptor.media_type == oci::media_type::manifest);
  CHECK(descriptor.digest == Digest::of(std::string_view(made.manifest_bytes)));
  CHECK(descriptor.size == made.manifest_bytes.size());
  CHECK(descriptor.annotations == oci::Annotations{{"vnd.docker.reference.digest", "sha256:" + hex_a},
                                                   {"vnd.docker.reference.type", "attestation-manifest"}});
  REQUIRE(descriptor.platform);
  CHECK(descriptor.platform->str() == "unknown/unknown");
  CHECK(descriptor.artifact_type.empty());
  CHECK(oci::is_attestation(descriptor));
}

TEST_CASE("attestation manifest, provenance given before the SBOM, lists the SBOM first and keeps other orders") {
  const auto made = make_attestation_manifest(
      image(), {{"x", "1"}, {std::string(predicate::spdx), "2"}, {"y", "3"}, {std::string(predicate::spdx), "4"}},
      false);
  std::string order;
  const auto manifest = nlohmann::json::parse(made.manifest_bytes);
  for (const auto& layer : manifest["layers"])
    for (const auto& [descriptor, bytes] : made.blobs)
      if (layer["digest"] == descriptor.digest.str()) order += bytes;
  CHECK(order == "2413");
  CHECK(manifest["layers"][0]["annotations"]["in-toto.io/predicate-type"] == predicate::spdx);
}

TEST_CASE("attestation manifest, two equal statements, needs their blob once") {
  const auto made = make_attestation_manifest(image(), {{"x", "same"}, {"y", "same"}}, false);
  CHECK(made.blobs.size() == 2);
  CHECK(nlohmann::json::parse(made.manifest_bytes)["layers"].size() == 2);
}

TEST_CASE("referrer, of one statement, has the in-toto artifact type and shows its predicate in the listing") {
  const auto made = make_referrer(image(), {std::string(predicate::spdx), "{}"});
  const auto manifest = nlohmann::ordered_json::parse(made.manifest_bytes);
  CHECK(manifest["artifactType"] == "application/vnd.in-toto+json");
  CHECK(manifest["subject"].dump() ==
        R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:)" + hex_a + R"(","size":1234})");
  CHECK(manifest["annotations"]["in-toto.io/predicate-type"] == predicate::spdx);
  CHECK(made.descriptor.artifact_type == "application/vnd.in-toto+json");
  CHECK_FALSE(made.descriptor.platform);
  CHECK_FALSE(oci::is_attestation(made.descriptor));
  CHECK(made.blobs.size() == 1);  // config and statement are both `{}` here: one blob
}
