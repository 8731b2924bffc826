#include "set_places.hpp"

#include <algorithm>

namespace shipset::release {

namespace {

Reference parsed(const std::string& repository) {
  const auto reference = Reference::parse(repository);
  return reference ? *reference : Reference();
}

/// Whether `path` is `tail` or ends with it behind a slash.
bool ends_with_path(const std::string& path, const std::string& tail) {
  if (tail.empty() || !path.ends_with(tail)) return false;
  return path.size() == tail.size() || path[path.size() - tail.size() - 1] == '/';
}

}  // namespace

SetPlaces::SetPlaces(const Location& given, const SetManifest& set, const std::string& variant) : given_(given) {
  given_.tag.clear();
  given_.digest = {};
  given_.reference = given.reference.repository();
  std::vector<std::string> candidates = set.repositories;
  if (const auto* known = set.find(variant); known != nullptr && !known->repositories.empty())
    candidates = known->repositories;
  if (given.kind == Location::Kind::registry) {
    find_registry(candidates);
  } else {
    find_layout(candidates);
  }
  if (here_.empty() && !candidates.empty()) here_ = candidates.front();
}

void SetPlaces::find_registry(const std::vector<std::string>& repositories) {
  std::size_t best = 0;
  for (const auto& name : repositories) {
    const Reference one = parsed(name);
    if (one.name() == given_.reference.name()) {
      kinship_ = SetKinship::same;
      here_ = name;
      return;
    }
    if (one.path().size() <= best || !ends_with_path(given_.reference.path(), one.path())) continue;
    best = one.path().size();
    kinship_ = SetKinship::rebased;
    here_ = name;
    prefix_ = given_.reference.path().substr(0, given_.reference.path().size() - best);
  }
}

/// Several repositories lie in layouts below one folder.
void SetPlaces::find_layout(const std::vector<std::string>& repositories) {
  std::size_t best = 0;
  for (const auto& name : repositories) {
    const std::string familiar = parsed(name).familiar_name();
    if (familiar.size() <= best || !ends_with_path(given_.path, familiar)) continue;
    best = familiar.size();
    here_ = name;
    prefix_ = given_.path.substr(0, given_.path.size() - best);
  }
}

std::optional<Location> SetPlaces::of(const std::string& repository) const {
  if (repository == here_) return given_;
  const Reference one = parsed(repository);
  Location out = given_;
  if (given_.kind != Location::Kind::registry) {
    if (prefix_.empty()) return std::nullopt;
    out.path = prefix_ + one.familiar_name();
    return out;
  }
  if (kinship_ == SetKinship::copy) return std::nullopt;
  if (kinship_ == SetKinship::same) {
    if (one.domain() != given_.reference.domain()) return std::nullopt;
    out.reference = one.repository();
    return out;
  }
  const auto moved = Reference::parse(given_.reference.domain() + "/" + prefix_ + one.path());
  if (!moved) return std::nullopt;
  out.reference = moved->repository();
  return out;
}

std::string reference_at(const Location& place, const Digest& digest) {
  if (place.kind == Location::Kind::registry) return place.reference.repository().with_digest(digest).familiar();
  Location out = place;
  out.tag.clear();
  out.digest = digest;
  return out.str();
}

std::string reference_at(const Location& place, const std::string& tag) {
  if (place.kind == Location::Kind::registry) return place.reference.repository().familiar() + ":" + tag;
  Location out = place;
  out.digest = {};
  out.tag = tag;
  return out.str();
}

}  // namespace shipset::release
