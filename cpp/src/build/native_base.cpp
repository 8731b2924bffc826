#include <algorithm>
#include <charconv>

#include "native_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build {

namespace {

constexpr std::uint64_t max_config_bytes = 8u << 20;
constexpr std::size_t max_index_depth = 4;

Result<oci::ImageConfig> read_config(oci::Store& store, const oci::Descriptor& descriptor) {
  SHIPSET_TRY(const auto source, store.blob(descriptor));
  SHIPSET_TRY(const auto reader, source->open());
  const std::string object = "config " + descriptor.digest.str();
  SHIPSET_TRY(const auto bytes, read_all(*reader, max_config_bytes, object));
  return oci::ImageConfig::parse(bytes, object);
}

/// How new the instruction set of a variant is: "v7" → 700, "v8.2" → 802; none: the architecture's first.
int variant_rank(const Platform& platform) {
  if (platform.variant.empty()) return platform.architecture == "arm64" ? 800 : 100;
  int major = 0, minor = 0;
  const char* end = platform.variant.data() + platform.variant.size();
  const auto first = std::from_chars(platform.variant.data() + (platform.variant[0] == 'v' ? 1 : 0), end, major);
  if (first.ec != std::errc()) return -1;
  if (first.ptr != end && *first.ptr == '.') std::from_chars(first.ptr + 1, end, minor);
  return major * 100 + minor;
}

/// 0: does not run there; more is better. An older variant of the architecture serves a newer one.
int fitness(const Platform& wanted, const Platform& offered) {
  if (offered.os != wanted.os || offered.architecture != wanted.architecture) return 0;
  if (!wanted.os_version.empty() && offered.os_version != wanted.os_version) return 0;
  if (offered.variant == wanted.variant) return 1 << 20;
  const int rank = variant_rank(offered);
  return rank >= 0 && rank <= variant_rank(wanted) ? 1 + rank : 0;
}

Error missing_platform(const std::string& reference, const Platform& platform, const std::vector<std::string>& there) {
  return Error(ErrorKind::spec, "the base image " + reference + " does not exist for " + platform.str(),
               there.empty() ? "it names no platform at all" : "it exists for " + join(there, ", "),
               "take the platform off this variant, or choose another base for it")
      .with("base", reference)
      .with("platform", platform.str());
}

Result<PinnedBase> pin_below(oci::Store& store, const oci::Descriptor& found, const std::string& reference,
                             const Platform& platform, std::size_t depth) {
  SHIPSET_TRY(const auto got, store.manifest(found.digest));
  const std::string object = "base image " + reference;
  const Platform wanted = platform.normalized();
  if (oci::is_manifest(got.descriptor.media_type)) {
    SHIPSET_TRY(const auto manifest, oci::Manifest::parse(got.bytes, object));
    SHIPSET_TRY(const auto config, read_config(store, manifest.config));
    if (fitness(wanted, config.platform.normalized()) == 0)
      return missing_platform(reference, platform, {config.platform.str()});
    return PinnedBase{"base", reference, found.digest, {}};
  }
  SHIPSET_TRY(const auto index, oci::Index::parse(got.bytes, object));
  const oci::Descriptor* best = nullptr;
  int best_fitness = 0;
  std::vector<std::string> there;
  for (const auto& entry : index.manifests) {
    if (!entry.platform || entry.platform->unknown() || oci::is_attestation(entry)) continue;
    if (!oci::is_manifest(entry.media_type) && !oci::is_index(entry.media_type)) continue;
    const std::string name = entry.platform->str();
    if (std::find(there.begin(), there.end(), name) == there.end()) there.push_back(name);
    const int fits = fitness(wanted, entry.platform->normalized());
    if (fits > best_fitness) best_fitness = fits, best = &entry;
  }
  if (!best) return missing_platform(reference, platform, there);
  PinnedBase pinned{"base", reference, best->digest, found.digest};
  if (!oci::is_index(best->media_type)) return pinned;
  if (depth >= max_index_depth)
    return Error(ErrorKind::verify, "cannot use the " + object, "its indexes are nested too deep");
  SHIPSET_TRY(pinned, pin_below(store, *best, reference, platform, depth + 1));
  pinned.index_digest = found.digest;
  return pinned;
}

/// The OCI name of a Docker layer type; other types stay.
std::string oci_layer_type(const std::string& type) {
  constexpr std::string_view docker = "application/vnd.docker.image.rootfs.diff.tar";
  constexpr std::string_view foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar";
  constexpr std::string_view nondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar";
  const auto ending = [&](std::string_view prefix) -> std::string {
    const std::string_view rest = std::string_view(type).substr(prefix.size());
    return rest == ".gzip" ? "+gzip" : rest == ".zstd" ? "+zstd" : "";
  };
  if (type.rfind(docker, 0) == 0) return std::string(oci::media_type::layer_tar) + ending(docker);
  if (type.rfind(foreign, 0) == 0) return std::string(nondistributable) + ending(foreign);
  return type;
}

Result<bool> take_layer(oci::Store& store, const oci::Descriptor& layer, const BuildContext& context) {
  SHIPSET_TRY(const bool present, context.work->has_blob(layer));
  if (present) return true;
  SHIPSET_TRY(const auto source, store.blob(layer));
  SHIPSET_CHECK(context.work->put_blob(layer, *source, context.events, context.cancel));
  return true;
}

}  // namespace

Result<PinnedBase> pin_base(oci::Store& store, const oci::Descriptor& found, const std::string& reference,
                            const Platform& platform) {
  return pin_below(store, found, reference, platform, 0);
}

Result<native::LoadedBase> native::load_base(const Task& task, const PinnedBase& pinned, Batch& batch) {
  const BuildContext& context = batch.context;
  oci::Store* store = nullptr;
  {
    const std::lock_guard lock(batch.bases_mutex);
    SHIPSET_TRY(store, batch.bases.open(pinned.reference, task.directory));
  }
  SHIPSET_TRY(const auto got, store->manifest(pinned.digest));
  SHIPSET_TRY(const auto manifest, oci::Manifest::parse(got.bytes, "base image " + pinned.reference));
  LoadedBase out;
  SHIPSET_TRY(out.config, read_config(*store, manifest.config));
  if (out.config.diff_ids.size() != manifest.layers.size())
    return Error(ErrorKind::verify, "cannot use the base image " + pinned.reference,
                 "its config has " + std::to_string(out.config.diff_ids.size()) + " diff ids for " +
                     std::to_string(manifest.layers.size()) + " layers");
  for (const auto& layer : manifest.layers) {
    SHIPSET_CHECK(context.cancel.check());
    oci::Descriptor mine = layer;
    mine.media_type = oci_layer_type(layer.media_type);
    mine.data.clear();
    // Layers with addresses of their own (Windows) are not ours to redistribute.
    if (layer.urls.empty())
      SHIPSET_CHECK(batch.blobs.get(layer.digest.str(), [&] { return take_layer(*store, layer, context); }));
    out.layers.push_back(std::move(mine));
  }
  return out;
}

}  // namespace shipset::build
