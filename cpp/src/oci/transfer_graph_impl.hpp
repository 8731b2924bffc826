// The source's side of a transfer: manifests read once, with what they refer to. Private to the module. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "shipset/oci/store.hpp"

namespace shipset::oci::detail {

/// A manifest or index of the source.
struct GraphNode {
  Descriptor descriptor;
  std::string bytes;                  ///< empty for large ones: those are read once more when they are pushed
  std::vector<Descriptor> manifests;  ///< below it
  std::vector<Descriptor> blobs;      ///< below it, without those that live elsewhere
  std::vector<Descriptor> referrers;
  std::vector<Digest> after;  ///< manifests that must be in place before it: children and its subject
};

class SourceGraph {
 public:
  SourceGraph(Store& source, bool referrers) : source_(source), referrers_(referrers) {}
  /// The node of a manifest, read at the first call. Errors name the source.
  Result<const GraphNode*> look(const Descriptor& descriptor);
  /// The bytes to push. Errors name the source.
  Result<std::string> bytes(const GraphNode& node);
  [[nodiscard]] Store& source() const noexcept { return source_; }
  /// Size of the largest blob below a manifest, which is read for it. 0 where something cannot be read.
  std::uint64_t largest_blob(const Descriptor& root);

 private:
  struct Entry {
    std::mutex mutex;
    std::unique_ptr<GraphNode> node;
  };
  Result<std::unique_ptr<GraphNode>> read(const Descriptor& descriptor);

  Store& source_;
  const bool referrers_;
  std::mutex mutex_;
  std::map<Digest, std::shared_ptr<Entry>> entries_;
};

/// A layer that its registry does not hold (foreign, nondistributable).
bool lives_elsewhere(const Descriptor& blob);
/// `error` with the side and, where it is missing, the store.
Error on_side(Error error, std::string_view side, const Store& store);

}  // namespace shipset::oci::detail
