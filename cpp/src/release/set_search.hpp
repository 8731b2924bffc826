// Finds the set manifest that a reference belongs to: through what refers to a variant index, or because the reference
// names one itself. Private to the module. Thread-safe: functions over a Store.
#pragma once

#include "set_store.hpp"
#include "shipset/oci/validate.hpp"

namespace shipset::release {

struct FoundSet {
  SetContent content;
  oci::Descriptor artifact;
  std::uint64_t generation = 0;
  std::string variant;  ///< the one that the reference names; "" when it names the set
  bool named = false;   ///< the reference names the set itself
};

struct SetSearch {
  std::optional<FoundSet> found;
  std::vector<oci::Finding> findings;  ///< set manifests that do not hold
  std::vector<std::string> others;     ///< other releases of which the same index is a part: "name version"
};

/// `tag`: of the reference; of several releases with this very index, the one that gave it the tag is meant, else the
/// highest version. Errors: only where reading was impossible.
Result<SetSearch> search_set(oci::Store& store, const oci::Descriptor& root, const std::string& tag);

/// Whether an error says something about the content, not about the way to it.
inline bool is_about_content(const Error& error) {
  return error.kind == ErrorKind::verify || error.kind == ErrorKind::not_found;
}
inline std::string content_text(const Error& error) {
  return error.what + (error.why.empty() ? "" : ": " + error.why);
}
/// The tag that a location names; "" when it names none.
inline std::string tag_named(const Location& location) {
  return location.kind == Location::Kind::registry ? location.reference.tag() : location.tag;
}

}  // namespace shipset::release
