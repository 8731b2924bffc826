#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "error_body_impl.hpp"
#include "retry_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/secret.hpp"
#include "shipset/base/text.hpp"
#include "tls_fault_impl.hpp"

namespace shipset::registry {

namespace {
constexpr std::size_t body_limit = 64u << 10;
constexpr std::size_t message_limit = 300;
constexpr std::size_t code_limit = 64;

bool ends_word(char c) {
  return c == ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == ',' || c == ')' || c == ';';
}

/// Some servers write the request that they refuse into their answer: queries of addresses, which open uploads and
/// storage, and the values after Bearer and Basic go out.
std::string without_echo(std::string_view text) {
  constexpr std::string_view schemes[] = {"bearer ", "basic "};
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t kept = text[at] == '?' ? 1 : 0;
    for (const auto scheme : schemes)
      if (to_lower(text.substr(at, scheme.size())) == scheme) kept = scheme.size();
    if (kept == 0) {
      out += text[at++];
      continue;
    }
    std::size_t end = at + kept;
    while (end < text.size() && !ends_word(text[end])) ++end;
    const auto value = text.substr(at + kept, end - at - kept);
    const bool telling = text[at] == '?' ? value.find('=') != std::string_view::npos : value.size() >= 8;
    out.append(text.substr(at, kept)).append(telling ? "***" : value);
    at = end;
  }
  return out;
}

/// White space in one piece, control characters visible, secrets out.
std::string tidy(std::string_view text) {
  std::string flat;
  for (const char c : text.substr(0, 4 * message_limit)) {
    const bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (space && (flat.empty() || flat.back() == ' ')) continue;
    flat += space ? ' ' : c;
  }
  return printable(redact(without_echo(trim(flat))), message_limit);
}

std::string clean_code(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, code_limit))
    if ((c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9')) out += c;
  return out;
}

std::string text_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "";
  }
}

std::string human_seconds(std::chrono::seconds time) {
  const auto s = time.count();
  if (s < 120) return std::to_string(s) + " s";
  if (s < 7200) return std::to_string((s + 59) / 60) + " minutes";
  return std::to_string((s + 3599) / 3600) + " hours";
}

std::string hint_for(int status, const Refusal& refusal, std::string_view host) {
  const std::string name(host);
  if (status == 401) return "log in with `shipset login " + name + "`";
  if (status == 403)
    return "these credentials may not do this: check the rights of the account, or log in as another one with "
           "`shipset login " +
           name + "`";
  if (refusal.code == "NAME_UNKNOWN") return "check the name; some registries want the repository to be created first";
  if (status == 404) return "check name, tag or digest";
  if (status == 405 || status == 501) return "the registry does not offer this; it may be switched off there";
  if (status == 415 || refusal.code == "MANIFEST_INVALID")
    return "the registry does not take manifests of this form: see what it says, or choose another one";
  if (status == 413) return "the registry, or a proxy before it, limits the size of a request";
  if (status == 429) return "the registry limits the rate: wait, or log in for a higher limit";
  if (status >= 500) return "the registry has a problem of its own: try again later";
  if (status >= 200 && status < 400) return "check that " + name + " is the address of a registry";
  return "the registry, or a proxy before it, refused the request as it is: see what it says, or look into its log";
}
}  // namespace

