// Inside of LayerCache. Keyed by the digest of the layer blob, which the store verifies; a diff id would be a claim of
// the image's config, and a false one could lend a layer the facts of another.
#pragma once

#include <functional>
#include <map>
#include <mutex>

#include "layer_scan_impl.hpp"

namespace shipset::attest {

struct LayerCache::Impl {
  explicit Impl(std::size_t limit_bytes) : limit_(limit_bytes) {}
  /// Facts of the layer, from here or from `scan`. Failures are not kept.
  Result<std::shared_ptr<const LayerFacts>> get(const Digest& digest, const std::function<Result<LayerFacts>()>& scan);

 private:
  struct Slot {
    std::mutex mutex;  ///< held while the layer is read
    std::shared_ptr<const LayerFacts> facts;
    std::size_t weight = 0;  ///< under the cache's mutex, as `used`; 0 = not filled yet
    std::uint64_t used = 0;
  };
  void shrink();

  std::mutex mutex_;
  std::map<Digest, std::shared_ptr<Slot>> slots_;
  std::size_t limit_, held_ = 0;
  std::uint64_t clock_ = 0;
};

}  // namespace shipset::attest
