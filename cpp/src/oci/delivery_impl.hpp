// The destination's side of a transfer: what is there already, what is wanted, manifests level by level, tags last.
// Private to the module. One thread at a time uses it.
#pragma once

#include "blob_mover_impl.hpp"
#include "transfer_graph_impl.hpp"

namespace shipset::oci::detail {

class DeliveryRun {
 public:
  DeliveryRun(SourceGraph& graph, const Delivery& delivery, std::size_t number, BlobMover& mover,
              TransferReport& report, const TransferOptions& options, CancelToken cancel);

  /// Finds out what the destination lacks and gives the blobs to the mover.
  Result<void> explore();
  /// All blobs are there: manifests, children first, then the tags.
  Result<void> finish();

 private:
  struct Node {
    Descriptor descriptor;
    const GraphNode* content = nullptr;  ///< nullptr where nobody needed to look
    bool present = false;
    std::size_t height = 0;  ///< 0: depends on no other manifest
  };
  enum class Tag : std::uint8_t { unknown, right, other };  ///< other: absent, or it points elsewhere

  Result<void> look_at_tags();
  Result<void> look_at_tag(std::size_t wish);
  Result<void> look_at_rest(std::size_t asked);
  std::size_t first_wish();
  void begin_with_largest(const Digest& root);
  Result<std::vector<Descriptor>> explore_level(const std::vector<Descriptor>& level);
  Result<std::vector<Descriptor>> look_at(Node& node);
  bool needs_request(const Node& node);
  Result<bool> is_present(const Descriptor& descriptor);
  Result<bool> is_listed(const Descriptor& descriptor);
  std::size_t set_heights();
  Result<void> push(Node& node);
  void pushed(const Descriptor& manifest);
  Result<void> set_tags();
  Result<void> set_tag(std::size_t wish);
  Error failed(Error error) const { return on_side(std::move(error), "destination", destination_); }
  void tell(EventKind kind, const std::string& subject, std::uint64_t bytes);

  SourceGraph& graph_;
  const Delivery& delivery_;
  Store& destination_;
  const std::size_t number_;
  BlobMover& mover_;
  TransferReport& report_;
  const TransferOptions& options_;
  const CancelToken cancel_;
  const bool layout_;
  bool empty_ = false;  ///< the repository has no tags: no manifest is asked for
  std::vector<Tag> tags_;
  std::map<Digest, Node> nodes_;  ///< addresses stay valid while it grows
  std::mutex mutex_;              ///< for what follows, and the report
  std::set<Digest> known_present_;
  std::map<Digest, Digest> subjects_;  ///< of the referrers found so far
  std::set<Digest> by_tag_;            ///< manifests that are stored by setting their first tag
};

}  // namespace shipset::oci::detail
