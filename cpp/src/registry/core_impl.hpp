// The client's shared state and the path that every request takes: scheme, authorization, redirects, retries.
// Stores and readers hold it; the loop thread never does. Thread-safe. specs §3, §4.
#pragma once

#include <atomic>
#include <functional>

#include "auth_impl.hpp"
#include "hosts_impl.hpp"
#include "loop_impl.hpp"
#include "observe_impl.hpp"
#include "recent_puts_impl.hpp"
#include "referrers_impl.hpp"
#include "retry_impl.hpp"
#include "shipset/registry/client.hpp"

namespace shipset::registry {

/// One repository of one registry.
struct Endpoint {
  std::string domain;    ///< for people: docker.io, localhost:5000
  std::string api_host;  ///< registry-1.docker.io, localhost:5000
  std::string path;      ///< library/alpine; empty for the registry itself
  [[nodiscard]] std::string name() const { return path.empty() ? domain : domain + "/" + path; }
};

/// One request to a registry, before scheme and authorization are known.
struct Call {
  std::string method{"GET"};
  std::string url;  ///< "/v2/…", or absolute (an upload location)
  std::vector<std::string> headers;
  std::optional<std::string> body;
  std::optional<std::uint64_t> stream_size;
  bool stream_answer = false;
  std::vector<std::string> scopes;
  std::size_t answer_limit = 1u << 20;
  Lane lane = Lane::control;
};

/// An answer and the URL it came from (after redirects), against which its Location is resolved.
struct Answer {
  Outcome outcome;
  Url url;
  std::string login;  ///< where the credentials came from, for errors; never their values
};

/// How a host wants blobs, as far as it has told by refusing.
struct UploadForm {
  bool patch = false;            ///< PATCH and an empty PUT in place of one PUT
  std::uint64_t body_limit = 0;  ///< bytes of one request; 0 = no limit known
};

struct Client::Core {
  explicit Core(ClientOptions client_options);

  /// Waits for an exchange as far as the caller wants, feeding it if it has a body. Called once per try.
  using Drive = std::function<Result<Outcome>(ExchangeHandle&)>;

  /// One try, apart from what authorization and scheme need. The outcome may be a failure or any status.
  Result<Answer> attempt(const Endpoint& at, const Call& call, const Drive& drive, const Stop& stop);
  /// As often as Retry says, with a buffered answer. Errors: network, cancelled, auth (token); any status is a value.
  /// `budget`: of the operation that the request belongs to; without one the request has its own.
  Result<Answer> send(const Endpoint& at, const Call& call, const std::string& what, const Stop& stop,
                      Retry* budget = nullptr);
  /// `refused`, with where the credentials came from and which repository it was.
  Error refusal(const Endpoint& at, const Answer& answer, std::string what) const;

  /// Whether the host answers a mount from the same repository with 201 when it has the blob (specs §3.4): then one
  /// request checks and opens an upload. Found out once per host; true from claim_mount_check for the one who tries.
  std::optional<bool> mount_checks(const Endpoint& at);
  void set_mount_checks(const Endpoint& at, bool known);
  bool claim_mount_check(const Endpoint& at);

  UploadForm upload_form(const Endpoint& at);
  void set_upload_form(const Endpoint& at, const UploadForm& form);
  /// Where the registry's API is, as far as the scheme is settled.
  Url base_of(const Endpoint& at);

  const ClientOptions options;  ///< state_directory is resolved; empty: there is none
  const HostBook book;
  Loop loop;
  Authenticator authenticator;
  Profiles profiles;
  ReferrerLists referrer_lists;
  RecentPuts recent_puts;
  std::atomic<std::uint64_t> retries{0};
  std::atomic<bool> state_cleared{false};  ///< old state of uploads was removed
  std::atomic<bool> state_warned{false};   ///< it was said that no state can be kept

 private:
  struct Host {
    std::optional<bool> tls;
    std::optional<UploadForm> upload_form;
  };
  Result<Answer> exchange(const Url& base, Url url, const Call& call, const std::string& authorization,
                          const Drive& drive, const Stop& stop);
  Result<HttpRequest> request_for(const Url& url, const Call& call, const std::string& authorization,
                                  bool forbid_local_peer) const;
  Result<HttpResponse> fetch(const HttpRequest& request, const Stop& stop);
  void observe(const Endpoint& at, const Call& call, const Answer& answer);
  /// Whether registries.conf allows plain HTTP where HTTPS does not work.
  bool may_be_plain(const Endpoint& at) const;
  bool settle_scheme(const Endpoint& at, const Outcome& outcome, const Stop& stop);
  std::vector<Challenge> challenges_of(const Url& base, const Outcome& outcome, const Stop& stop);

  Warnings warnings_;
  std::mutex hosts_mutex_;
  std::map<std::string, Host> hosts_;
};

/// "repository:<path>:<actions>"
std::string repository_scope(std::string_view path, std::string_view actions);

}  // namespace shipset::registry
