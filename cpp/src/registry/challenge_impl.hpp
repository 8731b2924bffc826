// WWW-Authenticate (RFC 9110 §11): what a registry wants to see before it answers. Values only. specs §4.1.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace shipset::registry {

struct Challenge {
  std::string scheme;                         ///< lower case: "basic", "bearer", …
  std::map<std::string, std::string> values;  ///< names in lower case, values unquoted
  [[nodiscard]] std::string value(const std::string& name) const {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  }
};

/// Every challenge of every header field. What cannot be read is left out; nothing from outside is an error here.
std::vector<Challenge> parse_challenges(const std::vector<std::string>& fields);

/// Adds a space-separated scope list to `scopes`: actions of one resource are merged into its entry, other resources
/// are appended, so that the order of what was asked first stays.
void merge_scopes(std::vector<std::string>& scopes, std::string_view more);

}  // namespace shipset::registry
