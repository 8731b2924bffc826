#include <cstdlib>
#include <filesystem>

#include "ca_bundle_impl.hpp"
#include "shipset/base/file.hpp"

namespace shipset::registry {

namespace {
constexpr std::uint64_t bundle_limit = 16u << 20;
constexpr const char* places[] = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch, Gentoo, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, RHEL, newer
    "/etc/ssl/ca-bundle.pem",                             // openSUSE
    "/var/lib/ca-certificates/ca-bundle.pem",             // openSUSE, newer
    "/etc/pki/tls/cacert.pem",                            // OpenELEC
    "/etc/ssl/cert.pem",                                  // macOS, Alpine, BSD
    "/usr/local/share/certs/ca-root-nss.crt",             // FreeBSD
    "/opt/homebrew/etc/ca-certificates/cert.pem",         // Homebrew
    "/usr/local/etc/ca-certificates/cert.pem",
    "/nix/var/nix/profiles/default/etc/ssl/certs/ca-bundle.crt",
};
/// Places with one file per certificate, under hashed names.
constexpr const char* folder_places[] = {"/etc/ssl/certs", "/etc/pki/tls/certs", "/system/etc/security/cacerts"};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string system_bundle() {
  if (auto named = environment("SSL_CERT_FILE"); !named.empty()) return named;
  for (const char* place : places) {
    std::error_code error;
    if (std::filesystem::is_regular_file(place, error)) return place;
  }
  if (const auto conda = environment("CONDA_PREFIX"); !conda.empty()) {
    std::error_code error;
    const std::string place = conda + "/ssl/cacert.pem";
    if (std::filesystem::is_regular_file(place, error)) return place;
  }
  return {};
}

std::string system_folders(bool bundle_found) {
  if (auto named = environment("SSL_CERT_DIR"); !named.empty()) return named;
  std::error_code error;
  for (const char* place : folder_places)
    if (!bundle_found && std::filesystem::is_directory(place, error)) return place;
  return {};
}
}  // namespace

CaBundle find_ca_bundle(const std::string& further) {
  CaBundle out{system_bundle(), {}, {}};
  out.folders = system_folders(!out.path.empty());
  if (further.empty()) return out;
  const auto extra = read_file(further, bundle_limit);
  const auto base = out.path.empty() ? Result<std::string>(std::string()) : read_file(out.path, bundle_limit);
  if (!extra || !base) {
    // An unreadable bundle must not silently mean "trust less or more": TLS then fails and names this file.
    out.path = extra ? out.path : further;
    return out;
  }
  out.text = *base + "\n" + *extra;
  return out;
}

Result<std::string> ca_text_with(const CaBundle& bundle, const std::string& more) {
  std::string text = bundle.text;
  if (text.empty() && !bundle.path.empty()) {
    SHIPSET_TRY(text, read_file(bundle.path, bundle_limit));
  }
  return text + "\n" + more;
}

}  // namespace shipset::registry
