// Where the client keeps what the next process may use: folders of its own below one place, files that only this user
// can read. What is found there is not trusted: a file of another owner, a link, a device or too much of it counts as
// absent. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "shipset/base/result.hpp"

namespace shipset::registry {

/// `configured`, else shipset below $XDG_STATE_HOME, else below ~/.local/state. Empty: this user has no such place.
std::string resolve_state_directory(const std::string& configured);

/// The folder `name` below the state directory, made when missing, mode 0700, owned by this user and no link.
/// Errors: io, also when the state directory is empty (there is none).
Result<std::filesystem::path> state_folder(const std::string& state_directory, std::string_view name);

/// Content of a regular file of this user of at most `limit` bytes; nullopt for everything else, without following
/// links or blocking. Readable by others counts as absent too.
std::optional<std::string> read_private_file(const std::filesystem::path& path, std::uint64_t limit);

}  // namespace shipset::registry
