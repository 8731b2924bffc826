#include <algorithm>

#include "transfer_graph_impl.hpp"

namespace shipset::oci::detail {

namespace {
/// Manifests larger than this are read once more when they are pushed, so that memory does not grow with the graph.
constexpr std::size_t kept_manifest_bytes = 64u << 10;

Result<void> sort_children(GraphNode& node, const std::string& bytes) {
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
      node.manifests.push_back(std::move(child));
    } else if (!lives_elsewhere(child)) {
      node.blobs.push_back(std::move(child));
    }
  }
  return {};
}
}  // namespace

bool lives_elsewhere(const Descriptor& blob) {
  return !blob.urls.empty() && (blob.media_type.find("nondistributable") != std::string::npos ||
                                blob.media_type.find("foreign") != std::string::npos);
}

Error on_side(Error error, std::string_view side, const Store& store) {
  error.context.try_emplace("side", side);
  error.context.try_emplace("store", store.name());
  return error;
}

Result<std::unique_ptr<GraphNode>> SourceGraph::read(const Descriptor& descriptor) {
  auto node = std::make_unique<GraphNode>();
  node->descriptor = descriptor;
  const Digest& digest = descriptor.digest;
  if (referrers_) {
    SHIPSET_TRY(node->referrers, source_.referrers(digest, {}));
  }
  SHIPSET_TRY(auto manifest, source_.manifest(digest));
  if (manifest.bytes.size() != descriptor.size)
    return Error(ErrorKind::verify, "cannot copy manifest " + digest.str() + " from " + source_.name(),
                 "it has " + std::to_string(manifest.bytes.size()) + " bytes; its descriptor says " +
                     std::to_string(descriptor.size),
                 "the descriptor that leads to it is wrong: look at it with `shipset verify`, or try again")
        .with("digest", digest.str());
  SHIPSET_CHECK(sort_children(*node, manifest.bytes));
  if (manifest.bytes.size() <= kept_manifest_bytes) node->bytes = std::move(manifest.bytes);
  return node;
}

Result<const GraphNode*> SourceGraph::look(const Descriptor& descriptor) {
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    auto& slot = entries_[descriptor.digest];
    if (!slot) slot = std::make_shared<Entry>();
    entry = slot;
  }
  const std::lock_guard lock(entry->mutex);
  if (!entry->node) {
    auto node = read(descriptor);
    if (!node) return on_side(std::move(node).error(), "source", source_);
    entry->node = std::move(*node);
  }
  return static_cast<const GraphNode*>(entry->node.get());
}

Result<std::string> SourceGraph::bytes(const GraphNode& node) {
  if (!node.bytes.empty()) return node.bytes;
  auto again = source_.manifest(node.descriptor.digest);
  if (!again) return on_side(std::move(again).error(), "source", source_);
  return std::move(again->bytes);
}

std::uint64_t SourceGraph::largest_blob(const Descriptor& root) {
  const auto node = look(root);
  if (!node) return 0;
  std::uint64_t largest = 0;
  for (const auto& blob : (*node)->blobs) largest = std::max(largest, blob.size);
  for (const auto& below : (*node)->manifests) largest = std::max(largest, largest_blob(below));
  return largest;
}

}  // namespace shipset::oci::detail
