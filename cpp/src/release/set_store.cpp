#include "set_store.hpp"

#include <algorithm>
#include <charconv>

#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

constexpr std::string_view title_key = "org.opencontainers.image.title";

std::string text_at(const oci::Annotations& annotations, std::string_view key) {
  const auto at = annotations.find(std::string(key));
  return at == annotations.end() ? std::string() : at->second;
}

/// Config of the legacy form: an image of no platform, as attestations have it there.
std::string legacy_config(const oci::Descriptor& layer) {
  JsonWriter out;
  out.begin_object().member("architecture", "unknown").member("os", "unknown");
  out.key("config").begin_object().end_object();
  out.key("rootfs").begin_object().member("type", "layers").key("diff_ids").begin_array();
  out.value(layer.digest.str()).end_array().end_object().end_object();
  return out.take();
}

oci::Descriptor plain(const oci::Descriptor& descriptor) {
  oci::Descriptor out;
  out.media_type = descriptor.media_type;
  out.digest = descriptor.digest;
  out.size = descriptor.size;
  return out;
}

Error broken(const oci::Descriptor& artifact, std::string why) {
  return Error(ErrorKind::verify, "the set manifest " + artifact.digest.str() + " does not hold", std::move(why))
      .with("digest", artifact.digest.str());
}

/// The tag that lists referrers of a digest where the registry does not (distribution-spec "Referrers Tag Schema").
std::string list_tag(const Digest& subject) {
  return std::string(subject.algorithm()) + "-" + std::string(subject.encoded().substr(0, 64));
}

/// Set manifests of this name and version on one index.
Result<std::vector<SetNote>> ours(oci::Store& store, const Digest& index, const std::string& name,
                                  const std::string& version, const Digest& document) {
  SHIPSET_TRY(auto notes, find_sets(store, index));
  std::erase_if(notes, [&](const SetNote& note) {
    return note.name != name || note.version != version || (!document.empty() && note.document != document);
  });
  return notes;
}

/// Whether the set's own tag holds a set manifest of this name and version.
Result<bool> holds_tag(oci::Store& store, const std::string& name, const std::string& version, const Digest& document) {
  const std::string tag = set_tag_of(version);
  if (!check_tag(tag)) return false;
  SHIPSET_TRY(const auto at, store.resolve(tag));
  if (!at) return false;
  SHIPSET_TRY(const auto note, tagged_set(store, *at));
  return note && note->name == name && note->version == version && (document.empty() || note->document == document);
}

/// A list of referrers that we wrote and that lists nothing any more. True: it is gone, or others need it.
Result<bool> remove_empty_list(oci::Store& store, const Digest& index) {
  const std::string tag = list_tag(index);
  if (!check_tag(tag)) return true;
  SHIPSET_TRY(const auto at, store.resolve(tag));
  if (!at || at->media_type != oci::media_type::index) return true;
  SHIPSET_TRY(const auto bytes, store.manifest(at->digest));
  const auto list = oci::Index::parse(bytes.bytes, "the list of referrers under the tag " + tag);
  if (!list || !list->manifests.empty()) return true;
  return store.remove_tag(tag);
}

}  // namespace

std::string set_tag_of(const std::string& version) {
  return version + std::string(set_tag_suffix);
}

std::optional<SetNote> set_note(const oci::Descriptor& artifact) {
  const auto digest = Digest::parse(text_at(artifact.annotations, set_digest_key));
  if (!digest) return std::nullopt;
  SetNote out;
  out.artifact = artifact;
  out.document = *digest;
  out.name = text_at(artifact.annotations, set_name_key);
  out.version = text_at(artifact.annotations, set_version_key);
  const std::string number = text_at(artifact.annotations, set_generation_key);
  const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), out.generation);
  // A number that cannot be read, or is too large to be followed by another one, counts as none.
  if (code != std::errc() || end != number.data() + number.size() || out.generation > (1ull << 53)) out.generation = 0;
  return out;
}

Result<std::vector<SetNote>> find_sets(oci::Store& store, const Digest& index) {
  // Not asked for by type: in the legacy form it is another one.
  SHIPSET_TRY(const auto referrers, store.referrers(index, {}));
  std::vector<SetNote> out;
  for (const auto& one : referrers)
    if (auto note = set_note(one)) out.push_back(std::move(*note));
  std::sort(out.begin(), out.end(), [](const SetNote& a, const SetNote& b) {
    return std::tie(a.name, a.version, b.generation, a.artifact.digest) <
           std::tie(b.name, b.version, a.generation, b.artifact.digest);
  });
  return out;
}

Result<std::optional<SetNote>> tagged_set(oci::Store& store, const oci::Descriptor& at) {
  SHIPSET_TRY(const auto bytes, store.manifest(at.digest));
  const auto manifest = oci::Manifest::parse(bytes.bytes, "the manifest " + at.digest.str());
  const bool ours = manifest && manifest->layers.size() == 1 && manifest->layers.front().media_type == set_media_type;
  if (!ours) return std::optional<SetNote>();
  oci::Descriptor described = bytes.descriptor;
  described.annotations = manifest->annotations;
  return set_note(described);
}

SetDocument make_set_document(SetManifest set) {
  SetDocument out;
  out.set = std::move(set);
  out.bytes = out.set.to_bytes();
  out.descriptor = oci::describe(set_media_type, out.bytes);
  return out;
}

