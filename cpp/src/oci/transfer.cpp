#include "shipset/oci/transfer.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "shipset/base/parallel.hpp"
#include "shipset/oci/layout.hpp"

namespace shipset::oci {

namespace {

/// Manifests larger than this are read once more when they are pushed, so that memory does not grow with the graph.
constexpr std::size_t kept_manifest_bytes = 64u << 10;

/// A manifest or index on its way.
struct Node {
  Descriptor descriptor;
  std::string bytes;          ///< empty for large ones and for those the destination has
  bool present = false;       ///< the destination has it
  std::vector<Digest> after;  ///< manifests that must be there before
  std::vector<Descriptor> blobs;
  std::size_t height = 0;  ///< 0: depends on no other manifest
};

Error on_side(Error error, std::string_view side, const Store& store) {
  error.context.try_emplace("side", side);
  error.context.try_emplace("store", store.name());
  return error;
}

/// A failed put may have failed while reading: then the error names the store it was read from.
Error put_error(Error error, const Store& source, const Store& destination) {
  const auto it = error.context.find("store");
  const bool reading = it != error.context.end() && it->second == source.name() && it->second != destination.name();
  return reading ? on_side(std::move(error), "source", source) : on_side(std::move(error), "destination", destination);
}

bool lives_elsewhere(const Descriptor& blob) {
  return !blob.urls.empty() && (blob.media_type.find("nondistributable") != std::string::npos ||
                                blob.media_type.find("foreign") != std::string::npos);
}

class Transfer {
 public:
  Transfer(Store& source, Store& destination, const TransferOptions& options)
      : source_(source),
        destination_(destination),
        options_(options),
        destination_is_layout_(dynamic_cast<LayoutStore*>(&destination) != nullptr) {}

  Result<TransferReport> run(const std::vector<Descriptor>& roots) {
    std::vector<Descriptor> level = roots;
    while (!level.empty()) {
      SHIPSET_TRY(level, explore(level));
    }
    SHIPSET_CHECK(move_blobs());
    SHIPSET_CHECK(push_manifests());
    return report_;
  }

 private:
  /// Looks at one level of manifests and gives the next.
  Result<std::vector<Descriptor>> explore(const std::vector<Descriptor>& level) {
    std::vector<Node*> fresh;
    for (const auto& descriptor : level) {
      auto [it, added] = nodes_.try_emplace(descriptor.digest);
      if (!added) continue;
      it->second.descriptor = descriptor;
      fresh.push_back(&it->second);
    }
    std::vector<std::vector<Descriptor>> below(fresh.size());
    SHIPSET_CHECK(parallel_for(fresh.size(), options_.parallel, options_.cancel, [&](std::size_t i) -> Result<void> {
      SHIPSET_TRY(below[i], look_at(*fresh[i]));
      return {};
    }));
    std::vector<Descriptor> next;
    for (auto& list : below)
      for (auto& descriptor : list) next.push_back(std::move(descriptor));
    return next;
  }

  /// Whether the destination has the manifest together with everything below it.
  Result<bool> look_at_destination(const Descriptor& descriptor) {
    if (!options_.trust_present && !destination_is_layout_) return false;
    // A registry takes a manifest only after its content; a directory may have been tampered with, and asking is cheap.
    auto present = destination_is_layout_ ? graph_complete(destination_, descriptor)
                                          : destination_.has_manifest(descriptor.digest);
    if (!present) return on_side(std::move(present).error(), "destination", destination_);
    return *present;
  }

