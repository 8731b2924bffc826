// Whether the registry is reached, who we are there, and what that allows.
#include <nlohmann/json.hpp>

#include "doctor_impl.hpp"
#include "error_body_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
std::string failure_words(const Failure& failure) {
  switch (failure.kind) {
    case FailureKind::resolve:
      return "name not found";
    case FailureKind::connect:
      return "no connection";
    case FailureKind::timeout:
      return "timed out";
    case FailureKind::tls:
      return "TLS failed";
    case FailureKind::certificate:
      return "certificate not accepted";
    case FailureKind::proxy:
      return "refused by the proxy";
    case FailureKind::not_http:
      return "not HTTP";
    default:
      return "connection broke";
  }
}

std::optional<std::string> first_tag(std::string_view body) {
  const auto json = parse_json(body, "list of tags", ErrorKind::registry);
  if (!json || !json->is_object() || !json->contains("tags") || !(*json)["tags"].is_array()) return std::nullopt;
  for (const auto& tag : (*json)["tags"])
    if (tag.is_string() && check_tag(tag.get_ref<const std::string&>())) return tag.get<std::string>();
  return std::nullopt;
}

/// How to make a repository where a push does not do it.
std::string creation_advice(const Endpoint& at) {
  if (at.api_host.find(".ecr.") != std::string::npos)
    return "create it: aws ecr create-repository --repository-name " + at.path;
  if (at.api_host.ends_with(".pkg.dev")) {
    const auto first = at.path.find('/');
    const auto second = first == std::string::npos ? first : at.path.find('/', first + 1);
    const std::string name = first == std::string::npos ? at.path : at.path.substr(first + 1, second - first - 1);
    return "create it: gcloud artifacts repositories create " + name + " --repository-format=docker";
  }
  return "create the repository (or its project) " + at.path + " at the registry, or check the name";
}
}  // namespace

Result<void> Examination::credentials() {
  const auto sources = core_->options.credentials ? *core_->options.credentials : CredentialSources::from_environment();
  const auto found = find_credential(sources, at_.domain, at_.path, stop().call);
  if (stop().requested()) return stop().error();
  if (!found) {
    add("credentials", "cannot be read", Verdict::bad, found.error().what + ": " + found.error().why,
        found.error().hint);
    fail(found.error());
    return {};
  }
  if (found->anonymous()) {
    add("credentials", "none", Verdict::note, "requests are anonymous",
        "log in with `shipset login " + at_.domain + "` where the registry wants to know who you are");
    return {};
  }
  login_ = found->source;
  const std::string what = !found->registry_token.empty()   ? "a ready token"
                           : !found->identity_token.empty() ? "an identity token"
                                                            : "a password";
  const std::string who = found->username.empty() ? "a token" : "user " + printable(found->username, 100);
  add("credentials", who, Verdict::good, what + " from " + found->source);
  return {};
}

Result<void> Examination::connection() {
  Call call;
  call.url = "/v2/";
  const auto asked = once(call);
  const std::string what = "cannot use the registry " + at_.domain;
  if (!asked) {
    if (asked.error().kind == ErrorKind::cancelled) return asked.error();
    const bool reached = asked.error().kind != ErrorKind::network;
    add("connection", reached ? "reached" : "no connection", reached ? Verdict::good : Verdict::bad,
        reached ? "" : asked.error().what + ": " + asked.error().why);
    if (reached)
      add("login", "refused", Verdict::bad, asked.error().what + ": " + asked.error().why, asked.error().hint);
    fail(asked.error());
    return {};
  }
  const Answer& answer = *asked;
  if (const Failure& failure = answer.outcome.failure) {
    const Error error = unreachable(what, failure, at_.domain);
    add("connection", failure_words(failure), Verdict::bad, failure.detail, error.hint);
    fail(error);
    return {};
  }
  return connected(answer);
}

Result<void> Examination::connected(const Answer& answer) {
  const HttpResponse& response = answer.outcome.response;
  const std::string what = "cannot use the registry " + at_.domain;
  const bool tls = answer.url.scheme == "https";
  const bool unchecked = tls && core_->book.unchecked(answer.url);
  const std::string proxy = core_->book.proxy(answer.url);
  add("connection", tls ? "HTTPS" : "plain HTTP",
      unchecked || (!tls && !is_loopback_host(at_.api_host)) ? Verdict::warning : Verdict::good,
      std::string(response.http2 ? "HTTP/2" : "HTTP/1.1") + " to " + answer.url.host + ":" + answer.url.port +
          (proxy.empty() ? "" : " through the proxy " + without_password(proxy)) +
          (unchecked ? "; the certificate is not checked" : ""),
      !tls && !is_loopback_host(at_.api_host)
          ? "anyone on the way can read and alter what is sent: give the registry a certificate"
          : "");
  const bool asks = response.status == 401 || response.status == 403;
  if (is_html(response) || (response.status != 200 && !asks)) {
    const bool page = is_html(response);
    add("api", "not a registry", Verdict::bad,
        page ? "the answer is a web page" : "GET /v2/ was answered with " + told(response),
        "check that " + at_.domain + " is the address of a registry");
    fail(unreadable(what, page ? "the answer is a web page" : "it answered " + told(response), at_.domain));
    return {};
  }
  const auto version = response.headers.get("docker-distribution-api-version");
  add("api", version.empty() ? "answers" : printable(version, 80), Verdict::good,
      version.empty() ? "it does not name its version" : "");
  if (asks) {
    const Error error = core_->refusal(at_, answer, what);
    add("login", login_.empty() ? "wanted" : "refused", Verdict::bad, told(response),
        login_.empty()
            ? "log in with `shipset login " + at_.domain + "`"
            : "the login in " + login_ + " is not accepted: renew it with `shipset login " + at_.domain + "`");
    fail(error);
    return {};
  }
  add("login", login_.empty() ? "anonymous" : "accepted", login_.empty() ? Verdict::note : Verdict::good);
  return {};
}

