// Authorization of requests: learns from challenges what each host wants, looks credentials up once per repository,
// fetches Bearer tokens (one fetch at a time per key) and keeps them until shortly before they run out. Thread-safe.
// Credentials go to the registry's own origin and to the realm that it named, nowhere else. specs §4.1–§4.4.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "challenge_impl.hpp"
#include "http_impl.hpp"
#include "shipset/registry/credentials.hpp"
#include "stop_impl.hpp"
#include "url_impl.hpp"

namespace shipset::registry {

struct AuthTarget {
  std::string domain;               ///< for people and credential files: docker.io
  std::string path;                 ///< repository; may be empty
  Url base;                         ///< of the registry's API
  std::vector<std::string> scopes;  ///< wanted, most important first
};

/// What one request was sent with.
struct Authorization {
  std::string header;  ///< value of the Authorization field; empty = none
  std::string token_key;
  bool fresh = false;  ///< the token was fetched after this request began
};

class Authenticator {
 public:
  using Clock = std::chrono::steady_clock;
  /// Sends a request to a token server, with retries, without authorization of its own.
  using Fetch = std::function<Result<HttpResponse>(const HttpRequest&, const Stop&)>;

  Authenticator(CredentialSources sources, Fetch fetch) : sources_(std::move(sources)), fetch_(std::move(fetch)) {}

  /// What to send, by what is known of the host so far.
  Result<Authorization> authorize(const AuthTarget& target, Clock::time_point began, const Stop& stop);
  /// A 401 came. True: try again (more is known now, or a stale token was dropped); `target.scopes` may have grown.
  Result<bool> challenged(AuthTarget& target, const std::vector<Challenge>& challenges, const Authorization& sent);
  /// Where the credentials for a target come from; empty when anonymous. Never their values.
  std::string source_of(const AuthTarget& target);

 private:
  struct HostAuth {
    enum class Kind : std::uint8_t { unknown, basic, bearer } kind = Kind::unknown;
    std::string realm, service;
  };
  struct Token {
    Secret value;
    Clock::time_point fetched, expires;
    bool fetching = false;
  };
  struct Login {
    std::mutex mutex;
    std::optional<Credential> credential;
  };

  Result<Credential> login(const AuthTarget& target, const Stop& stop);
  Result<Authorization> bearer(const AuthTarget& target, const HostAuth& how, Clock::time_point began,
                               const Stop& stop);
  Result<void> check_realm(const AuthTarget& target, const Url& realm) const;

  const CredentialSources sources_;
  const Fetch fetch_;
  std::mutex mutex_;
  std::condition_variable token_ready_;
  std::map<std::string, HostAuth> hosts_;
  std::map<std::string, Token> tokens_;
  std::map<std::string, std::shared_ptr<Login>> logins_;
};

/// A fetched token.
struct FetchedToken {
  Secret value;
  std::chrono::seconds lifetime{60};
};
/// Asks a token server: GET, or POST with an identity token. Errors: auth (refused), registry (unreadable), network.
Result<FetchedToken> fetch_token(const Authenticator::Fetch& fetch, const AuthTarget& target, const Url& realm,
                                 const std::string& service, const Credential& credential, const Stop& stop);

}  // namespace shipset::registry
