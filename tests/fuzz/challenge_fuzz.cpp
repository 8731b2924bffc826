// WWW-Authenticate: bounded, tidy, and the same again when it is written out; scopes merge without growing.
#include <algorithm>

#include "challenge_impl.hpp"
#include "fuzz.hpp"
#include "shipset/base/text.hpp"

namespace {
using namespace shipset;
using namespace shipset::registry;

std::string written(const std::vector<Challenge>& challenges) {
  std::string out;
  for (const auto& challenge : challenges) {
    out += (out.empty() ? "" : ", ") + challenge.scheme;
    bool first = true;
    for (const auto& [name, value] : challenge.values) {
      out += first ? " " : ", ";
      first = false;
      out += name + "=\"";
      for (const char c : value) out += (c == '"' || c == '\\') ? std::string{'\\', c} : std::string{c};
      out += '"';
    }
  }
  return out;
}

std::string check(std::string_view bytes) {
  const auto found = parse_challenges({std::string(bytes)});
  if (found.size() > 16) return "too many challenges";
  for (const auto& challenge : found) {
    if (challenge.scheme.empty() || challenge.scheme != to_lower(challenge.scheme)) return "a scheme that is none";
    if (challenge.values.size() > 32) return "too many values";
    for (const auto& [name, value] : challenge.values)
      if (name.empty() || name != to_lower(name) || name.find_first_of(" =,\"") != std::string::npos)
        return "a name that is none";
  }
  const auto text = written(found);
  if (text.size() < (8u << 10)) {
    const auto again = parse_challenges({text});
    if (again.size() != found.size()) return "another number of challenges after a round trip";
    for (std::size_t i = 0; i < found.size(); ++i)
      if (again[i].scheme != found[i].scheme || again[i].values != found[i].values)
        return "another challenge after a round trip";
  }
  std::vector<std::string> scopes{"repository:a:pull"};
  merge_scopes(scopes, bytes);
  if (scopes.size() > 32 || !scopes.front().starts_with("repository:a:pull")) return "scopes lost their order or bound";
  const auto before = scopes;
  merge_scopes(scopes, bytes);
  return scopes == before ? std::string() : "merging the same scopes twice changes them";
}
}  // namespace

const shipset::fuzz::Target& shipset::fuzz::target() {
  static const Target found{check,
                            {"Bearer ", "Basic ", "realm=\"", "service=", "scope=\"", "\"", "\\\"", ", ", "=",
                             "error=", "repository:a:push,pull", "repository:b:", "Negotiate YII=="}};
  return found;
}
