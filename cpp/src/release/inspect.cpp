// `inspect`: what a location holds, as JSON, read from manifests and configs only.
#include <algorithm>

#include "set_store.hpp"
#include "shipset/attest/statement.hpp"
#include "shipset/base/json.hpp"
#include "shipset/release/content.hpp"

namespace shipset::release {

namespace {

void write_annotations(JsonWriter& out, std::string_view key, const oci::Annotations& annotations) {
  out.key(key).begin_object();
  for (const auto& [name, value] : annotations) out.member(name, value);
  out.end_object();
}

void write_texts(JsonWriter& out, std::string_view key, const std::vector<std::string>& texts) {
  out.key(key).begin_array();
  for (const auto& text : texts) out.value(text);
  out.end_array();
}

void write_head(JsonWriter& out, const oci::Descriptor& descriptor) {
  out.member("media_type", descriptor.media_type).member("digest", descriptor.digest.str());
  out.member("size_bytes", descriptor.size);
}

class Inspector {
 public:
  Inspector(oci::Store& store, const CancelToken& cancel) : store_(store), cancel_(cancel) {}

  Result<std::string> describe(const oci::Descriptor& root) {
    out_.begin_object().member("name", store_.name());
    SHIPSET_CHECK(node(root));
    if (oci::is_index(root.media_type)) SHIPSET_CHECK(sets(root));
    out_.end_object();
    return out_.take();
  }

  Result<std::string> list() {
    SHIPSET_TRY(const auto tags, store_.tags());
    out_.begin_object().member("name", store_.name()).key("tags").begin_array();
    for (const auto& tag : tags) {
      SHIPSET_CHECK(cancel_.check());
      SHIPSET_TRY(const auto at, store_.resolve(tag));
      if (!at) continue;
      out_.begin_object().member("tag", tag);
      write_head(out_, *at);
      out_.end_object();
    }
    out_.end_array().end_object();
    return out_.take();
  }

 private:
  Result<void> node(const oci::Descriptor& descriptor) {
    SHIPSET_CHECK(cancel_.check());
    SHIPSET_TRY(const oci::ManifestBytes bytes, store_.manifest(descriptor.digest));
    write_head(out_, bytes.descriptor);
    if (oci::is_index(bytes.descriptor.media_type)) return index(bytes);
    return image(bytes);
  }

  Result<void> index(const oci::ManifestBytes& bytes) {
    SHIPSET_TRY(const oci::Index index, oci::Index::parse(bytes.bytes, "the index " + bytes.descriptor.digest.str()));
    if (++depth_ > 4) return Error(ErrorKind::verify, "indexes are nested deeper than 4 levels");
    write_annotations(out_, "annotations", index.annotations);
    out_.key("manifests").begin_array();
    for (const auto& entry : index.manifests) {
      if (oci::is_attestation(entry)) continue;
      out_.begin_object();
      if (entry.platform) out_.member("platform", entry.platform->str());
      SHIPSET_CHECK(node(entry));
      SHIPSET_CHECK(attestations(index, entry));
      out_.end_object();
    }
    out_.end_array();
    --depth_;
    return {};
  }

  /// Set manifests that refer to the index. Where the registry does not tell, the rest is shown all the same.
  Result<void> sets(const oci::Descriptor& root) {
    const auto notes = find_sets(store_, root.digest);
    SHIPSET_CHECK(cancel_.check());
    out_.key("sets").begin_array();
    for (const auto& note : notes ? *notes : std::vector<SetNote>()) {
      out_.begin_object().member("name", note.name).member("version", note.version);
      out_.member("generation", note.generation).member("digest", note.artifact.digest.str());
      out_.member("document", note.document.str()).end_object();
    }
    out_.end_array();
    return {};
  }

  /// The document, when the manifest is one of a set; one that does not hold is left to verify.
  Result<void> set_document(const oci::ManifestBytes& bytes, const oci::Manifest& manifest) {
    if (manifest.layers.size() != 1 || manifest.layers.front().media_type != set_media_type) return {};
    const auto content = read_set(store_, bytes.descriptor, {});
    SHIPSET_CHECK(cancel_.check());
    if (content) out_.key("set").raw(content->set.to_bytes());
    return {};
  }

