// Package URLs (purl specification, specs §6.3): one canonical writer for all ecosystems, and BuildKit's own dialect
// for image references (specs §1.4). Writes only; nothing here parses purls. Values only, thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "shipset/base/result.hpp"

namespace shipset::attest {

struct Purl {
  std::string type;   ///< lower case, e.g. "deb"
  std::string space;  ///< namespace; segments separated by '/'; may be empty
  std::string name;
  std::string version;                            ///< may be empty
  std::map<std::string, std::string> qualifiers;  ///< by lower-case key; empty values are left out
  /// Canonical text: every part percent-encoded except `A-Za-z0-9.-_~` and `:`, qualifiers sorted by key. Nothing is
  /// lowercased here: the rules of the type are the caller's.
  [[nodiscard]] std::string str() const;
};

/// BuildKit's purl of an image reference, e.g. `pkg:docker/user/test@v2?platform=linux%2Famd64` (specs §1.4).
/// `reference` is a normalised or familiar reference; `platform` may be empty. Error kind: usage.
Result<std::string> image_purl(std::string_view reference, std::string_view platform);

/// Canonical purl of an image by digest: `pkg:oci/app@sha256:…?arch=amd64&repository_url=ghcr.io%2Fo%2Fapp`.
/// `repository` is a repository without tag; its host may be left out. `architecture` may be empty.
std::string oci_purl(std::string_view repository, std::string_view digest, std::string_view architecture);

}  // namespace shipset::attest
