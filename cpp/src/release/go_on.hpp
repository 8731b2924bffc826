// Goes on with a release whose tags have begun to move, or whose work after the commit point remains. Private to the
// module; blocks.
#pragma once

#include "session.hpp"

namespace shipset::release {

/// `file`: where the release file lies. The plan is the frozen one; nothing is built.
Outcome go_on(Session session, const std::filesystem::path& file, const registry::ClientOptions& client,
              const EventSink& events, const CancelToken& cancel);

/// Finishes an undo that was interrupted.
struct RecoveryOptions;
Outcome finish_rollback(Session session, const RecoveryOptions& options, const EventSink& events,
                        const CancelToken& cancel);

}  // namespace shipset::release
