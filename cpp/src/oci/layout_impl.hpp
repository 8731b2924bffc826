// The OCI layout on disk behind LayoutStore. Four sources: layout.cpp (opening, manifests, tags), layout_blob.cpp
// (reading and writing blobs), layout_partial.cpp (what a broken copy leaves), layout_graph.cpp (referrers and garbage
// collection). Private.
//
// Writers: temporary files are made and renamed while the layout's lock is held, and carry a shared flock while they
// live, so that who holds the lock can tell the files of dead processes from those of living ones.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "index_file_impl.hpp"
#include "layout_partial_impl.hpp"
#include "shipset/base/file.hpp"
#include "shipset/oci/layout.hpp"

namespace shipset::oci::detail {

inline constexpr std::string_view lock_name = ".shipset.lock";
inline constexpr std::string_view temp_prefix = ".shipset-tmp-";

/// A regular file opened for reading; FIFOs and devices are refused without blocking. Errors: not_found, io.
struct OpenFile {
  int fd = -1;
  std::uint64_t size = 0;
  static Result<OpenFile> open(const std::filesystem::path& path);
  OpenFile() = default;
  OpenFile(OpenFile&& other) noexcept : fd(std::exchange(other.fd, -1)), size(other.size) {}
  OpenFile& operator=(OpenFile&& other) noexcept;
  ~OpenFile();
  Result<std::size_t> read(std::span<std::byte> buffer, const std::filesystem::path& path) const;
  /// The whole file; more than `limit` bytes is an error of kind verify.
  [[nodiscard]] Result<std::string> read_all(std::uint64_t limit, const std::filesystem::path& path) const;
};

/// Held while something in the layout changes.
struct WriteGuard {
  std::unique_lock<std::mutex> thread;
  std::optional<FileLock> process;
};

class DiskLayout final : public LayoutStore {
 public:
  DiskLayout(std::filesystem::path path, LayoutOptions options);
  Result<void> prepare();

  [[nodiscard]] const std::filesystem::path& path() const override { return path_; }
  [[nodiscard]] std::string name() const override { return "oci:" + path_.string(); }
  Result<std::optional<Descriptor>> resolve(std::string_view tag) override;
  Result<ManifestBytes> manifest(const Digest& digest) override;
  Result<bool> has_manifest(const Digest& digest) override;
  Result<bool> has_blob(const Descriptor& blob) override;
  Result<std::unique_ptr<Source>> blob(const Descriptor& blob) override;
  Result<BlobPut> put_blob(const Descriptor& blob, const Source& content, const EventSink& events,
                           const CancelToken& cancel) override;
  Result<void> put_manifest(const Descriptor& manifest, std::string_view bytes) override;
  Result<void> put_tag(std::string_view tag, const Descriptor& manifest, std::string_view bytes) override;
  Result<bool> remove_tag(std::string_view tag) override;
  Result<bool> remove_manifest(const Descriptor& manifest) override;
  Result<std::vector<std::string>> tags() override;
  Result<std::vector<Descriptor>> referrers(const Digest& digest, std::string_view artifact_type) override;
  Result<void> check_writable() override;
  Result<std::unique_ptr<BlobWriter>> new_blob() override;
  Result<Index> index() override;
  Result<GcReport> collect_garbage(bool dry_run) override;

  [[nodiscard]] std::filesystem::path blob_path(const Digest& digest) const;
  Result<WriteGuard> lock_for_writing();
  /// A temporary file in the layout that living processes and threads leave alone.
  Result<TempFile> new_temp();
  /// Takes a finished temporary file in under its digest.
  Result<void> place(TempFile temp, const Digest& digest);
  /// Error with the context of this store.
  Error mark(Error error) const;
  Error mark(Error error, const Digest& digest) const;

 private:
  Result<void> create_files();
  Result<void> check_version() const;
  Result<void> remove_dead_temps(bool dry_run, GcReport& report) const;
  Result<void> write_root_file(std::string_view name, std::string_view bytes);
  Result<std::shared_ptr<const IndexFile>> load_index();
  Result<void> edit_index(const std::function<bool(IndexFile&)>& edit);
  Result<std::string> read_verified(const Digest& digest, std::uint64_t limit) const;
  Result<void> check_children(const Descriptor& manifest, std::string_view bytes);
  Result<void> move_in(const std::filesystem::path& temp, const Digest& digest);
  Result<std::optional<PartialBlob>> open_partial(const Descriptor& blob);
  /// Goes on with what an earlier put left, and leaves what it has when it breaks off.
  Result<BlobPut> put_resumable(const Descriptor& blob, const Source& content, PartialBlob partial,
                                const EventSink& events, const CancelToken& cancel);
  Result<bool> try_link(const Descriptor& blob, const Source& content, const CancelToken& cancel);
  Result<std::map<Digest, std::uint64_t>> list_blobs() const;
  Result<void> scan_subjects(const std::map<Digest, std::uint64_t>& blobs);
  /// Everything below index.json, and what refers to it.
  Result<std::set<Digest>> reachable(const std::map<Digest, std::uint64_t>& blobs);

  const std::filesystem::path path_;
  const LayoutOptions options_;
  std::optional<FileLock> exclusive_;
  std::mutex write_mutex_;

  struct FileState {
    std::uint64_t inode = 0, size = 0;
    std::int64_t modified_ns = 0, changed_ns = 0;
    bool operator==(const FileState&) const = default;
  };
  Result<FileState> index_state() const;
  std::mutex cache_mutex_;
  FileState cached_state_;
  std::shared_ptr<const IndexFile> cached_index_;
  /// Every small blob that was looked at, and what it refers to if it is a manifest with a subject.
  struct SubjectNote {
    Digest subject;  ///< empty: not a referrer
    Descriptor descriptor;
  };
  std::mutex subjects_mutex_;
  std::map<Digest, SubjectNote> subjects_;
  std::vector<SubjectNote> listed_referrers_;                ///< those that were there at the last look
  std::optional<std::vector<std::int64_t>> listed_times_{};  ///< of the folders then
};

/// Progress of one blob, told in steps.
struct Told {
  static constexpr std::uint64_t step_bytes = 4u << 20;
  const EventSink& events;
  const Descriptor& blob;
  std::uint64_t done = 0, last = 0;
  void more(std::size_t count) {
    done += count;
    if (done - last < step_bytes) return;
    last = done;
    emit(events, {EventKind::blob_progress, {}, blob.digest.str(), {}, done, blob.size, {}});
  }
};

/// Runs a whole stream through a hasher and `sink`; kind verify when digest or size differ.
Result<void> hash_stream(const Descriptor& blob, const std::function<Result<std::size_t>(std::span<std::byte>)>& read,
                         const std::function<Result<void>(std::span<const std::byte>)>& sink);

/// Reads a manifest's own media type; kind verify when it is neither manifest nor index.
Result<std::string> media_type_of(std::string_view bytes, std::string_view object);

}  // namespace shipset::oci::detail
