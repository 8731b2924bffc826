// Images made in memory for the tests of this module: layers from entries, a store that only reads.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "shipset/attest/catalog.hpp"

namespace shipset::attest::testing {

struct File {
  std::string path, content;
  TarType type = TarType::file;
  std::string link = {};
};
inline File folder(std::string path) {
  return {std::move(path), {}, TarType::directory, {}};
}
inline File symbolic_link(std::string path, std::string target) {
  return {std::move(path), {}, TarType::symlink, std::move(target)};
}
inline File hard_link(std::string path, std::string target) {
  return {std::move(path), {}, TarType::hardlink, std::move(target)};
}

/// Uncompressed archive of the files, in their order.
std::string tar_of(const std::vector<File>& files);
std::string gzip_of(std::string_view bytes);

class MemoryStore final : public oci::Store {
 public:
  /// Adds an image of uncompressed layers, bottom first.
  oci::Descriptor add_image(const std::vector<std::string>& layers);
  /// As it is: layers with their media type; `diff_ids` in the config.
  oci::Descriptor add_image(const std::vector<std::pair<std::string, std::string>>& layers,
                            const std::vector<Digest>& diff_ids);
  /// How often a blob was opened.
  std::map<Digest, int> opened;

  [[nodiscard]] std::string name() const override { return "memory"; }
  Result<std::optional<oci::Descriptor>> resolve(std::string_view) override { return std::optional<oci::Descriptor>{}; }
  Result<oci::ManifestBytes> manifest(const Digest& digest) override;
  Result<bool> has_manifest(const Digest& digest) override { return blobs_.count(digest) != 0; }
  Result<bool> has_blob(const oci::Descriptor& blob) override { return blobs_.count(blob.digest) != 0; }
  Result<std::unique_ptr<Source>> blob(const oci::Descriptor& blob) override;
  Result<oci::BlobPut> put_blob(const oci::Descriptor&, const Source&, const EventSink&, const CancelToken&) override {
    return oci::BlobPut{};
  }
  Result<void> put_manifest(const oci::Descriptor&, std::string_view) override { return {}; }
  Result<void> put_tag(std::string_view, const oci::Descriptor&, std::string_view) override { return {}; }
  Result<bool> remove_tag(std::string_view) override { return false; }
  Result<std::vector<std::string>> tags() override { return std::vector<std::string>{}; }
  Result<std::vector<oci::Descriptor>> referrers(const Digest&, std::string_view) override {
    return std::vector<oci::Descriptor>{};
  }
  Result<void> check_writable() override { return {}; }

 private:
  oci::Descriptor put(std::string_view media_type, const std::string& bytes);
  std::map<Digest, std::string> blobs_;
};

/// Catalogue of an image of these layers; fails the test on an error.
Catalogue catalogue_of(const std::vector<std::vector<File>>& layers);
/// The purls of a catalogue.
std::vector<std::string> purls_of(const Catalogue& catalogue);
/// What one cataloguer finds in one file, resolved alone.
std::vector<Package> packages_of(const Cataloguer& cataloguer, const std::string& path, std::string_view content,
                                 const Distribution& distribution = {}, std::size_t piece_bytes = 1u << 16);
/// Facts of one file, fed in pieces; further passes as asked for.
FileFacts facts_of(const Cataloguer& cataloguer, const std::string& path, std::string_view content,
                   std::size_t piece_bytes = 1u << 16);

/// A small ELF file with a read-only and a writable segment. `big_endian`, `wide` choose the form.
struct Elf {
  std::string read_only, writable;
  bool big_endian = false, wide = true;
  static constexpr std::uint64_t read_only_offset = 0x1000, read_only_address = 0x401000, writable_address = 0x800000;
  [[nodiscard]] std::uint64_t writable_offset() const {
    return read_only_offset + ((read_only.size() + 4095) & ~4095ull);
  }
  [[nodiscard]] std::string str() const;
  [[nodiscard]] std::string number(std::uint64_t value, std::size_t width) const;
};
/// Build information as the linker writes it since Go 1.18.
std::string inline_buildinfo(std::string_view version, std::string_view modules);
/// Module lines between the linker's marks.
std::string marked(std::string_view modules);

}  // namespace shipset::attest::testing
