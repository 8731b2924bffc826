#include "image_content.hpp"

#include <algorithm>

#include "shipset/attest/statement.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

constexpr int most_levels = 4;
constexpr std::size_t most_images = 1000;

bool is_image(const oci::Manifest& manifest) {
  return manifest.config.media_type == oci::media_type::config ||
         manifest.config.media_type == oci::media_type::docker_config;
}

class Walk {
 public:
  Walk(oci::Store& store, const CancelToken& cancel) : store_(store), cancel_(cancel) {}

  Result<void> visit(const oci::Descriptor& descriptor, int level) {
    SHIPSET_CHECK(cancel_.check());
    SHIPSET_TRY(const oci::ManifestBytes bytes, store_.manifest(descriptor.digest));
    if (oci::is_index(bytes.descriptor.media_type)) return index(bytes, level);
    const std::string object = "the manifest " + bytes.descriptor.digest.str();
    ImageContent image;
    SHIPSET_TRY(image.manifest, oci::Manifest::parse(bytes.bytes, object));
    if (!is_image(image.manifest)) return {};
    if (found.size() == most_images)
      return Error(ErrorKind::verify, store_.name() + " cannot be read as an image", "it has more than 1000 images");
    image.descriptor = bytes.descriptor;
    if (descriptor.platform) {
      image.platform = descriptor.platform->str();
    } else {
      SHIPSET_TRY(const oci::ImageConfig config, config_of(store_, image));
      image.platform = config.platform.str();
    }
    found.push_back(std::move(image));
    return {};
  }

  std::vector<ImageContent> found;

 private:
  Result<void> index(const oci::ManifestBytes& bytes, int level) {
    if (level == most_levels)
      return Error(ErrorKind::verify, store_.name() + " cannot be read as an image",
                   "indexes are nested deeper than 4 levels");
    SHIPSET_TRY(const oci::Index index, oci::Index::parse(bytes.bytes, "the index " + bytes.descriptor.digest.str()));
    for (const auto& entry : index.manifests)
      if (!oci::is_attestation(entry)) SHIPSET_CHECK(visit(entry, level + 1));
    for (const auto& entry : index.manifests) {
      const auto about = entry.annotations.find(std::string(oci::reference_digest_key));
      if (!oci::is_attestation(entry) || about == entry.annotations.end()) continue;
      for (auto& image : found)
        if (image.descriptor.digest.str() == about->second) image.attestations.push_back(entry);
    }
    return {};
  }

  oci::Store& store_;
  CancelToken cancel_;
};

}  // namespace

Result<oci::ImageConfig> config_of(oci::Store& store, const ImageContent& image) {
  const auto& descriptor = image.manifest.config;
  const std::string object = "the config " + descriptor.digest.str();
  if (descriptor.size > oci::max_manifest_bytes) return Error(ErrorKind::verify, object + " is too large");
  SHIPSET_TRY(const auto source, store.blob(descriptor));
  SHIPSET_TRY(const auto reader, source->open());
  SHIPSET_TRY(const std::string text, read_all(*reader, oci::max_manifest_bytes, object));
  return oci::ImageConfig::parse(text, object);
}

Result<std::vector<ImageContent>> images_below(oci::Store& store, const oci::Descriptor& root,
                                               const std::string& platform, const CancelToken& cancel) {
  Walk walk(store, cancel);
  SHIPSET_CHECK(walk.visit(root, 0));
  if (platform.empty()) return std::move(walk.found);
  SHIPSET_TRY(const Platform wanted, Platform::parse(platform));
  std::vector<ImageContent> out;
  std::vector<std::string> there;
  for (auto& image : walk.found) {
    there.push_back(image.platform);
    const auto parsed = Platform::parse(image.platform);
    if (parsed && wanted.matches(*parsed)) out.push_back(std::move(image));
  }
  if (!out.empty()) return out;
  return Error(ErrorKind::usage, store.name() + " has no image for " + printable(platform, 80), {},
               there.empty() ? "it holds no image" : "it has " + join(there, ", "));
}

bool names_one(const Location& location) {
  if (location.kind == Location::Kind::docker_archive) return true;
  return location.kind == Location::Kind::registry
             ? !location.reference.tag().empty() || !location.reference.digest().empty()
             : !location.tag.empty() || !location.digest.empty();
}

}  // namespace shipset::release
