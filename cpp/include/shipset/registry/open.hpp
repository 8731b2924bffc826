// Opens whatever a Location names as a Store, and resolves a reference in it to a descriptor.
#pragma once

#include "shipset/oci/layout.hpp"
#include "shipset/registry/client.hpp"

namespace shipset::registry {

/// pull: to read content wherever it is; mirrors may serve it, and registries.conf may rewrite its place or forbid it.
/// read: to know what that very place holds; no mirror is asked.
enum class Access : std::uint8_t { read, write, pull };

/// Layouts are created for write. A docker-archive can be read only; written to: kind usage.
Result<std::unique_ptr<oci::Store>> open_store(const Location& location, Client& client, Access access,
                                               const CancelToken& cancel = {});

/// Tag or digest of the location (a layout without either must hold exactly one tag; a reference means latest).
Result<oci::Descriptor> resolve(oci::Store& store, const Location& location);

}  // namespace shipset::registry
