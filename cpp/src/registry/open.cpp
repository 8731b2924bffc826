#include "shipset/registry/open.hpp"

#include "shipset/oci/docker_archive.hpp"

namespace shipset::registry {

namespace {
Error missing(const oci::Store& store, std::string_view tag) {
  return Error(ErrorKind::not_found, "there is no " + store.name() + ":" + std::string(tag), "the tag does not exist",
               "list the tags that exist, or check the name")
      .with("store", store.name())
      .with("tag", std::string(tag));
}

Result<oci::Descriptor> by_tag(oci::Store& store, std::string_view tag) {
  SHIPSET_TRY(auto found, store.resolve(tag));
  if (!found) return missing(store, tag);
  return std::move(*found);
}

Result<oci::Descriptor> by_digest(oci::Store& store, const Digest& digest) {
  SHIPSET_TRY(auto found, store.manifest(digest));
  return std::move(found.descriptor);
}

Result<oci::Descriptor> only_tag(oci::Store& store) {
  SHIPSET_TRY(const auto tags, store.tags());
  if (tags.size() == 1) return by_tag(store, tags.front());
  return Error(tags.empty() ? ErrorKind::not_found : ErrorKind::usage, "cannot choose an image of " + store.name(),
               tags.empty() ? "it holds no tag" : "it holds " + std::to_string(tags.size()) + " tags",
               tags.empty() ? "check the path" : "name one: " + store.name() + ":" + tags.front())
      .with("store", store.name());
}
}  // namespace

Result<std::unique_ptr<oci::Store>> open_store(const Location& location, Client& client, Access access,
                                               const CancelToken& cancel) {
  switch (location.kind) {
    case Location::Kind::registry:
      if (access == Access::pull) return client.pull_repository(location.reference, cancel);
      return client.repository(location.reference, cancel);
    case Location::Kind::layout: {
      oci::LayoutOptions options;
      options.create = access == Access::write;
      options.read_only = access != Access::write;
      SHIPSET_TRY(auto layout, oci::LayoutStore::open(location.path, options));
      return std::unique_ptr<oci::Store>(std::move(layout));
    }
    case Location::Kind::docker_archive:
      if (access != Access::write) return oci::open_docker_archive(location.path, cancel);
      break;
  }
  return Error(ErrorKind::usage, "cannot write to " + location.str(), "archives of Docker are read only",
               "give a registry reference, or oci:PATH");
}

Result<oci::Descriptor> resolve(oci::Store& store, const Location& location) {
  if (location.kind == Location::Kind::registry) {
    const Reference& reference = location.reference;
    if (!reference.digest().empty()) return by_digest(store, reference.digest());
    return by_tag(store, reference.or_latest().tag());
  }
  if (location.kind == Location::Kind::docker_archive) return by_tag(store, location.tag);
  if (!location.digest.empty()) return by_digest(store, location.digest);
  return location.tag.empty() ? only_tag(store) : by_tag(store, location.tag);
}

}  // namespace shipset::registry
