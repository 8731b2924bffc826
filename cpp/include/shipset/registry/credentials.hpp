// Credentials as Docker and Podman keep them: config.json / auth.json, credHelpers, credsStore, identity tokens,
// DOCKER_AUTH_CONFIG. Values are Secrets; lookups name the source, never the value. specs §4.5. Thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "shipset/base/cancel.hpp"
#include "shipset/base/secret.hpp"
#include "shipset/model/reference.hpp"

namespace shipset::registry {

struct Credential {
  std::string username;
  Secret password;
  Secret identity_token;  ///< OAuth2 refresh token
  Secret registry_token;  ///< ready Bearer token
  std::string source;     ///< e.g. "~/.docker/config.json", "helper docker-credential-x"
  [[nodiscard]] bool anonymous() const {
    return username.empty() && password.empty() && identity_token.empty() && registry_token.empty();
  }
};

/// Where to look; made from the environment once.
struct CredentialSources {
  std::string docker_config;  ///< path of config.json
  std::vector<std::string> podman_files;
  std::string inline_config;                         ///< DOCKER_AUTH_CONFIG
  std::chrono::milliseconds helper_timeout{30'000};  ///< a credential helper that takes longer is ended
  static CredentialSources from_environment();
};

/// Credentials for a repository (longest namespace entry wins, then the host). Anonymous when there are none.
/// Errors: io (unreadable file), auth (helper failed or hung; its message redacted).
Result<Credential> find_credential(const CredentialSources& sources, const Reference& repository,
                                   const CancelToken& cancel = {});
/// The same for a host (docker.io, or host[:port]) and a path, which may be empty.
Result<Credential> find_credential(const CredentialSources& sources, const std::string& domain, const std::string& path,
                                   const CancelToken& cancel = {});
/// Stores (helper or file, mode 0600, other entries kept) / removes. Returns a description of where;
/// erasing what was not there returns an empty one. Errors: io (file), auth (helper).
Result<std::string> store_credential(const CredentialSources& sources, const std::string& host,
                                     const std::string& username, const Secret& password);
Result<std::string> erase_credential(const CredentialSources& sources, const std::string& host);

}  // namespace shipset::registry
