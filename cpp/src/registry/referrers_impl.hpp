// Lists of referrers that the client keeps itself, under the tag of specs §3.7, for registries without the API.
// One writer at a time per list; what others want meanwhile goes along with the next write. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "shipset/oci/types.hpp"

namespace shipset::registry {

/// The tag under which registries without the API keep the referrers of a digest.
std::string referrers_tag(const Digest& subject);
/// What a list says of a referrer. Nullopt: the manifest has no subject.
struct Referrer {
  Digest subject;
  oci::Descriptor entry;
};
Result<std::optional<Referrer>> referrer_of(const oci::Descriptor& manifest, std::string_view bytes);

/// A wanted entry, or one that has to go.
struct ListChange {
  oci::Descriptor entry;
  bool remove = false;
  bool done = false;
};
/// The list with the changes, everything else in it kept; equal to `list` when there is nothing to do. `list` empty:
/// there is none yet. Error kind registry, when it is not a list.
Result<std::string> changed_list(const std::string& list, const std::vector<std::shared_ptr<ListChange>>& changes,
                                 const std::string& what);

struct ReferrerList {
  std::mutex turn;  ///< held by the one that writes
  std::string bytes, etag;
  Digest digest;  ///< of `bytes`, as they were last seen at the registry; empty: not seen
  std::mutex mutex;
  std::vector<std::shared_ptr<ListChange>> waiting;
  std::set<Digest> listed;  ///< put into the list, and read back, by this client
};

class ReferrerLists {
 public:
  /// `key` names registry, repository and tag.
  std::shared_ptr<ReferrerList> of(const std::string& key) {
    std::lock_guard lock(mutex_);
    auto& slot = lists_[key];
    if (!slot) slot = std::make_shared<ReferrerList>();
    return slot;
  }

  /// True once for a host: somebody has to be told that lists are kept there.
  bool first_at(const std::string& host) {
    std::lock_guard lock(mutex_);
    return told_.insert(host).second;
  }

 private:
  std::mutex mutex_;
  std::set<std::string> told_;
  std::map<std::string, std::shared_ptr<ReferrerList>> lists_;
};

}  // namespace shipset::registry