Result<void> Examination::pull() {
  SHIPSET_TRY(const Answer answer, send("GET", store_.path("tags/list?n=1"), "pull"));
  const HttpResponse& response = answer.outcome.response;
  if (response.status == 200 && !is_html(response)) {
    some_tag_ = first_tag(response.body);
    add("pull", "allowed", Verdict::good, some_tag_ ? "" : "there is no tag yet");
    return {};
  }
  if (response.status == 404 && from_registry(response)) {
    add("pull", "nothing there", Verdict::note,
        "the repository does not exist yet, or may not be seen: " + told(response));
    return {};
  }
  const Error error = core_->refusal(at_, answer, "cannot pull from " + at_.name());
  add("pull", "refused", Verdict::bad, told(response), error.hint);
  fail(error);
  return {};
}

void Examination::push_refused(const Answer& answer) {
  const HttpResponse& response = answer.outcome.response;
  Error error = core_->refusal(at_, answer, "cannot push to " + at_.name());
  const bool missing = response.status == 404;
  if (missing) {
    error.kind = ErrorKind::registry;
    error.hint = creation_advice(at_);
  }
  if (response.status == 405) error.hint = "the registry is read-only: a mirror or a cache; push to its source";
  add("push", missing ? "no such repository" : "refused", Verdict::bad, told(response), error.hint);
  fail(std::move(error));
}

Result<void> Examination::push() {
  SHIPSET_TRY(const Answer answer, send("POST", store_.path("blobs/uploads/"), "pull,push"));
  if (answer.outcome.response.status != 202) {
    push_refused(answer);
    return {};
  }
  const auto location = store_.location_of(answer);
  if (!location) {
    add("push", "no place to upload to", Verdict::bad, "an upload was opened, and its Location cannot be used",
        "a proxy before the registry may have to pass on Host and X-Forwarded-Proto");
    fail(unreadable("cannot push to " + at_.name(), "the registry names no usable place to upload to", at_.domain));
    return {};
  }
  may_push_ = true;
  cancel_session(*location);
  add("push", "allowed", Verdict::good, "an upload was opened and cancelled");
  return {};
}

Result<void> Examination::deleting() {
  SHIPSET_CHECK(judge_delete(false));
  return judge_delete(true);
}

/// DELETE of something that cannot exist: what is refused, and how, tells what is allowed.
Result<void> Examination::judge_delete(bool by_digest) {
  const std::string name = by_digest ? "delete by digest" : "delete by tag";
  const std::string word = random_word();
  const std::string target = by_digest ? Digest::of(word).str() : "_shipset.doctor." + word;
  SHIPSET_TRY(const Answer answer, store_.delete_manifest(target, "cannot examine " + at_.name()));
  const HttpResponse& response = answer.outcome.response;
  const auto fact = by_digest ? &Profile::delete_digest : &Profile::delete_tag;
  const std::string advice = by_digest
                                 ? "what is left after a release has to be removed at the registry itself"
                                 : "tags of ours are removed with a throw-away manifest where digests can be deleted";
  const bool nowhere = response.status == 404 && read_refusal(response).code == "NAME_UNKNOWN";
  if (nowhere) {
    add(name, "not clear", Verdict::unknown, "the repository does not exist yet",
        "ask again with --write, or when something was pushed");
  } else if (response.success() || (response.status == 404 && from_registry(response))) {
    add(name, "allowed", Verdict::good, "something that is not there was answered with " + told(response));
    core_->profiles.learn(at_.api_host, fact, true);
  } else if (response.status == 401 || response.status == 403) {
    add(name, "no right", Verdict::warning, told(response), advice);
  } else if (response.status == 405 || response.status == 400 || response.status == 501) {
    add(name, "not offered", Verdict::warning, told(response), advice);
    core_->profiles.learn(at_.api_host, fact, false);
  } else {
    add(name, "not clear", Verdict::unknown, told(response));
  }
  return {};
}

}  // namespace shipset::registry
