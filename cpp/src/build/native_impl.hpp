// The native builder in pieces: native.cpp (batches), native_image.cpp (one image), native_config.cpp (its
// configuration), native_base.cpp (bases). Private.
#pragma once

#include <future>
#include <map>
#include <mutex>
#include <optional>

#include "shipset/build/builder.hpp"
#include "shipset/oci/layer.hpp"

namespace shipset::build::native {

/// Computes a value once per key, however many threads ask; the others wait for the first.
template <class T>
class OncePerKey {
 public:
  Result<T> get(const std::string& key, const std::function<Result<T>()>& make) {
    std::promise<Result<T>> promise;
    std::shared_future<Result<T>> value;
    bool mine = false;
    {
      const std::lock_guard lock(mutex_);
      auto [it, added] = values_.try_emplace(key);
      if (added) it->second = promise.get_future().share();
      value = it->second;
      mine = added;
    }
    if (mine) promise.set_value(make_guarded(make));
    return value.get();
  }

 private:
  static Result<T> make_guarded(const std::function<Result<T>()>& make) {
    try {
      return make();
    } catch (const std::exception& problem) {
      return Error(ErrorKind::internal, "unexpected exception in the native builder", problem.what());
    }
  }
  std::mutex mutex_;
  std::map<std::string, std::shared_future<Result<T>>> values_;
};

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
