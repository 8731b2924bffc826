// Values of build arguments that look like secrets. A guess, by name and shape; the value never leaves this file.
#include <algorithm>
#include <array>

#include "buildx_impl.hpp"

namespace shipset::build::buildx {

namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Whether `name` has `word` as one of its parts between underscores.
bool has_part(const std::string& name, std::string_view word) {
  for (std::size_t at = name.find(word); at != std::string::npos; at = name.find(word, at + 1)) {
    const bool begins = at == 0 || !is_letter_or_digit(name[at - 1]);
    const bool ends = at + word.size() == name.size() || !is_letter_or_digit(name[at + word.size()]);
    if (begins && ends) return true;
  }
  return false;
}

bool has_credentials_url(std::string_view value) {
  const auto scheme = value.find("://");
  if (scheme == std::string_view::npos) return false;
  const auto at = value.find('@', scheme);
  const auto end = value.find('/', scheme + 3);
  const auto colon = value.find(':', scheme + 3);
  return at != std::string_view::npos && colon < at && (end == std::string_view::npos || at < end);
}

}  // namespace

std::string secret_look(std::string_view name, std::string_view value) {
  if (value.empty()) return {};
  constexpr std::array<std::string_view, 12> prefixes{"ghp_",  "gho_",  "ghs_", "ghu_",  "github_pat_", "glpat-",
                                                      "xoxb-", "xoxp-", "npm_", "pypi-", "dckr_pat_",   "AIza"};
  for (const auto prefix : prefixes)
    if (value.starts_with(prefix) && value.size() >= prefix.size() + 16)
      return "its value begins like a token (" + std::string(prefix) + "…)";
  if (value.find("-----BEGIN ") != std::string_view::npos && value.find("PRIVATE KEY") != std::string_view::npos)
    return "its value is a private key";
  if (value.size() == 20 && (value.starts_with("AKIA") || value.starts_with("ASIA")) &&
      std::all_of(value.begin(), value.end(), is_letter_or_digit))
    return "its value looks like an access key";
  if (value.starts_with("eyJ") && std::count(value.begin(), value.end(), '.') == 2)
    return "its value looks like a JSON web token";
  if (has_credentials_url(value)) return "its value is a URL with a password";
  std::string upper(name);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  for (const std::string_view word : {"TOKEN", "SECRET", "PASSWORD", "PASSWD", "APIKEY", "API_KEY", "PRIVATE_KEY",
                                      "ACCESS_KEY", "CREDENTIAL", "CREDENTIALS"})
    if (has_part(upper, word)) return "its name says so";
  return {};
}

}  // namespace shipset::build::buildx
