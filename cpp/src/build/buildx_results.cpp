// What a target gave: an index or a manifest, in the registry that the builder pushed to or in a layout here.
#include <algorithm>

#include "buildx_impl.hpp"
#include "shipset/oci/transfer.hpp"

namespace shipset::build::buildx {

namespace {

/// The root of a target, its bytes read from where it is.
struct Root {
  oci::Store* store = nullptr;
  oci::ManifestBytes document;
};

Result<Root> root_in_layout(const BakeTarget& target, const BuildContext& context) {
  SHIPSET_TRY(const auto layout, oci::LayoutStore::open(target.layout, {}));
  SHIPSET_TRY(const oci::Index index, layout->index());
  if (index.manifests.size() != 1)
    return Error(ErrorKind::build, "the builder left no single image for " + target.name,
                 "its layout holds " + std::to_string(index.manifests.size()) + " entries");
  oci::Descriptor root = index.manifests.front();
  root.annotations.clear();
  root.platform.reset();
  oci::TransferOptions options;
  options.cancel = context.cancel;
  SHIPSET_CHECK(oci::transfer(*layout, *context.work, {root}, options));
  Root out;
  SHIPSET_TRY(out.document, context.work->manifest(root.digest));
  return out;
}

Result<Root> root_of(const BakeTarget& target, const std::optional<PushPlace>& place, const Digest& digest,
                     const BuildContext& context) {
  if (!target.layout.empty()) return root_in_layout(target, context);
  Root out;
  out.store = place->store;
  auto found = place->store->manifest(digest);
  if (!found) {
    Error error = std::move(found).error();
    if (error.kind == ErrorKind::not_found) {
      error.what = "the builder pushed " + digest.str() + " to " + place->repository + ", but it is not there";
      error.hint = "see whether the builder reaches another registry under this name";
    }
    return error;
  }
  out.document = std::move(*found);
  return out;
}

std::uint64_t layer_bytes(const oci::Manifest& manifest) {
  std::uint64_t sum = 0;
  for (const auto& layer : manifest.layers) sum += layer.size;
  return sum;
}

Result<BuiltImage> one_image(const Root& root, oci::Descriptor descriptor, const Platform& platform,
                             const BuildContext& context) {
  BuiltImage out;
  out.store = root.store;
  descriptor.annotations.clear();  // what belongs to the descriptor of one index is not copied into another
  descriptor.platform = platform;
  out.manifest = std::move(descriptor);
  oci::Store& store = root.store != nullptr ? *root.store : *context.work;
  const bool same = root.document.descriptor.digest == out.manifest.digest;
  oci::ManifestBytes bytes = root.document;
  if (!same) {
    SHIPSET_TRY(bytes, store.manifest(out.manifest.digest));
  }
  SHIPSET_TRY(const auto manifest, oci::Manifest::parse(bytes.bytes, "the manifest " + out.manifest.digest.str()));
  out.bytes = layer_bytes(manifest);
  return out;
}

}  // namespace

Result<std::map<std::size_t, BuiltImage>> read_target(const BakeTarget& target, const std::vector<Task>& tasks,
                                                      const std::optional<PushPlace>& place, const Digest& digest,
                                                      const BuildContext& context) {
  SHIPSET_TRY(const Root root, root_of(target, place, digest, context));
  std::map<std::size_t, BuiltImage> out;
  if (!oci::is_index(root.document.descriptor.media_type)) {
    const std::size_t task = target.tasks.front();
    SHIPSET_TRY(out[task], one_image(root, root.document.descriptor, tasks[task].platform, context));
    return out;
  }
  const std::string object = "the index " + root.document.descriptor.digest.str() + " of " + target.name;
  SHIPSET_TRY(const auto index, oci::Index::parse(root.document.bytes, object));
  for (const std::size_t task : target.tasks) {
    const Platform& platform = tasks[task].platform;
    const auto at = std::find_if(index.manifests.begin(), index.manifests.end(), [&](const oci::Descriptor& entry) {
      return !oci::is_attestation(entry) && entry.platform && entry.platform->matches(platform);
    });
    if (at == index.manifests.end())
      return Error(ErrorKind::build, object + " has no image for " + platform.str(),
                   "the builder did not build this platform");
    SHIPSET_TRY(BuiltImage image, one_image(root, *at, platform, context));
    for (const auto& entry : index.manifests) {
      const auto about = entry.annotations.find(std::string(oci::reference_digest_key));
      if (oci::is_attestation(entry) && about != entry.annotations.end() && about->second == at->digest.str())
        image.attestations.push_back(entry);
    }
    out.emplace(task, std::move(image));
  }
  return out;
}

}  // namespace shipset::build::buildx
