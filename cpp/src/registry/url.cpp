#include <arpa/inet.h>
#include <curl/curl.h>

#include <cstring>
#include <memory>

#include "shipset/base/text.hpp"
#include "url_impl.hpp"

namespace shipset::registry {

namespace {
constexpr std::size_t url_limit = 16u << 10;

struct UrlCloser {
  void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, UrlCloser>;

std::string part(CURLU* url, CURLUPart what, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, what, &text, flags) != CURLUE_OK) return {};
  std::string out = text;
  curl_free(text);
  return out;
}

/// A name, an address, or an IPv6 address in brackets; libcurl would also decode %2f into a slash.
bool plain_host(std::string_view host) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const std::string_view more = bracketed ? ":.%" : ".-_~";
  for (const char c : host)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos)) return false;
  return !host.empty();
}

std::optional<Url> take(CURLU* url) {
  Url out{to_lower(part(url, CURLUPART_SCHEME)), to_lower(part(url, CURLUPART_HOST)),
          part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT), part(url, CURLUPART_PATH), part(url, CURLUPART_QUERY)};
  const bool web = out.scheme == "http" || out.scheme == "https";
  if (!web || !plain_host(out.host) || !part(url, CURLUPART_USER).empty() || !part(url, CURLUPART_PASSWORD).empty())
    return std::nullopt;
  // libcurl decodes a host after it has looked for odd spellings of addresses: %30177.1 is to be refused too.
  const UrlHandle again(curl_url());
  if (!again || curl_url_set(again.get(), CURLUPART_URL, (out.scheme + "://" + out.host).c_str(), 0) != CURLUE_OK ||
      to_lower(part(again.get(), CURLUPART_HOST)) != out.host)
    return std::nullopt;
  return out;
}

bool clean(std::string_view text) {
  if (text.size() > url_limit) return false;
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f) return false;
  return true;
}

/// Host without port and brackets.
std::string bare_host(std::string_view host) {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    return std::string(host.substr(1, end == std::string_view::npos ? end : end - 1));
  }
  const auto colon = host.find(':');
  const bool ipv6 = colon != std::string_view::npos && host.find(':', colon + 1) != std::string_view::npos;
  std::string name = to_lower(ipv6 ? host : host.substr(0, colon));
  while (name.ends_with('.')) name.pop_back();
  return name;
}

enum class Place { elsewhere, loopback, link_local, unspecified };

Place place_of_v4(const unsigned char* b) {
  if (b[0] == 127) return Place::loopback;
  if (b[0] == 169 && b[1] == 254) return Place::link_local;
  return b[0] == 0 ? Place::unspecified : Place::elsewhere;
}

Place place_of(const std::string& address) {
  unsigned char b[16];
  if (inet_pton(AF_INET, address.c_str(), b) == 1) return place_of_v4(b);
  const std::string without_zone = address.substr(0, address.find('%'));
  if (inet_pton(AF_INET6, without_zone.c_str(), b) != 1) return Place::elsewhere;
  static constexpr unsigned char zero[16] = {};
  static constexpr unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  static constexpr unsigned char nat64[12] = {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};
  if (std::memcmp(b, mapped, 12) == 0 || std::memcmp(b, nat64, 12) == 0) return place_of_v4(b + 12);
  if (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) return Place::link_local;
  if (b[0] == 0x20 && b[1] == 0x02) return place_of_v4(b + 2);  // 6to4
  if (std::memcmp(b, zero, 12) != 0) return Place::elsewhere;
  const bool small = std::memcmp(b, zero, 15) == 0;
  if (small && b[15] <= 1) return b[15] == 1 ? Place::loopback : Place::unspecified;
  return place_of_v4(b + 12);  // the old "compatible" form
}
}  // namespace

std::optional<Url> Url::parse(std::string_view text) {
  if (!clean(text)) return std::nullopt;
  const UrlHandle handle(curl_url());
  if (!handle || curl_url_set(handle.get(), CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK)
    return std::nullopt;
  return take(handle.get());
}

std::optional<Url> Url::resolve(std::string_view location) const {
  if (location.empty() || !clean(location)) return std::nullopt;
  const UrlHandle handle(curl_url());
  if (!handle || curl_url_set(handle.get(), CURLUPART_URL, str().c_str(), 0) != CURLUE_OK ||
      curl_url_set(handle.get(), CURLUPART_URL, std::string(location).c_str(), 0) != CURLUE_OK)
    return std::nullopt;
  return take(handle.get());
}

std::string Url::str() const {
  return origin() + path + (query.empty() ? "" : "?" + query);
}

Url Url::with_query(std::string_view parameter) const {
  Url out = *this;
  if (!out.query.empty()) out.query += '&';
  out.query += parameter;
  return out;
}

bool is_local_address(std::string_view address) {
  return place_of(bare_host(address)) != Place::elsewhere;
}

bool is_loopback_host(std::string_view host) {
  const std::string bare = bare_host(host);
  return bare == "localhost" || bare.ends_with(".localhost") || place_of(bare) == Place::loopback;
}

bool is_local_host(std::string_view host) {
  return is_loopback_host(host) || is_local_address(host);
}

std::string redirect_refusal(const Url& from, const Url& to) {
  if (from.scheme == "https" && to.scheme == "http") return "it leads from HTTPS to plain HTTP";
  if (!is_local_host(from.host) && is_local_host(to.host)) return "it leads to a local address";
  return {};
}

std::string next_link(std::string_view header) {
  while (!header.empty()) {
    const auto open = header.find('<');
    const auto close = header.find('>', open == std::string_view::npos ? 0 : open);
    if (open == std::string_view::npos || close == std::string_view::npos) return {};
    const auto target = header.substr(open + 1, close - open - 1);
    header.remove_prefix(close + 1);
    const auto next = header.find('<');
    const auto parameters = to_lower(header.substr(0, next));
    for (const auto& item : split(parameters, ';')) {
      auto text = trim(item);
      while (text.ends_with(',') || text.ends_with(' ')) text.remove_suffix(1);
      if (text == "rel=\"next\"" || text == "rel=next") return std::string(target);
    }
    if (next == std::string_view::npos) return {};
    header.remove_prefix(next);
  }
  return {};
}

}  // namespace shipset::registry
