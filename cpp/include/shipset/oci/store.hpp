// Store: one repository, wherever it lives (OCI layout directory, registry, memory). The only interface through which
// content moves. Content is addressed by digest and verified on both ways; tags are names for manifests.
// Implementations are thread-safe. Errors carry context "store" (name()) and, where it helps, "digest" or "tag".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/bytes.hpp"
#include "shipset/base/cancel.hpp"
#include "shipset/base/event.hpp"
#include "shipset/oci/types.hpp"

namespace shipset::oci {

struct ManifestBytes {
  Descriptor descriptor;  ///< media type, digest, size (digest was recomputed from the bytes)
  std::string bytes;
};

/// What putting a blob cost. sent == 0: nothing had to move (it was there, was linked, or is empty).
struct BlobPut {
  std::uint64_t sent = 0;   ///< bytes that went out or were written, those of broken attempts included
  std::uint64_t again = 0;  ///< of these, bytes that had gone out before in this or an earlier process
  std::uint64_t kept = 0;   ///< bytes that the destination still held from an earlier attempt; they were not sent
};

/// What one cheap question tells about the tags of a repository.
struct TagGlance {
  bool complete = false;  ///< false: there may be more tags than these
  std::vector<std::string> tags;
};

/// A tag that is to be set, and what it must still hold for that.
struct TagSet {
  std::string tag;
  std::optional<Digest> holds;  ///< nullopt: there is no such tag yet
};

class Store {
 public:
  virtual ~Store() = default;

  /// For people: `oci:dist/app` or `localhost:5000/app`.
  [[nodiscard]] virtual std::string name() const = 0;
  /// Repositories with the same pool may take blobs from each other by mount_blob. Empty: none.
  [[nodiscard]] virtual std::string pool() const { return {}; }

  /// Where a tag points, without its bytes; nullopt: there is no such tag (only where that is certain).
  virtual Result<std::optional<Descriptor>> resolve(std::string_view tag) = 0;
  /// Bytes of a manifest or index by digest, verified; at most max_manifest_bytes. Missing: kind not_found.
  virtual Result<ManifestBytes> manifest(const Digest& digest) = 0;
  virtual Result<bool> has_manifest(const Digest& digest) = 0;
  virtual Result<bool> has_blob(const Descriptor& blob) = 0;
  /// A blob as a source that verifies digest and size when it is read from offset 0 to its end.
  virtual Result<std::unique_ptr<Source>> blob(const Descriptor& blob) = 0;

  /// Stores a blob; the bytes must have the descriptor's digest and size (kind verify otherwise, nothing stored).
  /// Progress as blob_progress events.
  virtual Result<BlobPut> put_blob(const Descriptor& blob, const Source& content, const EventSink& events,
                                   const CancelToken& cancel) = 0;
  /// Tries to take the blob over from another repository of the same registry without moving bytes.
  virtual Result<bool> mount_blob(const Descriptor& blob, const Store& from) {
    (void)blob, (void)from;
    return false;
  }
  /// Stores manifest bytes by digest. Everything it refers to must be there.
  virtual Result<void> put_manifest(const Descriptor& manifest, std::string_view bytes) = 0;
  /// Points a tag at a manifest that is there.
  virtual Result<void> put_tag(std::string_view tag, const Descriptor& manifest, std::string_view bytes) = 0;
  /// Points several tags at one manifest, in as few requests as the store can; where it compares, each only while it
  /// holds what is said (kind tag_moved otherwise). After an error some of them may be set.
  virtual Result<void> put_tags(const std::vector<TagSet>& tags, const Descriptor& manifest, std::string_view bytes) {
    for (const auto& item : tags) SHIPSET_CHECK(put_tag(item.tag, manifest, bytes));
    return {};
  }
  /// Removes a tag. False: this store cannot (the caller reports it). A tag that is not there is true.
  virtual Result<bool> remove_tag(std::string_view tag) = 0;
  /// Deletes a manifest by digest, which takes every tag on it along, and its entry in a list of its subject's
  /// referrers. False: this store cannot (the caller reports it). One that is not there is true.
  virtual Result<bool> remove_manifest(const Descriptor& manifest) {
    (void)manifest;
    return false;
  }
  /// All tags, sorted by bytes. A cut or refused listing is an error, never a short list.
  virtual Result<std::vector<std::string>> tags() = 0;
  /// As much of the tags as one request tells; never an error but cancellation. Not for decisions that must be right.
  virtual Result<TagGlance> glance() { return TagGlance{}; }
  /// Manifests whose subject is `digest`; artifact_type "" = all.
  virtual Result<std::vector<Descriptor>> referrers(const Digest& digest, std::string_view artifact_type) = 0;
  /// Proves that content can be written (a registry: opens and cancels an upload). Cheap; no content is left.
  virtual Result<void> check_writable() = 0;
};

}  // namespace shipset::oci
