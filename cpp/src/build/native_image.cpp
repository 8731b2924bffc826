#include "native_impl.hpp"

namespace shipset::build::native {

namespace {

Result<std::vector<PackedLayer>> pack_layers(const Task& task, Batch& batch) {
  const auto& settings = task.settings.native;
  std::vector<PackedLayer> out;
  for (const auto& layer : settings.layers) {
    SHIPSET_CHECK(batch.context.cancel.check());
    SHIPSET_TRY(const auto input, layer_input(layer, task.directory));
    oci::LayerOptions options;
    options.compression = settings.compression;
    options.mtime_unix_s = task.epoch_unix_s;
    options.cancel = batch.context.cancel;
    // Variants and platforms that share a layer share the work.
    SHIPSET_TRY(auto packed, batch.layers.get(layer_key(input, settings.compression, task.epoch_unix_s),
                                              [&] { return oci::pack_layer(input, options, *batch.context.work); }));
    out.push_back({layer, std::move(packed)});
  }
  return out;
}

/// Annotations of the manifest: those without prefix and those for "manifest:".
oci::Annotations manifest_annotations(const OrderedMap& annotations) {
  constexpr std::string_view mine = "manifest:", other = "index:";
  oci::Annotations out;
  for (const auto& [key, value] : annotations) {
    if (key.rfind(other, 0) == 0) continue;
    out.insert_or_assign(key.rfind(mine, 0) == 0 ? key.substr(mine.size()) : key, value);
  }
  return out;
}

const PinnedBase* find_base(const Task& task) {
  for (const auto& base : task.bases)
    if (base.arg == "base") return &base;
  return nullptr;
}

Result<oci::Descriptor> store_config(const oci::ImageConfig& config, const BuildContext& context) {
  std::string bytes = config.to_bytes();
  const auto descriptor = oci::describe(oci::media_type::config, bytes);
  const auto source = memory_source(std::move(bytes));
  SHIPSET_CHECK(context.work->put_blob(descriptor, *source, {}, context.cancel));
  return descriptor;
}

}  // namespace

Result<BuiltImage> build_image(const Task& task, Batch& batch) {
  const auto& settings = task.settings.native;
  if (batch.context.work == nullptr) return Error(ErrorKind::internal, "cannot build " + task.name(), "no work store");
  std::optional<LoadedBase> base;
  if (settings.base != "scratch") {
    const PinnedBase* pinned = find_base(task);
    if (!pinned)
      return Error(ErrorKind::internal, "cannot build " + task.name(), "its base " + settings.base + " is not pinned");
    SHIPSET_TRY(base, load_base(task, *pinned, batch));
  }
  SHIPSET_TRY(const auto layers, pack_layers(task, batch));
  BuiltImage out;
  oci::Manifest manifest;
  if (base) manifest.layers = base->layers;
  for (const auto& layer : layers) {
    manifest.layers.push_back(layer.result.descriptor);
    out.layers.push_back({layer.setting.from, layer.result.diff_id});
    if (layer.result.used != settings.compression)
      out.notes.push_back("layer " + layer.setting.from + ": " + std::string(to_string(settings.compression)) +
                          " is not available here, " + std::string(to_string(layer.result.used)) + " was used");
  }
  if (manifest.layers.empty())
    return Error(ErrorKind::spec, "cannot build " + task.name(), "an image needs at least one layer",
                 "add a native layer, or a base other than scratch");
  std::optional<oci::ImageConfig> base_config;
  if (base) base_config = std::move(base->config);
  SHIPSET_TRY(const auto config, merge_config(std::move(base_config), task, layers, out.notes));
  SHIPSET_TRY(manifest.config, store_config(config, batch.context));
  manifest.annotations = manifest_annotations(task.settings.annotations);
  const std::string bytes = manifest.to_bytes();
  out.manifest = oci::describe(oci::media_type::manifest, bytes);
  SHIPSET_CHECK(batch.context.work->put_manifest(out.manifest, bytes));
  out.manifest.platform = config.platform;
  for (const auto& layer : manifest.layers) out.bytes += layer.size;
  return out;
}

}  // namespace shipset::build::native
