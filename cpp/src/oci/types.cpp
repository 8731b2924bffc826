#include "shipset/oci/types.hpp"

#include "parse_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::oci {

using detail::Members;

bool is_index(std::string_view type) noexcept {
  return type == media_type::index || type == media_type::docker_list;
}

bool is_manifest(std::string_view type) noexcept {
  return type == media_type::manifest || type == media_type::docker_manifest;
}

namespace {

void write_map(JsonWriter& out, std::string_view name, const std::map<std::string, std::string>& map) {
  if (map.empty()) return;
  out.key(name).begin_object();
  for (const auto& [key, value] : map) out.member(key, value);
  out.end_object();
}

void write_descriptors(JsonWriter& out, std::string_view name, const std::vector<Descriptor>& descriptors) {
  out.key(name).begin_array();
  for (const auto& descriptor : descriptors) descriptor.write(out);
  out.end_array();
}

/// schemaVersion, mediaType and artifactType, which manifest and index share.
Result<void> read_head(const Members& members, bool (*right_type)(std::string_view) noexcept, std::string& media_type,
                       std::string& artifact_type) {
  const Json* version = members.find("schemaVersion");
  if (!version) return members.error("schemaVersion", "is missing");
  if (!version->is_number_integer() || version->get<std::int64_t>() != 2)
    return members.error("schemaVersion", "must be 2");
  SHIPSET_TRY(auto type, members.text("mediaType"));
  if (!type.empty()) {
    if (!right_type(type)) return members.error("mediaType", "\"" + printable(type, 120) + "\" does not fit here");
    media_type = std::move(type);
  }
  SHIPSET_TRY(artifact_type, members.text("artifactType"));
  return {};
}

Result<void> read_tail(const Members& members, std::optional<Descriptor>& subject, Annotations& annotations) {
  if (const Json* value = members.find("subject")) {
    SHIPSET_TRY(subject, detail::parse_descriptor(*value, members.document(), "subject"));
  }
  SHIPSET_TRY(annotations, members.text_map("annotations"));
  return {};
}

Result<std::vector<Descriptor>> read_descriptors(const Members& members, std::string_view name) {
  std::vector<Descriptor> out;
  if (!members.json().contains(name)) return members.error(name, "is missing");
  SHIPSET_TRY(const Json* list, members.array(name));
  if (!list) return out;
  out.reserve(list->size());
  for (const auto& entry : *list) {
    auto place = std::string(name) + "[" + std::to_string(out.size()) + "]";
    SHIPSET_TRY(auto descriptor, detail::parse_descriptor(entry, members.document(), std::move(place)));
    out.push_back(std::move(descriptor));
  }
  return out;
}

Result<Json> read_document(std::string_view bytes, std::string_view object) {
  return parse_json(bytes, object, ErrorKind::verify, {.bytes = max_manifest_bytes});
}

}  // namespace

void Descriptor::write(JsonWriter& out) const {
  out.begin_object().member("mediaType", media_type).member("digest", digest.str()).member("size", size);
  if (!urls.empty()) {
    out.key("urls").begin_array();
    for (const auto& url : urls) out.value(url);
    out.end_array();
  }
  write_map(out, "annotations", annotations);
  if (!data.empty()) out.member("data", base64_encode(data));
  if (platform) {
    out.key("platform").begin_object();
    detail::write_platform(out, *platform);
    out.end_object();
  }
  if (!artifact_type.empty()) out.member("artifactType", artifact_type);
  out.end_object();
}

Result<Manifest> Manifest::parse(std::string_view bytes, std::string_view object) {
  SHIPSET_TRY(auto json, read_document(bytes, object));
  SHIPSET_TRY(auto members, Members::of(json, object));
  Manifest out;
  SHIPSET_CHECK(read_head(members, is_manifest, out.media_type, out.artifact_type));
  // A document that reads as both kinds means different things to different readers.
  if (json.contains("manifests")) return members.error("manifests", "must not stand in an image manifest");
  const Json* config = members.find("config");
  if (!config) return members.error("config", "is missing");
  SHIPSET_TRY(out.config, detail::parse_descriptor(*config, object, "config"));
  SHIPSET_TRY(out.layers, read_descriptors(members, "layers"));
  SHIPSET_CHECK(read_tail(members, out.subject, out.annotations));
  return out;
}

std::string Manifest::to_bytes() const {
  JsonWriter out;
  out.begin_object().member("schemaVersion", 2).member("mediaType", media_type);
  if (!artifact_type.empty()) out.member("artifactType", artifact_type);
  out.key("config");
  config.write(out);
  write_descriptors(out, "layers", layers);
  if (subject) {
    out.key("subject");
    subject->write(out);
  }
  write_map(out, "annotations", annotations);
  return out.end_object().take();
}

Result<Index> Index::parse(std::string_view bytes, std::string_view object) {
  SHIPSET_TRY(auto json, read_document(bytes, object));
  return detail::parse_index(json, object);
}

Result<Index> detail::parse_index(const Json& json, std::string_view document) {
  SHIPSET_TRY(auto members, Members::of(json, document));
  Index out;
  SHIPSET_CHECK(read_head(members, is_index, out.media_type, out.artifact_type));
  for (std::string_view name : {"config", "layers"})
    if (json.contains(name)) return members.error(name, "must not stand in an image index");
  SHIPSET_TRY(out.manifests, read_descriptors(members, "manifests"));
  SHIPSET_CHECK(read_tail(members, out.subject, out.annotations));
  return out;
}

std::string Index::to_bytes() const {
  JsonWriter out;
  out.begin_object().member("schemaVersion", 2).member("mediaType", media_type);
  if (!artifact_type.empty()) out.member("artifactType", artifact_type);
  write_descriptors(out, "manifests", manifests);
  if (subject) {
    out.key("subject");
    subject->write(out);
  }
  write_map(out, "annotations", annotations);
  return out.end_object().take();
}

Descriptor describe(std::string_view media_type, std::string_view bytes) {
  Descriptor out;
  out.media_type = media_type;
  out.digest = Digest::of(bytes);
  out.size = bytes.size();
  return out;
}

Descriptor empty_descriptor() {
  Descriptor out = describe(media_type::empty, "{}");
  out.data = "{}";
  return out;
}

bool is_attestation(const Descriptor& descriptor) {
  auto it = descriptor.annotations.find(std::string(reference_type_key));
  return it != descriptor.annotations.end() && it->second == "attestation-manifest";
}

Result<std::vector<Descriptor>> children(std::string_view media_type, std::string_view bytes, std::string_view object) {
  if (is_index(media_type)) {
    SHIPSET_TRY(auto index, Index::parse(bytes, object));
    return std::move(index.manifests);
  }
  if (!is_manifest(media_type))
    return detail::document_error(object, {}, "\"" + printable(media_type, 120) + "\" is neither manifest nor index");
  SHIPSET_TRY(auto manifest, Manifest::parse(bytes, object));
  std::vector<Descriptor> out;
  out.reserve(manifest.layers.size() + 1);
  out.push_back(std::move(manifest.config));
  for (auto& layer : manifest.layers) out.push_back(std::move(layer));
  return out;
}

}  // namespace shipset::oci
