#include <algorithm>
#include <nlohmann/json.hpp>

#include "credential_files_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
constexpr JsonLimits file_limits{4u << 20, 16, 100'000};

Error wrong_file(const std::string& file, std::string why) {
  return {ErrorKind::io, "cannot read credentials from " + file, std::move(why),
          "repair the file, or move it away and log in again"};
}

/// The parser quotes the text near the fault, which may be a password: only what stands before the quotation is told.
std::string without_content(const Error& error) {
  const std::string& why = error.why.empty() ? error.what : error.why;
  if (why.ends_with("occurs twice")) return "a member of an object occurs twice";
  const bool placed = why.starts_with("byte ");
  return "it is not valid JSON" + (placed ? ", at " + why.substr(0, why.find(':')) : std::string());
}

Result<Json> parse(std::string_view text, const std::string& file) {
  if (trim(text).empty()) return Json::object();
  auto json = parse_json(text, file, ErrorKind::io, file_limits);
  if (!json) return wrong_file(file, without_content(json.error()));
  if (!json->is_object()) return wrong_file(file, "it does not hold a JSON object");
  return json;
}

std::string text_of(const Json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json* object_at(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? &*found : nullptr;
}

Result<Credential> read_entry(const Json& entry, const std::string& key, const std::string& file) {
  Credential out;
  out.source = file;
  out.username = text_of(entry, "username");
  out.password = Secret(text_of(entry, "password"));
  out.identity_token = Secret(text_of(entry, "identitytoken"));
  out.registry_token = Secret(text_of(entry, "registrytoken"));
  const auto encoded = text_of(entry, "auth");
  if (encoded.empty()) return out;
  std::string plain;
  const bool decoded = base64_decode(trim(encoded), plain);
  const auto colon = plain.find(':');
  if (!decoded || colon == std::string::npos)
    return wrong_file(file, "the entry of " + printable(key) + " is not base64 of user:password");
  while (!plain.empty() && plain.back() == '\0') plain.pop_back();
  out.username = plain.substr(0, colon);
  out.password = Secret(plain.substr(std::min(plain.size(), colon + 1)));
  return out;
}

/// host/o/app, host/o, host: the longest entry wins.
std::vector<std::string> candidates(std::string_view domain, std::string_view path) {
  std::vector<std::string> out;
  for (std::string_view rest = path; !rest.empty();) {
    for (const auto& host : host_names(domain)) out.push_back(host + "/" + std::string(rest));
    const auto slash = rest.rfind('/');
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(0, slash);
  }
  for (const auto& host : host_names(domain)) out.push_back(host);
  return out;
}
}  // namespace

std::vector<std::string> host_names(std::string_view domain) {
  const std::string name(domain);
  if (name == "docker.io" || name == "index.docker.io" || name == "registry-1.docker.io")
    return {"docker.io", "index.docker.io", "registry-1.docker.io"};
  return {name};
}

std::string helper_address(std::string_view domain) {
  return host_names(domain).size() > 1 ? "https://index.docker.io/v1/" : std::string(domain);
}

std::string normalize_key(std::string_view key) {
  // Docker keeps the halves of a browser login beside the login itself; neither is one.
  if (key.ends_with("/access-token") || key.ends_with("/refresh-token")) return std::string(key);
  bool scheme = false;
  for (const std::string_view prefix : {"https://", "http://"})
    if (key.starts_with(prefix)) {
      key.remove_prefix(prefix.size());
      scheme = true;
    }
  while (key.ends_with('/')) key.remove_suffix(1);
  const auto slash = key.find('/');
  if (slash == std::string_view::npos) return std::string(key);
  const auto path = key.substr(slash + 1);
  return std::string(scheme || path == "v1" || path == "v2" ? key.substr(0, slash) : key);
}

Result<FileEntry> look_up(std::string_view json, const std::string& file, std::string_view domain,
                          std::string_view path) {
  SHIPSET_TRY(const Json root, parse(json, file));
  FileEntry out;
  if (const Json* helpers = object_at(root, "credHelpers"))
    for (const auto& [key, value] : helpers->items())
      for (const auto& host : host_names(domain))
        if (normalize_key(key) == host && value.is_string()) out.helper = value.get<std::string>();
  out.named_by = out.helper.empty() ? "credsStore" : "credHelpers";
  if (out.helper.empty()) out.helper = text_of(root, "credsStore");
  const Json* auths = object_at(root, "auths");
  if (auths == nullptr) return out;
  for (const auto& wanted : candidates(domain, path))
    for (const bool exactly : {true, false})  // a key as it is before one in another spelling
      for (const auto& [key, entry] : auths->items()) {
        if ((key == wanted) != exactly || normalize_key(key) != wanted || !entry.is_object()) continue;
        SHIPSET_TRY(auto credential, read_entry(entry, key, file));
        if (credential.anonymous()) continue;  // Docker's mark that a helper holds the secret
        out.credential = std::move(credential);
        return out;
      }
  return out;
}

Result<std::string> with_entry(std::string_view json, const std::string& file, std::string_view domain,
                               const Credential* credential, bool by_helper, bool& changed) {
  SHIPSET_TRY(Json root, parse(json, file));
  if (root.contains("auths") && !root["auths"].is_object()) return wrong_file(file, "\"auths\" is not an object");
  changed = credential != nullptr;
  const auto names = host_names(domain);
  if (root.contains("auths")) {
    auto& auths = root["auths"];
    for (auto it = auths.begin(); it != auths.end();) {
      const bool same = std::find(names.begin(), names.end(), normalize_key(it.key())) != names.end();
      changed = changed || same;
      it = same ? auths.erase(it) : std::next(it);
    }
  }
  if (credential != nullptr) {
    Json entry = Json::object();
    if (!by_helper) entry["auth"] = base64_encode(credential->username + ":" + credential->password.reveal());
    root["auths"][helper_address(domain)] = std::move(entry);
  }
  return root.dump(1, '\t', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace shipset::registry
