// registries.conf: rules that are accepted hold places that can be asked, and rewrite names into names.
#include "fuzz.hpp"
#include "hosts_impl.hpp"

namespace {
using namespace shipset;
using namespace shipset::registry;

bool place(const std::string& text) {
  return check_location(text, "place").ok();
}

std::string check(std::string_view bytes) {
  const auto rules = parse_registries_conf(bytes, "file");
  if (!rules) {
    const bool told = rules.error().what.find("file") != std::string::npos && !rules.error().why.empty();
    return rules.error().kind == ErrorKind::io && told ? std::string() : "an error that says too little";
  }
  for (const auto& rule : *rules) {
    if (!rule.prefix.starts_with("*.") && !place(rule.prefix)) return "a prefix that is no place: " + rule.prefix;
    if (!rule.location.empty() && !place(rule.location)) return "a location that is no place: " + rule.location;
    for (const auto& mirror : rule.mirrors)
      if (!place(mirror.location)) return "a mirror that is no place: " + mirror.location;
    if (rule.prefix.starts_with("*.")) continue;
    const std::string name = rule.prefix + "/app";
    const auto* found = find_rule(*rules, name);
    if (found == nullptr || found->prefix.size() < rule.prefix.size()) return "a rule does not fit its own prefix";
    const auto to = rule.location.empty() ? name : rule.location + "/app";
    if (rewritten(name, rule.prefix, rule.location) != to) return "a name is rewritten into something else";
    if (rewritten(rule.prefix + "x/app", rule.prefix, rule.location) != rule.prefix + "x/app")
      return "a prefix fits in the middle of a name";
  }
  return {};
}
}  // namespace

const shipset::fuzz::Target& shipset::fuzz::target() {
  static const Target found{check,
                            {"[[registry]]\n",
                             "[[registry.mirror]]\n",
                             "prefix = \"",
                             "location = \"",
                             "insecure = true\n",
                             "blocked = true\n",
                             "pull-from-mirror = \"digest-only\"\n",
                             "*.",
                             "\"\"\"",
                             "'",
                             ":5000",
                             "docker.io",
                             "a.example",
                             "/",
                             "https://",
                             "\n",
                             "[registries.insecure]\n",
                             "registries = [\"",
                             "]",
                             "..",
                             "@",
                             "unqualified-search-registries = []\n"}};
  return found;
}
