// Which proxy an address goes through. Decided here and not by libcurl, whose versions differ in what they make of
// exceptions with ports and networks.
#include <arpa/inet.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "hosts_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
std::string either(const char* lower, const char* upper) {
  for (const char* name : {lower, upper})
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return std::string(trim(value));
  return {};
}

struct Address {
  unsigned char bytes[16] = {};
  int bits = 0;  ///< 32 or 128; 0: no address
};

Address address_of(std::string text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  Address out;
  if (inet_pton(AF_INET, text.c_str(), out.bytes) == 1)
    out.bits = 32;
  else if (inet_pton(AF_INET6, text.c_str(), out.bytes) == 1)
    out.bits = 128;
  return out;
}

bool same_network(const Address& a, const Address& b, int bits) {
  if (a.bits == 0 || a.bits != b.bits || bits < 0 || bits > a.bits) return false;
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (std::memcmp(a.bytes, b.bytes, whole) != 0) return false;
  const int rest = bits % 8;
  return rest == 0 || ((a.bytes[whole] ^ b.bytes[whole]) >> (8 - rest)) == 0;
}

std::optional<int> number(std::string_view text) {
  int out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

bool names(std::string_view item, std::string_view host, const Address& address, const std::string& port) {
  if (const auto slash = item.find('/'); slash != std::string_view::npos) {
    const auto bits = number(item.substr(slash + 1));
    return bits && same_network(address, address_of(std::string(item.substr(0, slash))), *bits);
  }
  const bool bare_ipv6 = !item.starts_with('[') && item.find(':') != item.rfind(':');
  const auto colon = bare_ipv6 ? std::string_view::npos : item.rfind(':');
  if (colon != std::string_view::npos && (item.find(']') == std::string_view::npos || item.find(']') < colon)) {
    if (item.substr(colon + 1) != port) return false;
    item = item.substr(0, colon);
  }
  if (const Address other = address_of(std::string(item)); other.bits != 0)
    return same_network(address, other, other.bits);
  if (item.starts_with("*.")) item.remove_prefix(1);
  while (item.starts_with('.')) item.remove_prefix(1);
  while (item.ends_with('.')) item.remove_suffix(1);
  if (item.empty() || address.bits != 0) return false;
  const bool below = host.size() > item.size() && host.ends_with(item) && host[host.size() - item.size() - 1] == '.';
  return host == item || below;
}
}  // namespace

ProxySettings ProxySettings::from_environment() {
  return {either("http_proxy", "http_proxy"), either("https_proxy", "HTTPS_PROXY"), either("all_proxy", "ALL_PROXY"),
          either("no_proxy", "NO_PROXY")};
}

bool in_no_proxy(std::string_view list, const Url& url) {
  const Address address = address_of(url.host);
  std::string_view host = url.host;
  while (host.ends_with('.')) host.remove_suffix(1);
  std::string flat = to_lower(list);
  for (char& c : flat)
    if (c == ' ' || c == '\t' || c == '\n') c = ',';
  for (const auto& item : split(flat, ','))
    if (!item.empty() && (item == "*" || names(item, host, address, url.port))) return true;
  return false;
}

std::string proxy_for(const ProxySettings& settings, const Url& url) {
  if (is_loopback_host(url.host)) return {};
  const std::string& own = url.scheme == "https" ? settings.https : settings.http;
  const std::string& chosen = own.empty() ? settings.all : own;
  return chosen.empty() || in_no_proxy(settings.no_proxy, url) ? std::string() : chosen;
}

}  // namespace shipset::registry
