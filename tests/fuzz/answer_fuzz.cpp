// What a registry says when it refuses: Retry-After and error bodies, in any shape. Texts are bounded and printable,
// and a secret that comes back in them does not get out.
#include <algorithm>

#include "error_body_impl.hpp"
#include "fuzz.hpp"
#include "retry_impl.hpp"
#include "shipset/base/secret.hpp"

namespace {
using namespace shipset;
using namespace shipset::registry;
constexpr std::string_view planted = "planted-secret-7f";

std::string check_retry_after(std::string_view bytes) {
  const auto found = parse_retry_after(bytes, 1'700'000'000);
  const bool digits = !bytes.empty() && bytes.size() < 8 &&
                      std::all_of(bytes.begin(), bytes.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!found) return digits ? "a number of seconds was not read" : std::string();
  if (found->count() < 0) return "a wait below zero";
  if (digits && found->count() != std::stol(std::string(bytes))) return "another number of seconds";
  return {};
}

std::string fault(const Error& error) {
  const std::string text = render(error);
  if (text.size() > 4000) return "an error text without bound";
  for (const unsigned char c : text)
    if ((c < 0x20 && c != '\n') || c == 0x7f) return "control characters in an error";
  if (std::count(text.begin(), text.end(), '\n') > 3) return "an error with forged lines";
  if (text.find(planted) != std::string::npos) return "a secret came out";
  for (const auto& [key, value] : error.context)
    if (value.find(planted) != std::string::npos) return "a secret came out in " + key;
  return {};
}

std::string check(std::string_view bytes) {
  static const Secret secret{std::string(planted)};
  if (auto broken = check_retry_after(bytes); !broken.empty()) return broken;
  const auto line = bytes.find('\n');
  HttpResponse response;
  response.headers.add("content-type", bytes.substr(0, line));
  response.headers.add("retry-after", bytes.substr(0, line));
  response.body = line == std::string_view::npos ? "" : std::string(bytes.substr(line + 1));
  for (const int status : {200, 400, 401, 403, 404, 413, 429, 500, 503, 999}) {
    response.status = status;
    const Error error = refused("cannot do it", response, "reg.example");
    if (auto broken = fault(error); !broken.empty()) return broken;
    if (status == 401 && error.kind != ErrorKind::auth) return "401 is not a matter of the login";
    if (status == 404 && error.kind == ErrorKind::not_found && is_html(response)) return "a web page means absence";
  }
  const auto refusal = read_refusal(response);
  for (const char c : refusal.code)
    if (!((c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9'))) return "a code that is none";
  return {};
}
}  // namespace

const shipset::fuzz::Target& shipset::fuzz::target() {
  static const Target found{check,
                            {"{\"errors\":[{\"code\":\"",
                             "\"message\":\"",
                             "\"detail\":",
                             "planted-secret-7f",
                             "cGxhbnRlZC1zZWNyZXQtN2Y=",
                             "<!doctype html>",
                             "<html",
                             "text/html",
                             "application/json",
                             "\n",
                             "Wed, 21 Oct 2027 07:28:00 GMT",
                             "120",
                             "-1",
                             "99999999999999999999",
                             "\x1b[31m",
                             "\\u001b",
                             "\\u0000",
                             "UNAUTHORIZED",
                             "null",
                             "[",
                             "{"}};
  return found;
}
