// The blobs of a transfer on their way: each distinct one goes once to every registry that wants it, largest first, so
// many at a time; other repositories of that registry mount it. Private to the module.
// Thread-safety: `add` and `stop` from any thread; `start` and `join` from one.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "shipset/oci/layout.hpp"
#include "shipset/oci/transfer.hpp"

namespace shipset::oci::detail {

class BlobMover {
 public:
  /// Everything given must outlive the mover. `cancel` is what the puts obey; a failure cancels it, too.
  BlobMover(Store& source, const std::vector<Delivery>& deliveries, std::vector<TransferReport>& reports,
            const TransferOptions& options, CancelToken cancel);
  ~BlobMover();
  BlobMover(const BlobMover&) = delete;
  BlobMover& operator=(const BlobMover&) = delete;

  /// A destination wants these blobs; they wait together, so the largest of them is the first of them to move.
  /// Error: verify, when the same digest came with another size.
  Result<void> add(std::size_t delivery, const std::vector<Descriptor>& blobs);
  /// Blobs are moved from now on, also those that are still to come.
  void start();
  /// Nothing more comes; waits for the rest. The first error.
  Result<void> join();

 private:
  struct Item {
    Descriptor blob;
    std::set<std::size_t> wanted;   ///< deliveries that nobody serves yet
    std::set<std::size_t> claimed;  ///< deliveries that were added at any time
  };
  /// Deliveries to one registry; the first gets the blob, the others take it from there.
  using Group = std::vector<std::size_t>;

  void add_threads();
  void work();
  bool take(Descriptor& blob, std::vector<std::size_t>& wanted);
  Result<void> move(const Descriptor& blob, const std::vector<std::size_t>& wanted);
  std::vector<Group> groups_of(const std::vector<std::size_t>& wanted) const;
  Result<void> serve(const Group& group, const Descriptor& blob, const Source* content);
  Result<void> bring(std::size_t delivery, const Descriptor& blob, const Source* content,
                     const std::vector<const Store*>& mounts);
  Result<bool> try_mount(std::size_t delivery, const Descriptor& blob, const std::vector<const Store*>& mounts);
  Result<void> put(std::size_t delivery, const Descriptor& blob, const Source* content);
  Result<std::unique_ptr<Source>> open(const Descriptor& blob);
  void present(std::size_t delivery, const Descriptor& blob);
  void tell(EventKind kind, std::size_t delivery, const Descriptor& blob, std::uint64_t bytes,
            std::string message = {});
  void count(std::size_t delivery, std::uint64_t TransferReport::*member, std::uint64_t amount = 1);

  Store& source_;
  const std::vector<Delivery>& deliveries_;
  std::vector<TransferReport>& reports_;
  const TransferOptions& options_;
  const CancelToken cancel_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Digest, Item> items_;
  std::set<std::pair<std::uint64_t, Digest>> waiting_;  ///< by size; the last is next
  bool started_ = false, closed_ = false;
  std::size_t idle_ = 0;  ///< threads that wait for a blob
  std::optional<Error> failure_;
  std::vector<std::thread> threads_;
};

/// Whether the destination is a directory, where looking is cheap and content may come by hard links.
bool is_layout(const Store& store);

}  // namespace shipset::oci::detail
