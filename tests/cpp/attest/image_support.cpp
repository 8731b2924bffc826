#include "image_support.hpp"

#include "catch_shim.hpp"
#include "shipset/base/compress.hpp"

namespace shipset::attest::testing {

namespace {

class StringWriter final : public Writer {
 public:
  Result<void> write(std::span<const std::byte> bytes) override {
    text.append(as_text(bytes));
    return {};
  }
  std::string text;
};

}  // namespace

std::string tar_of(const std::vector<File>& files) {
  StringWriter out;
  TarWriter tar(out);
  for (const auto& file : files) {
    TarEntry entry;
    entry.path = file.path;
    entry.type = file.type;
    entry.link = file.link;
    entry.mode = file.type == TarType::directory ? 0755 : 0644;
    entry.size_bytes = file.content.size();
    REQUIRE(tar.entry(entry).ok());
    REQUIRE(tar.content(as_bytes(file.content)).ok());
  }
  REQUIRE(tar.finish().ok());
  return out.text;
}

std::string gzip_of(std::string_view bytes) {
  StringWriter out;
  auto compressor = make_compressor(Compression::gzip, out, 1);
  REQUIRE(compressor->write(as_bytes(bytes)).ok());
  REQUIRE(compressor->finish().ok());
  return out.text;
}

oci::Descriptor MemoryStore::put(std::string_view media_type, const std::string& bytes) {
  const auto descriptor = oci::describe(media_type, bytes);
  blobs_[descriptor.digest] = bytes;
  return descriptor;
}

oci::Descriptor MemoryStore::add_image(const std::vector<std::string>& layers) {
  std::vector<std::pair<std::string, std::string>> typed;
  std::vector<Digest> diff_ids;
  for (const auto& layer : layers) {
    typed.emplace_back(oci::media_type::layer_tar, layer);
    diff_ids.push_back(Digest::of(std::string_view(layer)));
  }
  return add_image(typed, diff_ids);
}

oci::Descriptor MemoryStore::add_image(const std::vector<std::pair<std::string, std::string>>& layers,
                                       const std::vector<Digest>& diff_ids) {
  oci::ImageConfig config;
  config.platform.os = "linux";
  config.platform.architecture = "amd64";
  config.diff_ids = diff_ids;
  oci::Manifest manifest;
  manifest.config = put(oci::media_type::config, config.to_bytes());
  for (const auto& [type, bytes] : layers) manifest.layers.push_back(put(type, bytes));
  return put(oci::media_type::manifest, manifest.to_bytes());
}

Result<oci::ManifestBytes> MemoryStore::manifest(const Digest& digest) {
  const auto at = blobs_.find(digest);
  if (at == blobs_.end()) return Error(ErrorKind::not_found, "no manifest " + digest.str());
  return oci::ManifestBytes{oci::describe(oci::media_type::manifest, at->second), at->second};
}

Result<std::unique_ptr<Source>> MemoryStore::blob(const oci::Descriptor& blob) {
  const auto at = blobs_.find(blob.digest);
  if (at == blobs_.end()) return Error(ErrorKind::not_found, "no blob " + blob.digest.str());
  ++opened[blob.digest];
  return memory_source(at->second);
}

Catalogue catalogue_of(const std::vector<std::vector<File>>& layers) {
  std::vector<std::string> tars;
  for (const auto& layer : layers) tars.push_back(tar_of(layer));
  MemoryStore store;
  auto catalogue = catalogue_image(store, store.add_image(tars), CatalogueOptions{1, nullptr, {}});
  if (!catalogue) FAIL(render(catalogue.error()));
  return *catalogue;
}

std::vector<std::string> purls_of(const Catalogue& catalogue) {
  std::vector<std::string> out;
  for (const auto& package : catalogue.packages) out.push_back(package.purl);
  return out;
}

FileFacts facts_of(const Cataloguer& cataloguer, const std::string& path, std::string_view content,
                   std::size_t piece_bytes) {
  TarEntry entry;
  entry.path = path;
  entry.size_bytes = content.size();
  const auto scan = cataloguer.open(entry);
  REQUIRE(scan != nullptr);
  int passes = 0;
  do {
    for (std::size_t at = 0; at < content.size(); at += piece_bytes)
      if (!scan->feed(content.substr(at, piece_bytes))) break;
  } while (++passes < 3 && scan->rewind());
  return scan->finish();
}

std::vector<Package> packages_of(const Cataloguer& cataloguer, const std::string& path, std::string_view content,
                                 const Distribution& distribution, std::size_t piece_bytes) {
  const auto facts = facts_of(cataloguer, path, content, piece_bytes);
  const std::vector<Evidence> evidence{{&facts, Digest::of(content)}};
  std::vector<Package> packages;
  cataloguer.resolve(evidence, distribution, packages);
  return packages;
}

std::string Elf::number(std::uint64_t value, std::size_t width) const {
  std::string out(width, '\0');
  for (std::size_t i = 0; i < width; ++i)
    out[big_endian ? width - 1 - i : i] = static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}

std::string Elf::str() const {
  const std::size_t word = wide ? 8 : 4;
  const auto entry_bytes = wide ? 56u : 32u, header_bytes = wide ? 64u : 52u;
  std::string out(
      "\x7f"
      "ELF");
  out += static_cast<char>(wide ? 2 : 1);
  out += static_cast<char>(big_endian ? 2 : 1);
  out += '\1';
  out.resize(16);
  out += number(2, 2) + number(62, 2) + number(1, 4) + number(read_only_address, word) + number(header_bytes, word) +
         number(0, word) + number(0, 4) + number(header_bytes, 2) + number(entry_bytes, 2) + number(2, 2) +
         number(0, 2) + number(0, 2) + number(0, 2);
  const auto segment = [&](std::uint64_t flags, std::uint64_t offset, std::uint64_t address, std::uint64_t size) {
    out += number(1, 4);
    if (wide) out += number(flags, 4);
    out +=
        number(offset, word) + number(address, word) + number(address, word) + number(size, word) + number(size, word);
    if (!wide) out += number(flags, 4);
    out += number(4096, word);
  };
  segment(4, read_only_offset, read_only_address, read_only.size());
  segment(6, writable_offset(), writable_address, writable.size());
  out.resize(read_only_offset);
  out += read_only;
  out.resize(writable_offset());
  return out + writable;
}

std::string marked(std::string_view modules) {
  return std::string(16, '\1') + std::string(modules) + std::string(16, '\2');
}

std::string inline_buildinfo(std::string_view version, std::string_view modules) {
  const auto varint = [](std::size_t value) {
    std::string out;
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value & 0x7F | 0x80);
    return out + static_cast<char>(value);
  };
  std::string out("\xff Go buildinf:");
  out += '\10';
  out += '\2';
  out.resize(32);
  return out + varint(version.size()) + std::string(version) + varint(modules.size()) + std::string(modules);
}

}  // namespace shipset::attest::testing
