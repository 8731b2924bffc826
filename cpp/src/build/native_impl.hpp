// The native builder in pieces: native.cpp (batches), native_image.cpp (one image), native_config.cpp (its
// configuration), native_base.cpp (bases). Private.
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "once_per_key_impl.hpp"
#include "shipset/build/builder.hpp"
#include "shipset/oci/layer.hpp"

namespace shipset::build::native {

/// A base image whose layers are in the work store.
struct LoadedBase {
  oci::ImageConfig config;
  std::vector<oci::Descriptor> layers;  ///< OCI media types
};

struct PackedLayer {
  NativeLayer setting;
  oci::LayerResult result;
};

/// What the tasks of one batch share.
struct Batch {
  BaseResolver& bases;
  const BuildContext& context;
  std::mutex bases_mutex;
  OncePerKey<oci::LayerResult> layers;
  OncePerKey<bool> blobs;
};

/// Kind spec for an owner or mode that is no number.
Result<oci::LayerInput> layer_input(const NativeLayer& layer, const std::string& directory);
/// Equal for layers that have equal bytes.
std::string layer_key(const oci::LayerInput& input, Compression compression, std::int64_t epoch_unix_s);

Result<LoadedBase> load_base(const Task& task, const PinnedBase& pinned, Batch& batch);

/// The configuration of base, layers and settings as a Dockerfile would have merged it. `notes` gets what people
/// should know. Kind spec for values that no image can hold.
Result<oci::ImageConfig> merge_config(std::optional<oci::ImageConfig> base, const Task& task,
                                      const std::vector<PackedLayer>& layers, std::vector<std::string>& notes);

Result<BuiltImage> build_image(const Task& task, Batch& batch);

class NativeBuilder final : public Builder {
 public:
  [[nodiscard]] std::string_view name() const override { return "native"; }
  Result<void> prepare(Task& task, BaseResolver& bases, const CancelToken& cancel) override;
  void build(const std::vector<Task>& tasks, BaseResolver& bases, const BuildContext& context,
             const std::function<void(Outcome)>& done) override;

 private:
  OncePerKey<Digest> inputs_;
};

}  // namespace shipset::build::native
