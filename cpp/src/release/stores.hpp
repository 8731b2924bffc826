// The stores of one run: targets and base images over one registry client, opened once each. Also the BaseResolver
// that builders use. Private to the module. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "shipset/registry/open.hpp"
#include "shipset/release/plan.hpp"

namespace shipset::release {

/// Images that a frozen plan pinned, by reference and platform.
using Pins = std::map<std::pair<std::string, std::string>, build::PinnedBase>;

class Stores final : public build::BaseResolver {
 public:
  /// What registries tell beside their answers goes to `notes`, unless the options name a place for it.
  Stores(const registry::ClientOptions& options, const EventSink& notes) : client_(with_notes(options, notes)) {}

  /// For looking: a layout that does not exist yet gives nullptr.
  Result<oci::Store*> look(const Target& target);
  /// For writing: layouts are created and locked for as long as this object lives. `cancel` stops every request.
  Result<oci::Store*> write(const Target& target, const EventSink& events, const CancelToken& cancel);

  /// The same store once more, one that `cancel` does not stop: for putting back what a stopped run has changed.
  Result<oci::Store*> write_on(const Target& target, oci::Store& store);
  /// The same, stopped by another token than the rest.
  Result<oci::Store*> write_until(const Target& target, oci::Store& store, const CancelToken& cancel);

  /// Gives up the stores opened for writing, and their locks; pointers to them end here.
  void close_written() { writing_.clear(); }

  Result<build::PinnedBase> pin(const std::string& reference, const Platform& platform,
                                const std::string& directory) override;
  Result<oci::Store*> open(const std::string& reference, const std::string& directory) override;

  /// Images are pinned as here from now on, wherever their tags point by now.
  void freeze(Pins pins) { frozen_ = std::move(pins); }
  /// What people should know about frozen images whose tags have moved.
  [[nodiscard]] std::vector<std::string> moved() const;

  /// What is known of the registry of a location.
  [[nodiscard]] registry::Profile profile(const Location& location) const {
    return client_.profile(location.reference.api_host());
  }

 private:
  /// `reference` with layout paths made relative to `directory`.
  static Result<Location> locate(const std::string& reference, const std::string& directory);
  static registry::ClientOptions with_notes(registry::ClientOptions options, const EventSink& notes) {
    if (!options.notes) options.notes = notes;
    return options;
  }
  Result<build::PinnedBase> pin_now(const std::string& reference, const Platform& platform,
                                    const std::string& directory);
  Result<build::PinnedBase> keep_frozen(const build::PinnedBase& frozen, const Result<build::PinnedBase>& now,
                                        const Platform& platform, const std::string& directory);
  Result<oci::Store*> open_location(const Location& location, registry::Access access);

  registry::Client client_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<oci::Store>> reading_, writing_, writing_on_, writing_until_;
  std::map<std::string, build::PinnedBase> pinned_;
  Pins frozen_;
  std::set<std::string> moved_;
};

}  // namespace shipset::release
