#include "shipset/oci/transfer.hpp"

#include <algorithm>

#include "delivery_impl.hpp"
#include "shipset/base/linked_cancel.hpp"
#include "shipset/base/parallel.hpp"

namespace shipset::oci {

TransferReport& TransferReport::operator+=(const TransferReport& other) {
  blobs_moved += other.blobs_moved;
  blobs_present += other.blobs_present;
  blobs_mounted += other.blobs_mounted;
  bytes_moved += other.bytes_moved;
  bytes_again += other.bytes_again;
  bytes_kept += other.bytes_kept;
  manifests_pushed += other.manifests_pushed;
  manifests_present += other.manifests_present;
  tags_set.insert(tags_set.end(), other.tags_set.begin(), other.tags_set.end());
  tags_kept.insert(tags_kept.end(), other.tags_kept.begin(), other.tags_kept.end());
  return *this;
}

Result<std::vector<TransferReport>> transfer(Store& source, const std::vector<Delivery>& deliveries,
                                             const TransferOptions& options) {
  const LinkedCancel linked([&options] { return options.cancel.cancelled(); });
  const CancelToken& stop = linked.token();
  std::vector<TransferReport> reports(deliveries.size());
  detail::SourceGraph graph(source, options.referrers);
  detail::BlobMover mover(source, deliveries, reports, options, stop);
  std::vector<std::unique_ptr<detail::DeliveryRun>> runs;
  for (std::size_t i = 0; i < deliveries.size(); ++i)
    runs.push_back(std::make_unique<detail::DeliveryRun>(graph, deliveries[i], i, mover, reports[i], options, stop));
  // One destination: blobs move while the rest is looked at. Several: only when it is known who wants what, so that
  // each blob is read once.
  if (runs.size() == 1) mover.start();
  const auto each = [&](Result<void> (detail::DeliveryRun::*step)()) {
    return parallel_for(runs.size(), runs.size(), stop, [&](std::size_t i) { return (runs[i].get()->*step)(); });
  };
  auto explored = each(&detail::DeliveryRun::explore);
  if (explored && runs.size() > 1) mover.start();
  if (!explored) stop.cancel();
  auto moved = mover.join();
  // What stopped the others is the reason, not that they were stopped.
  if (!moved && (explored || explored.error().kind == ErrorKind::cancelled)) return std::move(moved).error();
  SHIPSET_CHECK(std::move(explored));
  SHIPSET_CHECK(each(&detail::DeliveryRun::finish));
  return reports;
}

Result<TransferReport> transfer(Store& source, Store& destination, const std::vector<Descriptor>& roots,
                                const TransferOptions& options) {
  Delivery delivery{&destination, roots, {}, options.mount_from, options.trust_present};
  SHIPSET_TRY(auto reports, transfer(source, {std::move(delivery)}, options));
  return std::move(reports.front());
}

}  // namespace shipset::oci
