#include <algorithm>

#include "blob_mover_impl.hpp"
#include "shared_read_impl.hpp"
#include "shipset/base/parallel.hpp"
#include "shipset/oci/layout.hpp"
#include "transfer_graph_impl.hpp"

namespace shipset::oci::detail {

namespace {
/// A failed put may have failed while reading: then the error names the store it was read from.
Error put_error(Error error, const Store& source, const Store& destination) {
  const auto it = error.context.find("store");
  const bool reading = it != error.context.end() && it->second == source.name() && it->second != destination.name();
  return reading ? on_side(std::move(error), "source", source) : on_side(std::move(error), "destination", destination);
}
}  // namespace

bool is_layout(const Store& store) {
  return dynamic_cast<const LayoutStore*>(&store) != nullptr;
}

BlobMover::BlobMover(Store& source, const std::vector<Delivery>& deliveries, std::vector<TransferReport>& reports,
                     const TransferOptions& options, CancelToken cancel)
    : source_(source), deliveries_(deliveries), reports_(reports), options_(options), cancel_(std::move(cancel)) {}

BlobMover::~BlobMover() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    waiting_.clear();
    if (!threads_.empty()) cancel_.cancel();
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

Result<void> BlobMover::add(std::size_t delivery, const std::vector<Descriptor>& blobs) {
  std::vector<const Descriptor*> fresh;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& blob : blobs) {
      auto [it, added] = items_.try_emplace(blob.digest);
      Item& item = it->second;
      if (added) {
        item.blob = blob;
      } else if (item.blob.size != blob.size) {
        return on_side(
            Error(ErrorKind::verify, "cannot copy blob " + blob.digest.str(), "two manifests give it different sizes"),
            "source", source_);
      }
      if (item.claimed.insert(delivery).second) fresh.push_back(&blob);
    }
  }
  for (const auto* blob : fresh) tell(EventKind::blob_waiting, delivery, *blob, 0);
  {
    const std::lock_guard lock(mutex_);
    for (const auto* blob : fresh) {
      items_.at(blob->digest).wanted.insert(delivery);
      waiting_.emplace(blob->size, blob->digest);
    }
    if (started_) add_threads();
  }
  changed_.notify_all();
  return {};
}

void BlobMover::start() {
  const std::lock_guard lock(mutex_);
  started_ = true;
  add_threads();
}

/// One thread for each waiting blob that no thread is free for, up to the limit.
void BlobMover::add_threads() {
  const std::size_t limit = std::max<std::size_t>(1, options_.parallel);
  for (std::size_t wanted = idle_; wanted < waiting_.size() && threads_.size() < limit; ++wanted) {
    ++idle_;
    threads_.emplace_back([this] { work(); });
  }
}

Result<void> BlobMover::join() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();  // nothing is added any more, so the list stays as it is
  threads_.clear();
  if (failure_) return *failure_;
  return options_.cancel.check();
}

bool BlobMover::take(Descriptor& blob, std::vector<std::size_t>& wanted) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !waiting_.empty() || closed_ || failure_; });
  if (waiting_.empty() || failure_ || cancel_.cancelled()) return false;
  --idle_;
  const auto next = std::prev(waiting_.end());
  Item& item = items_.at(next->second);
  blob = item.blob;
  wanted.assign(item.wanted.begin(), item.wanted.end());
  item.wanted.clear();
  waiting_.erase(next);
  return true;
}

void BlobMover::work() {
  Descriptor blob;
  std::vector<std::size_t> wanted;
  while (take(blob, wanted)) {
    Result<void> outcome;
    try {
      outcome = move(blob, wanted);
    } catch (const std::exception& problem) {
      outcome = Error(ErrorKind::internal, "unexpected exception while a blob was moved", problem.what());
    }
    if (outcome) {
      const std::lock_guard lock(mutex_);
      ++idle_;
      continue;
    }
    if (outcome.error().kind != ErrorKind::cancelled)
      tell(EventKind::blob_failed, wanted.front(), blob, 0, outcome.error().what);
    {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::move(outcome).error();
    }
    cancel_.cancel();
    changed_.notify_all();
  }
}

std::vector<BlobMover::Group> BlobMover::groups_of(const std::vector<std::size_t>& wanted) const {
  std::map<std::string, Group> pools;
  std::vector<Group> out;
  for (const std::size_t delivery : wanted) {
    const std::string pool = deliveries_[delivery].destination->pool();
    if (pool.empty())
      out.push_back({delivery});
    else
      pools[pool].push_back(delivery);
  }
  for (auto& [pool, group] : pools) out.push_back(std::move(group));
  return out;
}

Result<void> BlobMover::move(const Descriptor& blob, const std::vector<std::size_t>& wanted) {
  const auto groups = groups_of(wanted);
  if (groups.size() == 1) return serve(groups.front(), blob, nullptr);
  // Layouts among themselves link, which needs the source itself.
  std::vector<std::size_t> sharing;
  for (std::size_t i = 0; i < groups.size(); ++i)
    if (!is_layout(source_) || !is_layout(*deliveries_[groups[i].front()].destination)) sharing.push_back(i);
  std::unique_ptr<Source> content;
  std::vector<std::unique_ptr<Source>> views;
  if (sharing.size() > 1) {
    auto opened = open(blob);
    if (opened) {
      content = std::move(*opened);
      views = share_reads(*content, sharing.size());
    } else if (opened.error().kind != ErrorKind::not_found) {
      return std::move(opened).error();
    }
  }
  return parallel_for(groups.size(), groups.size(), cancel_, [&](std::size_t i) -> Result<void> {
    const auto at = std::find(sharing.begin(), sharing.end(), i);
    const bool shared = at != sharing.end() && !views.empty();
    const auto number = static_cast<std::size_t>(at - sharing.begin());
    const std::unique_ptr<Source> view = shared ? std::move(views[number]) : nullptr;
    return serve(groups[i], blob, view.get());
  });
}

