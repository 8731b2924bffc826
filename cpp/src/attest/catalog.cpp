#include "shipset/attest/catalog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>

#include "cataloguers_impl.hpp"
#include "layer_cache_impl.hpp"
#include "shipset/base/parallel.hpp"

namespace shipset::attest {

namespace {

constexpr std::uint64_t max_config_bytes = 8u << 20;
constexpr std::size_t max_notes = 100;

using Facts = std::shared_ptr<const LayerFacts>;

std::vector<const Cataloguer*> all_cataloguers() {
  std::vector<const Cataloguer*> out{&distribution_cataloguer()};
  for (const auto* cataloguer : default_cataloguers()) out.push_back(cataloguer);
  return out;
}

struct Image {
  std::vector<oci::Descriptor> layers;  ///< bottom first
  std::vector<Digest> diff_ids;
};

Result<Image> open_image(oci::Store& store, const oci::Descriptor& image) {
  SHIPSET_TRY(const auto bytes, store.manifest(image.digest));
  const auto object = "manifest " + image.digest.str();
  SHIPSET_TRY(auto manifest, oci::Manifest::parse(bytes.bytes, object));
  SHIPSET_TRY(const auto config_blob, store.blob(manifest.config));
  SHIPSET_TRY(const auto reader, config_blob->open());
  SHIPSET_TRY(const auto config_bytes, read_all(*reader, max_config_bytes, "config " + manifest.config.digest.str()));
  SHIPSET_TRY(auto config, oci::ImageConfig::parse(config_bytes, "config " + manifest.config.digest.str()));
  if (config.diff_ids.size() != manifest.layers.size())
    return Error(
        ErrorKind::verify, "cannot catalogue " + object,
        fmt::format("it has {} layers, its config names {} diff ids", manifest.layers.size(), config.diff_ids.size()));
  return Image{std::move(manifest.layers), std::move(config.diff_ids)};
}

Result<Facts> facts_of(oci::Store& store, const oci::Descriptor& layer, const CatalogueOptions& options) {
  const auto scan = [&]() -> Result<LayerFacts> {
    SHIPSET_TRY(const auto blob, store.blob(layer));
    const auto cataloguers = all_cataloguers();
    return scan_layer(*blob, cataloguers, options.cancel);
  };
  if (options.cache != nullptr) return options.cache->impl().get(layer.digest, scan);
  SHIPSET_TRY(auto facts, scan());
  return std::make_shared<const LayerFacts>(std::move(facts));
}

/// Files that no layer above replaces or removes, by cataloguer, in the order of their paths.
std::map<const Cataloguer*, std::vector<Evidence>> surviving(const std::vector<Facts>& layers, const Image& image,
                                                             Catalogue& out) {
  std::map<const Cataloguer*, std::vector<Evidence>> files;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    for (const auto& file : layers[i]->files) {
      const auto hides = [&](const Facts& above) { return above->paths.hides(file.facts.path); };
      if (std::any_of(layers.begin() + static_cast<std::ptrdiff_t>(i) + 1, layers.end(), hides)) continue;
      files[file.cataloguer].push_back({&file.facts, image.diff_ids[i]});
      out.notes.insert(out.notes.end(), file.facts.notes.begin(), file.facts.notes.end());
      out.complete = out.complete && file.facts.complete;
    }
    out.notes.insert(out.notes.end(), layers[i]->notes.begin(), layers[i]->notes.end());
    out.complete = out.complete && layers[i]->complete;
  }
  for (auto& [cataloguer, list] : files)
    std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.file->path < b.file->path; });
  return files;
}

/// One entry a purl; evidence of the first file counts, dependencies are joined.
void merge_doubles(std::vector<Package>& packages) {
  std::stable_sort(packages.begin(), packages.end(), [](const Package& a, const Package& b) {
    return std::tie(a.ecosystem, a.name, a.version, a.purl, a.found_in) <
           std::tie(b.ecosystem, b.name, b.version, b.purl, b.found_in);
  });
  std::map<std::string, std::size_t> places;
  std::vector<Package> merged;
  for (auto& package : packages) {
    const auto [at, fresh] = places.emplace(package.purl, merged.size());
    if (fresh) {
      merged.push_back(std::move(package));
    } else {
      auto& links = merged[at->second].depends_on;
      links.insert(links.end(), package.depends_on.begin(), package.depends_on.end());
    }
  }
  for (auto& package : merged) {
    auto& links = package.depends_on;
    std::sort(links.begin(), links.end());
    links.erase(std::unique(links.begin(), links.end()), links.end());
    std::erase(links, package.purl);
  }
  packages = std::move(merged);
}

Catalogue merge(const std::vector<Facts>& layers, const Image& image) {
  Catalogue out;
  auto files = surviving(layers, image, out);
  // /etc/os-release comes before /usr/lib/os-release, as os-release(5) wants it.
  for (const auto& evidence : files[&distribution_cataloguer()]) {
    if (!evidence.file->distribution) continue;
    out.distribution = *evidence.file->distribution;
    break;
  }
  for (const auto* cataloguer : default_cataloguers())
    cataloguer->resolve(files[cataloguer], out.distribution, out.packages);
  merge_doubles(out.packages);
  if (out.notes.size() > max_notes) {
    out.notes.resize(max_notes);
    out.notes.emplace_back("further notes were left out");
  }
  return out;
}

}  // namespace

Result<Catalogue> catalogue_image(oci::Store& store, const oci::Descriptor& image, const CatalogueOptions& options) {
  SHIPSET_TRY(const auto opened, open_image(store, image));
  std::vector<Facts> layers(opened.layers.size());
  const unsigned threads = options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  SHIPSET_CHECK(parallel_for(layers.size(), threads, options.cancel, [&](std::size_t i) -> Result<void> {
    SHIPSET_TRY(layers[i], facts_of(store, opened.layers[i], options));
    return {};
  }));
  return merge(layers, opened);
}

Result<Catalogue> catalogue_image(oci::Store& store, const oci::Descriptor& image, const CancelToken& cancel) {
  return catalogue_image(store, image, CatalogueOptions{.cancel = cancel});
}

}  // namespace shipset::attest
