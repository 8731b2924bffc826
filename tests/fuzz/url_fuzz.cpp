// URLs as they come in Location and realm, and exceptions to proxies: what is accepted is a web address without a
// login in it, and this machine is known in every spelling.
#include <arpa/inet.h>

#include "fuzz.hpp"
#include "hosts_impl.hpp"
#include "url_impl.hpp"

namespace {
using namespace shipset::registry;

std::string fault(const Url& url) {
  if (url.scheme != "http" && url.scheme != "https") return "another scheme";
  if (url.host.empty() || url.port.empty() || !url.path.starts_with('/')) return "parts are missing";
  if (url.host.find_first_of("@/?# \\") != std::string::npos) return "a host with characters of another part";
  for (const unsigned char c : url.str())
    if (c <= 0x20 || c >= 0x7f) return "characters that split a request";
  const auto again = Url::parse(url.str());
  if (!again || again->str() != url.str()) return "another address after a round trip: " + url.str();
  if (url.shown().find('?') != std::string::npos && url.path.find('?') == std::string::npos)
    return "the query is shown";
  in_addr address{};
  if (inet_aton(url.host.c_str(), &address) == 1) {  // reads hexadecimal, octal and short forms too
    const auto first = ntohl(address.s_addr) >> 24;
    if ((first == 127) != is_loopback_host(url.host)) return "loopback is not recognised in " + url.host;
    if (first == 0 && !is_local_host(url.host)) return "an unspecified address is not local";
  }
  return {};
}

std::string check(std::string_view bytes) {
  if (const auto url = Url::parse(bytes)) {
    if (auto broken = fault(*url); !broken.empty()) return broken;
    if (!in_no_proxy("*", *url)) return "the exception of everything does not hold";
    if (!in_no_proxy("x.example, " + url->host, *url) && url->host.find_first_of(",%[") == std::string::npos &&
        url->host.find_first_not_of('.') != std::string::npos)
      return "a host is not its own exception: " + url->host;
    if (!is_loopback_host(url->host) && proxy_for({"p", "p", "", ""}, *url) != "p") return "the proxy is not taken";
  }
  static const Url base = *Url::parse("https://reg.example/v2/app/blobs/uploads/1?state=x");
  if (const auto url = base.resolve(bytes)) {
    if (auto broken = fault(*url); !broken.empty()) return broken;
    if (url->scheme == "http" && redirect_refusal(base, *url).empty()) return "from HTTPS to plain HTTP";
    if (is_local_host(url->host) && redirect_refusal(base, *url).empty()) return "from elsewhere to this machine";
  }
  in_no_proxy(bytes, base);
  return {};
}
}  // namespace

const shipset::fuzz::Target& shipset::fuzz::target() {
  static const Target found{check, {"https://",  "http://",    "//",     "/",          "?",
                                    "#",         "@",          ":5000",  "[::1]",      "[::ffff:127.0.0.1]",
                                    "127.0.0.1", "0x7f000001", "0177.1", "2130706433", "localhost",
                                    "..",        "%2f",        "%00",    "\r\n",       "169.254.169.254",
                                    "user:pw@",  "10.0.0.0/8", "*.",     ","}};
  return found;
}
