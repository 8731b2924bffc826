#include <algorithm>

#include "delivery_impl.hpp"
#include "shipset/base/parallel.hpp"

namespace shipset::oci::detail {

namespace {
/// So many blobs are begun before it is known whether the repository has more of the release.
constexpr std::size_t early_blobs = 4;
}  // namespace

DeliveryRun::DeliveryRun(SourceGraph& graph, const Delivery& delivery, std::size_t number, BlobMover& mover,
                         TransferReport& report, const TransferOptions& options, CancelToken cancel)
    : graph_(graph),
      delivery_(delivery),
      destination_(*delivery.destination),
      number_(number),
      mover_(mover),
      report_(report),
      options_(options),
      cancel_(std::move(cancel)),
      layout_(is_layout(destination_)),
      tags_(delivery.tags.size(), Tag::unknown) {}

void DeliveryRun::tell(EventKind kind, const std::string& subject, std::uint64_t bytes) {
  Event event{kind, {}, subject, {}, bytes, bytes, {}};
  event.fields.emplace_back("destination", destination_.name());
  emit(options_.events, event);
}

Result<void> DeliveryRun::explore() {
  SHIPSET_CHECK(look_at_tags());
  std::vector<Descriptor> level = delivery_.roots;
  while (!level.empty()) {
    SHIPSET_TRY(level, explore_level(level));
  }
  return {};
}

Result<void> DeliveryRun::look_at_tag(std::size_t wish) {
  auto found = destination_.resolve(delivery_.tags[wish].tag);
  if (!found) return failed(std::move(found).error());
  tags_[wish] = *found && (*found)->digest == delivery_.tags[wish].root ? Tag::right : Tag::other;
  return {};
}

/// The tag that is asked first: one whose root has the largest blob, because that one decides how long it takes.
std::size_t DeliveryRun::first_wish() {
  if (!is_layout(graph_.source())) return 0;
  std::map<Digest, std::uint64_t> sizes;
  for (const auto& root : delivery_.roots) sizes[root.digest] = graph_.largest_blob(root);
  std::size_t best = 0;
  for (std::size_t i = 1; i < delivery_.tags.size(); ++i)
    if (sizes[delivery_.tags[i].root] > sizes[delivery_.tags[best].root]) best = i;
  return best;
}

/// One tag tells with one request whether there is something to do. If there is, one listing tells which tags exist at
/// all, while the first blobs are on their way. specs §3.8.
Result<void> DeliveryRun::look_at_tags() {
  if (tags_.empty()) return {};
  const std::size_t first = first_wish();
  SHIPSET_CHECK(look_at_tag(first));
  if (tags_[first] == Tag::other && !layout_ && tags_.size() > 1) {
    begin_with_largest(delivery_.tags[first].root);
    auto seen = destination_.glance();
    if (!seen) return failed(std::move(seen).error());
    empty_ = seen->complete && seen->tags.empty();
    if (seen->complete) {
      const std::set<std::string> existing(seen->tags.begin(), seen->tags.end());
      for (std::size_t i = 0; i < tags_.size(); ++i)
        if (!existing.contains(delivery_.tags[i].tag)) tags_[i] = Tag::other;
    }
  }
  SHIPSET_CHECK(look_at_rest(first));
  if (delivery_.trust_present && !layout_)
    for (std::size_t i = 0; i < tags_.size(); ++i)
      if (tags_[i] == Tag::right) known_present_.insert(delivery_.tags[i].root);
  return {};
}

Result<void> DeliveryRun::look_at_rest(std::size_t asked) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < tags_.size(); ++i)
    if (i != asked && tags_[i] == Tag::unknown) open.push_back(i);
  return parallel_for(open.size(), layout_ ? 1 : options_.parallel, cancel_,
                      [&](std::size_t i) { return look_at_tag(open[i]); });
}

