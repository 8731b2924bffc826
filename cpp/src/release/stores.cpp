#include "stores.hpp"

namespace shipset::release {

namespace fs = std::filesystem;

Result<oci::Store*> Stores::look(const Target& target) {
  if (target.location.kind == Location::Kind::layout) {
    std::error_code ignored;
    const fs::path marker = fs::path(target.location.path) / "oci-layout";
    if (!fs::exists(marker, ignored)) {
      const fs::path path = target.location.path;
      if (fs::exists(path, ignored) && !(fs::is_directory(path, ignored) && fs::is_empty(path, ignored)) &&
          !fs::exists(path / ".shipset.lock", ignored))
        return Error(ErrorKind::io, "cannot use " + target.name(), "the path exists and is not an OCI layout",
                     "choose an empty or new directory");
      return nullptr;
    }
  }
  return open_location(target.location, registry::Access::read);
}

Result<oci::Store*> Stores::open_location(const Location& location, registry::Access access) {
  Location place = location;
  place.tag.clear();
  place.digest = {};
  const std::string key = (access == registry::Access::pull ? "pull " : "read ") + place.str();
  const std::lock_guard lock(mutex_);
  auto& slot = reading_[key];
  if (!slot) {
    SHIPSET_TRY(slot, registry::open_store(place, client_, access));
  }
  return slot.get();
}

Result<oci::Store*> Stores::write(const Target& target, const EventSink& events, const CancelToken& cancel) {
  SHIPSET_CHECK(cancel.check());
  const std::lock_guard lock(mutex_);
  auto& slot = writing_[target.name()];
  if (slot) return slot.get();
  if (target.location.kind == Location::Kind::layout) {
    oci::LayoutOptions options;
    options.create = true;
    options.read_only = false;
    options.exclusive = true;
    options.cancel = cancel;
    options.on_wait = [&] {
      emit(events,
           {EventKind::note, "preflight", target.name(), "waiting for another process that writes there", 0, 0, {}});
    };
    SHIPSET_TRY(slot, oci::LayoutStore::open(target.location.path, options));
  } else {
    SHIPSET_TRY(slot, registry::open_store(target.location, client_, registry::Access::write, cancel));
  }
  return slot.get();
}

Result<oci::Store*> Stores::write_until(const Target& target, oci::Store& store, const CancelToken& cancel) {
  if (target.location.kind != Location::Kind::registry) return &store;
  const std::lock_guard lock(mutex_);
  auto& slot = writing_until_[target.name()];
  SHIPSET_TRY(slot, registry::open_store(target.location, client_, registry::Access::write, cancel));
  return slot.get();
}

Result<oci::Store*> Stores::write_on(const Target& target, oci::Store& store) {
  if (target.location.kind != Location::Kind::registry) return &store;
  const std::lock_guard lock(mutex_);
  auto& slot = writing_on_[target.name()];
  if (!slot) {
    SHIPSET_TRY(slot, registry::open_store(target.location, client_, registry::Access::write));
  }
  return slot.get();
}

Result<Location> Stores::locate(const std::string& reference, const std::string& directory) {
  SHIPSET_TRY(Location location, Location::parse(reference));
  if (location.kind != Location::Kind::registry && fs::path(location.path).is_relative())
    location.path = (fs::path(directory) / location.path).lexically_normal().string();
  return location;
}

Result<oci::Store*> Stores::open(const std::string& reference, const std::string& directory) {
  SHIPSET_TRY(const Location location, locate(reference, directory));
  return open_location(location, registry::Access::pull);
}

Result<build::PinnedBase> Stores::pin(const std::string& reference, const Platform& platform,
                                      const std::string& directory) {
  const std::string key = reference + "\n" + platform.normalized().str();
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = pinned_.find(key); at != pinned_.end()) return at->second;
  }
  auto found = pin_now(reference, platform, directory);
  auto frozen = frozen_.find({reference, platform.str()});
  if (frozen == frozen_.end()) frozen = frozen_.find({reference, {}});
  if (frozen != frozen_.end()) found = keep_frozen(frozen->second, found, platform, directory);
  if (!found) return found;
  const std::lock_guard lock(mutex_);
  found->platform = platform.str();
  return pinned_.emplace(key, std::move(*found)).first->second;
}

Result<build::PinnedBase> Stores::keep_frozen(const build::PinnedBase& frozen, const Result<build::PinnedBase>& now,
                                              const Platform& platform, const std::string& directory) {
  // Without a platform it was pinned as a whole, for the builder's own.
  const bool whole = frozen.platform.empty();
  if (now && now->index_digest == frozen.index_digest && (whole || now->digest == frozen.digest)) return now;
  // Without an answer the plan still holds; with another answer it does too, and people are told.
  if (!now && now.error().kind != ErrorKind::not_found && !now.error().context.contains("missing_platform"))
    return now.error();
  const std::string name = frozen.reference + " for " + platform.str();
  SHIPSET_TRY(oci::Store* const store, open(frozen.reference, directory));
  SHIPSET_TRY(bool there, store->has_manifest(frozen.digest));
  // A builder that resolves the platform itself asks for the index.
  if (there && !frozen.index_digest.empty()) {
    SHIPSET_TRY(there, store->has_manifest(frozen.index_digest));
  }
  const Digest& planned = frozen.index_digest.empty() ? frozen.digest : frozen.index_digest;
  if (!there)
    return Error(ErrorKind::policy, "the image " + name + " that the plan pinned is gone",
                 "planned: " + planned.str() + "\nnow:     " + (now ? now->digest.str() : "nothing"),
                 "make a new plan with shipset plan -o");
  const std::lock_guard lock(mutex_);
  moved_.insert("the image " + name + " has moved since the plan was made; the planned " + frozen.digest.str() +
                " is used, its tag now points at " + (now ? now->digest.str() : "nothing for this platform"));
  return frozen;
}

std::vector<std::string> Stores::moved() const {
  const std::lock_guard lock(mutex_);
  return {moved_.begin(), moved_.end()};
}

Result<build::PinnedBase> Stores::pin_now(const std::string& reference, const Platform& platform,
                                          const std::string& directory) {
  SHIPSET_TRY(const Location location, locate(reference, directory));
  SHIPSET_TRY(oci::Store* const store, open_location(location, registry::Access::pull));
  SHIPSET_TRY(const oci::Descriptor root, registry::resolve(*store, location));
  auto pinned = build::pin_base(*store, root, reference, platform);
  if (!pinned) {
    Error error = std::move(pinned).error();
    if (error.kind == ErrorKind::spec) error.with("missing_platform", platform.str());
    return error;
  }
  return pinned;
}

}  // namespace shipset::release
