// The JSON files in which Docker and Podman keep credentials, as values. specs §4.5.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/registry/credentials.hpp"

namespace shipset::registry {

/// What one file says about one repository.
struct FileEntry {
  std::string helper;                    ///< suffix of a credential helper to ask first; empty = none
  std::string named_by;                  ///< the member that names it: credHelpers or credsStore
  std::optional<Credential> credential;  ///< from `auths`
};

/// Names under which a host may be stored: docker.io has three.
std::vector<std::string> host_names(std::string_view domain);
/// The address that credential helpers know: `https://index.docker.io/v1/` for docker.io, else the host.
std::string helper_address(std::string_view domain);
/// `https://host/v1/` → `host`; a key without scheme keeps its path (a namespace of Podman's).
std::string normalize_key(std::string_view key);

/// Looks a repository up in the text of a config file. Errors: io, when the text is not such a file.
Result<FileEntry> look_up(std::string_view json, const std::string& file, std::string_view domain,
                          std::string_view path);

/// The text with the host's entry set (or removed when `credential` is null), everything else kept.
/// With `by_helper` the entry is empty, as Docker writes it beside a helper.
Result<std::string> with_entry(std::string_view json, const std::string& file, std::string_view domain,
                               const Credential* credential, bool by_helper, bool& changed);

/// A credential helper: `docker-credential-<suffix>`.
struct Helper {
  std::string suffix;
  std::string named_in;  ///< for errors: "credsStore in /home/x/.docker/config.json"
  std::chrono::milliseconds timeout{30'000};
};

/// nullopt when the helper knows nothing of the address. Error kind auth.
Result<std::optional<Credential>> helper_get(const Helper& helper, const std::string& address,
                                             const CancelToken& cancel);
Result<void> helper_store(const Helper& helper, const std::string& address, const std::string& username,
                          const Secret& password);
Result<void> helper_erase(const Helper& helper, const std::string& address);

}  // namespace shipset::registry
