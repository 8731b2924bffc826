#include <algorithm>
#include <numeric>
#include <tuple>
#include <unordered_map>

#include "shape_impl.hpp"
#include "shipset/tags/table.hpp"

namespace shipset::tags {

namespace {

// Sorts exact tags first; then by how much of a version the rule names; `latest` with a suffix before it without.
struct Rank {
  bool moving = false;
  bool bare_latest = false;
  bool any_latest = false;
  int unspecific = 0;
  bool whole_index = false;
  auto operator<=>(const Rank&) const = default;
};

}  // namespace

std::vector<std::size_t> promotion_order(const Table& table) {
  std::unordered_map<std::string_view, int> specificity;  // rules repeat over variants and repositories
  std::vector<Rank> ranks(table.entries.size());
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const Entry& entry = table.entries[i];
    if (entry.moves == Moves::never) continue;
    auto known = specificity.find(entry.shape);
    if (known == specificity.end()) {
      const auto shape = Shape::parse(entry.shape);
      known = specificity.emplace(entry.shape, shape ? shape->specificity() : 0).first;
    }
    const bool latest = known->second == 0 && entry.tag.starts_with("latest");
    ranks[i] = {true, entry.tag == "latest", latest, -known->second, entry.platforms.empty()};
  }
  std::vector<std::size_t> order(ranks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return ranks[a] < ranks[b]; });
  return order;
}

}  // namespace shipset::tags
