#include <fmt/format.h>

#include <algorithm>

#include "cataloguers_impl.hpp"
#include "shipset/attest/purl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::attest {

Package package_of(std::string_view ecosystem, const Fact& fact, const Evidence& evidence) {
  Package out;
  out.ecosystem = ecosystem;
  out.name = fact.name;
  out.version = fact.version;
  out.architecture = fact.architecture;
  out.supplier = fact.supplier;
  out.license = fact.license;
  out.found_in = evidence.file->path;
  out.layer = evidence.layer;
  return out;
}

void NameTable::add(const Fact& fact, std::size_t package) {
  names_.emplace(fact.name, package);
  names_.emplace(fmt::format("{}:{}", fact.name, fact.architecture), package);
  for (const auto& name : fact.provides) names_.emplace(fmt::format("provided {}", name), package);
}

const std::size_t* NameTable::find(std::string_view name, std::string_view architecture) const {
  // The same architecture first: an image may hold a library for two of them.
  for (const auto& key :
       {fmt::format("{}:{}", name, architecture), std::string(name), fmt::format("provided {}", name)})
    if (const auto at = names_.find(key); at != names_.end()) return &at->second;
  return nullptr;
}

void NameTable::link(const Fact& fact, std::vector<Package>& packages, std::size_t package) const {
  auto& links = packages[package].depends_on;
  for (std::string_view need : fact.needs) {
    while (!need.empty()) {
      const auto bar = need.find('|');
      const auto* found = find(need.substr(0, bar), fact.architecture);
      need.remove_prefix(bar == std::string_view::npos ? need.size() : bar + 1);
      if (found == nullptr) continue;
      if (*found != package) links.push_back(packages[*found].purl);
      break;
    }
  }
  std::sort(links.begin(), links.end());
  links.erase(std::unique(links.begin(), links.end()), links.end());
}

void resolve_database(std::string_view type, std::string_view vendor, std::span<const Evidence> files,
                      const Distribution& distribution, std::vector<Package>& packages) {
  NameTable names;
  std::vector<std::pair<const Fact*, std::size_t>> made;
  for (const auto& evidence : files) {
    for (const auto& fact : evidence.file->facts) {
      auto package = package_of(type, fact, evidence);
      Purl purl;
      purl.type = type;
      purl.space = distribution.id.empty() ? std::string(vendor) : to_lower(distribution.id);
      purl.name = to_lower(fact.name);
      purl.version = fact.version;
      purl.qualifiers = {{"arch", fact.architecture}, {"distro", distribution.label()}, {"upstream", fact.upstream}};
      package.purl = purl.str();
      names.add(fact, packages.size());
      made.emplace_back(&fact, packages.size());
      packages.push_back(std::move(package));
    }
  }
  for (const auto& [fact, index] : made) names.link(*fact, packages, index);
}

std::span<const Cataloguer* const> default_cataloguers() {
  static const Cataloguer* const all[] = {&dpkg_cataloguer(), &apk_cataloguer(), &python_cataloguer(),
                                          &go_cataloguer()};
  return all;
}

}  // namespace shipset::attest
