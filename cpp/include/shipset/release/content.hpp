// Looking at and moving content outside a release: copy, inspect and verify of any reference or layout. Blocking.
#pragma once

#include "shipset/oci/transfer.hpp"
#include "shipset/oci/validate.hpp"
#include "shipset/registry/open.hpp"

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

struct Verification {
  oci::Descriptor root;
  oci::ValidationReport content;
  std::uint64_t images = 0, sboms = 0, provenances = 0;
  std::string build_key;
  [[nodiscard]] bool ok() const { return content.findings.empty(); }
  [[nodiscard]] std::string to_json() const;
};
/// Recomputes everything below the location, and that each platform image of an index has the attestations that the
/// index promises. Content that does not hold is in the findings; the face exits 7.
Result<Verification> verify(const Location& location, const registry::ClientOptions& client,
                            const EventSink& events = {}, const CancelToken& cancel = {});

}  // namespace shipset::release
