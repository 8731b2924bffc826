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
  for (const auto& name : fact.provides) provided_.emplace(name, package);
}

void NameTable::link(const Fact& fact, std::vector<Package>& packages, std::size_t package) const {
  auto& links = packages[package].depends_on;
  for (std::string_view need : fact.needs) {
    while (!need.empty()) {
      const auto bar = need.find('|');
      const auto name = need.substr(0, bar);
      need.remove_prefix(bar == std::string_view::npos ? need.size() : bar + 1);
      auto at = names_.find(name);
      if (at == names_.end()) {
        at = provided_.find(name);
        if (at == provided_.end()) continue;
      }
      if (at->second != package) links.push_back(packages[at->second].purl);
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
