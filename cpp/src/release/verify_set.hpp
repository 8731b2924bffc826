// Proves a set from the places where it is: every variant, platform, statement and tag of the set manifest. Private to
// the module; one object, one call.
#pragma once

#include <memory>

#include "set_places.hpp"
#include "set_search.hpp"
#include "shipset/release/content.hpp"

namespace shipset::release {

class SetVerifier {
 public:
  SetVerifier(registry::Client& client, const Location& location, const FoundSet& found, SetDemand demand,
              Verification& result, const EventSink& events, const CancelToken& cancel);
  Result<void> run();

 private:
  /// One repository of the set.
  struct Place {
    std::string repository;
    std::unique_ptr<oci::Store> store;  ///< nullptr: there is nothing
    bool lenient = false;               ///< what is not there at all is no finding
  };
  /// One variant in one repository, and what was found of it.
  struct Job {
    const Place* place = nullptr;
    const SetVariant* variant = nullptr;
    std::vector<const SetTag*> tags;
    std::vector<oci::Finding> findings;
    std::vector<std::string> notes;
    std::uint64_t tags_right = 0;
    bool absent = false, incomplete = false;  ///< incomplete: some of its tags are not there
    oci::ValidationReport content;
  };

  Result<void> open_places();
  Result<void> check(Job& job);
  Result<bool> check_tags(Job& job, bool present);
  Result<void> check_index(Job& job, const oci::ManifestBytes& bytes);
  Result<void> check_image(Job& job, const oci::Index& index, const SetImage& image);
  Result<void> check_blobs(Job& job, const oci::Manifest& manifest, const std::string& place);
  Result<void> check_statement(Job& job, const SetAttestation& attestation, const std::string& place);
  Result<void> check_own_manifest(Job& job);
  /// The bytes of a manifest as its descriptor says; nullopt: told as a finding.
  Result<std::optional<oci::ManifestBytes>> fetch(Job& job, const oci::Descriptor& object, const std::string& place);
  void collect(std::vector<Job>& jobs);
  [[nodiscard]] bool read_already(const Job& job) const;

  registry::Client& client_;
  const Location& location_;
  const FoundSet& found_;
  const SetManifest& set_;
  const SetDemand demand_;
  Verification& result_;
  const EventSink& events_;
  const CancelToken cancel_;
  const SetPlaces places_;
  std::vector<Place> open_;
};

}  // namespace shipset::release
