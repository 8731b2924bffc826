// A repository that is read through mirrors, each asked in order, the registry itself last. What a mirror sends is
// checked by digest like everything else; wrong content takes the mirror out, and the next place is asked. Lists of
// tags and every write are the registry's own; so are referrers, unless it cannot be reached. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "shipset/oci/store.hpp"
#include "shipset/registry/hosts.hpp"

namespace shipset::registry {

struct MirrorPlace {
  std::unique_ptr<oci::Store> store;
  Mirror::Pulls pulls = Mirror::Pulls::all;
  std::atomic<bool> out{false};   ///< unreachable, or sent wrong content: not asked again
  std::atomic<bool> told{false};  ///< that it serves
};

struct MirrorPlaces {
  std::vector<std::unique_ptr<MirrorPlace>> mirrors;
  std::unique_ptr<oci::Store> origin;
  std::string name;  ///< for people: the repository as it was asked for
  EventSink notes;
  /// An error of a mirror: it is told, and what shows that the mirror is of no use takes it out.
  void failed(MirrorPlace& place, const Error& error) const;
  void serves(MirrorPlace& place) const;
  /// The registry itself is unreachable, and a mirror answered in its place.
  void cannot_ask(const MirrorPlace& place, const Error& error);
  std::atomic<bool> unreachable_told{false};
};

std::unique_ptr<oci::Store> mirrored_store(std::shared_ptr<MirrorPlaces> places);
/// The registry's own repository behind a mirrored one; any other store is itself.
const oci::Store& without_mirrors(const oci::Store& store);

}  // namespace shipset::registry