  Result<std::vector<Descriptor>> look_at(Node& node) {
    std::vector<Descriptor> next;
    const Digest& digest = node.descriptor.digest;
    SHIPSET_TRY(node.present, look_at_destination(node.descriptor));
    if (options_.referrers) {
      auto found = source_.referrers(digest, {});
      if (!found) return on_side(std::move(found).error(), "source", source_);
      next = std::move(*found);
    }
    if (node.present && !options_.referrers) return next;
    auto manifest = source_.manifest(digest);
    if (!manifest) return on_side(std::move(manifest).error(), "source", source_);
    if (manifest->bytes.size() != node.descriptor.size)
      return on_side(Error(ErrorKind::verify, "cannot copy manifest " + digest.str(),
                           "it has " + std::to_string(manifest->bytes.size()) + " bytes; its descriptor says " +
                               std::to_string(node.descriptor.size))
                         .with("digest", digest.str()),
                     "source", source_);
    auto read = sort_children(node, manifest->bytes, next);
    if (!read) return on_side(std::move(read).error(), "source", source_);
    if (!node.present && manifest->bytes.size() <= kept_manifest_bytes) node.bytes = std::move(manifest->bytes);
    return next;
  }

  static Result<void> sort_children(Node& node, const std::string& bytes, std::vector<Descriptor>& next) {
    const auto& type = node.descriptor.media_type;
    const std::string object = "manifest " + node.descriptor.digest.str();
    SHIPSET_TRY(auto below, children(type, bytes, object));
    std::optional<Descriptor> subject;
    if (is_manifest(type)) {
      SHIPSET_TRY(auto manifest, Manifest::parse(bytes, object));
      subject = std::move(manifest.subject);
    } else {
      SHIPSET_TRY(auto index, Index::parse(bytes, object));
      subject = std::move(index.subject);
    }
    if (subject) node.after.push_back(subject->digest);
    for (auto& child : below) {
      if (is_manifest(child.media_type) || is_index(child.media_type)) {
        node.after.push_back(child.digest);
        next.push_back(std::move(child));
      } else if (!lives_elsewhere(child)) {
        node.blobs.push_back(std::move(child));
      }
    }
    return {};
  }

  Result<void> move_blobs() {
    std::map<Digest, Descriptor> distinct;
    for (const auto& [digest, node] : nodes_) {
      if (node.present) continue;
      for (const auto& blob : node.blobs) {
        const auto [it, added] = distinct.try_emplace(blob.digest, blob);
        if (!added && it->second.size != blob.size)
          return on_side(Error(ErrorKind::verify, "cannot copy blob " + blob.digest.str(),
                               "two manifests give it different sizes"),
                         "source", source_);
      }
    }
    std::vector<Descriptor> blobs;
    for (auto& [digest, blob] : distinct) blobs.push_back(std::move(blob));
    std::stable_sort(blobs.begin(), blobs.end(), [](const auto& a, const auto& b) { return a.size > b.size; });
    return parallel_for(blobs.size(), options_.parallel, options_.cancel,
                        [&](std::size_t i) { return move_blob(blobs[i]); });
  }

  void count(std::uint64_t TransferReport::*member, std::uint64_t amount = 1) {
    const std::lock_guard lock(mutex_);
    report_.*member += amount;
  }

  void tell(EventKind kind, const Descriptor& object, std::uint64_t bytes, std::string message = {}) {
    Event event{kind, {}, object.digest.str(), std::move(message), bytes, object.size, {}};
    event.fields.emplace_back("destination", destination_.name());
    emit(options_.events, event);
  }

  Result<void> move_blob(const Descriptor& blob) {
    auto outcome = try_move(blob);
    if (!outcome && outcome.error().kind != ErrorKind::cancelled)
      tell(EventKind::blob_failed, blob, 0, outcome.error().what);
    return outcome;
  }

