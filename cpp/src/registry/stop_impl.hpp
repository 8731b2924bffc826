// The tokens that may stop one call: of the client, of the repository object, of the call itself. Thread-safe.
#pragma once

#include "shipset/base/cancel.hpp"

namespace shipset::registry {

struct Stop {
  CancelToken client, repository, call;
  [[nodiscard]] bool requested() const noexcept {
    return client.cancelled() || repository.cancelled() || call.cancelled();
  }
  [[nodiscard]] Error error() const { return {ErrorKind::cancelled, "stopped on request"}; }
};

}  // namespace shipset::registry
