// One pass over one layer: facts of the files that cataloguers want, and what the layer does to layers below it.
#pragma once

#include "shipset/attest/catalog.hpp"

namespace shipset::attest {

/// The paths of one layer as hashes, so that four million of them cost 32 MB: what exists, what is removed.
/// Two paths with one hash (chance below 1e-8 for the largest layer) would hide a file of a lower layer.
class PathSet {
 public:
  void add(std::string_view path, bool directory);
  void add_whiteout(std::string_view path);
  void add_opaque(std::string_view directory);
  /// Sorts; call once before hides().
  void seal();
  /// Whether this layer replaces or removes `path` of a layer below.
  [[nodiscard]] bool hides(std::string_view path) const;
  [[nodiscard]] std::size_t weight() const;

 private:
  std::vector<std::uint64_t> entries_;  ///< hash with the lowest bit telling a directory
  std::vector<std::uint64_t> removed_, opaque_;
};

struct LayerFacts {
  struct File {
    const Cataloguer* cataloguer = nullptr;
    FileFacts facts;
  };
  std::vector<File> files;
  PathSet paths;
  std::vector<std::string> notes;
  bool complete = true;
  [[nodiscard]] std::size_t weight() const;
};

/// Reads the layer to its end (so the store verifies its digest), again if a scan asks for it. A damaged archive is a
/// note; errors of the store and of decompression are errors.
Result<LayerFacts> scan_layer(const Source& blob, std::span<const Cataloguer* const> cataloguers,
                              const CancelToken& cancel);

}  // namespace shipset::attest
