// Builder: turns tasks (one platform image each) into image manifests in a content store. A builder takes a batch,
// reports one outcome a task as it comes, keeps the outcomes of others when one fails, and obeys stop. Implementations:
// native (here), prebuilt and buildx (their own files). Called from one thread. product.md §5.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shipset/base/error.hpp"
#include "shipset/model/matrix.hpp"
#include "shipset/oci/layout.hpp"

namespace shipset::build {

/// A base image pinned to a digest.
struct PinnedBase {
  std::string arg;            ///< build argument, "base" for the native builder, "prebuilt" for an image taken as it is
  std::string reference;      ///< as written
  Digest digest;              ///< of the platform's manifest; of the config, where an archive of Docker has no manifest
  Digest index_digest;        ///< of the index it was found in; empty when it was a single manifest
  std::string platform = {};  ///< that it was pinned for; empty: pinned as a whole, for the builder's own
  bool operator==(const PinnedBase&) const = default;
};

/// What a plan knows about one platform image.
struct Task {
  std::string variant;
  Platform platform;
  BuildSettings settings;
  std::string directory;          ///< paths in settings are relative to it
  std::int64_t epoch_unix_s = 0;  ///< SOURCE_DATE_EPOCH, else 0: times in layers and configs
  std::vector<PinnedBase> bases;
  /// Where variants that this one builds on are already, as build contexts: docker-image://… or oci-layout://…
  std::map<std::string, std::string> variant_places;
  std::string commit;                          ///< source commit when the working tree is clean, else empty
  std::vector<std::filesystem::path> results;  ///< what the release itself writes: never part of its own source
  Digest source;                               ///< digest of the inputs (native: layer inputs)
  std::vector<Problem> warnings;               ///< what people should know before anything is built
  [[nodiscard]] std::string name() const { return variant + "/" + platform.str(); }
};

/// What a builder that runs steps tells about them.
struct BuildSteps {
  std::uint64_t total = 0, cached = 0;  ///< steps of the Dockerfile, and those that its cache had
  std::uint64_t transferred_bytes = 0;  ///< context and base layers that went to the builder
  std::string log;                      ///< path of the log; empty: none
  bool operator==(const BuildSteps&) const = default;
};

struct LayerNote {
  std::string from;  ///< as written in the file
  Digest diff_id;
};

struct BuiltImage {
  oci::Descriptor manifest;  ///< platform set
  /// Where the manifest and everything below it is; nullptr: in BuildContext::work. Else a store of the BaseResolver or
  /// of BuildContext::place, which outlives the build.
  oci::Store* store = nullptr;
  std::uint64_t bytes = 0;  ///< sum of compressed layers
  std::vector<LayerNote> layers;
  /// Attestation manifests about this image that were there already (BuildKit's); descriptors of manifests in the same
  /// store.
  std::vector<oci::Descriptor> attestations;
  std::vector<std::string> notes;  ///< e.g. gzip-fast was not available
};

struct Outcome {
  std::size_t task = 0;  ///< index into the batch
  Result<BuiltImage> result = Error(ErrorKind::internal, "not started");
  BuildSteps steps;  ///< also of a failed one
  std::chrono::milliseconds duration{0};
};

/// A repository that a builder may push to by digest, without this process in between.
struct PushPlace {
  std::string repository;  ///< HOST[:PORT]/PATH as a builder takes it
  oci::Store* store = nullptr;
  bool insecure = false;  ///< plain HTTP, or a certificate that is not checked
};

struct BuildContext {
  oci::LayoutStore* work = nullptr;  ///< where content goes
  /// Where content may go instead; nullopt: only to `work`. Called from the thread of build().
  std::function<std::optional<PushPlace>(const Task&)> place;
  std::filesystem::path log_directory;  ///< one log per build goes there; empty: none is written
  EventSink events;
  CancelToken cancel;
  bool fail_fast = false;
  std::size_t parallel = 2;
};

/// Finds a base image for reading: pins by platform and opens its store. Implemented by the release module over
/// registry and layouts, so that builders do not know transports.
class BaseResolver {
 public:
  virtual ~BaseResolver() = default;
  /// Missing platform: kind spec, naming the platforms that are there. Missing image: not_found.
  virtual Result<PinnedBase> pin(const std::string& reference, const Platform& platform,
                                 const std::string& directory) = 0;
  /// Store that holds the pinned base.
  virtual Result<oci::Store*> open(const std::string& reference, const std::string& directory) = 0;
};

/// Picks the image for `platform` out of `found` (an index, or a single manifest whose config tells), for resolvers.
/// Of several that run there the closest variant wins. Missing platform: kind spec, naming those that are there.
Result<PinnedBase> pin_base(oci::Store& store, const oci::Descriptor& found, const std::string& reference,
                            const Platform& platform);

class Builder {
 public:
  virtual ~Builder() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Checks settings, pins bases and computes `source` for the task. Errors carry context variant and platform.
  /// An input shared by several tasks is read once per Builder object. May be called from several threads.
  virtual Result<void> prepare(Task& task, BaseResolver& bases, const CancelToken& cancel) = 0;
  /// Builds all; `done` is called once per task, from any thread, one at a time. A task that was not begun (stop, or
  /// fail_fast after a failure) has kind cancelled and context state = "not started".
  virtual void build(const std::vector<Task>& tasks, BaseResolver& bases, const BuildContext& context,
                     const std::function<void(Outcome)>& done) = 0;
};

/// "native" and "prebuilt"; others: kind usage with the names that exist.
Result<std::unique_ptr<Builder>> make_builder(std::string_view backend);

}  // namespace shipset::build
