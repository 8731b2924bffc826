// `verify`: everything below a location recomputed, and the attestations that a variant index promises.
#include <algorithm>
#include <set>

#include "shipset/attest/statement.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"
#include "shipset/release/content.hpp"
#include "verify_set.hpp"

namespace shipset::release {

namespace {

/// Which predicate types speak about each image of the index.
Result<std::map<std::string, std::set<std::string>>> promised(oci::Store& store, const oci::Index& index) {
  std::map<std::string, std::set<std::string>> out;
  for (const auto& entry : index.manifests) {
    if (!oci::is_attestation(entry)) continue;
    const auto about = entry.annotations.find(std::string(oci::reference_digest_key));
    if (about == entry.annotations.end()) continue;
    SHIPSET_TRY(const oci::ManifestBytes bytes, store.manifest(entry.digest));
    SHIPSET_TRY(const oci::Manifest manifest, oci::Manifest::parse(bytes.bytes, "the attestation manifest"));
    for (const auto& layer : manifest.layers)
      if (const auto type = layer.annotations.find("in-toto.io/predicate-type"); type != layer.annotations.end())
        out[about->second].insert(type->second);
  }
  return out;
}

Result<void> check_attestations(oci::Store& store, const oci::Index& index, Verification& result) {
  SHIPSET_TRY(const auto types, promised(store, index));
  std::vector<const oci::Descriptor*> images;
  for (const auto& entry : index.manifests)
    if (!oci::is_attestation(entry) && oci::is_manifest(entry.media_type)) images.push_back(&entry);
  result.images = images.size();
  for (const auto* image : images) {
    const auto at = types.find(image->digest.str());
    const bool sbom = at != types.end() && at->second.contains(std::string(attest::predicate::spdx));
    const bool provenance = at != types.end() && (at->second.contains(std::string(attest::predicate::slsa_v1)) ||
                                                  at->second.contains(std::string(attest::predicate::slsa_v02)));
    result.sboms += sbom ? 1 : 0;
    result.provenances += provenance ? 1 : 0;
    // Attestations on some images of an index and not on others: something was lost on the way.
    if (!types.empty() && at == types.end())
      result.content.findings.push_back({image->digest,
                                         "index > " + (image->platform ? image->platform->str() : std::string("image")),
                                         "it has no attestation, although other images of the index have one"});
  }
  for (const auto& [digest, unused] : types) {
    const bool there = std::any_of(images.begin(), images.end(),
                                   [&](const oci::Descriptor* image) { return image->digest.str() == digest; });
    if (!there)
      result.content.findings.push_back(
          {result.root.digest, "index", "an attestation speaks about " + digest + ", which is not in the index"});
  }
  return {};
}

Result<void> check_root(oci::Store& store, Verification& result) {
  auto bytes = store.manifest(result.root.digest);
  if (!bytes || !oci::is_index(bytes->descriptor.media_type)) return {};
  const auto index = oci::Index::parse(bytes->bytes, "the index " + result.root.digest.str());
  if (!index) return {};  // validate() has told of it
  const auto key = index->annotations.find(std::string(oci::build_key_annotation));
  if (key != index->annotations.end()) result.build_key = key->second;
  if (auto checked = check_attestations(store, *index, result); !checked && result.content.findings.empty())
    return std::move(checked).error();
  return {};
}

Result<void> check_set(registry::Client& client, oci::Store& store, const Location& location, SetDemand demand,
                       Verification& result, const EventSink& events, const CancelToken& cancel) {
  if (demand == SetDemand::ignored) return {};
  SHIPSET_TRY(const SetSearch search, search_set(store, result.root, tag_named(location)));
  auto& findings = result.content.findings;
  findings.insert(findings.end(), search.findings.begin(), search.findings.end());
  if (!search.others.empty()) result.notes.push_back("also part of " + join(search.others, ", "));
  if (search.found) {
    SetVerifier verifier(client, location, *search.found, demand, result, events, cancel);
    return verifier.run();
  }
  if (!search.findings.empty()) return {};
  const std::string none = "no set manifest refers to it";
  if (demand == SetDemand::required)
    findings.push_back({result.root.digest, "set manifest", none});
  else
    result.notes.push_back(none + ": it was verified alone");
  return {};
}

}  // namespace

Result<Verification> verify(const Location& location, const registry::ClientOptions& client_options,
                            const EventSink& events, const CancelToken& cancel, SetDemand demand) {
  registry::ClientOptions noting = client_options;
  if (!noting.notes) noting.notes = events;
  registry::Client client(std::move(noting));
  SHIPSET_TRY(const auto store, registry::open_store(location, client, registry::Access::read, cancel));
  Verification result;
  SHIPSET_TRY(result.root, registry::resolve(*store, location));
  SHIPSET_TRY(result.content, oci::validate(*store, result.root, events, cancel));
  SHIPSET_CHECK(check_root(*store, result));
  SHIPSET_CHECK(check_set(client, *store, location, demand, result, events, cancel));
  return result;
}

namespace {

void write_set(JsonWriter& out, const std::optional<VerifiedSet>& set) {
  out.key("set");
  if (!set) {
    out.null();
    return;
  }
  out.begin_object().member("digest", set->document.digest.str()).member("name", set->name);
  out.member("version", set->version).member("generation", set->generation).member("repository", set->repository);
  out.member("variants", set->variants).member("tags", set->tags).member("whole", set->whole);
  out.key("not_looked_at").begin_array();
  for (const auto& repository : set->not_looked_at) out.value(repository);
  out.end_array().end_object();
}

}  // namespace

std::string Verification::to_json() const {
  JsonWriter out;
  out.begin_object().member("ok", ok()).member("digest", root.digest.str()).member("media_type", root.media_type);
  out.member("build_key", build_key).member("images", images).member("sboms", sboms);
  out.member("provenances", provenances).member("indexes", content.indexes).member("manifests", content.manifests);
  out.member("layers", content.layers).member("attestations", content.attestations).member("bytes", content.bytes);
  out.key("findings").begin_array();
  for (const auto& finding : content.findings)
    out.begin_object()
        .member("digest", finding.digest.str())
        .member("place", finding.place)
        .member("message", finding.message)
        .end_object();
  out.end_array().key("notes").begin_array();
  for (const auto& note : notes) out.value(note);
  out.end_array();
  write_set(out, set);
  out.end_object();
  return out.take();
}

}  // namespace shipset::release
