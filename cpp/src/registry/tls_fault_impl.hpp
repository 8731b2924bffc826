// What a failed transfer says about certificates and proxies. Loop thread only.
#pragma once

#include <optional>
#include <string>

#include "http_impl.hpp"

namespace shipset::registry {

/// What is wrong with a certificate; none when the failure has another cause. `code` is a CURLcode.
CertificateFault certificate_fault(void* easy, int code, const std::string& detail);
/// A failure that the proxy caused; nullopt when it is another one.
std::optional<Failure> proxy_failure(void* easy, int code, const std::string& detail, const std::string& proxy);
/// Scheme, host and port of a proxy address, without its login.
std::string shown_proxy(const std::string& proxy);
/// What to do about a certificate.
std::string certificate_hint(CertificateFault fault, const std::string& host);

}  // namespace shipset::registry
