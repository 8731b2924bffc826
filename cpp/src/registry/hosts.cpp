#include "shipset/registry/hosts.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "ca_bundle_impl.hpp"
#include "credential_files_impl.hpp"
#include "hosts_impl.hpp"
#include "shipset/base/file.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
namespace fs = std::filesystem;
constexpr std::uint64_t conf_limit = 4u << 20;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

bool exists(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// *.conf of a folder by name.
Result<std::vector<std::string>> drop_ins(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code error;
  if (!fs::is_directory(folder, error)) return out;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".conf") out.push_back(it->path().string());
  if (error) return Error(ErrorKind::io, "cannot read " + folder, error.message());
  std::sort(out.begin(), out.end());
  return out;
}

Result<void> add_rules(const std::string& file, std::vector<RegistryRule>& rules) {
  SHIPSET_TRY(const std::string text, read_file(file, conf_limit));
  SHIPSET_TRY(auto more, parse_registries_conf(text, file));
  for (auto& rule : more) {
    std::erase_if(rules, [&](const auto& known) { return known.prefix == rule.prefix; });
    rules.push_back(std::move(rule));
  }
  return {};
}

std::string host_of(std::string_view location) {
  return to_lower(location.substr(0, location.find('/')));
}

/// The ways in which people write the host of an address.
std::vector<std::string> spellings(const Url& url) {
  std::vector<std::string> out;
  const bool default_port = url.port == (url.scheme == "https" ? "443" : "80");
  for (const auto& name : host_names(url.host)) {
    out.push_back(name + ":" + url.port);
    if (default_port) out.push_back(name);
  }
  return out;
}

std::string percent_decoded(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* at = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() && std::from_chars(at, at + 2, value, 16).ptr == at + 2) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Password of a proxy address, as written and decoded.
std::vector<Secret> secrets_of(const ProxySettings& settings) {
  std::vector<Secret> out;
  for (const std::string* each : {&settings.http, &settings.https, &settings.all}) {
    const auto start = each->find("://") == std::string::npos ? 0 : each->find("://") + 3;
    const auto at = each->rfind('@');
    if (at == std::string::npos || at < start) continue;
    const std::string login = each->substr(start, at - start);
    const auto colon = login.find(':');
    if (colon == std::string::npos) continue;
    out.emplace_back(login);
    out.emplace_back(login.substr(colon + 1));
    out.emplace_back(percent_decoded(login.substr(colon + 1)));
    out.emplace_back(percent_decoded(login));
  }
  return out;
}
}  // namespace

HostSources HostSources::from_environment() {
  HostSources out;
  const auto home = environment("HOME");
  const auto xdg = environment("XDG_CONFIG_HOME");
  const auto config = !xdg.empty() ? xdg : home.empty() ? std::string() : home + "/.config";
  const auto docker = environment("DOCKER_CONFIG");
  const std::string user_file = config.empty() ? std::string() : config + "/containers/registries.conf";
  if (const auto named = environment("CONTAINERS_REGISTRIES_CONF"); !named.empty())
    out.registries_files.push_back(named);
  else if (!user_file.empty() && exists(user_file))
    out.registries_files.push_back(user_file);
  else if (exists("/etc/containers/registries.conf"))
    out.registries_files.emplace_back("/etc/containers/registries.conf");
  out.registries_folders.emplace_back("/etc/containers/registries.conf.d");
  if (!config.empty()) {
    out.registries_folders.push_back(config + "/containers/registries.conf.d");
    out.certificate_folders.push_back(config + "/containers/certs.d");
    out.certificate_folders.push_back(config + "/docker/certs.d");
  }
  if (!docker.empty() || !home.empty())
    out.certificate_folders.push_back((docker.empty() ? home + "/.docker" : docker) + "/certs.d");
  out.certificate_folders.emplace_back("/etc/containers/certs.d");
  out.certificate_folders.emplace_back("/etc/docker/certs.d");
  return out;
}

Result<std::vector<RegistryRule>> load_rules(const HostSources& sources) {
  std::vector<RegistryRule> rules;
  for (const auto& file : sources.registries_files) SHIPSET_CHECK(add_rules(file, rules));
  for (const auto& folder : sources.registries_folders) {
    SHIPSET_TRY(const auto files, drop_ins(folder));
    for (const auto& file : files) SHIPSET_CHECK(add_rules(file, rules));
  }
  return rules;
}

