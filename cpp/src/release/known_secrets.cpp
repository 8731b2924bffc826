#include "known_secrets.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "shipset/base/file.hpp"
#include "shipset/base/text.hpp"

extern char** environ;

namespace shipset::release {

namespace {

constexpr std::size_t shortest = 8;  // what is shorter stands in too many texts that are no secrets
constexpr std::uint64_t longest_file = 1u << 20;

bool is_letter_or_digit(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool names_a_secret(std::string_view name) {
  constexpr std::array<std::string_view, 14> words{
      "TOKEN",   "SECRET",      "SECRETS",    "PASSWORD",   "PASSWD",     "PASS",        "APIKEY",
      "API_KEY", "PRIVATE_KEY", "ACCESS_KEY", "SECRET_KEY", "CREDENTIAL", "CREDENTIALS", "PAT"};
  std::string upper(name);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    for (std::size_t at = upper.find(word); at != std::string::npos; at = upper.find(word, at + 1)) {
      const bool begins = at == 0 || !is_letter_or_digit(upper[at - 1]);
      const bool ends = at + word.size() == upper.size() || !is_letter_or_digit(upper[at + word.size()]);
      if (begins && ends) return true;
    }
    return false;
  });
}

/// The whole, and each of its lines: output comes line by line.
void add(std::vector<Secret>& out, std::string_view value) {
  const auto whole = trim(value);
  if (whole.size() < shortest) return;
  out.emplace_back(std::string(whole));
  if (whole.find('\n') == std::string_view::npos) return;
  for (const auto& line : split(whole, '\n'))
    if (trim(line).size() >= shortest) out.emplace_back(std::string(trim(line)));
}

}  // namespace

std::vector<Secret> known_secrets(const Matrix* matrix) {
  std::vector<Secret> out;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view entry(*at);
    const auto equals = entry.find('=');
    if (equals != std::string_view::npos && names_a_secret(entry.substr(0, equals))) add(out, entry.substr(equals + 1));
  }
  if (matrix == nullptr) return out;
  for (const auto& variant : matrix->variants)
    for (const auto& image : variant.platforms)
      for (const auto& secret : image.settings.secrets) {
        if (!secret.env.empty()) {
          if (const char* value = std::getenv(secret.env.c_str())) add(out, value);
        } else if (const auto bytes = read_file(std::filesystem::path(matrix->directory) / secret.file, longest_file)) {
          add(out, *bytes);
        }
      }
  return out;
}

}  // namespace shipset::release