SetArtifact set_artifact(const SetDocument& document, const oci::Descriptor* subject, bool legacy) {
  SetArtifact out;
  oci::Manifest manifest;
  oci::Descriptor layer = document.descriptor;
  layer.annotations.emplace(title_key, "set.json");
  manifest.layers.push_back(layer);
  if (legacy) {
    out.config_bytes = legacy_config(layer);
    manifest.config = oci::describe(oci::media_type::config, out.config_bytes);
  } else {
    out.config_bytes = "{}";
    manifest.artifact_type = set_artifact_type;
    manifest.config = oci::empty_descriptor();
  }
  out.config = manifest.config;
  if (subject != nullptr) manifest.subject = plain(*subject);
  manifest.annotations.emplace(set_name_key, document.set.name);
  manifest.annotations.emplace(set_version_key, document.set.version);
  manifest.annotations.emplace(set_digest_key, document.descriptor.digest.str());
  manifest.annotations.emplace(set_generation_key, std::to_string(document.generation));
  out.bytes = manifest.to_bytes();
  out.descriptor = oci::describe(manifest.media_type, out.bytes);
  out.descriptor.artifact_type = manifest.artifact_type;
  out.descriptor.annotations = manifest.annotations;
  return out;
}

Result<SetContent> read_set(oci::Store& store, const oci::Descriptor& artifact, const Digest& subject) {
  SHIPSET_TRY(const oci::ManifestBytes bytes, store.manifest(artifact.digest));
  const std::string object = "the set manifest " + artifact.digest.str();
  SHIPSET_TRY(const oci::Manifest manifest, oci::Manifest::parse(bytes.bytes, object));
  if (manifest.layers.size() != 1 || manifest.layers.front().media_type != set_media_type)
    return broken(artifact, "its layers are not one document of a set");
  if (!subject.empty() && (!manifest.subject || manifest.subject->digest != subject))
    return broken(artifact, "its subject is " + (manifest.subject ? manifest.subject->digest.str() : "missing") +
                                ", not " + subject.str());
  SetContent out;
  out.document = plain(manifest.layers.front());
  if (text_at(manifest.annotations, set_digest_key) != out.document.digest.str())
    return broken(artifact, "its annotation names another document than its layer");
  if (out.document.size > max_set_bytes)
    return broken(artifact, "its document has " + std::to_string(out.document.size) + " bytes; at most " +
                                std::to_string(max_set_bytes) + " are read");
  SHIPSET_TRY(const auto source, store.blob(out.document));
  SHIPSET_TRY(const auto reader, source->open());
  const std::string what = "the document " + out.document.digest.str();
  SHIPSET_TRY(const std::string text, read_all(*reader, max_set_bytes, what));
  // Stores verify what they read; a document that decides about others is not left to that alone.
  if (text.size() != out.document.size || !out.document.digest.computable() || [&] {
        Hasher hasher(out.document.digest.algorithm());
        hasher.update(text);
        return hasher.finish();
      }() != out.document.digest)
    return broken(artifact, "the bytes of its document have another digest or size");
  SHIPSET_TRY(out.set, SetManifest::parse(text, what));
  out.bytes = bytes.bytes.size() + text.size();
  if (out.set.name != text_at(manifest.annotations, set_name_key) ||
      out.set.version != text_at(manifest.annotations, set_version_key))
    return broken(artifact, "it is annotated as another release than its document is of");
  const bool listed = subject.empty() || std::any_of(out.set.variants.begin(), out.set.variants.end(),
                                                     [&](const auto& one) { return one.index.digest == subject; });
  if (!listed) return broken(artifact, "its document is of another set: it does not list " + subject.str());
  return out;
}

Result<std::vector<std::string>> list_set(const std::vector<SetPlace>& places, const std::string& name,
                                          const std::string& version, const Digest& document) {
  std::vector<std::string> out;
  for (const auto& place : places) {
    for (const auto& index : place.indexes) {
      SHIPSET_TRY(const auto notes, ours(*place.store, index.digest, name, version, document));
      for (const auto& note : notes) out.push_back(place.store->name() + "@" + note.artifact.digest.str());
    }
    SHIPSET_TRY(const bool tagged, holds_tag(*place.store, name, version, document));
    if (tagged) out.push_back(place.store->name() + ":" + set_tag_of(version));
  }
  return out;
}

Result<std::vector<std::string>> remove_set(const std::vector<SetPlace>& places, const std::string& name,
                                            const std::string& version, const Digest& document) {
  std::vector<std::string> left;
  for (const auto& place : places) {
    SHIPSET_TRY(const bool tagged, holds_tag(*place.store, name, version, document));
    if (tagged) {
      SHIPSET_TRY(const bool gone, place.store->remove_tag(set_tag_of(version)));
      if (!gone) left.push_back(place.store->name() + ":" + set_tag_of(version));
    }
    for (const auto& index : place.indexes) {
      SHIPSET_TRY(const auto notes, ours(*place.store, index.digest, name, version, document));
      bool all = true;
      for (const auto& note : notes) {
        SHIPSET_TRY(const bool gone, place.store->remove_manifest(note.artifact));
        if (!gone) left.push_back(place.store->name() + "@" + note.artifact.digest.str());
        all = all && gone;
      }
      if (notes.empty() || !all) continue;
      SHIPSET_TRY(const bool cleared, remove_empty_list(*place.store, index.digest));
      if (!cleared) left.push_back(place.store->name() + ":" + list_tag(index.digest));
    }
  }
  return left;
}

}  // namespace shipset::release
