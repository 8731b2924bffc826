// The built-in cataloguers by name, and what several of them share when facts become packages.
#pragma once

#include <map>

#include "shipset/attest/catalog.hpp"

namespace shipset::attest {

const Cataloguer& dpkg_cataloguer();
const Cataloguer& apk_cataloguer();
const Cataloguer& python_cataloguer();
const Cataloguer& go_cataloguer();
/// Finds os-release files; makes no packages.
const Cataloguer& distribution_cataloguer();

/// A Package from a fact, without purl and dependencies.
Package package_of(std::string_view ecosystem, const Fact& fact, const Evidence& evidence);

/// Names within one database (or site directory) → packages, for dependencies by name.
class NameTable {
 public:
  void add(const Fact& fact, std::size_t package);
  /// Fills depends_on of `package` with the purls of those needs that are there. An alternative that is there wins.
  void link(const Fact& fact, std::vector<Package>& packages, std::size_t package) const;

 private:
  [[nodiscard]] const std::size_t* find(std::string_view name, std::string_view architecture) const;
  std::map<std::string, std::size_t> names_;  ///< `name`, `name:architecture`, `provided name`
};

/// Packages of a distribution's own package manager: purls with arch, distro and upstream; dependencies by name.
/// `type` is ecosystem and purl type; `vendor` the namespace where the image names no distribution.
void resolve_database(std::string_view type, std::string_view vendor, std::span<const Evidence> files,
                      const Distribution& distribution, std::vector<Package>& packages);

}  // namespace shipset::attest
