// Looking at and moving content outside a release: copy, inspect and verify of any reference or layout. Blocking.
#pragma once

#include "shipset/oci/transfer.hpp"
#include "shipset/oci/validate.hpp"
#include "shipset/registry/open.hpp"
#include "shipset/release/set.hpp"

namespace shipset::release {

struct CopyReport {
  oci::TransferReport transfer;
  std::vector<std::string> tags_set, tags_kept;  ///< references at the destination
};
/// Copies what `source` names with everything below it and its referrers; with all_tags every tag of the repository
/// but `_shipset.` ones. Tags move after all content is there. The destination's tag defaults to the source's.
Result<CopyReport> copy(const Location& source, const Location& destination, bool all_tags,
                        const registry::ClientOptions& client, const EventSink& events = {},
                        const CancelToken& cancel = {});

/// JSON description of what a location holds: index, platforms, configs, layers, attestations with predicate types,
/// or, for a layout or repository without tag, its tags.
Result<std::string> inspect_json(const Location& location, const registry::ClientOptions& client,
                                 const CancelToken& cancel = {});

/// What is asked of the set manifest.
enum class SetDemand : std::uint8_t {
  if_present,  ///< where there is one, it has to hold; in the repositories of the release file all of it, elsewhere
               ///< (a copy, a layout, another destination) variants that are not there at all are noted
  required,    ///< there has to be one, and all of it has to be there
  partial,     ///< variants and tags that are not there at all are noted: a copy of some of them
  ignored,     ///< nobody looks for it
};

/// The set that a reference belongs to, as far as it was looked at.
struct VerifiedSet {
  oci::Descriptor document;
  std::string name, version, repository;  ///< repository: of the release file, the one that the reference is in
  std::uint64_t generation = 0;
  std::uint64_t variants = 0, tags = 0;    ///< that were found as the set manifest says
  bool whole = false;                      ///< every variant and every tag was looked at and found so
  std::vector<std::string> not_looked_at;  ///< repositories that cannot be reached from the reference
};

struct Verification {
  oci::Descriptor root;
  oci::ValidationReport content;
  std::uint64_t images = 0, sboms = 0, provenances = 0;
  std::string build_key;
  std::optional<VerifiedSet> set;  ///< nullopt: none was found or looked for
  std::vector<std::string> notes;  ///< what is no finding and good to know
  [[nodiscard]] bool ok() const { return content.findings.empty(); }
  [[nodiscard]] std::string to_json() const;
};
/// Recomputes everything below the location, and that each platform image of an index has the attestations that the
/// index promises. Where a set manifest refers to it, or is it, the whole set is proven from the registry alone: every
/// variant, platform, statement and tag that it lists is there as it says. Layers of other variants than the one that
/// the location names are looked up, not read; all are read when it names the set. Content that does not hold is in the
/// findings; the face exits 7.
Result<Verification> verify(const Location& location, const registry::ClientOptions& client,
                            const EventSink& events = {}, const CancelToken& cancel = {},
                            SetDemand demand = SetDemand::if_present);

}  // namespace shipset::release
