// What people's own cleaners must not delete: everything that a tag leads to, downwards and by what refers to it.
#include <set>

#include "shipset/base/text.hpp"
#include "shipset/registry/open.hpp"
#include "shipset/release/cleaning.hpp"

namespace shipset::release {

namespace {

constexpr std::size_t max_manifests = 1'000'000;

class Keeper {
 public:
  Keeper(oci::Store& store, const CancelToken& cancel) : store_(store), cancel_(cancel) {}

  Result<std::vector<std::string>> run() {
    SHIPSET_TRY(const auto tags, store_.tags());
    for (const auto& tag : tags) {
      SHIPSET_CHECK(cancel_.check());
      SHIPSET_TRY(const auto root, store_.resolve(tag));
      if (root) open_.push_back(root->digest);
    }
    while (!open_.empty()) {
      const Digest digest = std::move(open_.back());
      open_.pop_back();
      if (!seen_.insert(digest.str()).second) continue;
      if (seen_.size() > max_manifests)
        return Error(ErrorKind::verify, store_.name() + " holds more than a million manifests below its tags");
      SHIPSET_CHECK(cancel_.check());
      SHIPSET_CHECK(follow(digest));
    }
    return std::vector<std::string>(seen_.begin(), seen_.end());
  }

 private:
  Result<void> follow(const Digest& digest) {
    auto bytes = store_.manifest(digest);
    // An index may name platforms that its repository never had.
    if (!bytes && bytes.error().kind == ErrorKind::not_found) return {};
    if (!bytes) return std::move(bytes).error();
    if (oci::is_index(bytes->descriptor.media_type)) {
      SHIPSET_TRY(const auto index, oci::Index::parse(bytes->bytes, digest.str()));
      for (const auto& item : index.manifests) open_.push_back(item.digest);
      if (index.subject) open_.push_back(index.subject->digest);
    } else if (const auto manifest = oci::Manifest::parse(bytes->bytes, digest.str()); manifest && manifest->subject) {
      open_.push_back(manifest->subject->digest);
    }
    SHIPSET_TRY(const auto referrers, store_.referrers(digest, {}));
    for (const auto& item : referrers) open_.push_back(item.digest);
    return {};
  }

  oci::Store& store_;
  const CancelToken cancel_;
  std::vector<Digest> open_;
  std::set<std::string> seen_;
};

}  // namespace

Result<std::vector<std::string>> keep_list(const Location& location, const registry::ClientOptions& client,
                                           const CancelToken& cancel) {
  registry::ClientOptions stopped = client;
  stopped.cancel = cancel;
  registry::Client connection(stopped);
  Location place = location;
  place.tag.clear();
  place.digest = {};
  SHIPSET_TRY(const auto store, registry::open_store(place, connection, registry::Access::read));
  return Keeper(*store, cancel).run();
}

}  // namespace shipset::release