  Result<void> try_move(const Descriptor& blob) {
    SHIPSET_TRY(const bool present, asked_cheaply(blob));
    if (present) return blob_present(blob);
    for (const Store* other : options_.mount_from) {
      auto mounted = destination_.mount_blob(blob, *other);
      if (!mounted) return on_side(std::move(mounted).error(), "destination", destination_);
      if (!*mounted) continue;
      count(&TransferReport::blobs_mounted);
      tell(EventKind::blob_mounted, blob, blob.size);
      return {};
    }
    std::unique_ptr<Source> content;
    if (!blob.data.empty()) {
      content = memory_source(blob.data);
    } else {
      auto opened = source_.blob(blob);
      if (!opened && opened.error().kind == ErrorKind::not_found) {
        // A sparse source is no obstacle where the destination has the blob.
        const auto there = destination_.has_blob(blob);
        if (there && *there) return blob_present(blob);
      }
      if (!opened) return on_side(std::move(opened).error(), "source", source_);
      content = std::move(*opened);
    }
    tell(EventKind::blob_started, blob, 0);
    const auto sent = destination_.put_blob(blob, *content, options_.events, options_.cancel);
    if (!sent) return put_error(sent.error(), source_, destination_);
    // A layout says 0 for a hard link too; the blob is new there all the same.
    if (sent->sent == 0 && !destination_is_layout_ && blob.size > 0) return blob_present(blob);
    count(&TransferReport::blobs_moved);
    count(&TransferReport::bytes_moved, blob.size);
    tell(EventKind::blob_finished, blob, blob.size);
    return {};
  }

  /// A registry checks for itself when the blob is put, in the same request where it can.
  Result<bool> asked_cheaply(const Descriptor& blob) {
    if (!destination_is_layout_) return false;
    auto present = destination_.has_blob(blob);
    if (!present) return on_side(std::move(present).error(), "destination", destination_);
    return present;
  }

  Result<void> blob_present(const Descriptor& blob) {
    count(&TransferReport::blobs_present);
    tell(EventKind::blob_skipped, blob, blob.size);
    return {};
  }

  /// Heights by repeated relaxation: the graph is a few levels deep, and digests make a cycle impossible.
  std::size_t set_heights() {
    std::size_t highest = 0;
    for (bool changed = true; changed;) {
      changed = false;
      for (auto& [digest, node] : nodes_)
        for (const auto& below : node.after) {
          const auto it = nodes_.find(below);
          if (it == nodes_.end() || it->second.height < node.height) continue;
          node.height = it->second.height + 1;
          highest = std::max(highest, node.height);
          changed = true;
        }
    }
    return highest;
  }

  Result<void> push_manifests() {
    const std::size_t highest = set_heights();
    for (std::size_t height = 0; height <= highest; ++height) {
      std::vector<Node*> level;
      for (auto& [digest, node] : nodes_)
        if (node.height == height) level.push_back(&node);
      SHIPSET_CHECK(parallel_for(level.size(), options_.parallel, options_.cancel,
                                 [&](std::size_t i) { return push(*level[i]); }));
    }
    return {};
  }

  Result<void> push(Node& node) {
    if (node.present) {
      count(&TransferReport::manifests_present);
      return {};
    }
    std::string bytes = std::move(node.bytes);
    if (bytes.empty()) {
      auto again = source_.manifest(node.descriptor.digest);
      if (!again) return on_side(std::move(again).error(), "source", source_);
      bytes = std::move(again->bytes);
    }
    auto stored = destination_.put_manifest(node.descriptor, bytes);
    if (!stored) return on_side(std::move(stored).error(), "destination", destination_);
    count(&TransferReport::manifests_pushed);
    count(&TransferReport::bytes_moved, bytes.size());
    tell(EventKind::manifest_pushed, node.descriptor, bytes.size());
    return {};
  }

  Store& source_;
  Store& destination_;
  const TransferOptions& options_;
  const bool destination_is_layout_;
  std::map<Digest, Node> nodes_;  ///< addresses stay valid while it grows
  std::mutex mutex_;
  TransferReport report_;
};

}  // namespace

TransferReport& TransferReport::operator+=(const TransferReport& other) {
  blobs_moved += other.blobs_moved;
  blobs_present += other.blobs_present;
  blobs_mounted += other.blobs_mounted;
  bytes_moved += other.bytes_moved;
  manifests_pushed += other.manifests_pushed;
  manifests_present += other.manifests_present;
  return *this;
}

Result<TransferReport> transfer(Store& source, Store& destination, const std::vector<Descriptor>& roots,
                                const TransferOptions& options) {
  return Transfer(source, destination, options).run(roots);
}

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
        if (!lives_elsewhere(child) && seen.insert(child.digest).second) level.push_back(std::move(child));
  }
  return complete.load();
}

}  // namespace shipset::oci