Result<void> BlobMover::serve(const Group& group, const Descriptor& blob, const Source* content) {
  const Store* first = nullptr;
  for (const std::size_t delivery : group) {
    std::vector<const Store*> mounts;
    // The first may find it in a sister repository; the others take it from the first.
    if (first != nullptr) mounts.push_back(first);
    if (first == nullptr && group.size() > 1) mounts.push_back(deliveries_[group[1]].destination);
    const Delivery& to = deliveries_[delivery];
    if (!source_.pool().empty() && source_.pool() == to.destination->pool()) mounts.push_back(&source_);
    mounts.insert(mounts.end(), to.mount_from.begin(), to.mount_from.end());
    SHIPSET_CHECK(bring(delivery, blob, first == nullptr ? content : nullptr, mounts));
    first = to.destination;
  }
  return {};
}

void BlobMover::count(std::size_t delivery, std::uint64_t TransferReport::*member, std::uint64_t amount) {
  const std::lock_guard lock(mutex_);
  reports_[delivery].*member += amount;
}

void BlobMover::tell(EventKind kind, std::size_t delivery, const Descriptor& blob, std::uint64_t bytes,
                     std::string message) {
  Event event{kind, {}, blob.digest.str(), std::move(message), bytes, blob.size, {}};
  event.fields.emplace_back("destination", deliveries_[delivery].destination->name());
  emit(options_.events, event);
}

void BlobMover::present(std::size_t delivery, const Descriptor& blob) {
  count(delivery, &TransferReport::blobs_present);
  tell(EventKind::blob_skipped, delivery, blob, blob.size);
}

Result<std::unique_ptr<Source>> BlobMover::open(const Descriptor& blob) {
  if (!blob.data.empty()) return memory_source(blob.data);
  auto opened = source_.blob(blob);
  if (!opened) return on_side(std::move(opened).error(), "source", source_);
  return opened;
}

Result<bool> BlobMover::try_mount(std::size_t delivery, const Descriptor& blob,
                                  const std::vector<const Store*>& mounts) {
  Store& destination = *deliveries_[delivery].destination;
  for (const Store* other : mounts) {
    if (other == &destination) continue;
    auto mounted = destination.mount_blob(blob, *other);
    if (!mounted) return on_side(std::move(mounted).error(), "destination", destination);
    if (!*mounted) continue;
    count(delivery, &TransferReport::blobs_mounted);
    tell(EventKind::blob_mounted, delivery, blob, blob.size);
    return true;
  }
  return false;
}

Result<void> BlobMover::bring(std::size_t delivery, const Descriptor& blob, const Source* content,
                              const std::vector<const Store*>& mounts) {
  Store& destination = *deliveries_[delivery].destination;
  if (is_layout(destination)) {  // a registry checks for itself when the blob is put, in the same request where it can
    auto there = destination.has_blob(blob);
    if (!there) return on_side(std::move(there).error(), "destination", destination);
    if (*there) {
      present(delivery, blob);
      return {};
    }
  }
  SHIPSET_TRY(const bool mounted, try_mount(delivery, blob, mounts));
  if (mounted) return {};
  return put(delivery, blob, content);
}

Result<void> BlobMover::put(std::size_t delivery, const Descriptor& blob, const Source* content) {
  Store& destination = *deliveries_[delivery].destination;
  std::unique_ptr<Source> own;
  if (content == nullptr) {
    auto opened = open(blob);
    if (!opened && opened.error().kind == ErrorKind::not_found) {
      // A sparse source is no obstacle where the destination has the blob.
      const auto there = destination.has_blob(blob);
      if (there && *there) {
        present(delivery, blob);
        return {};
      }
    }
    if (!opened) return std::move(opened).error();
    own = std::move(*opened);
    content = own.get();
  }
  tell(EventKind::blob_started, delivery, blob, 0);
  const EventSink progress = [&](const Event& event) {
    Event named = event;
    named.fields.emplace_back("destination", destination.name());
    emit(options_.events, named);
  };
  auto done = destination.put_blob(blob, *content, options_.events ? progress : EventSink(), cancel_);
  // A mirror behind the source sent wrong bytes and is not asked again: the next place may have the right ones.
  for (int left = 8; left > 0 && !done && done.error().context.contains("mirror"); --left) {
    SHIPSET_TRY(own, open(blob));
    done = destination.put_blob(blob, *own, options_.events ? progress : EventSink(), cancel_);
  }
  if (!done) return put_error(done.error(), source_, destination);
  count(delivery, &TransferReport::bytes_again, done->again);
  count(delivery, &TransferReport::bytes_kept, done->kept);
  // A layout says 0 for a hard link too; the blob is new there all the same.
  if (done->sent == 0 && done->kept == 0 && !is_layout(destination) && blob.size > 0) {
    present(delivery, blob);
    return {};
  }
  count(delivery, &TransferReport::blobs_moved);
  count(delivery, &TransferReport::bytes_moved, blob.size);
  tell(EventKind::blob_finished, delivery, blob, blob.size);
  return {};
}

}  // namespace shipset::oci::detail
