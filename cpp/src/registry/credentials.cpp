#include "shipset/registry/credentials.hpp"

#include <cstdlib>
#include <filesystem>

#include "credential_files_impl.hpp"
#include "shipset/base/file.hpp"

namespace shipset::registry {

namespace {
namespace fs = std::filesystem;
constexpr std::uint64_t file_limit = 4u << 20;
constexpr std::string_view inline_name = "DOCKER_AUTH_CONFIG";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// Text of a config file; empty when there is none.
Result<std::string> read_config(const std::string& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (path.empty() || status.type() == fs::file_type::not_found) return std::string();
  auto text = read_file(path, file_limit);
  if (!text) {
    text.error().hint = "check the rights of the file";
    return std::move(text).error();
  }
  return text;
}

Helper helper_of(const FileEntry& entry, const std::string& file, const CredentialSources& sources) {
  return {entry.helper, entry.named_by + " in " + file, sources.helper_timeout};
}

/// What a config file knows; helpers are asked, and what is in `auths` is the fallback.
Result<std::optional<Credential>> ask_file(const CredentialSources& sources, std::string_view text,
                                           const std::string& file, std::string_view domain, std::string_view path,
                                           const CancelToken& cancel) {
  SHIPSET_TRY(FileEntry entry, look_up(text, file, domain, path));
  if (!entry.helper.empty()) {
    SHIPSET_TRY(auto found, helper_get(helper_of(entry, file, sources), helper_address(domain), cancel));
    if (found) return found;
  }
  return std::move(entry.credential);
}

Result<std::string> config_for_writing(const CredentialSources& sources) {
  if (!sources.docker_config.empty()) {
    std::error_code error;
    const auto real = fs::weakly_canonical(sources.docker_config, error);  // a link stays a link
    return error ? sources.docker_config : real.string();
  }
  return Error(ErrorKind::io, "cannot store credentials", "neither HOME nor DOCKER_CONFIG is set",
               "set DOCKER_CONFIG to a directory");
}

Result<void> write_config(const std::string& path, const std::string& text) {
  const auto parent = fs::path(path).parent_path();
  if (!parent.empty()) SHIPSET_CHECK(make_directories(parent));
  return write_file_atomic(path, text, 0600);
}
}  // namespace

CredentialSources CredentialSources::from_environment() {
  CredentialSources out;
  const auto home = environment("HOME");
  if (const auto folder = environment("DOCKER_CONFIG"); !folder.empty())
    out.docker_config = folder + "/config.json";
  else if (!home.empty())
    out.docker_config = home + "/.docker/config.json";
  if (const auto file = environment("REGISTRY_AUTH_FILE"); !file.empty()) out.podman_files.push_back(file);
  if (const auto runtime = environment("XDG_RUNTIME_DIR"); !runtime.empty())
    out.podman_files.push_back(runtime + "/containers/auth.json");
  if (const auto config = environment("XDG_CONFIG_HOME"); !config.empty())
    out.podman_files.push_back(config + "/containers/auth.json");
  else if (!home.empty())
    out.podman_files.push_back(home + "/.config/containers/auth.json");
  out.inline_config = environment("DOCKER_AUTH_CONFIG");
  return out;
}

Result<Credential> find_credential(const CredentialSources& sources, const Reference& repository,
                                   const CancelToken& cancel) {
  return find_credential(sources, repository.domain(), repository.path(), cancel);
}

Result<Credential> find_credential(const CredentialSources& sources, const std::string& domain, const std::string& path,
                                   const CancelToken& cancel) {
  if (!sources.inline_config.empty()) {
    SHIPSET_TRY(FileEntry entry, look_up(sources.inline_config, std::string(inline_name), domain, path));
    if (entry.credential) return std::move(*entry.credential);
  }
  std::vector<std::string> files{sources.docker_config};
  files.insert(files.end(), sources.podman_files.begin(), sources.podman_files.end());
  for (const auto& file : files) {
    SHIPSET_TRY(const std::string text, read_config(file));
    if (text.empty()) continue;
    SHIPSET_TRY(auto found, ask_file(sources, text, file, domain, path, cancel));
    if (found) return std::move(*found);
  }
  return Credential{};
}

Result<std::string> store_credential(const CredentialSources& sources, const std::string& host,
                                     const std::string& username, const Secret& password) {
  SHIPSET_TRY(const std::string file, config_for_writing(sources));
  SHIPSET_TRY(const std::string text, read_config(file));
  SHIPSET_TRY(const FileEntry entry, look_up(text, file, host, {}));
  Credential credential;
  credential.username = username;
  credential.password = password;
  if (!entry.helper.empty())
    SHIPSET_CHECK(helper_store(helper_of(entry, file, sources), helper_address(host), username, password));
  bool changed = false;
  SHIPSET_TRY(const std::string next, with_entry(text, file, host, &credential, !entry.helper.empty(), changed));
  SHIPSET_CHECK(write_config(file, next));
  return entry.helper.empty() ? file : "helper docker-credential-" + entry.helper;
}

Result<std::string> erase_credential(const CredentialSources& sources, const std::string& host) {
  SHIPSET_TRY(const std::string file, config_for_writing(sources));
  SHIPSET_TRY(const std::string text, read_config(file));
  SHIPSET_TRY(const FileEntry entry, look_up(text, file, host, {}));
  if (!entry.helper.empty()) SHIPSET_CHECK(helper_erase(helper_of(entry, file, sources), helper_address(host)));
  bool changed = false;
  SHIPSET_TRY(const std::string next, with_entry(text, file, host, nullptr, false, changed));
  if (changed) SHIPSET_CHECK(write_config(file, next));
  if (!entry.helper.empty()) return "helper docker-credential-" + entry.helper;
  return changed ? file : std::string();
}

}  // namespace shipset::registry
