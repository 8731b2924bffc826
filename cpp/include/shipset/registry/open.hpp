// Opens whatever a Location names as a Store, and resolves a reference in it to a descriptor.
#pragma once

#include "shipset/oci/layout.hpp"
#include "shipset/registry/client.hpp"

namespace shipset::registry {

enum class Access : std::uint8_t { read, write };

/// Layouts are created for write. A docker-archive is not a Store: kind usage.
Result<std::unique_ptr<oci::Store>> open_store(const Location& location, Client& client, Access access,
                                               const CancelToken& cancel = {});

/// Tag or digest of the location (a layout without either must hold exactly one tag; a reference means latest).
Result<oci::Descriptor> resolve(oci::Store& store, const Location& location);

}  // namespace shipset::registry
