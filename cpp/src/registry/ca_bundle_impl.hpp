// Where this machine keeps the certificates that it trusts; wheels are built on one distribution and run on others.
#pragma once

#include <string>

#include "shipset/base/result.hpp"

namespace shipset::registry {

/// Either a path, or (with a further bundle) the text of both; and folders beside it. All empty: the library's own
/// default.
struct CaBundle {
  std::string path;
  std::string text;
  std::string folders;  ///< SSL_CERT_DIR: hashed names, separated by colons
  [[nodiscard]] bool nothing() const { return path.empty() && text.empty() && folders.empty(); }
};

/// The bundle's text with `more` behind it. Errors: io.
Result<std::string> ca_text_with(const CaBundle& bundle, const std::string& more);

/// SSL_CERT_FILE, else the first common place that exists; `further` is added to it.
CaBundle find_ca_bundle(const std::string& further);

}  // namespace shipset::registry
