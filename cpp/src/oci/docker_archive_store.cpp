#include <algorithm>
#include <map>
#include <mutex>

#include "shipset/base/file.hpp"
#include "shipset/model/reference.hpp"
#include "shipset/oci/docker_archive.hpp"

namespace shipset::oci {

namespace fs = std::filesystem;

namespace {

/// Images are unpacked when they are asked for, into a layout that goes away with the object.
class ArchiveStore final : public Store {
 public:
  ArchiveStore(DockerArchive archive, TempDirectory folder, std::unique_ptr<LayoutStore> layout, CancelToken cancel)
      : archive_(std::move(archive)),
        folder_(std::move(folder)),
        layout_(std::move(layout)),
        cancel_(std::move(cancel)) {}

  [[nodiscard]] std::string name() const override { return "docker-archive:" + archive_.name(); }

  Result<std::optional<Descriptor>> resolve(std::string_view tag) override {
    SHIPSET_TRY(const auto* const image, archive_.find(tag));
    SHIPSET_TRY(Descriptor out, unpacked(*image));
    const auto reference = Reference::parse(tag.empty() && !image->names.empty() ? image->names.front() : tag);
    if (reference && !reference->or_latest().tag().empty())
      out.annotations[std::string(ref_name_key)] = reference->or_latest().tag();
    return out;
  }
  Result<ManifestBytes> manifest(const Digest& digest) override {
    SHIPSET_CHECK(has_manifest(digest));
    return layout_->manifest(digest);
  }
  /// Which image a digest belongs to shows when it is unpacked: who knows one may have it from another store.
  Result<bool> has_manifest(const Digest& digest) override {
    for (const auto& image : archive_.images()) {
      SHIPSET_TRY(const bool there, layout_->has_manifest(digest));
      if (there) return true;
      SHIPSET_CHECK(unpacked(image));
    }
    return layout_->has_manifest(digest);
  }
  Result<bool> has_blob(const Descriptor& blob) override { return layout_->has_blob(blob); }
  Result<std::unique_ptr<Source>> blob(const Descriptor& blob) override { return layout_->blob(blob); }
  Result<std::vector<std::string>> tags() override {
    std::vector<std::string> out;
    for (const auto& image : archive_.images()) out.insert(out.end(), image.names.begin(), image.names.end());
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }
  Result<std::vector<Descriptor>> referrers(const Digest& digest, std::string_view artifact_type) override {
    return layout_->referrers(digest, artifact_type);
  }

  Result<BlobPut> put_blob(const Descriptor&, const Source&, const EventSink&, const CancelToken&) override {
    return read_only();
  }
  Result<void> put_manifest(const Descriptor&, std::string_view) override { return read_only(); }
  Result<void> put_tag(std::string_view, const Descriptor&, std::string_view) override { return read_only(); }
  Result<bool> remove_tag(std::string_view) override { return read_only(); }
  Result<void> check_writable() override { return read_only(); }

 private:
  Result<Descriptor> unpacked(const ArchiveImage& image) {
    const std::lock_guard lock(mutex_);
    auto at = unpacked_.find(image.config);
    if (at == unpacked_.end()) {
      SHIPSET_TRY(auto made, archive_.unpack(image, *layout_, cancel_));
      at = unpacked_.emplace(image.config, std::move(made)).first;
    }
    return at->second;
  }
  [[nodiscard]] Error read_only() const {
    return Error(ErrorKind::usage, "cannot write to " + name(), "archives of Docker are read only",
                 "write to a registry or to oci:PATH")
        .with("store", name());
  }

  DockerArchive archive_;
  TempDirectory folder_;
  std::unique_ptr<LayoutStore> layout_;
  CancelToken cancel_;
  std::mutex mutex_;
  std::map<Digest, Descriptor> unpacked_;
};

}  // namespace

Result<std::unique_ptr<Store>> open_docker_archive(const fs::path& path, const CancelToken& cancel) {
  SHIPSET_TRY(auto archive, DockerArchive::open(path, cancel));
  std::error_code code;
  const fs::path place = fs::temp_directory_path(code);
  if (code) return Error(ErrorKind::io, "there is no folder for temporary files", code.message(), "set TMPDIR");
  SHIPSET_TRY(auto folder, TempDirectory::create(place, "shipset-archive-"));
  LayoutOptions options;
  options.create = true;
  options.read_only = false;
  options.durable = false;
  SHIPSET_TRY(auto layout, LayoutStore::open(folder.path() / "layout", options));
  return std::unique_ptr<Store>(
      std::make_unique<ArchiveStore>(std::move(archive), std::move(folder), std::move(layout), cancel));
}

}  // namespace shipset::oci
