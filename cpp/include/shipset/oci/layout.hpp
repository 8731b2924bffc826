// OCI image layout on disk (image-spec image-layout.md) as a Store. Blobs are written to a temporary file, hashed
// while written, and renamed; index.json is replaced atomically; one process writes at a time (flock, 30 s wait).
// Thread-safe. Errors: io (disk), verify (content), not_found.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>

#include "shipset/oci/store.hpp"

namespace shipset::oci {

struct LayoutOptions {
  bool create = false;     ///< make the directory and oci-layout when missing; implies writing
  bool read_only = true;   ///< no lock is taken, nothing is written
  bool exclusive = false;  ///< hold the writer's lock from open to destruction (else per write)
  bool sparse = false;     ///< take manifests whose content is elsewhere, for a store of what is new only
  bool durable = true;     ///< flush every file to the disk; false for a layout that is thrown away
  std::chrono::milliseconds lock_wait{30'000};
  CancelToken cancel{};             ///< ends waiting for the lock
  std::function<void()> on_wait{};  ///< called when waiting for the lock begins
};

struct GcReport {
  std::uint64_t removed_blobs = 0, removed_bytes = 0, kept_blobs = 0;
};

class LayoutStore : public Store {
 public:
  /// Errors: not_found / io when it is no layout; verify for a broken oci-layout or index.json.
  static Result<std::unique_ptr<LayoutStore>> open(const std::filesystem::path& path, const LayoutOptions& options);
  [[nodiscard]] virtual const std::filesystem::path& path() const = 0;
  /// A writer for a blob whose digest is not known yet: bytes go to a temporary file in the layout.
  class BlobWriter : public Writer {
   public:
    /// Takes the content in under its digest (computed while writing); returns digest and size.
    virtual Result<Descriptor> commit(std::string_view media_type) = 0;
  };
  virtual Result<std::unique_ptr<BlobWriter>> new_blob() = 0;
  /// index.json as it stands (verified JSON).
  virtual Result<Index> index() = 0;
  /// Deletes blobs that no entry of index.json reaches, and left-over temporary files of processes that died. What
  /// refers to something reachable stays. Takes the writer's lock (not for a dry run); a process that stores content
  /// and tags it later must hold the layout exclusively meanwhile.
  virtual Result<GcReport> collect_garbage(bool dry_run) = 0;
};

}  // namespace shipset::oci
