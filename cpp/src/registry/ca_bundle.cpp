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
};

std::string system_bundle() {
  if (const char* named = std::getenv("SSL_CERT_FILE"); named != nullptr && *named != '\0') return named;
  for (const char* place : places) {
    std::error_code error;
    if (std::filesystem::is_regular_file(place, error)) return place;
  }
  return {};
}
}  // namespace

CaBundle find_ca_bundle(const std::string& further) {
  CaBundle out{system_bundle(), {}};
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

}  // namespace shipset::registry
