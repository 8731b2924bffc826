#include "shipset/release/next_version.hpp"

#include <set>

#include "shipset/tags/reader.hpp"
#include "stores.hpp"
#include "targets.hpp"

namespace shipset::release {

namespace {

/// Only looks, so all of it may be stopped.
registry::ClientOptions stopped_by(registry::ClientOptions client, const CancelToken& cancel) {
  client.cancel = cancel;
  return client;
}

}  // namespace

Result<std::vector<std::string>> existing_versions(const Matrix& matrix, const std::string& destination,
                                                   const registry::ClientOptions& client, const EventSink& events,
                                                   const CancelToken& cancel) {
  SHIPSET_TRY(const auto targets, make_targets(matrix, destination));
  Stores stores(stopped_by(client, cancel), events);
  std::set<std::string> found;
  bool readable = false;
  for (const auto& target : targets) {
    if (!tags::VersionReader(matrix, target.repository, {}).readable()) continue;
    readable = true;
    SHIPSET_CHECK(cancel.check());
    SHIPSET_TRY(oci::Store* const store, stores.look(target));
    std::vector<std::string> all;
    if (store != nullptr) {
      SHIPSET_TRY(all, store->tags());
    }
    const tags::VersionReader reader(matrix, target.repository, all);
    for (const auto& variant : matrix.variants)
      for (const auto& version : reader.versions(variant.name)) found.insert(version.raw());
  }
  if (!readable)
    return Error(ErrorKind::usage, "the versions of " + matrix.name + " cannot be read from its tags",
                 "no variant has an exact tag rule that holds a whole version of the scheme " +
                     std::string(to_string(matrix.scheme)),
                 "give one variant the rule { tag = \"{version}{-suffix}\" }, or take the versions from git alone");
  return std::vector<std::string>(found.begin(), found.end());
}

Result<NextVersion> next_version(const ReleaseSpec& spec, const InputValues& inputs, const Facts& facts,
                                 const NextVersionOptions& options, const EventSink& events,
                                 const CancelToken& cancel) {
  std::vector<std::string> existing;
  if (options.git) {
    if (!facts.versions)
      return Error(
          ErrorKind::usage, "the git tags of " + spec.file().string() + " are not known",
          "the checkout is shallow, so that tags may be missing, or git does not answer",
          "fetch all: git fetch --unshallow --tags (actions/checkout: fetch-depth: 0), or use --from registry");
    existing = *facts.versions;
  }
  // Any version of the scheme shows what the tag rules look like.
  SHIPSET_TRY(const NextVersion sample,
              shipset::next_version({}, VersionStep::patch, spec.scheme(), {}, facts.date_unix_s));
  SHIPSET_TRY(const Matrix matrix, spec.matrix_of_version(sample.version, inputs, facts));
  if (options.registry) {
    SHIPSET_TRY(const auto there, existing_versions(matrix, options.destination, options.client, events, cancel));
    existing.insert(existing.end(), there.begin(), there.end());
  }
  return shipset::next_version(existing, options.step, matrix.scheme, matrix.withdrawn, facts.date_unix_s);
}

}  // namespace shipset::release
