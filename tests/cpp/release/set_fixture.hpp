// A released set in a layout, with what its set manifest says, and ways to damage it.
#pragma once

#include "release_fixture.hpp"
#include "set_store.hpp"

namespace shipset::release {

inline oci::Descriptor resolved(oci::Store& store, const std::string& tag) {
  const auto at = store.resolve(tag).value();
  REQUIRE(at);
  return *at;
}

/// The newest set manifest of what a tag points at.
inline SetNote newest_set(oci::Store& store, const std::string& tag) {
  const auto notes = find_sets(store, resolved(store, tag).digest).value();
  REQUIRE_FALSE(notes.empty());
  return notes.front();
}

inline SetManifest released_set(const Workspace& space, const std::string& tag = "v1.0.0") {
  const auto store = open_layout(space);
  const auto content = read_set(*store, newest_set(*store, tag).artifact, resolved(*store, tag).digest);
  INFO((content.ok() ? std::string() : render(content.error())));
  REQUIRE(content.ok());
  return content->set;
}

inline fs::path blob_file(const Workspace& space, const Digest& digest, const std::string& name = "dist") {
  return space.path(name) / "blobs" / "sha256" / std::string(digest.encoded());
}

inline Verification verified(const std::string& reference, SetDemand demand = SetDemand::if_present) {
  auto proven = verify(at(reference), {}, {}, {}, demand);
  INFO((proven.ok() ? std::string() : render(proven.error())));
  REQUIRE(proven.ok());
  return *proven;
}

/// Places and messages of all findings, a line each.
inline std::string findings(const Verification& proven) {
  std::string out;
  for (const auto& finding : proven.content.findings)
    out += finding.digest.str() + " " + finding.place + ": " + finding.message + "\n";
  return out;
}

}  // namespace shipset::release