HostBook::HostBook(const ClientOptions& options)
    : options_(options),
      sources_(options.hosts ? *options.hosts : HostSources::from_environment()),
      proxy_(options.proxy ? *options.proxy : ProxySettings::from_environment()),
      proxy_secrets_(secrets_of(proxy_)),
      rules_(load_rules(sources_)) {
  if (!rules_) return;
  for (const auto& rule : *rules_) {
    if (rule.insecure) lenient_.insert(host_of(rule.location.empty() ? rule.prefix : rule.location));
    for (const auto& mirror : rule.mirrors)
      if (mirror.insecure) lenient_.insert(host_of(mirror.location));
  }
}

bool HostBook::lenient(const Url& url) const {
  if (lenient_.empty()) return false;
  for (const auto& name : spellings(url))
    if (lenient_.contains(name)) return true;
  for (auto dot = url.host.find('.'); dot != std::string::npos; dot = url.host.find('.', dot + 1))
    if (lenient_.contains("*" + url.host.substr(dot))) return true;
  return false;
}

bool HostBook::unchecked(const Url& url) const {
  const auto names = spellings(url);
  return lenient(url) || std::any_of(names.begin(), names.end(),
                                     [&](const auto& name) { return options_.insecure_tls.contains(name); });
}

Result<std::vector<PullPlace>> HostBook::pull_places(const Reference& repository) const {
  if (!rules_) return rules_.error();
  std::vector<PullPlace> out;
  const std::string name = repository.name();
  const auto add = [&](const std::string& prefix, const std::string& location, Mirror::Pulls pulls,
                       bool origin) -> Result<void> {
    SHIPSET_TRY(Reference place, Reference::parse(rewritten(name, prefix, location)));
    out.push_back({place.repository(), pulls, origin});
    return {};
  };
  const std::string* own = nullptr;
  for (const auto& [prefix, locations] : options_.mirrors) {
    const bool fits = name == prefix || name.starts_with(prefix + "/");
    if (fits && (own == nullptr || prefix.size() > own->size())) own = &prefix;
  }
  if (own != nullptr)
    for (const auto& given : options_.mirrors.at(*own)) {
      SHIPSET_TRY(const std::string location, check_location(given, "mirror"));
      SHIPSET_CHECK(add(*own, location, Mirror::Pulls::all, false));
    }
  const RegistryRule* rule = find_rule(*rules_, name);
  if (rule == nullptr) {
    out.push_back({repository.repository(), Mirror::Pulls::all, true});
    return out;
  }
  if (rule->blocked)
    return Error(ErrorKind::policy, "will not read from " + repository.familiar_name(),
                 "registries.conf blocks " + rule->prefix, "take the entry away, or read from another registry")
        .with("host", repository.domain());
  for (const auto& mirror : rule->mirrors) SHIPSET_CHECK(add(rule->prefix, mirror.location, mirror.pulls, false));
  SHIPSET_CHECK(add(rule->prefix, rule->location, Mirror::Pulls::all, true));
  return out;
}

Result<std::shared_ptr<const HostTls>> HostBook::tls(const Url& url) const {
  if (url.scheme != "https") return std::shared_ptr<const HostTls>();
  std::lock_guard lock(mutex_);
  if (const auto known = tls_.find(url.origin()); known != tls_.end()) return known->second;
  const auto names = spellings(url);
  SHIPSET_TRY(HostFolder folder, read_host_folders(sources_.certificate_folders, names));
  for (const auto& name : names)
    if (const auto given = options_.client_certificates.find(name); given != options_.client_certificates.end())
      folder.client = given->second;
  std::shared_ptr<const HostTls> out;
  if (!folder.ca_text.empty() || !folder.client.cert_file.empty()) {
    auto made = std::make_shared<HostTls>();
    made->cert_file = folder.client.cert_file;
    made->key_file = folder.client.key_file.empty() ? folder.client.cert_file : folder.client.key_file;
    if (!folder.ca_text.empty()) {
      SHIPSET_TRY(made->ca_text, ca_text_with(find_ca_bundle(options_.ca_file), folder.ca_text));
    }
    out = std::move(made);
  }
  tls_[url.origin()] = out;
  return out;
}

}  // namespace shipset::registry
