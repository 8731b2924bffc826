// SBOMs of images: what an attestation says, else what the layers hold.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "image_content.hpp"
#include "shipset/attest/spdx.hpp"
#include "shipset/attest/statement.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

constexpr JsonLimits statement_limits{40u << 20, 64, 10'000'000};

/// The predicate of a statement about the image, in the order in which it was written.
Result<std::string> predicate_of(const std::string& bytes, const Digest& image) {
  const std::string object = "the SBOM of " + image.str();
  SHIPSET_TRY(const Json statement, parse_json(bytes, object, ErrorKind::verify, statement_limits));
  if (!statement.is_object() || !statement.contains("predicate") || !statement["predicate"].is_object())
    return Error(ErrorKind::verify, object + " cannot be read", "its statement has no predicate");
  const auto ordered = nlohmann::ordered_json::parse(bytes, nullptr, false);
  return ordered["predicate"].dump();
}

Result<std::optional<std::string>> find_in(oci::Store& store, const oci::Descriptor& manifest, const Digest& image) {
  SHIPSET_TRY(const auto statements, attest::read_statements(store, manifest));
  for (const auto& statement : statements)
    if (statement.predicate_type == attest::predicate::spdx) {
      SHIPSET_TRY(auto document, predicate_of(statement.bytes, image));
      return std::optional(std::move(document));
    }
  return std::optional<std::string>();
}

const Json& child(const Json& json, const char* key) {
  static const Json nothing;
  const auto at = json.is_object() ? json.find(key) : json.end();
  return at == json.end() ? nothing : *at;
}

std::string text_at(const Json& json, const char* key) {
  const auto& value = child(json, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::string purl_of(const Json& package) {
  for (const auto& reference : child(package, "externalRefs"))
    if (text_at(reference, "referenceType") == "purl") return text_at(reference, "referenceLocator");
  return {};
}

/// A purl without version and qualifiers; the distribution is one of these.
std::string unversioned(const std::string& purl) {
  return purl.substr(0, purl.find_first_of("@?#"));
}

}  // namespace

Result<Sbom> sbom_of(oci::Store& store, const ImageContent& image, const std::string& name, const EventSink& events,
                     const CancelToken& cancel) {
  Sbom out{image.platform, image.descriptor.digest, {}, {}};
  for (const auto& manifest : image.attestations) {
    SHIPSET_TRY(auto document, find_in(store, manifest, out.image));
    if (!document) continue;
    out.source = "attestation";
    out.document = std::move(*document);
    return out;
  }
  auto referrers = store.referrers(out.image, oci::media_type::in_toto);
  if (!referrers && referrers.error().kind == ErrorKind::cancelled) return std::move(referrers).error();
  if (!referrers)
    emit(events, {EventKind::warning,
                  "sbom",
                  store.name(),
                  "whether other SBOMs refer to " + out.image.str() + " is not known: " + referrers.error().what,
                  0,
                  0,
                  {}});
  for (const auto& manifest : referrers ? *referrers : std::vector<oci::Descriptor>()) {
    SHIPSET_TRY(auto document, find_in(store, manifest, out.image));
    if (!document) continue;
    out.source = "referrer";
    out.document = std::move(*document);
    return out;
  }
  attest::CatalogueOptions options;
  options.cancel = cancel;
  emit(events,
       {EventKind::note, "sbom", store.name() + " " + image.platform, "it has no SBOM: its layers are read", 0, 0, {}});
  SHIPSET_TRY(const attest::Catalogue catalogue, attest::catalogue_image(store, image.descriptor, options));
  attest::SpdxOptions document;
  document.name = name + " (" + image.platform + ")";
  document.image = image.descriptor;
  document.platform = image.platform;
  document.tool_version = SHIPSET_VERSION;
  out.source = "layers";
  out.document = attest::spdx_document(catalogue, document);
  return out;
}

Result<std::map<std::string, PackageVersions>> packages_of(const Sbom& sbom) {
  SHIPSET_TRY(const Json document,
              parse_json(sbom.document, "the SBOM of " + sbom.image.str(), ErrorKind::verify, statement_limits));
  std::set<std::string> described;
  for (const auto& relation : child(document, "relationships"))
    if (text_at(relation, "relationshipType") == "DESCRIBES") described.insert(text_at(relation, "relatedSpdxElement"));
  for (const auto& id : child(document, "documentDescribes"))
    if (id.is_string()) described.insert(id.get<std::string>());
  std::map<std::string, PackageVersions> out;
  for (const auto& package : child(document, "packages")) {
    const std::string name = text_at(package, "name"), purl = purl_of(package);
    // The image itself; a document that describes nothing but its packages keeps them.
    const bool is_image = purl.starts_with("pkg:oci/") || purl.starts_with("pkg:docker/") ||
                          text_at(package, "primaryPackagePurpose") == "CONTAINER" ||
                          (purl.empty() && described.contains(text_at(package, "SPDXID")));
    if (is_image || name.empty()) continue;
    auto& known = out[purl.empty() ? name : unversioned(purl)];
    known.name = name;
    known.versions.insert(text_at(package, "versionInfo"));
  }
  return out;
}

Result<std::vector<Sbom>> sboms(const Location& location, const std::string& platform,
                                const registry::ClientOptions& client_options, const EventSink& events,
                                const CancelToken& cancel) {
  registry::ClientOptions noting = client_options;
  if (!noting.notes) noting.notes = events;
  registry::Client client(std::move(noting));
  SHIPSET_TRY(const auto store, registry::open_store(location, client, registry::Access::pull, cancel));
  SHIPSET_TRY(const oci::Descriptor root, registry::resolve(*store, location));
  SHIPSET_TRY(const auto images, images_below(*store, root, platform, cancel));
  if (images.empty())
    return Error(ErrorKind::usage, location.str() + " holds no image", "it is " + printable(root.media_type, 100));
  const std::string name =
      location.kind == Location::Kind::registry ? location.reference.familiar_name() : store->name();
  std::vector<Sbom> out;
  for (const auto& image : images) {
    SHIPSET_TRY(out.emplace_back(), sbom_of(*store, image, name, events, cancel));
  }
  return out;
}

}  // namespace shipset::release
