// Installed Python distributions: METADATA of dist-info, PKG-INFO of egg-info (specs §6.4; core metadata).
#include <map>

#include "cataloguers_impl.hpp"
#include "license_impl.hpp"
#include "lines_impl.hpp"
#include "shipset/attest/purl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::attest {

namespace {

/// PEP 503: lower case, runs of `-`, `_` and `.` are one `-`.
std::string normalized_name(std::string_view name) {
  std::string out;
  for (const char c : to_lower(name)) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (!separator)
      out += c;
    else if (!out.ends_with('-'))
      out += '-';
  }
  return out;
}

/// Directory that holds the distribution, e.g. usr/lib/python3/dist-packages.
std::string_view site_of(std::string_view path) {
  const auto parent = parent_path(path);
  const auto lower = to_lower(base_name(parent));
  return lower.ends_with(".dist-info") || lower.ends_with(".egg-info") ? parent_path(parent) : parent;
}

class MetadataScan final : public LineScan {
 public:
  using LineScan::LineScan;

 protected:
  bool line(std::string_view text) override {
    if (trim(text).empty()) return false;  // the description follows
    if (text.front() == ' ' || text.front() == '\t') return true;
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return true;
    take(to_lower(text.substr(0, colon)), trim(text.substr(colon + 1)));
    return true;
  }

  void end() override {
    if (fact_.name == "Python") return;
    if (fact_.license.empty()) fact_.license = canonical_license(license_);
    fact_.supplier = actor(author_.empty() || !author_mail_.empty() ? author_mail_ : author_);
    if (fact_.supplier.empty()) fact_.supplier = actor(author_);
    keep(std::move(fact_));
  }

 private:
  void take(const std::string& name, std::string_view value) {
    if (name == "name")
      fact_.name = value;
    else if (name == "version")
      fact_.version = value;
    else if (name == "license-expression")
      fact_.license = canonical_license(value);
    else if (name == "license")
      license_ = value;
    else if (name == "author")
      author_ = value;
    else if (name == "author-email")
      author_mail_ = mail_of(value);
    else if (name == "requires-dist")
      need(value);
  }

  /// `Jane <j@x>`, or `j@x` alone, which belongs to the Author field; only the first of several.
  static std::string mail_of(std::string_view value) {
    value = trim(value.substr(0, value.find(',')));
    return value.find('<') == std::string_view::npos ? std::string{} : std::string(value);
  }

  void need(std::string_view value) {
    // Requirements of extras are not installed by default; other markers hold or the package is not there anyway.
    const auto marker = value.find(';');
    if (marker != std::string_view::npos && value.find("extra", marker) != std::string_view::npos) return;
    const auto name = trim(value.substr(0, value.find_first_of(" ([<>=!~;@")));
    if (presentable(name, 300) && fact_.needs.size() < 1000) fact_.needs.push_back(normalized_name(name));
  }

  Fact fact_;
  std::string license_, author_, author_mail_;
};

class PythonCataloguer final : public Cataloguer {
 public:
  [[nodiscard]] std::string_view ecosystem() const override { return "pypi"; }

  [[nodiscard]] std::unique_ptr<FileScan> open(const TarEntry& entry) const override {
    const auto file = base_name(entry.path);
    const bool plausible =
        file == "METADATA" || file == "PKG-INFO" || file.ends_with(".egg-info") || file.ends_with(".EGG-INFO");
    if (!plausible) return nullptr;
    const auto folder = to_lower(base_name(parent_path(entry.path)));
    const bool wheel = file == "METADATA" && folder.ends_with("dist-info");
    const bool egg = file == "PKG-INFO" && folder.ends_with("egg-info");
    const bool single = to_lower(file).ends_with(".egg-info");
    if (!wheel && !egg && !single) return nullptr;
    return std::make_unique<MetadataScan>(entry.path);
  }

  void resolve(std::span<const Evidence> files, const Distribution&, std::vector<Package>& packages) const override {
    std::map<std::string_view, NameTable> sites;
    std::vector<std::tuple<const Fact*, std::size_t, std::string_view>> made;
    for (const auto& evidence : files) {
      const auto site = site_of(evidence.file->path);
      for (const auto& fact : evidence.file->facts) {
        auto package = package_of(ecosystem(), fact, evidence);
        Fact alias;
        alias.name = normalized_name(fact.name);
        Purl purl;
        purl.type = "pypi";
        purl.name = alias.name;
        purl.version = fact.version;
        package.purl = purl.str();
        sites[site].add(alias, packages.size());
        made.emplace_back(&fact, packages.size(), site);
        packages.push_back(std::move(package));
      }
    }
    for (const auto& [fact, index, site] : made) sites[site].link(*fact, packages, index);
  }
};

}  // namespace

const Cataloguer& python_cataloguer() {
  static const PythonCataloguer cataloguer;
  return cataloguer;
}

}  // namespace shipset::attest