void DeliveryRun::begin_with_largest(const Digest& root) {
  if (!is_layout(graph_.source()) || !delivery_.trust_present) return;
  std::vector<Descriptor> blobs;
  std::vector<Descriptor> level;
  for (const auto& descriptor : delivery_.roots)
    if (descriptor.digest == root) level.push_back(descriptor);
  while (!level.empty()) {
    std::vector<Descriptor> next;
    for (const auto& descriptor : level) {
      const auto node = graph_.look(descriptor);
      if (!node) return;  // explore() tells
      blobs.insert(blobs.end(), (*node)->blobs.begin(), (*node)->blobs.end());
      next.insert(next.end(), (*node)->manifests.begin(), (*node)->manifests.end());
    }
    level = std::move(next);
  }
  std::stable_sort(blobs.begin(), blobs.end(), [](const auto& a, const auto& b) { return a.size > b.size; });
  blobs.resize(std::min(blobs.size(), early_blobs));
  (void)mover_.add(number_, blobs);  // explore() tells
}

/// Looks at one level of manifests and gives the next.
Result<std::vector<Descriptor>> DeliveryRun::explore_level(const std::vector<Descriptor>& level) {
  std::vector<Node*> fresh;
  for (const auto& descriptor : level) {
    auto [it, added] = nodes_.try_emplace(descriptor.digest);
    if (!added) continue;
    it->second.descriptor = descriptor;
    fresh.push_back(&it->second);
  }
  std::vector<std::vector<Descriptor>> below(fresh.size());
  // Directories answer at once; threads would only cost.
  const bool asks = !is_layout(graph_.source()) ||
                    std::any_of(fresh.begin(), fresh.end(), [&](const Node* node) { return needs_request(*node); });
  SHIPSET_CHECK(parallel_for(fresh.size(), asks ? options_.parallel : 1, cancel_, [&](std::size_t i) -> Result<void> {
    SHIPSET_TRY(below[i], look_at(*fresh[i]));
    return {};
  }));
  std::vector<Descriptor> next;
  for (auto& list : below)
    for (auto& descriptor : list) next.push_back(std::move(descriptor));
  return next;
}

bool DeliveryRun::needs_request(const Node& node) {
  if (layout_ || !delivery_.trust_present || empty_) return false;
  const std::lock_guard lock(mutex_);
  return !known_present_.contains(node.descriptor.digest);
}

/// Whether the destination has the manifest together with everything below it.
Result<bool> DeliveryRun::is_present(const Descriptor& descriptor) {
  {
    const std::lock_guard lock(mutex_);
    if (known_present_.contains(descriptor.digest)) return true;
  }
  if (!layout_ && (!delivery_.trust_present || empty_)) return false;
  // A registry takes a manifest only after its content; a directory may have been tampered with, and asking is cheap.
  auto present = layout_ ? graph_complete(destination_, descriptor) : destination_.has_manifest(descriptor.digest);
  if (!present) return failed(std::move(present).error());
  return *present;
}

/// Whether a referrer that is there is listed with its subject: a copy that broke off may have stored it, but not yet
/// added it to the list that registries without the referrers API need. To push it again adds it.
Result<bool> DeliveryRun::is_listed(const Descriptor& descriptor) {
  Digest subject;
  {
    const std::lock_guard lock(mutex_);
    const auto found = subjects_.find(descriptor.digest);
    if (layout_ || found == subjects_.end() || is_attestation(descriptor)) return true;
    subject = found->second;
  }
  const auto listed = destination_.referrers(subject, {});
  if (!listed) return failed(listed.error());
  return std::any_of(listed->begin(), listed->end(),
                     [&](const Descriptor& entry) { return entry.digest == descriptor.digest; });
}

Result<std::vector<Descriptor>> DeliveryRun::look_at(Node& node) {
  SHIPSET_TRY(node.present, is_present(node.descriptor));
  if (node.present && options_.referrers) {
    SHIPSET_TRY(node.present, is_listed(node.descriptor));
  }
  if (node.present && !options_.referrers) return std::vector<Descriptor>();
  SHIPSET_TRY(node.content, graph_.look(node.descriptor));
  std::vector<Descriptor> next = node.content->referrers;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& referrer : next) subjects_.emplace(referrer.digest, node.descriptor.digest);
  }
  next.insert(next.end(), node.content->manifests.begin(), node.content->manifests.end());
  if (node.present && !layout_) {  // what is below it is there too; only what refers to that may be missing
    const std::lock_guard lock(mutex_);
    for (const auto& below : node.content->manifests) known_present_.insert(below.digest);
  }
  if (!node.present) SHIPSET_CHECK(mover_.add(number_, node.content->blobs));
  return next;
}

