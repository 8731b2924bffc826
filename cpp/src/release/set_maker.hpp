// Makes the set manifest of a run from its plan, its report and the bytes at the destinations. Private to the module;
// one object, one thread.
#pragma once

#include "run.hpp"
#include "set_store.hpp"

namespace shipset::release {

class SetMaker {
 public:
  explicit SetMaker(Run& run) : run_(run) {}

  /// The set: every variant with a tag that points at it now.
  Result<SetManifest> make();
  [[nodiscard]] bool is_released_at(const std::string& variant, std::size_t target) const {
    return released_.contains({variant, target});
  }
  /// A gate that this run skipped, because it built nothing that the gate concerns, keeps the result that the newest
  /// set manifest on an index of the set has for it, if that one is of the very same images.
  Result<void> take_gates(SetManifest& set, oci::Store& store, const oci::Descriptor& index,
                          const std::vector<SetNote>& notes) const;

 private:
  Result<void> add_tags(SetManifest& set);
  Result<void> add_variant(SetManifest& set, std::size_t variant);
  Result<SetImage> describe(std::size_t variant, std::size_t target, const oci::Index& index,
                            const oci::Descriptor& entry);
  Result<void> add_statements(SetImage& image, std::size_t target, const oci::Descriptor& manifest);
  Result<oci::ManifestBytes> read(std::size_t target, const Digest& digest);
  void add_gates(SetManifest& set) const;
  [[nodiscard]] std::string why_left_out(std::size_t variant) const;

  Run& run_;
  std::set<std::pair<std::string, std::size_t>> released_;  ///< (variant, target) with a tag
  std::map<std::size_t, Document> indexes_;                 ///< by variant
};

}  // namespace shipset::release
