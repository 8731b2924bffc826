// The artifact that holds the result of an external gate: an image manifest in the form that every registry takes (as
// attestations have it in their legacy form), with one layer, the result as JSON. Private to the module.
#pragma once

#include "assemble.hpp"
#include "shipset/oci/store.hpp"
#include "shipset/release/gate.hpp"

namespace shipset::release {

/// `_shipset.<id>.gate.<name>`; hashed when the name is no part of a tag, or over 128 characters.
std::string gate_tag(const std::string& id, const std::string& gate);

/// A result as it lies in a registry.
struct PostedResult {
  std::string id, gate;
  bool pass = false;
  std::string details;  ///< for people: redacted, printable, at most 20 lines
  std::optional<std::int64_t> duration_ms;
  std::int64_t posted_unix_s = 0;
  std::vector<JudgedImage> judged;
};

/// Manifest, its config and its layer, ready to be stored.
struct ResultDocument {
  Document manifest;
  std::vector<std::pair<oci::Descriptor, std::string>> blobs;
};
ResultDocument result_document(const PostedResult& about, const GateResult& result);

/// The result behind a manifest of the store. Kind verify when it is none that counts: another id or gate, too large,
/// unreadable.
Result<PostedResult> read_result(oci::Store& store, const oci::Descriptor& manifest, const std::string& id,
                                 const std::string& gate);

/// The repository for what waits: [staging] repository of the file, unless --to sends everything elsewhere; none: the
/// destination.
Result<std::optional<Location>> staging_place(const std::string& staging_repository, const std::string& destination);

/// The same details without what redact() knows by now.
std::string redacted_details(const std::string& details_json);

/// Details as lines for people.
std::string details_text(const std::string& details_json);

}  // namespace shipset::release
