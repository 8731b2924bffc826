// The one transfer primitive: brings everything below some manifests from a Store into others, children before
// parents, every distinct blob once per registry, largest first, with a cap on what is in flight; then tags.
// Several destinations are served from one read of the source; repositories of one registry take a blob from each
// other by mounting. Blocking; thread-safe. product.md §4.
#pragma once

#include <functional>
#include <vector>

#include "shipset/oci/store.hpp"

namespace shipset::oci {

struct TransferOptions {
  /// Blobs in flight; each holds at most about 0.8 MiB in memory. A registry that answers 429 or 503 gets fewer.
  std::size_t parallel = 16;
  bool referrers = false;  ///< also what refers to each copied manifest
  /// A manifest that a registry has is taken to be complete, and nothing below it is asked for. False, for repair:
  /// every blob and manifest is offered again. A layout is always looked at, which is cheap.
  bool trust_present = true;
  std::vector<const Store*> mount_from;  ///< repositories of the same registry that may hold blobs already
  EventSink events;
  CancelToken cancel;
};

/// A tag that shall point at one of the roots.
struct TagWish {
  std::string tag;
  Digest root;
};

/// What goes to one destination. `roots` are manifests or indexes of the source. The tags are set after everything
/// else is there; one that points at its root already is not written.
struct Delivery {
  Store* destination = nullptr;
  std::vector<Descriptor> roots;
  std::vector<TagWish> tags{};
  std::vector<const Store*> mount_from{};
  bool trust_present = true;
};

/// What a destination has now that it had not before is "moved" (a layout may have taken it by a hard link). Below a
/// manifest that was present nothing is counted.
struct TransferReport {
  std::uint64_t blobs_moved = 0, blobs_present = 0, blobs_mounted = 0;
  std::uint64_t bytes_moved = 0;
  std::uint64_t bytes_again = 0;  ///< sent a second time after a broken connection or an earlier process
  std::uint64_t bytes_kept = 0;   ///< not sent because the destination held them from an earlier attempt
  std::uint64_t manifests_pushed = 0, manifests_present = 0;
  std::vector<std::string> tags_set, tags_kept;
  TransferReport& operator+=(const TransferReport& other);
};

/// One report for each delivery, in their order; the first failure stops everything. Errors say which side failed:
/// context "side" = source|destination, "store" = its name.
Result<std::vector<TransferReport>> transfer(Store& source, const std::vector<Delivery>& deliveries,
                                             const TransferOptions& options);

/// The same for one destination, without tags; `mount_from` and `trust_present` of the options apply.
Result<TransferReport> transfer(Store& source, Store& destination, const std::vector<Descriptor>& roots,
                                const TransferOptions& options);

/// Whether everything below `root` is there (no content is read beyond manifests). Used for repair and idempotence.
Result<bool> graph_complete(Store& store, const Descriptor& root);

}  // namespace shipset::oci
