// One read of a Source for several readers that want it at about the same time (a blob that goes to several
// registries). Readers move through a window of bounded size; one that lags for long reads on its own from there.
// Private to the module. Thread-safe; each reader belongs to one thread.
#pragma once

#include <memory>
#include <vector>

#include "shipset/base/bytes.hpp"

namespace shipset::oci::detail {

/// `readers` views of one source. The first open(0) of each view shares; any other open reads on its own. The source
/// must outlive the views. A view that goes away does not hold the others back.
std::vector<std::unique_ptr<Source>> share_reads(const Source& source, std::size_t readers);

}  // namespace shipset::oci::detail
