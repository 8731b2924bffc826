// How hosts are reached, as administrators and users have written it down: mirrors and rewritten locations of
// containers' registries.conf, certificates below certs.d, and the proxy of the environment. Values only; nothing here
// opens a connection. containers-registries.conf(5), containers-certs.d(5). Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/result.hpp"

namespace shipset::registry {

/// Proxies by scheme of the address, and what goes past them. Empty: none.
struct ProxySettings {
  std::string http, https;  ///< [scheme://][user:password@]host[:port]; http, https, socks4a, socks5, socks5h
  std::string all;          ///< where the scheme has none of its own
  std::string no_proxy;     ///< names (with everything below them), name:port, addresses, networks (CIDR), or "*"
  /// http_proxy (lower case only: a web server's CGI sets the other from a request), https_proxy, all_proxy and
  /// no_proxy, each of these also in upper case.
  static ProxySettings from_environment();
};

/// Files in PEM with which this machine proves who it is.
struct ClientCertificate {
  std::string cert_file;
  std::string key_file;  ///< empty: the key is in cert_file
};

/// Where to look; made from the environment once. Empty lists: nothing of this machine is read.
struct HostSources {
  std::vector<std::string> registries_files;     ///< in order; a later rule for the same prefix replaces an earlier one
  std::vector<std::string> registries_folders;   ///< *.conf in them follow, by name
  std::vector<std::string> certificate_folders;  ///< hold one folder per HOST[:PORT]; earlier ones win
  static HostSources from_environment();
};

struct Mirror {
  enum class Pulls : std::uint8_t { all, by_digest, by_tag };
  std::string location;   ///< HOST[:PORT][/PATH]
  bool insecure = false;  ///< plain HTTP and unchecked certificates are allowed
  Pulls pulls = Pulls::all;
};

/// One [[registry]] table.
struct RegistryRule {
  std::string prefix;    ///< HOST[:PORT][/PATH], or *.DOMAIN; the longest that fits a repository decides
  std::string location;  ///< replaces the prefix when content is read; empty: as it is
  bool insecure = false;
  bool blocked = false;
  std::vector<Mirror> mirrors;  ///< to be tried in order, before the location itself
};

/// The rules of one file, in its order; unknown keys are ignored. Errors: io, with file and place.
Result<std::vector<RegistryRule>> parse_registries_conf(std::string_view text, const std::string& file);

}  // namespace shipset::registry
