// What an image contains: packages found by cataloguers, one per ecosystem, all fed by one streaming pass over the
// layers from top to bottom (whiteouts respected). Memory is bounded by what cataloguers keep, never by layer size.
// Hostile content cannot fail a catalogue: a file that does not parse is reported as a note. specs §6.4.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "shipset/base/tar.hpp"
#include "shipset/oci/store.hpp"

namespace shipset::attest {

struct Package {
  std::string ecosystem;  ///< "deb", "apk", "pypi", "golang"
  std::string name, version, architecture;
  std::string supplier;  ///< "Organization: …" / "Person: …"; empty = NOASSERTION
  std::string license;   ///< SPDX expression if it is one; empty = NOASSERTION
  std::string purl;
  std::string found_in;  ///< path of the evidence file
  Digest layer;          ///< diff id of its layer
  std::vector<std::string> depends_on;  ///< names, where the ecosystem tells
  auto operator<=>(const Package&) const = default;
};

struct Distribution {
  std::string id, version_id, pretty_name, codename;
  std::vector<std::string> id_like;
};

struct Catalogue {
  Distribution distribution;
  std::vector<Package> packages;  ///< sorted, no doubles
  std::vector<std::string> notes;
};

/// One ecosystem. A cataloguer sees the paths of the final file system and may ask for the content of some.
class Cataloguer {
 public:
  virtual ~Cataloguer() = default;
  [[nodiscard]] virtual std::string_view ecosystem() const = 0;
  /// How many bytes from the start of this regular file it wants: 0 = none.
  virtual std::uint64_t wants(const TarEntry& entry) = 0;
  /// Content of a file it asked for (cut at what it asked; `complete` tells).
  virtual void file(const TarEntry& entry, std::string_view content, bool complete, const Digest& layer) = 0;
  /// After the last file.
  virtual void finish(const Distribution& distribution, std::vector<Package>& packages,
                      std::vector<std::string>& notes) = 0;
};
std::vector<std::unique_ptr<Cataloguer>> default_cataloguers();

/// Catalogue of one platform image (its manifest is in `store`).
Result<Catalogue> catalogue_image(oci::Store& store, const oci::Descriptor& image, const CancelToken& cancel);

}  // namespace shipset::attest
