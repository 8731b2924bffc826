// Archives of `docker save`, `podman save` and `skopeo copy docker-archive:`: a tar with manifest.json, one config and
// the layers of each image. Read as a stream, also when gzip or zstd is around it; nothing is extracted but what an
// image needs. Old archives (a folder per layer, links between them) and new ones (blobs/sha256/…) are read alike.
// Everything in the archive is suspect: links are followed inside it only, and layers must have the diff ids of their
// config. An object is immutable; unpack() may be called from several threads.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/bytes.hpp"
#include "shipset/base/cancel.hpp"
#include "shipset/oci/layout.hpp"

namespace shipset::oci {

/// One image of an archive.
struct ArchiveImage {
  std::vector<std::string> names;  ///< as the archive writes them, e.g. "app:v1" or "docker.io/library/app:v1"
  Digest config;                   ///< what Docker calls the image's id
  Platform platform;
  std::vector<Digest> diff_ids;
  std::string config_bytes;
  std::vector<std::string> layer_paths;  ///< files of the archive, links followed; as many as there are diff ids
};

class DockerArchive {
 public:
  /// Reads the archive once and learns what it holds. No such file: kind not_found; unreadable: io; damaged, hostile
  /// or no docker archive: verify, with context "archive".
  static Result<DockerArchive> open(const std::filesystem::path& path, const CancelToken& cancel = {});
  /// The same for any bytes; `name` is for messages.
  static Result<DockerArchive> read(std::unique_ptr<Source> content, std::string name, const CancelToken& cancel = {});

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::vector<ArchiveImage>& images() const noexcept { return images_; }

  /// The image of that name (any spelling of the reference; "" = the only one). `platform`, when given, decides among
  /// images of the same name; when none of them fits it is one of the others, whose platform tells. There is none:
  /// not_found. More than one: usage, naming them.
  [[nodiscard]] Result<const ArchiveImage*> find(std::string_view reference, const Platform* platform = nullptr) const;

  /// Reads the archive once more and puts the image into `store` as an OCI image, without a tag: the config's bytes as
  /// they are, layers that are plain compressed by gzip (same bytes everywhere), compressed ones as they are.
  /// Descriptor of the manifest with platform. Errors as above; io of the store. On an error no part of a blob is left.
  [[nodiscard]] Result<Descriptor> unpack(const ArchiveImage& image, LayoutStore& store,
                                          const CancelToken& cancel = {}) const;

 private:
  DockerArchive(std::unique_ptr<Source> content, std::string name)
      : content_(std::move(content)), name_(std::move(name)) {}
  std::unique_ptr<Source> content_;
  std::string name_;
  std::vector<ArchiveImage> images_;
};

/// An archive as a read-only Store, for copying and looking. The tags are the names of its images as find() takes them,
/// "" too; what is resolved is unpacked into a folder for temporary files (TMPDIR) that goes away with the store. The
/// descriptor carries the tag of the name as ref.name. Errors as of DockerArchive.
Result<std::unique_ptr<Store>> open_docker_archive(const std::filesystem::path& path, const CancelToken& cancel = {});

}  // namespace shipset::oci