  Result<void> attestations(const oci::Index& index, const oci::Descriptor& image) {
    out_.key("attestations").begin_array();
    for (const auto& entry : index.manifests) {
      const auto about = entry.annotations.find(std::string(oci::reference_digest_key));
      if (!oci::is_attestation(entry) || about == entry.annotations.end() || about->second != image.digest.str())
        continue;
      SHIPSET_TRY(const oci::ManifestBytes bytes, store_.manifest(entry.digest));
      SHIPSET_TRY(const oci::Manifest manifest, oci::Manifest::parse(bytes.bytes, "the attestation manifest"));
      for (const auto& layer : manifest.layers) {
        const auto type = layer.annotations.find("in-toto.io/predicate-type");
        out_.begin_object().member("predicate_type", type == layer.annotations.end() ? "" : type->second);
        write_head(out_, layer);
        out_.end_object();
      }
    }
    out_.end_array();
    return {};
  }

  Result<void> image(const oci::ManifestBytes& bytes) {
    SHIPSET_TRY(const oci::Manifest manifest,
                oci::Manifest::parse(bytes.bytes, "the manifest " + bytes.descriptor.digest.str()));
    if (!manifest.artifact_type.empty()) out_.member("artifact_type", manifest.artifact_type);
    if (manifest.subject) out_.member("subject", manifest.subject->digest.str());
    SHIPSET_CHECK(set_document(bytes, manifest));
    write_annotations(out_, "annotations", manifest.annotations);
    out_.key("layers").begin_array();
    std::uint64_t sum = 0;
    for (const auto& layer : manifest.layers) {
      out_.begin_object();
      write_head(out_, layer);
      out_.end_object();
      sum += layer.size;
    }
    out_.end_array().member("layers_size_bytes", sum);
    const auto& type = manifest.config.media_type;
    if (type != oci::media_type::config && type != oci::media_type::docker_config) return {};
    return config(manifest.config);
  }

  Result<void> config(const oci::Descriptor& descriptor) {
    const std::string object = "the config " + descriptor.digest.str();
    if (descriptor.size > oci::max_manifest_bytes) return Error(ErrorKind::verify, object + " is too large");
    SHIPSET_TRY(const auto source, store_.blob(descriptor));
    SHIPSET_TRY(const auto reader, source->open());
    SHIPSET_TRY(const std::string text, read_all(*reader, oci::max_manifest_bytes, object));
    SHIPSET_TRY(const oci::ImageConfig config, oci::ImageConfig::parse(text, object));
    out_.key("config").begin_object();
    write_head(out_, descriptor);
    out_.member("platform", config.platform.str()).member("created", config.created);
    write_texts(out_, "entrypoint", config.config.entrypoint);
    write_texts(out_, "cmd", config.config.cmd);
    write_texts(out_, "env", config.config.env);
    out_.member("user", config.config.user).member("working_dir", config.config.working_dir);
    write_texts(out_, "exposed_ports", config.config.exposed_ports);
    write_texts(out_, "volumes", config.config.volumes);
    write_annotations(out_, "labels", config.config.labels);
    out_.end_object();
    return {};
  }

  oci::Store& store_;
  CancelToken cancel_;
  JsonWriter out_;
  int depth_ = 0;
};

}  // namespace

Result<std::string> inspect_json(const Location& location, const registry::ClientOptions& client_options,
                                 const CancelToken& cancel) {
  registry::Client client(client_options);
  SHIPSET_TRY(const auto store, registry::open_store(location, client, registry::Access::pull, cancel));
  Inspector inspector(*store, cancel);
  const bool named = location.kind == Location::Kind::registry
                         ? !location.reference.tag().empty() || !location.reference.digest().empty()
                         : !location.tag.empty() || !location.digest.empty();
  if (!named && location.kind != Location::Kind::docker_archive) return inspector.list();
  SHIPSET_TRY(const oci::Descriptor root, registry::resolve(*store, location));
  return inspector.describe(root);
}

}  // namespace shipset::release
