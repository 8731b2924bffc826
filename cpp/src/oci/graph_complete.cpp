#include <atomic>
#include <set>

#include "shipset/base/parallel.hpp"
#include "shipset/oci/layout.hpp"
#include "shipset/oci/transfer.hpp"
#include "transfer_graph_impl.hpp"

namespace shipset::oci {

Result<bool> graph_complete(Store& store, const Descriptor& root) {
  std::vector<Descriptor> level{root};
  std::set<Digest> seen{root.digest};
  std::atomic<bool> complete{true};
  while (!level.empty() && complete) {
    std::vector<std::vector<Descriptor>> below(level.size());
    const auto look = [&](std::size_t i) -> Result<void> {
      if (!complete) return {};
      const Descriptor& object = level[i];
      if (!is_manifest(object.media_type) && !is_index(object.media_type)) {
        SHIPSET_TRY(const bool present, store.has_blob(object));
        if (!present) complete = false;
        return {};
      }
      auto manifest = store.manifest(object.digest);
      if (!manifest && manifest.error().kind == ErrorKind::not_found) {
        complete = false;
        return {};
      }
      if (!manifest) return std::move(manifest).error();
      SHIPSET_TRY(below[i], children(object.media_type, manifest->bytes, "manifest " + object.digest.str()));
      return {};
    };
    // A directory answers at once; threads would only cost.
    const std::size_t threads = dynamic_cast<LayoutStore*>(&store) ? 1 : 8;
    SHIPSET_CHECK(parallel_for(level.size(), threads, {}, look));
    level.clear();
    for (auto& list : below)
      for (auto& child : list)
        if (!detail::lives_elsewhere(child) && seen.insert(child.digest).second) level.push_back(std::move(child));
  }
  return complete.load();
}

}  // namespace shipset::oci