Refusal read_refusal(const HttpResponse& response) {
  Refusal out;
  const std::string_view body = std::string_view(response.body).substr(0, body_limit);
  const auto json = parse_json(body, "error of the registry", ErrorKind::registry, {body_limit, 32, 10'000});
  if (json && json->is_object()) {
    const auto errors = json->find("errors");
    if (errors != json->end() && errors->is_array() && !errors->empty() && errors->front().is_object()) {
      out.code = clean_code(text_member(errors->front(), "code"));
      out.message = tidy(text_member(errors->front(), "message"));
      const auto detail = errors->front().find("detail");
      if (out.message.empty() && detail != errors->front().end() && detail->is_string())
        out.message = tidy(detail->get<std::string>());
      return out;
    }
    for (const char* name : {"error_description", "details", "message", "error"})
      if (out.message.empty()) out.message = tidy(text_member(*json, name));
    return out;
  }
  out.message = tidy(body);
  return out;
}

bool is_html(const HttpResponse& response) {
  const auto type = response.headers.media_type();
  if (type == "text/html" || type == "application/xhtml+xml") return true;
  const auto start = to_lower(trim(std::string_view(response.body).substr(0, 256)));
  return start.starts_with("<!doctype html") || start.starts_with("<html");
}

bool from_registry(const HttpResponse& response) {
  if (!response.headers.get("docker-distribution-api-version").empty()) return true;
  if (is_html(response)) return false;
  const auto type = response.headers.media_type();
  return type == "application/json" || type.ends_with("+json") || !read_refusal(response).code.empty();
}

Error refused(std::string what, const HttpResponse& response, std::string_view host) {
  const auto refusal = read_refusal(response);
  const int status = response.status;
  ErrorKind kind = ErrorKind::registry;
  if (status == 401 || status == 403) kind = ErrorKind::auth;
  if (status == 404) kind = ErrorKind::not_found;
  std::string why = "HTTP " + std::to_string(status);
  if (const auto phrase = reason_phrase(status); !phrase.empty()) why.append(" ").append(phrase);
  if (is_html(response)) why += " with a web page in place of a registry's answer";
  if (!refusal.code.empty()) why.append(", ").append(refusal.code);
  if (!refusal.message.empty()) why.append(": ").append(refusal.message);
  if (is_html(response) && kind == ErrorKind::not_found) kind = ErrorKind::registry;
  const auto wait = response.headers.get("retry-after");
  const auto patience = parse_retry_after(wait, std::time(nullptr));
  if (transient_status(status) && patience && patience->count() > 0)
    why += "; it asks to wait " + human_seconds(*patience);
  // Trouble of a proxy comes as a web page too, from where the registry is.
  const bool no_registry = is_html(response) && !transient_status(status);
  Error error(kind, std::move(what), std::move(why),
              no_registry ? "check that " + std::string(host) + " is the address of a registry"
                          : hint_for(status, refusal, host));
  error.with("host", std::string(host)).with("status", std::to_string(status));
  if (!refusal.code.empty()) error.with("code", refusal.code);
  if (!wait.empty()) error.with("retry_after", printable(redact(wait), 40));
  return error;
}

Error unreachable(std::string what, const Failure& failure, std::string_view host) {
  const std::string name(host);
  std::string hint;
  ErrorKind kind = ErrorKind::network;
  switch (failure.kind) {
    case FailureKind::cancelled:
      return {ErrorKind::cancelled, "stopped on request"};
    case FailureKind::resolve:
      hint = "check the name " + name + " and the network";
      break;
    case FailureKind::connect:
      hint = "check that a registry is running at " + name;
      break;
    case FailureKind::certificate:
      hint = certificate_hint(failure.fault, name);
      break;
    case FailureKind::proxy:
      hint =
          "check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, with user and password where the proxy wants them; NO_PROXY "
          "names hosts that are reached without it";
      break;
    case FailureKind::not_http:
    case FailureKind::too_large:
      kind = ErrorKind::registry;
      break;
    case FailureKind::local_peer:
      kind = ErrorKind::registry;
      break;
    default:
      hint = "check the network and try again";
      break;
  }
  if (kind == ErrorKind::registry) hint = "check that " + name + " is the address of a registry";
  Error error(kind, std::move(what), failure.detail, std::move(hint));
  error.with("host", name);
  return error;
}

Error unreadable(std::string what, std::string why, std::string_view host) {
  Error error(ErrorKind::registry, std::move(what), std::move(why),
              "check that " + std::string(host) + " is the address of a registry");
  error.with("host", std::string(host));
  return error;
}

}  // namespace shipset::registry
