// The distribution of an image from os-release (shell assignments, os-release(5)).
#include "cataloguers_impl.hpp"
#include "lines_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::attest {

std::string Distribution::label() const {
  const auto& version = version_id.empty() ? build_id : version_id;
  return version.empty() || id.empty() ? id : id + "-" + version;
}

namespace {

/// Value of a shell assignment: quotes removed, backslash escapes taken literally.
std::string unquote(std::string_view text) {
  std::string out;
  char quote = 0;
  text = trim(text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != '\'' && c == '\\' && i + 1 < text.size()) {
      out += text[++i];
    } else if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else {
      out += c;
    }
  }
  return presentable(out, 300) ? out : std::string{};
}

class OsReleaseScan final : public LineScan {
 public:
  explicit OsReleaseScan(std::string path) : LineScan(std::move(path)) { out_.distribution.emplace(); }

 protected:
  bool line(std::string_view text) override {
    text = trim(text);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || text.starts_with('#')) return true;
    const auto name = text.substr(0, equals);
    auto value = unquote(text.substr(equals + 1));
    auto& out = *out_.distribution;
    if (name == "ID")
      out.id = std::move(value);
    else if (name == "VERSION_ID")
      out.version_id = std::move(value);
    else if (name == "PRETTY_NAME")
      out.pretty_name = std::move(value);
    else if (name == "VERSION_CODENAME")
      out.codename = std::move(value);
    else if (name == "BUILD_ID")
      out.build_id = std::move(value);
    else if (name == "ID_LIKE")
      out.id_like = split(value, ' ');
    return true;
  }
};

class DistributionCataloguer final : public Cataloguer {
 public:
  [[nodiscard]] std::string_view ecosystem() const override { return "distribution"; }
  [[nodiscard]] std::unique_ptr<FileScan> open(const TarEntry& entry) const override {
    if (entry.path != "etc/os-release" && entry.path != "usr/lib/os-release") return nullptr;
    return std::make_unique<OsReleaseScan>(entry.path);
  }
  void resolve(std::span<const Evidence>, const Distribution&, std::vector<Package>&) const override {}
};

}  // namespace

const Cataloguer& distribution_cataloguer() {
  static const DistributionCataloguer cataloguer;
  return cataloguer;
}

}  // namespace shipset::attest
