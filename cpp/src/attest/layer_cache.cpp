#include "layer_cache_impl.hpp"

namespace shipset::attest {

LayerCache::LayerCache(std::size_t limit_bytes) : impl_(std::make_unique<Impl>(limit_bytes)) {}
LayerCache::~LayerCache() = default;

Result<std::shared_ptr<const LayerFacts>> LayerCache::Impl::get(const Digest& digest,
                                                                const std::function<Result<LayerFacts>()>& scan) {
  std::shared_ptr<Slot> slot;
  {
    const std::lock_guard lock(mutex_);
    auto& place = slots_[digest];
    if (!place) place = std::make_shared<Slot>();
    slot = place;
    slot->used = ++clock_;
  }
  const std::lock_guard reading(slot->mutex);  // whoever comes second waits for the first one's facts
  if (slot->facts) return slot->facts;
  auto scanned = scan();
  const std::lock_guard lock(mutex_);
  if (!scanned) {
    if (const auto at = slots_.find(digest); at != slots_.end() && at->second == slot) slots_.erase(at);
    return std::move(scanned).error();
  }
  slot->facts = std::make_shared<const LayerFacts>(std::move(*scanned));
  auto& place = slots_[digest];  // the failure of an earlier reader may have put another slot here, or none
  if (place && place != slot) held_ -= place->weight;
  place = slot;
  slot->weight = slot->facts->weight();
  held_ += slot->weight;
  shrink();
  return slot->facts;
}

void LayerCache::Impl::shrink() {
  while (held_ > limit_) {
    auto oldest = slots_.end();
    for (auto at = slots_.begin(); at != slots_.end(); ++at)
      if (at->second->weight != 0 && (oldest == slots_.end() || at->second->used < oldest->second->used)) oldest = at;
    if (oldest == slots_.end()) return;
    held_ -= oldest->second->weight;
    slots_.erase(oldest);
  }
}

}  // namespace shipset::attest
