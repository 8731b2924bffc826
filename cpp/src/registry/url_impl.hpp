// Absolute http(s) URLs as the client meets them in Location, Link and realm. Values only. specs §3.4, §4.4.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shipset::registry {

struct Url {
  std::string scheme;  ///< "http" or "https"
  std::string host;    ///< lower case; IPv6 in brackets
  std::string port;    ///< always set
  std::string path;    ///< begins with '/'
  std::string query;   ///< without '?'; may be a secret

  /// Absolute, http or https, without user information; nothing else is a URL here.
  static std::optional<Url> parse(std::string_view text);
  /// What a Location of this URL's answer means; relative forms are allowed.
  [[nodiscard]] std::optional<Url> resolve(std::string_view location) const;
  [[nodiscard]] std::string str() const;
  [[nodiscard]] std::string origin() const { return scheme + "://" + host + ":" + port; }
  /// For people: origin and path. Queries of storage and upload URLs are secrets.
  [[nodiscard]] std::string shown() const { return origin() + path; }
  /// With one more query parameter, already encoded.
  [[nodiscard]] Url with_query(std::string_view parameter) const;
};

/// Whether an address text is loopback, link-local or unspecified.
bool is_local_address(std::string_view address);
/// Whether a host, with or without port and brackets, is this machine: localhost, *.localhost, 127.0.0.0/8, ::1.
bool is_loopback_host(std::string_view host);
/// Loopback, or a literal link-local or unspecified address.
bool is_local_host(std::string_view host);

/// Whether `from`'s answer may send us to `to`: never to a less safe scheme, never from elsewhere to this machine.
/// The reason is empty when it may.
std::string redirect_refusal(const Url& from, const Url& to);

/// The target of `<url>; rel="next"` in Link headers; empty when there is none.
std::string next_link(std::string_view link_header);

}  // namespace shipset::registry
