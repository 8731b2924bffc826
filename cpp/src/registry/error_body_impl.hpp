// Turns what a registry answered into an Error that a person can act on. Bodies may be JSON, HTML, text or nothing;
// none of them is trusted. No secrets: URLs lose their query, texts pass redact(). specs §3.8.
#pragma once

#include <string>
#include <string_view>

#include "http_impl.hpp"
#include "shipset/base/result.hpp"

namespace shipset::registry {

/// What the body of a refusal says.
struct Refusal {
  std::string code;     ///< e.g. MANIFEST_UNKNOWN; empty when the body is not the registry's error document
  std::string message;  ///< printable, at most a few hundred characters
};
Refusal read_refusal(const HttpResponse& response);

/// Whether the body (or, for HEAD, the header) shows that a registry answered, and not some web page.
bool from_registry(const HttpResponse& response);
/// Whether the answer is a web page.
bool is_html(const HttpResponse& response);

/// `what` is the first line: what failed, on which object. Kind by status: 401 and 403 auth, 404 not_found, else
/// registry.
Error refused(std::string what, const HttpResponse& response, std::string_view host);
/// The transport failed: network, cancelled, or registry when the answer was unreadable.
Error unreachable(std::string what, const Failure& failure, std::string_view host);
/// The answer came but makes no sense.
Error unreadable(std::string what, std::string why, std::string_view host);

}  // namespace shipset::registry
