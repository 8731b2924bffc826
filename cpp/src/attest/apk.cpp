// Alpine packages: the installed database of apk-tools (specs §6.4).
#include "cataloguers_impl.hpp"
#include "license_impl.hpp"
#include "lines_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::attest {

namespace {

/// `musl>=1.2 so:libc.so.1=1 !conflict /bin/sh` → names without versions; conflicts left out.
std::vector<std::string> words_of(std::string_view field) {
  std::vector<std::string> out;
  for (const auto& word : split(field, ' ')) {
    const std::string_view name = std::string_view(word).substr(0, word.find_first_of("<>=~@"));
    if (!name.starts_with('!') && presentable(name, 300)) out.emplace_back(name);
  }
  return out;
}

class InstalledScan final : public LineScan {
 public:
  using LineScan::LineScan;

 protected:
  bool line(std::string_view text) override {
    if (text.empty()) {
      end();
      return true;
    }
    if (text.size() < 3 || text[1] != ':') return true;
    const auto value = text.substr(2);
    switch (text[0]) {
      case 'P':
        fact_.name = value;
        break;
      case 'V':
        fact_.version = value;
        break;
      case 'A':
        fact_.architecture = value;
        break;
      case 'L':
        fact_.license = canonical_license(value);
        break;
      case 'm':
        fact_.supplier = actor(value);
        break;
      case 'o':
        origin_ = value;
        break;
      case 'D':
        fact_.needs = words_of(value);
        break;
      case 'p':
        fact_.provides = words_of(value);
        break;
      default:
        break;
    }
    return true;
  }

  void end() override {
    if (!fact_.name.empty()) {
      if (origin_ != fact_.name) fact_.upstream = origin_;
      keep(std::move(fact_));
    }
    fact_ = {};
    origin_.clear();
  }

 private:
  Fact fact_;
  std::string origin_;
};

class ApkCataloguer final : public Cataloguer {
 public:
  [[nodiscard]] std::string_view ecosystem() const override { return "apk"; }

  [[nodiscard]] std::unique_ptr<FileScan> open(const TarEntry& entry) const override {
    if (!ends_with_path(entry.path, "lib/apk/db/installed")) return nullptr;
    return std::make_unique<InstalledScan>(entry.path);
  }

  void resolve(std::span<const Evidence> files, const Distribution& distribution,
               std::vector<Package>& packages) const override {
    resolve_database(ecosystem(), "alpine", files, distribution, packages);
  }
};

}  // namespace

const Cataloguer& apk_cataloguer() {
  static const ApkCataloguer cataloguer;
  return cataloguer;
}

}  // namespace shipset::attest
