// What an image contains: packages found by cataloguers, one per ecosystem, all fed by one streaming pass over each
// layer. Layers are read independently (in parallel, each once) into small *facts*; facts of files that a higher layer
// replaces or removes are dropped afterwards. So facts of a base can be reused for every image on it (LayerCache),
// and memory is bounded by what cataloguers keep, never by layer size.
// Hostile content cannot fail a catalogue: what does not parse is reported as a note. specs §6.4.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/tar.hpp"
#include "shipset/oci/store.hpp"

namespace shipset::attest {

struct Package {
  std::string ecosystem;  ///< "deb", "apk", "pypi", "golang"
  std::string name, version, architecture;
  std::string supplier;                 ///< "Organization: …" / "Person: …"; empty = NOASSERTION
  std::string license;                  ///< valid SPDX expression; empty = NOASSERTION
  std::string purl;                     ///< canonical, unique in a catalogue
  std::string found_in;                 ///< path of the evidence file (the first by bytes when there are several)
  Digest layer;                         ///< diff id of its layer
  std::vector<std::string> depends_on;  ///< purls of packages of the same catalogue, sorted
  auto operator<=>(const Package&) const = default;
};

/// /etc/os-release of the final file system; all empty when there is none.
struct Distribution {
  std::string id, version_id, pretty_name, codename, build_id;
  std::vector<std::string> id_like;
  /// `<id>-<version_id or build_id>`, the `distro` qualifier of purls; empty without id.
  [[nodiscard]] std::string label() const;
};

struct Catalogue {
  Distribution distribution;
  std::vector<Package> packages;   ///< sorted by ecosystem, name, version, purl; each purl once
  std::vector<std::string> notes;  ///< what could not be read or was cut, for people
  bool complete = true;            ///< false: a note tells of content that was not looked at
};

/// One package as one file tells of it, before the whole image is known.
struct Fact {
  std::string name, version, architecture, supplier, license;
  std::string upstream;               ///< source package, `name` or `name@version`; empty: the same
  std::vector<std::string> needs;     ///< names it depends on; alternatives separated by '|'
  std::vector<std::string> provides;  ///< other names it answers to
};

/// Everything one file told.
struct FileFacts {
  std::string path;
  std::vector<Fact> facts;
  std::optional<Distribution> distribution;
  std::vector<std::string> notes;
  bool complete = true;  ///< false: the file was not read to where it should have been
};

/// Reads one file from its start in pieces. Never holds more than a bounded part of it.
class FileScan {
 public:
  virtual ~FileScan() = default;
  /// The next bytes; false: it has seen enough of this pass.
  virtual bool feed(std::string_view piece) = 0;
  /// After a pass: true asks for the same bytes once more from the start (the layer is then read again, so only for
  /// rare forms). At most two further passes are made.
  virtual bool rewind() { return false; }
  /// What was found. Called once, after the last pass.
  virtual FileFacts finish() = 0;
};

/// A file that survived in the final file system.
struct Evidence {
  const FileFacts* file = nullptr;
  Digest layer;  ///< diff id
};

/// One ecosystem. Stateless and thread-safe: the same object serves several layers at once.
class Cataloguer {
 public:
  virtual ~Cataloguer() = default;
  /// Name of the ecosystem; also Package::ecosystem.
  [[nodiscard]] virtual std::string_view ecosystem() const = 0;
  /// A scan if this regular file (or hard link) is of interest, else nullptr. Called for every file of every layer.
  [[nodiscard]] virtual std::unique_ptr<FileScan> open(const TarEntry& entry) const = 0;
  /// Turns what survived into packages with purls and dependencies. `files` are those of this ecosystem, in the order
  /// of their paths.
  virtual void resolve(std::span<const Evidence> files, const Distribution& distribution,
                       std::vector<Package>& packages) const = 0;
};

/// dpkg, apk, Python distributions, Go binaries.
std::span<const Cataloguer* const> default_cataloguers();

/// Facts of layers that were read already, by digest of the layer blob. Thread-safe; two images that need the same
/// layer at the same time read it once. Facts of least recently used layers are dropped above the limit.
class LayerCache {
 public:
  explicit LayerCache(std::size_t limit_bytes = 64u << 20);
  ~LayerCache();
  LayerCache(const LayerCache&) = delete;
  LayerCache& operator=(const LayerCache&) = delete;
  struct Impl;
  [[nodiscard]] Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

struct CatalogueOptions {
  unsigned threads = 0;         ///< layers read at the same time; 0 = number of cores
  LayerCache* cache = nullptr;  ///< shared between images of one release
  CancelToken cancel;
};

/// Catalogue of one platform image (its manifest is in `store`). Errors: those of the store (missing, unreadable or
/// tampered content), verify when manifest and config do not fit, cancelled.
Result<Catalogue> catalogue_image(oci::Store& store, const oci::Descriptor& image, const CatalogueOptions& options);
Result<Catalogue> catalogue_image(oci::Store& store, const oci::Descriptor& image, const CancelToken& cancel);

}  // namespace shipset::attest
