// The journal of a release, with its frozen plan and release file, as an artifact in the staging repository, so that a
// fresh machine can go on or back: tag `_shipset.<id>.journal`. Written at the ends of phases and once before the first
// tag moves. Private to the module. product.md §4 "Journal".
#pragma once

#include <filesystem>

#include "journal_state.hpp"
#include "shipset/oci/store.hpp"

namespace shipset::release {

std::string mirror_tag(const std::string& id);
/// The id of a tag of this kind; empty: it is another tag.
std::string mirrored_id(const std::string& tag);

/// Puts what lies in the release's folder now. The form is one that every registry takes.
Result<void> write_mirror(oci::Store& store, const std::string& id, const std::filesystem::path& folder,
                          const CancelToken& cancel);

/// For a release that has ended: its mirror is removed; where the registry removes no tag, it says from now on how the
/// release ended, so that it holds up no other one. True: there is none any more.
Result<bool> end_mirror(oci::Store& store, const std::string& id, const std::filesystem::path& folder,
                        const CancelToken& cancel);

struct Mirror {
  std::string journal, plan, spec;
  std::string check;  ///< of the journal's last line
  JournalState state;
};
/// nullopt: there is none. Kind verify: it is none that can be used, or of another release.
Result<std::optional<Mirror>> read_mirror(oci::Store& store, const std::string& id);

/// Puts what was mirrored into the folder of the release, where no journal is yet. Of a release that was about to move
/// tags it then says that it may have moved each of them.
Result<void> restore_mirror(const Mirror& mirror, const std::filesystem::path& folder);

}  // namespace shipset::release
