#include <algorithm>
#include <cstring>

#include "layer_scan_impl.hpp"

namespace shipset::attest {

namespace {

constexpr std::uint64_t directory_bit = 1;

std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 32;
  value *= 0xd6e8feb86659fd93ULL;
  value ^= value >> 32;
  value *= 0xd6e8feb86659fd93ULL;
  return value ^ value >> 32;
}

std::uint64_t hash(std::string_view path) {
  std::uint64_t out = 0x9e3779b97f4a7c15ULL + path.size();
  while (path.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, path.data(), 8);
    out = mix(out ^ mix(word));
    path.remove_prefix(8);
  }
  std::uint64_t rest = 0;
  if (!path.empty()) std::memcpy(&rest, path.data(), path.size());
  return mix(out ^ mix(rest + 1)) & ~directory_bit;
}

bool holds(const std::vector<std::uint64_t>& sorted, std::uint64_t value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

}  // namespace

void PathSet::add(std::string_view path, bool directory) {
  entries_.push_back(hash(path) | (directory ? directory_bit : 0));
}
void PathSet::add_whiteout(std::string_view path) {
  removed_.push_back(hash(path));
}
void PathSet::add_opaque(std::string_view directory) {
  opaque_.push_back(hash(directory));
}

void PathSet::seal() {
  for (auto* list : {&entries_, &removed_, &opaque_}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
    list->shrink_to_fit();
  }
}

bool PathSet::hides(std::string_view path) const {
  const auto own = hash(path);
  if (holds(entries_, own) || holds(entries_, own | directory_bit) || holds(removed_, own)) return true;
  while (!path.empty()) {
    const auto slash = path.rfind('/');
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
    const auto above = hash(path);
    if (holds(opaque_, above) || holds(removed_, above)) return true;
    if (!path.empty() && holds(entries_, above)) return true;  // no directory any more
  }
  return false;
}

std::size_t PathSet::weight() const {
  return (entries_.capacity() + removed_.capacity() + opaque_.capacity()) * sizeof(std::uint64_t);
}

}  // namespace shipset::attest
