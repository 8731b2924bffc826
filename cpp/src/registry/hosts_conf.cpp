// registries.conf: version 2 with [[registry]], and of version 1 the lists that forbid and allow.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "hosts_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/toml.hpp"

namespace shipset::registry {

namespace {
constexpr JsonLimits conf_limits{4u << 20, 16, 100'000};
constexpr std::size_t rule_limit = 10'000;
constexpr std::size_t mirror_limit = 64;

class Parser {
 public:
  explicit Parser(const std::string& file) : file_(file) {}

  Result<std::vector<RegistryRule>> run(const Json& root) {
    for (const auto& [list, flag] : {std::pair("insecure", &RegistryRule::insecure), {"block", &RegistryRule::blocked}})
      SHIPSET_CHECK(old_list(root, list, flag));
    const auto tables = root.find("registry");
    if (tables == root.end()) return std::move(rules_);
    if (!tables->is_array()) return wrong("\"registry\" is not a list of tables ([[registry]])");
    for (const auto& table : *tables) SHIPSET_CHECK(rule(table));
    return std::move(rules_);
  }

 private:
  [[nodiscard]] Error wrong(const std::string& why) const {
    return {ErrorKind::io, "cannot read " + file_, why, "see containers-registries.conf(5)"};
  }

  Result<std::string> text(const Json& table, const char* name) const {
    const auto found = table.find(name);
    if (found == table.end()) return std::string();
    if (!found->is_string()) return wrong("\"" + std::string(name) + "\" is not a text");
    return found->get<std::string>();
  }

  Result<bool> flag(const Json& table, const char* name) const {
    const auto found = table.find(name);
    if (found == table.end()) return false;
    if (!found->is_boolean()) return wrong("\"" + std::string(name) + "\" is neither true nor false");
    return found->get<bool>();
  }

  Result<std::string> place(const Json& table, const char* name) const {
    SHIPSET_TRY(const std::string given, text(table, name));
    if (given.empty()) return given;
    auto checked = check_location(given, name);
    if (!checked) return wrong(checked.error().what + ": " + checked.error().why);
    return checked;
  }

  Result<void> rule(const Json& table) {
    if (!table.is_object()) return wrong("an entry of \"registry\" is not a table");
    if (rules_.size() >= rule_limit) return wrong("there are too many tables");
    RegistryRule out;
    SHIPSET_TRY(out.prefix, text(table, "prefix"));
    const bool wildcard = out.prefix.starts_with("*.");
    if (!wildcard) {
      SHIPSET_TRY(out.prefix, place(table, "prefix"));
    } else if (out.prefix.find_first_of("/:@ *", 2) != std::string::npos || out.prefix.size() < 3) {
      return wrong("the prefix " + printable(out.prefix, 100) + " is not *.DOMAIN");
    }
    SHIPSET_TRY(out.location, place(table, "location"));
    if (out.prefix.empty()) out.prefix = out.location;
    if (out.prefix.empty()) return wrong("a [[registry]] has neither prefix nor location");
    SHIPSET_TRY(out.insecure, flag(table, "insecure"));
    SHIPSET_TRY(out.blocked, flag(table, "blocked"));
    SHIPSET_TRY(const bool by_digest, flag(table, "mirror-by-digest-only"));
    const auto mirrors = table.find("mirror");
    if (mirrors != table.end()) {
      if (!mirrors->is_array() || mirrors->size() > mirror_limit)
        return wrong("\"mirror\" is not a list of at most 64 tables ([[registry.mirror]])");
      for (const auto& each : *mirrors) {
        SHIPSET_TRY(auto read, mirror(each, by_digest));
        out.mirrors.push_back(std::move(read));
      }
    }
    rules_.push_back(std::move(out));
    return {};
  }

  Result<Mirror> mirror(const Json& table, bool by_digest) const {
    if (!table.is_object()) return wrong("an entry of \"mirror\" is not a table");
    Mirror out;
    SHIPSET_TRY(out.location, place(table, "location"));
    if (out.location.empty()) return wrong("a [[registry.mirror]] has no location");
    SHIPSET_TRY(out.insecure, flag(table, "insecure"));
    SHIPSET_TRY(const std::string pulls, text(table, "pull-from-mirror"));
    if (pulls == "digest-only" || (pulls.empty() && by_digest))
      out.pulls = Mirror::Pulls::by_digest;
    else if (pulls == "tag-only")
      out.pulls = Mirror::Pulls::by_tag;
    else if (!pulls.empty() && pulls != "all")
      return wrong("\"pull-from-mirror\" is none of all, digest-only, tag-only");
    return out;
  }

  /// [registries.insecure] registries = ["host"]
  Result<void> old_list(const Json& root, const char* name, bool RegistryRule::*member) {
    const auto registries = root.find("registries");
    if (registries == root.end() || !registries->is_object()) return {};
    const auto table = registries->find(name);
    if (table == registries->end() || !table->is_object()) return {};
    const auto list = table->find("registries");
    if (list == table->end()) return {};
    if (!list->is_array() || list->size() > rule_limit) return wrong("\"registries\" is not a list");
    for (const auto& host : *list) {
      if (!host.is_string()) return wrong("an entry of \"registries\" is not a text");
      auto checked = check_location(host.get<std::string>(), "registries");
      if (!checked) return wrong(checked.error().why);
      auto known = std::find_if(rules_.begin(), rules_.end(), [&](const auto& r) { return r.prefix == *checked; });
      if (known == rules_.end())
        known = rules_.insert(rules_.end(), RegistryRule{*checked, *checked, false, false, {}});
      (*known).*member = true;
    }
    return {};
  }

  const std::string& file_;
  std::vector<RegistryRule> rules_;
};

bool fits(std::string_view prefix, std::string_view name) {
  if (prefix.starts_with("*.")) {
    const auto host = name.substr(0, name.find('/'));
    const auto bare = host.substr(0, host.find(':'));
    return bare.size() > prefix.size() - 1 && bare.ends_with(prefix.substr(1));
  }
  return name.starts_with(prefix) && (name.size() == prefix.size() || name[prefix.size()] == '/');
}
}  // namespace

Result<std::string> check_location(std::string_view text, const std::string& what) {
  const auto refuse = [&](std::string why) {
    return Error(ErrorKind::usage, "wrong " + what + " " + printable(text, 100), std::move(why),
                 "write HOST[:PORT] or HOST[:PORT]/PATH");
  };
  if (text.find("://") != std::string_view::npos) return refuse("it must not have a scheme");
  while (text.ends_with('/')) text.remove_suffix(1);
  const std::string host = std::string(text.substr(0, text.find('/')));
  // What a reference takes for a host and not for a name on Docker Hub.
  const bool named = host.find_first_of(".:") != std::string::npos || host == "localhost" || to_lower(host) != host;
  if (!named) return refuse("its first part is not a host: it has neither a dot nor a port");
  const bool alone = host.size() == text.size();
  const auto parsed = Reference::parse(std::string(text) + (alone ? "/x" : ""));
  if (!parsed) return refuse(parsed.error().why.empty() ? parsed.error().what : parsed.error().why);
  if (!parsed->tag().empty() || !parsed->digest().empty()) return refuse("tags and digests are not supported here");
  if (!Url::parse("https://" + host + "/")) return refuse("its first part is not a host");
  return std::string(text);
}

const RegistryRule* find_rule(const std::vector<RegistryRule>& rules, std::string_view name) {
  const RegistryRule* best = nullptr;
  for (const auto& rule : rules)
    if (fits(rule.prefix, name) && (best == nullptr || rule.prefix.size() > best->prefix.size())) best = &rule;
  return best;
}

std::string rewritten(std::string_view name, std::string_view prefix, std::string_view location) {
  if (location.empty() || !fits(prefix, name)) return std::string(name);
  const auto matched = prefix.starts_with("*.") ? std::min(name.find('/'), name.size()) : prefix.size();
  return std::string(location) + std::string(name.substr(matched));
}

Result<std::vector<RegistryRule>> parse_registries_conf(std::string_view text, const std::string& file) {
  SHIPSET_TRY(const std::string json, toml_to_json(text, file));
  auto root = parse_json(json, file, ErrorKind::io, conf_limits);
  if (!root) return Error(ErrorKind::io, "cannot read " + file, root.error().why, "see containers-registries.conf(5)");
  return Parser(file).run(*root);
}

}  // namespace shipset::registry
