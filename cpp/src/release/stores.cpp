#include "stores.hpp"

#include "shipset/base/text.hpp"

namespace shipset::release {

namespace fs = std::filesystem;

Result<oci::Store*> Stores::look(const Target& target) {
  if (target.location.kind == Location::Kind::layout) {
    std::error_code ignored;
    const fs::path marker = fs::path(target.location.path) / "oci-layout";
    if (!fs::exists(marker, ignored)) {
      const fs::path path = target.location.path;
      if (fs::exists(path, ignored) && !(fs::is_directory(path, ignored) && fs::is_empty(path, ignored)) &&
          !fs::exists(path / ".shipset.lock", ignored))
        return Error(ErrorKind::io, "cannot use " + target.name(), "the path exists and is not an OCI layout",
                     "choose an empty or new directory");
      return nullptr;
    }
  }
  return open_location(target.location);
}

Result<oci::Store*> Stores::open_location(const Location& location) {
  Location place = location;
  place.tag.clear();
  place.digest = {};
  const std::string key = place.str();
  const std::lock_guard lock(mutex_);
  auto& slot = reading_[key];
  if (!slot) {
    SHIPSET_TRY(slot, registry::open_store(place, client_, registry::Access::read));
  }
  return slot.get();
}

Result<oci::Store*> Stores::write(const Target& target, const CancelToken& cancel) {
  SHIPSET_CHECK(cancel.check());
  const std::lock_guard lock(mutex_);
  auto& slot = writing_[target.name()];
  if (slot) return slot.get();
  if (target.location.kind == Location::Kind::layout) {
    oci::LayoutOptions options;
    options.create = true;
    options.read_only = false;
    options.exclusive = true;
    SHIPSET_TRY(slot, oci::LayoutStore::open(target.location.path, options));
  } else {
    SHIPSET_TRY(slot, registry::open_store(target.location, client_, registry::Access::write));
  }
  return slot.get();
}

Result<Location> Stores::locate(const std::string& reference, const std::string& directory) {
  SHIPSET_TRY(Location location, Location::parse(reference));
  if (location.kind != Location::Kind::registry && fs::path(location.path).is_relative())
    location.path = (fs::path(directory) / location.path).lexically_normal().string();
  return location;
}

Result<oci::Store*> Stores::open(const std::string& reference, const std::string& directory) {
  SHIPSET_TRY(const Location location, locate(reference, directory));
  return open_location(location);
}

namespace {

std::string platforms_of(const oci::Index& index) {
  std::vector<std::string> names;
  for (const auto& entry : index.manifests)
    if (entry.platform && !entry.platform->unknown()) names.push_back(entry.platform->str());
  return join(names, ", ");
}

Error no_platform(const std::string& reference, const Platform& platform, const std::string& there) {
  return Error(ErrorKind::spec, "the base image " + reference + " has no " + platform.str(),
               there.empty() ? "it names no platform at all" : "it has " + there,
               "take " + platform.str() + " off the variant's platforms, or choose another base for it")
      .with("missing_platform", platform.str())
      .with("reference", reference);
}

Result<build::PinnedBase> choose(oci::Store& store, const std::string& reference, const oci::ManifestBytes& root,
                                 const Platform& platform) {
  build::PinnedBase pinned;
  pinned.arg = "base";
  pinned.reference = reference;
  if (oci::is_index(root.descriptor.media_type)) {
    SHIPSET_TRY(const oci::Index index, oci::Index::parse(root.bytes, "the index of " + reference));
    for (const auto& entry : index.manifests) {
      if (!entry.platform || oci::is_attestation(entry) || !entry.platform->matches(platform)) continue;
      pinned.digest = entry.digest;
      pinned.index_digest = root.descriptor.digest;
      return pinned;
    }
    return no_platform(reference, platform, platforms_of(index));
  }
  SHIPSET_TRY(const oci::Manifest manifest, oci::Manifest::parse(root.bytes, "the manifest of " + reference));
  if (manifest.config.size > oci::max_manifest_bytes)
    return Error(ErrorKind::verify, "the config of " + reference + " is too large");
  SHIPSET_TRY(const auto source, store.blob(manifest.config));
  SHIPSET_TRY(const auto reader, source->open());
  SHIPSET_TRY(const std::string bytes, read_all(*reader, oci::max_manifest_bytes, "the config of " + reference));
  SHIPSET_TRY(const oci::ImageConfig config, oci::ImageConfig::parse(bytes, "the config of " + reference));
  if (!config.platform.matches(platform)) return no_platform(reference, platform, config.platform.str());
  pinned.digest = root.descriptor.digest;
  return pinned;
}

}  // namespace

Result<build::PinnedBase> Stores::pin(const std::string& reference, const Platform& platform,
                                      const std::string& directory) {
  const std::string key = reference + "\n" + platform.normalized().str();
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = pinned_.find(key); at != pinned_.end()) return at->second;
  }
  SHIPSET_TRY(const Location location, locate(reference, directory));
  SHIPSET_TRY(oci::Store* const store, open_location(location));
  SHIPSET_TRY(const oci::Descriptor root, registry::resolve(*store, location));
  SHIPSET_TRY(const oci::ManifestBytes bytes, store->manifest(root.digest));
  SHIPSET_TRY(auto pinned, choose(*store, reference, bytes, platform));
  const std::lock_guard lock(mutex_);
  return pinned_.emplace(key, std::move(pinned)).first->second;
}

}  // namespace shipset::release
