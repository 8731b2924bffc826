// What is known of hosts before the first request: rules, certificates and proxy, looked up per host and kept.
// Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "http_impl.hpp"
#include "shipset/model/reference.hpp"
#include "shipset/registry/client.hpp"
#include "url_impl.hpp"

namespace shipset::registry {

/// The proxy for an address, or empty. Loopback never goes through one.
std::string proxy_for(const ProxySettings& settings, const Url& url);
/// Whether a list of exceptions names the host. Names cover everything below them; see ProxySettings::no_proxy.
bool in_no_proxy(std::string_view list, const Url& url);

/// The rule whose prefix is the longest that fits `name` (domain/path); null when none does.
const RegistryRule* find_rule(const std::vector<RegistryRule>& rules, std::string_view name);
/// `name` with what fits `prefix` replaced by `location`.
std::string rewritten(std::string_view name, std::string_view prefix, std::string_view location);

/// Rules of all files; a later one for the same prefix replaces an earlier one. Errors: io.
Result<std::vector<RegistryRule>> load_rules(const HostSources& sources);

/// What the folders hold for a host: further CAs as text, and the first client certificate.
struct HostFolder {
  std::string ca_text;
  ClientCertificate client;
};
/// `names` are the spellings of the host (with port, without a default one). Errors: io.
Result<HostFolder> read_host_folders(const std::vector<std::string>& folders, const std::vector<std::string>& names);

/// One place from which a repository may be read.
struct PullPlace {
  Reference repository;
  Mirror::Pulls pulls = Mirror::Pulls::all;
  bool origin = false;  ///< the last one: the repository itself, maybe at its rewritten location
};

class HostBook {
 public:
  explicit HostBook(const ClientOptions& options);

  /// Mirrors in the order in which they are tried, then the origin. Errors: io (broken file), policy (blocked).
  Result<std::vector<PullPlace>> pull_places(const Reference& repository) const;
  /// Whether registries.conf allows plain HTTP and unchecked certificates for the host.
  [[nodiscard]] bool lenient(const Url& url) const;
  /// Whether the host's certificate is not checked, by option or by registries.conf.
  [[nodiscard]] bool unchecked(const Url& url) const;
  /// Certificates that only this host has; null for most. Errors: io.
  Result<std::shared_ptr<const HostTls>> tls(const Url& url) const;
  [[nodiscard]] std::string proxy(const Url& url) const { return proxy_for(proxy_, url); }

 private:
  const ClientOptions& options_;
  const HostSources sources_;
  const ProxySettings proxy_;
  std::vector<Secret> proxy_secrets_;  ///< so that redact() knows them
  Result<std::vector<RegistryRule>> rules_;
  std::set<std::string> lenient_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const HostTls>> tls_;
};

/// A mirror's location, or one that an option names. Errors: usage.
Result<std::string> check_location(std::string_view text, const std::string& what);

}  // namespace shipset::registry
