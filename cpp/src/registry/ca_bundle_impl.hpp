// Where this machine keeps the certificates that it trusts; wheels are built on one distribution and run on others.
#pragma once

#include <string>

namespace shipset::registry {

/// Either a path, or (with a further bundle) the text of both. Both empty: the library's own default.
struct CaBundle {
  std::string path;
  std::string text;
};

/// SSL_CERT_FILE, else the first common place that exists; `further` is added to it.
CaBundle find_ca_bundle(const std::string& further);

}  // namespace shipset::registry
