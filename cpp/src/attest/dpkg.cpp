// Debian packages: the status database of dpkg and the one-file-a-package form of distroless images (specs §6.4).
#include "cataloguers_impl.hpp"
#include "lines_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::attest {

namespace {

/// Names of a dependency field: `a (>= 1) | b, c:any` → {"a|b", "c"}.
std::vector<std::string> names_of(std::string_view field) {
  std::vector<std::string> out;
  for (const auto& group : split(field, ',')) {
    std::string names;
    for (const auto& alternative : split(group, '|')) {
      auto name = trim(alternative);
      name = name.substr(0, name.find_first_of(" (:[<"));
      if (!presentable(name, 300)) continue;
      if (!names.empty()) names += '|';
      names += name;
    }
    if (!names.empty()) out.push_back(std::move(names));
  }
  return out;
}

class StatusScan final : public LineScan {
 public:
  using LineScan::LineScan;

 protected:
  bool line(std::string_view text) override {
    if (trim(text).empty()) {
      end();
      return true;
    }
    if (text.front() == ' ' || text.front() == '\t') {
      if (field_ != nullptr) append_bounded(*field_, text);
      return true;
    }
    const auto colon = text.find(':');
    field_ = colon == std::string_view::npos ? nullptr : field(text.substr(0, colon));
    if (field_ != nullptr) *field_ = trim(text.substr(colon + 1));
    return true;
  }

  void end() override {
    if (!name_.empty() && installed()) keep(fact());
    for (auto* text :
         {&name_, &version_, &architecture_, &maintainer_, &source_, &status_, &depends_, &pre_depends_, &provides_})
      text->clear();
    field_ = nullptr;
  }

 private:
  std::string* field(std::string_view name) {
    if (name == "Package") return &name_;
    if (name == "Version") return &version_;
    if (name == "Architecture") return &architecture_;
    if (name == "Maintainer") return &maintainer_;
    if (name == "Source") return &source_;
    if (name == "Status") return &status_;
    if (name == "Depends") return &depends_;
    if (name == "Pre-Depends") return &pre_depends_;
    if (name == "Provides") return &provides_;
    return nullptr;
  }

  /// Files of status.d have no Status: what they describe is there.
  [[nodiscard]] bool installed() const {
    return status_.empty() || (!status_.starts_with("deinstall") && !status_.starts_with("purge") &&
                               !status_.ends_with(" not-installed") && !status_.ends_with(" config-files"));
  }

  Fact fact() {
    Fact out;
    out.name = name_;
    out.version = version_;
    out.architecture = architecture_;
    out.supplier = actor(maintainer_);
    const std::string_view source = source_;  // `name` or `name (version)`
    const auto open = source.find('(');
    out.upstream = trim(source.substr(0, open));
    if (open != std::string_view::npos && !out.upstream.empty()) {
      const auto version = source.substr(open + 1);
      out.upstream.append("@").append(trim(version.substr(0, version.find(')'))));
    }
    out.needs = names_of(depends_);
    for (auto& need : names_of(pre_depends_)) out.needs.push_back(std::move(need));
    out.provides = names_of(provides_);
    return out;
  }

  std::string name_, version_, architecture_, maintainer_, source_, status_, depends_, pre_depends_, provides_;
  std::string* field_ = nullptr;
};

class DpkgCataloguer final : public Cataloguer {
 public:
  [[nodiscard]] std::string_view ecosystem() const override { return "deb"; }

  [[nodiscard]] std::unique_ptr<FileScan> open(const TarEntry& entry) const override {
    const bool database = ends_with_path(entry.path, "lib/dpkg/status");
    const bool single =
        ends_with_path(parent_path(entry.path), "lib/dpkg/status.d") && !entry.path.ends_with(".md5sums");
    if (!database && !single) return nullptr;
    return std::make_unique<StatusScan>(entry.path);
  }

  void resolve(std::span<const Evidence> files, const Distribution& distribution,
               std::vector<Package>& packages) const override {
    resolve_database(ecosystem(), "debian", files, distribution, packages);
  }
};

}  // namespace

const Cataloguer& dpkg_cataloguer() {
  static const DpkgCataloguer cataloguer;
  return cataloguer;
}

}  // namespace shipset::attest
