#include "targets.hpp"

#include <map>
#include <set>

namespace shipset::release {

namespace {

Result<std::vector<Reference>> repositories_of(const Matrix& matrix) {
  std::vector<Reference> out;
  std::set<std::string> seen;
  for (const auto& variant : matrix.variants)
    for (const auto& text : variant.repositories) {
      SHIPSET_TRY(const Reference reference, Reference::parse(text));
      if (seen.insert(reference.name()).second) out.push_back(reference.repository());
    }
  return out;
}

Location layout_at(std::string path) {
  Location location;
  location.kind = Location::Kind::layout;
  location.path = std::move(path);
  return location;
}

Result<std::vector<Target>> layout_targets(const std::vector<Reference>& repositories, const std::string& path) {
  std::vector<Target> out;
  for (const auto& repository : repositories)
    out.push_back(
        {repository.name(), layout_at(repositories.size() == 1 ? path : path + "/" + repository.familiar_name())});
  return out;
}

Result<Reference> rebase(const Reference& repository, const std::string& destination) {
  const std::string prefix = destination.ends_with('/') ? destination.substr(0, destination.size() - 1) : destination;
  const std::string host = prefix.substr(0, prefix.find('/'));
  auto moved = Reference::parse(prefix + "/" + repository.path());
  if (!moved) return std::move(moved).error().with("destination", destination);
  if (moved->domain() != host && !(host == "index.docker.io" && moved->domain() == "docker.io"))
    return Error(ErrorKind::usage, "--to " + destination + " names no host",
                 "\"" + host + "\" is neither localhost nor has a dot or a port",
                 "write oci:PATH for a directory, or HOST[:PORT][/PREFIX], e.g. docker.io/" + prefix);
  return *moved;
}

Result<void> refuse_collisions(const std::vector<Target>& targets, const std::string& destination) {
  std::map<std::string, std::string> places;
  for (const auto& target : targets) {
    const auto [at, fresh] = places.emplace(target.name(), target.repository);
    if (!fresh)
      return Error(ErrorKind::usage, "--to " + destination + " puts two repositories at " + target.name(),
                   at->second + " and " + target.repository + " differ only in their host",
                   "release them to two destinations, one after the other, or rename one repository");
  }
  return {};
}

}  // namespace

Result<std::vector<Target>> make_targets(const Matrix& matrix, const std::string& destination) {
  SHIPSET_TRY(const auto repositories, repositories_of(matrix));
  std::vector<Target> targets;
  if (destination.starts_with("oci:")) {
    const std::string path = destination.substr(4);
    if (path.empty())
      return Error(ErrorKind::usage, "--to oci: names no directory", {}, "write oci:PATH, e.g. oci:dist");
    SHIPSET_TRY(targets, layout_targets(repositories, path));
  } else {
    for (const auto& repository : repositories) {
      Target target{repository.name(), {}};
      target.location.reference = repository;
      if (!destination.empty()) {
        SHIPSET_TRY(target.location.reference, rebase(repository, destination));
      }
      targets.push_back(std::move(target));
    }
  }
  SHIPSET_CHECK(refuse_collisions(targets, destination));
  return targets;
}

}  // namespace shipset::release
