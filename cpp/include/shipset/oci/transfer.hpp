// The one transfer primitive: brings everything below some manifests from a Store into others, children before
// parents, every distinct blob once per destination, largest first, with a cap on what is in flight. No tags move.
// Thread-safe: one call at a time per destination object is not required. product.md §4; issue "transport" grows here.
#pragma once

#include <functional>
#include <vector>

#include "shipset/oci/store.hpp"

namespace shipset::oci {

struct TransferOptions {
  std::size_t parallel = 6;  ///< blobs in flight per destination
  bool referrers = false;    ///< also what refers to each copied manifest
  /// A manifest that a registry has is taken to be complete, and nothing below it is asked for. False, for repair:
  /// every blob and manifest is offered again. A layout is always looked at, which is cheap.
  bool trust_present = true;
  std::vector<const Store*> mount_from;  ///< repositories of the same registry that may hold blobs already
  EventSink events;
  CancelToken cancel;
};

/// What a destination has now that it had not before is "moved" (a layout may have taken it by a hard link). Below a
/// manifest that was present nothing is counted.
struct TransferReport {
  std::uint64_t blobs_moved = 0, blobs_present = 0, blobs_mounted = 0;
  std::uint64_t bytes_moved = 0;
  std::uint64_t manifests_pushed = 0, manifests_present = 0;
  TransferReport& operator+=(const TransferReport& other);
};

/// `roots` are manifests or indexes of `source`. Errors say which side failed: context "side" = source|destination.
Result<TransferReport> transfer(Store& source, Store& destination, const std::vector<Descriptor>& roots,
                                const TransferOptions& options);

/// Whether everything below `root` is there (no content is read beyond manifests). Used for repair and idempotence.
Result<bool> graph_complete(Store& store, const Descriptor& root);

}  // namespace shipset::oci
