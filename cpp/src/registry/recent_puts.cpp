#include "recent_puts_impl.hpp"

namespace shipset::registry {

namespace {
constexpr std::size_t enough_to_look_through = 1024;
}

void RecentPuts::remember(const std::string& repository, const std::string& reference, const Digest& digest,
                          Clock::time_point now) {
  std::lock_guard lock(mutex_);
  if (puts_.size() >= enough_to_look_through) drop_old(now);
  puts_.insert_or_assign({repository, reference}, Put{digest, now});
}

void RecentPuts::forget(const std::string& repository, const std::string& reference) {
  std::lock_guard lock(mutex_);
  std::erase_if(puts_, [&](const auto& item) {
    return item.first.first == repository && (item.first.second == reference || item.second.digest.str() == reference);
  });
}

std::optional<Digest> RecentPuts::find(const std::string& repository, const std::string& reference,
                                       Clock::time_point now) const {
  std::lock_guard lock(mutex_);
  const auto found = puts_.find({repository, reference});
  if (found == puts_.end() || now - found->second.at > lag) return std::nullopt;
  return found->second.digest;
}

void RecentPuts::drop_old(Clock::time_point now) {
  std::erase_if(puts_, [&](const auto& item) { return now - item.second.at > lag; });
}

}  // namespace shipset::registry
