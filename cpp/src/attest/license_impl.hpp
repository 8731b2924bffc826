// SPDX licence expressions (SPDX 2.3 annex D): whether a text from a package is one, and its canonical spelling.
// LicenseRef names are refused: a document that uses them must carry their texts, which packages do not give.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace shipset::attest {

/// The expression with canonical identifiers and operators; empty when the text is no valid expression.
std::string canonical_license(std::string_view text);

std::span<const std::string_view> license_identifiers();
std::span<const std::string_view> exception_identifiers();

}  // namespace shipset::attest
