#include <cstdlib>

#include "ca_bundle_impl.hpp"
#include "core_impl.hpp"
#include "error_body_impl.hpp"
#include "shipset/base/text.hpp"
#include "state_directory_impl.hpp"

namespace shipset::registry {

namespace {
constexpr int redirect_limit = 5;
constexpr int scheme_probes = 4;
/// First without authorization, then with a token that another thread left behind, then with a fresh one; and one
/// more when a challenge asks for further scopes.
constexpr int authorization_rounds = 5;

LoopOptions loop_options(const ClientOptions& options) {
  LoopOptions out;
  out.connections_per_host = options.connections_per_host;
  out.connect_timeout = options.connect_timeout;
  out.stall_timeout = options.stall_timeout;
  out.user_agent = options.user_agent.empty() ? "shipset/" SHIPSET_VERSION : options.user_agent;
  const CaBundle bundle = find_ca_bundle(options.ca_file);
  out.ca_path = bundle.path;
  out.ca_text = bundle.text;
  out.ca_folders = bundle.folders;
  return out;
}

ClientOptions settled(ClientOptions options) {
  options.state_directory = resolve_state_directory(options.state_directory);
  return options;
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Result<Outcome> to_the_end(ExchangeHandle& exchange, const Stop& stop) {
  return exchange->finish(stop);
}
}  // namespace

std::string repository_scope(std::string_view path, std::string_view actions) {
  return "repository:" + std::string(path) + ":" + std::string(actions);
}

Client::Core::Core(ClientOptions client_options)
    : options(settled(std::move(client_options))),
      book(options),
      loop(loop_options(options)),
      authenticator(options.credentials ? *options.credentials : CredentialSources::from_environment(),
                    [this](const HttpRequest& request, const Stop& stop) { return fetch(request, stop); }),
      profiles(options.state_directory, options.notes),
      warnings_(options.notes) {}

Url Client::Core::base_of(const Endpoint& at) {
  bool tls = !is_loopback_host(at.api_host) || options.insecure_tls.contains(at.domain);
  {
    std::lock_guard lock(hosts_mutex_);
    if (const auto& known = hosts_[at.api_host].tls) tls = *known;
  }
  if (options.plain_http.contains(at.domain)) tls = false;
  const auto url = Url::parse((tls ? "https://" : "http://") + at.api_host + "/v2/");
  return url.value_or(Url{tls ? "https" : "http", "invalid", "0", "/v2/", {}});
}

bool Client::Core::may_be_plain(const Endpoint& at) const {
  const auto url = Url::parse("https://" + at.api_host + "/");
  return url && !is_loopback_host(at.api_host) && !options.plain_http.contains(at.domain) && book.lenient(*url);
}

bool Client::Core::settle_scheme(const Endpoint& at, const Outcome& outcome, const Stop& stop) {
  const bool lenient = may_be_plain(at);
  if (!lenient && (!is_loopback_host(at.api_host) || options.plain_http.contains(at.domain) ||
                   options.insecure_tls.contains(at.domain)))
    return false;
  {
    std::lock_guard lock(hosts_mutex_);
    if (hosts_[at.api_host].tls) return false;
  }
  const auto kind = outcome.failure.kind;
  if (lenient) {  // HTTPS was tried, unchecked
    const bool no_tls = kind == FailureKind::tls || kind == FailureKind::connect || kind == FailureKind::broken ||
                        kind == FailureKind::not_http;
    if (outcome.failure && !no_tls) return false;
    std::lock_guard lock(hosts_mutex_);
    hosts_[at.api_host].tls = !outcome.failure;
    return no_tls;
  }
  const bool doubtful = kind == FailureKind::not_http || kind == FailureKind::broken ||
                        (!outcome.failure && outcome.response.status == 400);
  if (outcome.failure && !doubtful) return false;
  bool tls = false;
  if (doubtful) {  // servers that speak TLS answer plain HTTP with 400, with an alert, or not at all
    for (int attempt = 0; attempt < scheme_probes && !tls; ++attempt) {
      HttpRequest probe;
      probe.url = "https://" + at.api_host + "/v2/";
      auto exchange = loop.start(std::move(probe));
      const auto seen = exchange->finish(stop);
      tls = !seen.failure || seen.failure.kind == FailureKind::certificate;
      // A server that refuses a client right after the handshake may close before its reason is read.
      if (seen.failure.kind != FailureKind::broken) break;
    }
  }
  std::lock_guard lock(hosts_mutex_);
  hosts_[at.api_host].tls = tls;
  return tls;
}

Result<HttpRequest> Client::Core::request_for(const Url& url, const Call& call, const std::string& authorization,
                                              bool forbid_local_peer) const {
  HttpRequest request;
  request.method = call.method;
  request.url = url.str();
  request.headers = call.headers;
  if (!authorization.empty()) request.headers.push_back("Authorization: " + authorization);
  request.body = call.body;
  request.stream_size = call.stream_size;
  request.stream_answer = call.stream_answer;
  request.answer_limit = call.answer_limit;
  request.lane = call.lane;
  request.insecure_tls = book.unchecked(url);
  request.proxy = book.proxy(url);
  request.forbid_local_peer = forbid_local_peer;
  SHIPSET_TRY(request.tls, book.tls(url));
  return request;
}

Result<Answer> Client::Core::exchange(const Url& base, Url url, const Call& call, const std::string& authorization,
                                      const Drive& drive, const Stop& stop) {
  const bool may_follow = call.method == "GET" || call.method == "HEAD";
  const Url first = url;
  for (int hop = 0;; ++hop) {
    const bool own = url.origin() == base.origin();
    SHIPSET_TRY(HttpRequest request,
                request_for(url, call, own ? authorization : std::string(), !own && !is_local_host(base.host)));
    auto handle = loop.start(std::move(request));
    SHIPSET_TRY(Outcome outcome, drive(handle));
    if (stop.requested() && outcome.failure.kind == FailureKind::cancelled) return stop.error();
    if (outcome.failure || !may_follow || !is_redirect(outcome.response.status))
      return Answer{std::move(outcome), url, {}};
    const auto target = url.resolve(outcome.response.headers.get("location"));
    std::string why = hop >= redirect_limit ? "it redirects in a circle or too often" : std::string();
    if (!target) why = "it redirects to something that is not a web address";
    if (why.empty()) why = redirect_refusal(url, *target);
    if (why.empty()) why = redirect_refusal(first, *target);
    if (!why.empty())
      return unreadable("cannot follow the redirect of " + first.shown(), target ? target->shown() + ": " + why : why,
                        base.host);
    url = *target;
  }
}

std::vector<Challenge> Client::Core::challenges_of(const Url& base, const Outcome& outcome, const Stop& stop) {
  auto challenges = parse_challenges(outcome.response.headers.all("www-authenticate"));
  if (!challenges.empty()) return challenges;
  Call ping;  // some registries name their token server only here
  auto seen = exchange(
      base, base, ping, {}, [&](ExchangeHandle& handle) { return to_the_end(handle, stop); }, stop);
  if (!seen || seen->outcome.failure || seen->outcome.response.status != 401) return {};
  return parse_challenges(seen->outcome.response.headers.all("www-authenticate"));
}

Result<Answer> Client::Core::attempt(const Endpoint& at, const Call& call, const Drive& drive, const Stop& stop) {
  const auto began = Authenticator::Clock::now();
  AuthTarget target{at.domain, at.path, base_of(at), call.scopes};
  for (int round = 0;; ++round) {
    target.base = base_of(at);
    const auto url = target.base.resolve(call.url);
    if (!url) return Error(ErrorKind::internal, "cannot make a URL of a request to " + at.domain);
    const bool own = url->origin() == target.base.origin();
    Authorization authorization;
    if (own) {
      SHIPSET_TRY(authorization, authenticator.authorize(target, began, stop));
    }
    SHIPSET_TRY(Answer answer, exchange(target.base, *url, call, authorization.header, drive, stop));
    if (settle_scheme(at, answer.outcome, stop)) continue;
    const bool refused_here =
        !answer.outcome.failure && answer.outcome.response.status == 401 && answer.url.origin() == target.base.origin();
    if (refused_here && own && round < authorization_rounds) {
      const auto challenges = challenges_of(target.base, answer.outcome, stop);
      // A token fetched ahead of the first request may have died on the way; only one that a refusal led to is final.
      if (round == 0) authorization.fresh = false;
      SHIPSET_TRY(const bool again, authenticator.challenged(target, challenges, authorization));
      // Nothing was sent, and the second time nothing can be: there are no credentials for this host.
      if (again && (round == 0 || !authorization.header.empty())) continue;
    }
    answer.login = authenticator.source_of(target);
    if (own && !answer.outcome.failure && answer.url.origin() == target.base.origin()) observe(at, call, answer);
    return answer;
  }
}

void Client::Core::observe(const Endpoint& at, const Call& call, const Answer& answer) {
  warnings_.show(at.domain, answer.outcome.response);
  const std::string_view body = call.body ? std::string_view(*call.body) : std::string_view();
  learn_from(profiles, at.api_host, {call.method, call.url, body}, answer.outcome.response);
}

Result<Answer> Client::Core::send(const Endpoint& at, const Call& call, const std::string& what, const Stop& stop,
                                  Retry* budget) {
  Retry own(options.attempts);
  Retry& retry = budget != nullptr ? *budget : own;
  const Drive drive = [&](ExchangeHandle& handle) { return to_the_end(handle, stop); };
  for (;;) {
    if (stop.requested()) return stop.error();
    SHIPSET_TRY(Answer answer, attempt(at, call, drive, stop));
    SHIPSET_TRY(const bool again, retry.again(answer.outcome, stop));
    if (again) {
      ++retries;
      continue;
    }
    if (answer.outcome.failure) return unreachable(what, answer.outcome.failure, at.domain);
    return answer;
  }
}

Result<HttpResponse> Client::Core::fetch(const HttpRequest& request, const Stop& stop) {
  Retry retry(options.attempts);
  const auto url = Url::parse(request.url);
  if (!url) return Error(ErrorKind::registry, "cannot use the address of the token server");
  const Call extra;
  SHIPSET_TRY(HttpRequest prepared, request_for(*url, extra, {}, request.forbid_local_peer));
  prepared.method = request.method;
  prepared.headers = request.headers;
  prepared.body = request.body;
  prepared.answer_limit = request.answer_limit;
  for (;;) {
    auto handle = loop.start(prepared);
    Outcome outcome = handle->finish(stop);
    SHIPSET_TRY(const bool again, retry.again(outcome, stop));
    if (again) {
      ++retries;
      continue;
    }
    if (outcome.failure)
      return unreachable("cannot reach the token server " + url->shown(), outcome.failure, url->host);
    return std::move(outcome.response);
  }
}

Error Client::Core::refusal(const Endpoint& at, const Answer& answer, std::string what) const {
  Error error = refused(std::move(what), answer.outcome.response, at.domain);
  if (!at.path.empty()) error.with("repository", at.path).with("store", at.name());
  if (error.kind != ErrorKind::auth) return error;
  error.why += answer.login.empty() ? " (no credentials were found for " + at.domain + ")"
                                    : " (credentials from " + answer.login + ")";
  return error;
}

std::optional<bool> Client::Core::mount_checks(const Endpoint& at) {
  // A registry that did so for an earlier process has to show it again: a wrong "yes" sends blobs twice.
  if (const auto seen = profiles.seen(at.api_host, &Profile::mount_check)) return seen;
  return profiles.known(at.api_host, &Profile::mount_check) == std::optional(false) ? std::optional(false)
                                                                                    : std::nullopt;
}

void Client::Core::set_mount_checks(const Endpoint& at, bool known) {
  profiles.learn(at.api_host, &Profile::mount_check, known);
}

UploadForm Client::Core::upload_form(const Endpoint& at) {
  std::lock_guard lock(hosts_mutex_);
  return hosts_[at.api_host].upload_form.value_or(UploadForm{false, options.chunk_bytes});
}

void Client::Core::set_upload_form(const Endpoint& at, const UploadForm& form) {
  std::lock_guard lock(hosts_mutex_);
  hosts_[at.api_host].upload_form = form;
}

bool Client::Core::claim_mount_check(const Endpoint& at) {
  return profiles.claim_mount_check(at.api_host);
}

}  // namespace shipset::registry
