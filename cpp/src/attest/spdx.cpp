#include "shipset/attest/spdx.hpp"

#include <fmt/format.h>

#include <map>

#include "license_impl.hpp"
#include "shipset/attest/purl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset::attest {

namespace {

constexpr std::string_view document_id = "SPDXRef-DOCUMENT";
constexpr std::string_view root_id = "SPDXRef-Image";
constexpr std::string_view unknown = "NOASSERTION";

std::string_view or_unknown(std::string_view text) {
  return text.empty() ? unknown : text;
}

/// Stable and unique: readable part for people, hash of the purl (unique in a catalogue) for identity.
std::string element_id(const Package& package) {
  std::string name;
  for (const char c : package.name.substr(0, 64)) {
    const bool allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    name += allowed ? c : '-';
  }
  const Digest hash = Digest::of(std::string_view(package.purl));
  return fmt::format("SPDXRef-Package-{}-{}-{}", package.ecosystem, name, hash.encoded().substr(0, 16));
}

void write_purl(JsonWriter& out, std::string_view purl) {
  out.key("externalRefs").begin_array().begin_object();
  out.member("referenceCategory", "PACKAGE-MANAGER").member("referenceType", "purl");
  out.member("referenceLocator", purl).end_object().end_array();
}

/// Members that every package has, up to the licences.
void begin_package(JsonWriter& out, std::string_view id, std::string_view name, std::string_view version,
                   std::string_view supplier) {
  out.begin_object().member("SPDXID", id).member("name", name).member("versionInfo", version);
  out.member("supplier", or_unknown(supplier)).member("downloadLocation", unknown).member("filesAnalyzed", false);
}

void write_licenses(JsonWriter& out, std::string_view declared) {
  out.member("licenseConcluded", unknown).member("licenseDeclared", or_unknown(declared));
  out.member("copyrightText", unknown);
}

void write_root(JsonWriter& out, const SpdxOptions& options) {
  const auto repository =
      options.repository.empty() ? options.name.substr(0, options.name.find(' ')) : options.repository;
  const auto parts = split(options.platform, '/');
  begin_package(out, root_id, or_unknown(options.name), or_unknown(options.image.digest.str()), {});
  write_licenses(out, {});
  out.member("primaryPackagePurpose", "CONTAINER");
  if (options.image.digest.algorithm() == "sha256") {
    out.key("checksums").begin_array().begin_object().member("algorithm", "SHA256");
    out.member("checksumValue", options.image.digest.encoded()).end_object().end_array();
  }
  write_purl(out, oci_purl(repository.empty() ? "image" : repository, options.image.digest.str(),
                           parts.size() > 1 ? parts[1] : std::string{}));
  out.end_object();
}

void write_package(JsonWriter& out, const Package& package, std::string_view id) {
  begin_package(out, id, package.name, package.version, package.supplier);
  if (!package.found_in.empty())
    out.member("sourceInfo", fmt::format("found in /{} of layer {}", printable(package.found_in), package.layer.str()));
  write_licenses(out, canonical_license(package.license));
  write_purl(out, package.purl);
  out.end_object();
}

void write_relationship(JsonWriter& out, std::string_view from, std::string_view type, std::string_view to) {
  out.begin_object().member("spdxElementId", from).member("relationshipType", type);
  out.member("relatedSpdxElement", to).end_object();
}

void write_relationships(JsonWriter& out, const Catalogue& catalogue,
                         const std::map<std::string_view, std::string>& ids) {
  out.key("relationships").begin_array();
  write_relationship(out, document_id, "DESCRIBES", root_id);
  for (const auto& package : catalogue.packages) write_relationship(out, root_id, "CONTAINS", ids.at(package.purl));
  for (const auto& package : catalogue.packages)
    for (const auto& need : package.depends_on)
      if (const auto at = ids.find(need); at != ids.end())
        write_relationship(out, ids.at(package.purl), "DEPENDS_ON", at->second);
  out.end_array();
}

std::string comment_of(const Catalogue& catalogue) {
  if (catalogue.notes.empty()) return {};
  return (catalogue.complete ? "Notes: " : "Incomplete: ") + join(catalogue.notes, "; ");
}

}  // namespace

std::string spdx_document(const Catalogue& catalogue, const SpdxOptions& options) {
  std::map<std::string_view, std::string> ids;
  for (const auto& package : catalogue.packages) ids.emplace(package.purl, element_id(package));

  JsonWriter out;
  out.begin_object().member("spdxVersion", "SPDX-2.3").member("dataLicense", "CC0-1.0").member("SPDXID", document_id);
  out.member("name", or_unknown(options.name));
  out.member("documentNamespace", fmt::format("https://spdx.org/spdxdocs/shipset-{}", options.image.digest.encoded()));
  if (const auto comment = comment_of(catalogue); !comment.empty()) out.member("comment", comment);
  out.key("creationInfo").begin_object().member("created", rfc3339(options.created_unix_s));
  out.key("creators").begin_array();
  out.value(options.tool_version.empty() ? "Tool: shipset" : "Tool: shipset-" + options.tool_version);
  out.end_array().end_object();
  out.key("packages").begin_array();
  write_root(out, options);
  for (const auto& package : catalogue.packages) write_package(out, package, ids.at(package.purl));
  out.end_array();
  write_relationships(out, catalogue, ids);
  out.end_object();
  return out.take();
}

}  // namespace shipset::attest
