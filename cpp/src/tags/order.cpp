#include <algorithm>
#include <numeric>
#include <set>

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

int specificity_of(const std::string& shape) {
  if (shape.find('{') == shape.npos) return 0;
  const auto parsed = Shape::parse(shape);
  return parsed ? parsed->specificity() : 0;
}

std::vector<Rank> ranks_of(const Table& table) {
  std::vector<Rank> ranks(table.entries.size());
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const Entry& entry = table.entries[i];
    if (entry.moves == Moves::never) continue;
    const int part = specificity_of(entry.shape);
    const bool latest = part == 0 && entry.tag.starts_with("latest");
    ranks[i] = {true, entry.tag == "latest", latest, -part, entry.platforms.empty()};
  }
  return ranks;
}

}  // namespace

std::vector<std::size_t> promotion_order(const Table& table) {
  const auto ranks = ranks_of(table);
  std::vector<std::size_t> order(ranks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return ranks[a] < ranks[b]; });
  return order;
}

std::vector<std::size_t> promotion_steps(const Table& table) {
  const auto ranks = ranks_of(table);
  const std::set<Rank> distinct(ranks.begin(), ranks.end());
  std::vector<std::size_t> steps;
  for (const auto& rank : ranks)
    steps.push_back(static_cast<std::size_t>(std::distance(distinct.begin(), distinct.find(rank))));
  return steps;
}

}  // namespace shipset::tags