/// Heights by repeated relaxation: the graph is a few levels deep, and digests make a cycle impossible.
std::size_t DeliveryRun::set_heights() {
  std::size_t highest = 0;
  for (bool changed = true; changed;) {
    changed = false;
    for (auto& [digest, node] : nodes_) {
      if (node.content == nullptr) continue;
      for (const auto& below : node.content->after) {
        const auto it = nodes_.find(below);
        if (it == nodes_.end() || it->second.height < node.height) continue;
        node.height = it->second.height + 1;
        highest = std::max(highest, node.height);
        changed = true;
      }
    }
  }
  return highest;
}

Result<void> DeliveryRun::finish() {
  std::set<Digest> needed;  ///< something else must come after these
  for (const auto& [digest, node] : nodes_)
    if (node.content != nullptr && !node.present)
      for (const auto& below : node.content->after) needed.insert(below);
  for (std::size_t i = 0; i < tags_.size(); ++i) {
    const auto& root = delivery_.tags[i].root;
    const auto it = nodes_.find(root);
    if (tags_[i] == Tag::other && it != nodes_.end() && !it->second.present && !needed.contains(root))
      by_tag_.insert(root);
  }
  for (const auto& [digest, node] : nodes_)
    if (node.present) ++report_.manifests_present;
  const std::size_t highest = set_heights();
  for (std::size_t height = 0; height <= highest; ++height) {
    std::vector<Node*> level;
    for (auto& [digest, node] : nodes_)
      if (node.height == height && !node.present && !by_tag_.contains(digest)) level.push_back(&node);
    SHIPSET_CHECK(parallel_for(level.size(), layout_ ? 1 : options_.parallel, cancel_,
                               [&](std::size_t i) { return push(*level[i]); }));
  }
  return set_tags();
}

Result<void> DeliveryRun::push(Node& node) {
  SHIPSET_TRY(const std::string bytes, graph_.bytes(*node.content));
  auto stored = destination_.put_manifest(node.descriptor, bytes);
  if (!stored) return failed(std::move(stored).error());
  pushed(node.descriptor);
  return {};
}

void DeliveryRun::pushed(const Descriptor& manifest) {
  tell(EventKind::manifest_pushed, manifest.digest.str(), manifest.size);
  const std::lock_guard lock(mutex_);
  ++report_.manifests_pushed;
  report_.bytes_moved += manifest.size;
}

Result<void> DeliveryRun::set_tags() {
  std::vector<std::size_t> moving;
  for (std::size_t i = 0; i < tags_.size(); ++i) {
    const std::string& tag = delivery_.tags[i].tag;
    if (tags_[i] == Tag::right) tell(EventKind::tag_kept, destination_.name() + ":" + tag, 0);
    if (tags_[i] != Tag::right) moving.push_back(i);
    (tags_[i] == Tag::right ? report_.tags_kept : report_.tags_set).push_back(tag);
  }
  return parallel_for(moving.size(), layout_ ? 1 : options_.parallel, cancel_,
                      [&](std::size_t i) { return set_tag(moving[i]); });
}

Result<void> DeliveryRun::set_tag(std::size_t wish) {
  const auto& [tag, root] = delivery_.tags[wish];
  const std::string subject = destination_.name() + ":" + tag;
  const auto at = std::find_if(delivery_.roots.begin(), delivery_.roots.end(),
                               [&root = root](const Descriptor& descriptor) { return descriptor.digest == root; });
  if (at == delivery_.roots.end())
    return Error(ErrorKind::internal, "the tag " + subject + " has no root in its delivery");
  SHIPSET_TRY(const GraphNode* const node, graph_.look(*at));
  SHIPSET_TRY(const std::string bytes, graph_.bytes(*node));
  auto set = destination_.put_tag(tag, *at, bytes);
  if (!set) return failed(std::move(set).error());
  bool stored_now = false;
  {
    const std::lock_guard lock(mutex_);
    stored_now = by_tag_.erase(root) > 0;
  }
  if (stored_now) pushed(*at);
  tell(EventKind::tag_moved, subject, 0);
  return {};
}

}  // namespace shipset::oci::detail
