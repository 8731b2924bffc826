#include <algorithm>
#include <nlohmann/json.hpp>

#include "auth_impl.hpp"
#include "error_body_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
constexpr std::size_t answer_limit = 256u << 10;
constexpr std::size_t token_limit = 64u << 10;
constexpr std::chrono::seconds shortest_life{60};
constexpr std::chrono::seconds longest_life{24 * 3600};
constexpr std::string_view client_id = "shipset";

std::string what_failed(const AuthTarget& target, const Url& realm) {
  return "cannot log in to " + target.domain + " through " + realm.shown();
}

std::string parameter(std::string_view name, std::string_view value) {
  return std::string(name) + "=" + percent_encode(value);
}

HttpRequest by_get(const AuthTarget& target, Url realm, const std::string& service, const Credential& credential) {
  if (!service.empty()) realm = realm.with_query(parameter("service", service));
  for (const auto& scope : target.scopes) realm = realm.with_query(parameter("scope", scope));
  HttpRequest request;
  if (!credential.username.empty()) {
    realm = realm.with_query(parameter("account", credential.username));
    request.headers.push_back("Authorization: Basic " +
                              base64_encode(credential.username + ":" + credential.password.reveal()));
  }
  request.url = realm.with_query(parameter("client_id", client_id)).str();
  request.headers.emplace_back("Accept: application/json");
  return request;
}

HttpRequest by_post(const AuthTarget& target, const Url& realm, const std::string& service,
                    const Credential& credential) {
  std::string form = credential.identity_token.empty()
                         ? parameter("grant_type", "password") + "&" + parameter("username", credential.username) +
                               "&" + parameter("password", credential.password.reveal())
                         : parameter("grant_type", "refresh_token") + "&" +
                               parameter("refresh_token", credential.identity_token.reveal());
  form.append("&").append(parameter("client_id", client_id));
  if (!service.empty()) form.append("&").append(parameter("service", service));
  if (!target.scopes.empty()) form.append("&").append(parameter("scope", join(target.scopes, " ")));
  HttpRequest request;
  request.method = "POST";
  request.url = realm.str();
  request.body = std::move(form);
  request.headers = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json"};
  return request;
}

Result<FetchedToken> read_token(const HttpResponse& response, const std::string& what, const std::string& host) {
  const auto json =
      parse_json(response.body, "answer of the token server", ErrorKind::registry, {answer_limit, 16, 10'000});
  if (!json || !json->is_object()) return unreadable(what, "the token server's answer is not a JSON object", host);
  const auto text = [&](const char* name) {
    const auto found = json->find(name);
    return found != json->end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  FetchedToken out;
  std::string token = text("access_token");
  if (token.empty()) token = text("token");
  const bool sendable = std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (token.empty() || token.size() > token_limit || !sendable)
    return unreadable(what, "the token server's answer holds no usable token", host);
  out.value = Secret(std::move(token));
  const auto life = json->find("expires_in");
  if (life != json->end() && life->is_number()) {
    const double seconds = life->get<double>();
    if (seconds > 0) out.lifetime = std::chrono::seconds(static_cast<std::int64_t>(std::min(seconds, 1e9)));
  }
  out.lifetime = std::clamp(out.lifetime, shortest_life, longest_life);
  return out;
}
}  // namespace

Result<FetchedToken> fetch_token(const Authenticator::Fetch& fetch, const AuthTarget& target, const Url& realm,
                                 const std::string& service, const Credential& credential, const Stop& stop) {
  const std::string what = what_failed(target, realm);
  const bool post_first = !credential.identity_token.empty();
  HttpRequest request =
      post_first ? by_post(target, realm, service, credential) : by_get(target, realm, service, credential);
  request.answer_limit = answer_limit;
  // A name may lead to this machine as well as an address; what the registry's own name leads to is its own affair.
  const bool elsewhere = !is_local_host(target.base.host) && realm.host != target.base.host;
  request.forbid_local_peer = elsewhere;
  SHIPSET_TRY(HttpResponse response, fetch(request, stop));
  const bool no_get = response.status == 404 || response.status == 405;
  if (!post_first && no_get && !credential.username.empty()) {
    request = by_post(target, realm, service, credential);
    request.answer_limit = answer_limit;
    request.forbid_local_peer = elsewhere;
    SHIPSET_TRY(response, fetch(request, stop));
  }
  if (response.success()) return read_token(response, what, target.domain);
  Error error = refused(what, response, target.domain);
  // A token server that says 400 to a login means the login.
  if (response.status == 400 && !credential.anonymous()) error.kind = ErrorKind::auth;
  if (error.kind == ErrorKind::not_found) error.kind = ErrorKind::registry;
  if (error.kind == ErrorKind::auth) {
    error.hint = "log in with `shipset login " + target.domain + "`";
    if (credential.anonymous())
      error.why.append(" (no credentials were found for ").append(target.domain).append(")");
    else if (!credential.source.empty())
      error.why.append(" (credentials from ").append(credential.source).append(")");
  }
  return error;
}

}  // namespace shipset::registry
