// The registry client: one per process or release; owns connections, tokens and what it learnt about each registry.
// All traffic runs through one curl_multi loop thread; calls block their own thread only. Thread-safe.
// Errors: auth (401/403 after credentials), registry (refused or unreadable), not_found, network, verify; each says
// which host, object, status and code, and what the registry said. Secrets never appear. specs §3, §4.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "shipset/base/cancel.hpp"
#include "shipset/base/event.hpp"
#include "shipset/model/reference.hpp"
#include "shipset/oci/store.hpp"
#include "shipset/registry/credentials.hpp"
#include "shipset/registry/hosts.hpp"
#include "shipset/registry/profile.hpp"

namespace shipset::registry {

struct ClientOptions {
  std::set<std::string> plain_http;    ///< hosts (with port) reached by HTTP; loopback always tries HTTP
  std::set<std::string> insecure_tls;  ///< hosts whose certificate is not checked
  std::string ca_file;                 ///< further CA bundle; "" = system, SSL_CERT_FILE
  /// At most so many requests in flight, for each of: short requests, uploads, downloads. A registry that answers 429
  /// or 503 gets half as many, and one more after each round of good answers.
  std::size_t connections_per_host = 16;
  unsigned attempts = 5;          ///< per operation, with back-off; at least 1. Progress fills it up again
  std::uint64_t chunk_bytes = 0;  ///< most that one request of an upload may carry; 0 = the whole blob
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds stall_timeout{60'000};  ///< no byte for so long
  std::string user_agent;                           ///< "" = shipset/<version>
  std::optional<CredentialSources> credentials;     ///< nullopt = from the environment
  /// Mirrors by HOST[:PORT][/PATH]; they come before those of registries.conf. Only open_store with Access::pull
  /// asks them: whoever writes, or must know what a registry itself holds, talks to that registry.
  std::map<std::string, std::vector<std::string>> mirrors;
  std::map<std::string, ClientCertificate> client_certificates;  ///< by host (with port); before those of certs.d
  std::optional<HostSources> hosts;                              ///< nullopt = from the environment
  std::optional<ProxySettings> proxy;                            ///< nullopt = from the environment
  /// Told what is not part of one call: warnings of a registry, each text once; which mirror serves, and which one was
  /// left out and why.
  EventSink notes;
  /// Where uploads that may go on in another process, and what was learnt of registries, are kept (folders "uploads"
  /// and "registries", 0700). "" = shipset below $XDG_STATE_HOME, else below ~/.local/state.
  std::string state_directory;
  CancelToken cancel;  ///< stops every call of this client
};

/// What happened on the wire so far.
struct Traffic {
  std::uint64_t requests = 0, bytes_sent = 0, bytes_received = 0, retries = 0;
};

struct DoctorReport;
struct DoctorOptions;

class Client {
 public:
  explicit Client(ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// The repository of a reference as a Store. No request is made yet. Stores keep the client's state alive.
  /// `cancel` stops every call of that store within a second, also those that take no token of their own.
  std::unique_ptr<oci::Store> repository(const Reference& reference, const CancelToken& cancel = {});
  /// The same for reading content: through its mirrors, where it has some. Errors: io (broken registries.conf),
  /// policy (blocked there), usage (an option names something that is no mirror).
  Result<std::unique_ptr<oci::Store>> pull_repository(const Reference& reference, const CancelToken& cancel = {});
  /// Asks `GET /v2/` with the credentials found for the host: proves reachability and login.
  Result<void> ping(const std::string& host, const CancelToken& cancel = {});
  [[nodiscard]] Traffic traffic() const;
  /// What is known of a host: of the API, with port (Reference::api_host).
  [[nodiscard]] Profile profile(const std::string& api_host) const;

  struct Core;

 private:
  friend Result<DoctorReport> diagnose(Client& client, const std::string& place, const DoctorOptions& options,
                                       const EventSink& events, const CancelToken& cancel);
  std::shared_ptr<Core> core_;
};

}  // namespace shipset::registry
