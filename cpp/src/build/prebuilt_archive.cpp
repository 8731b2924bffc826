#include "prebuilt_impl.hpp"

namespace shipset::build::prebuilt {

namespace fs = std::filesystem;

namespace {

/// Of everything that the image will be made of: an archive has no manifest that could be pinned.
Digest source_of(const oci::ArchiveImage& image) {
  Hasher hasher;
  hasher.update(image.config.str());
  hasher.update("\n");
  for (const auto& diff_id : image.diff_ids) {
    hasher.update(diff_id.str());
    hasher.update("\n");
  }
  return hasher.finish();
}

/// The image that the task names, for its platform.
Result<const oci::ArchiveImage*> choose(const Task& task, const Location& location, const oci::DockerArchive& archive) {
  SHIPSET_TRY(const auto* const image, archive.find(location.tag, &task.platform));
  if (!serves(task.platform, image->platform))
    return missing_platform(task, "the archive holds it for " + image->platform.str());
  return image;
}

}  // namespace

fs::path archive_path(const Task& task, const Location& location) {
  return (fs::path(task.directory) / location.path).lexically_normal();
}

Result<void> prepare_archive(Task& task, const Location& location, const oci::DockerArchive& archive) {
  SHIPSET_TRY(const auto* const image, choose(task, location, archive));
  task.source = source_of(*image);
  task.bases = {PinnedBase{"prebuilt", task.settings.prebuilt, image->config, {}}};
  return {};
}

Result<BuiltImage> build_archive(const Task& task, const Location& location, Batch& batch) {
  const BuildContext& context = batch.context;
  const fs::path path = archive_path(task, location);
  const auto open = [&]() -> Result<Archive> {
    SHIPSET_TRY(auto archive, oci::DockerArchive::open(path, context.cancel));
    return std::make_shared<const oci::DockerArchive>(std::move(archive));
  };
  SHIPSET_TRY(const Archive archive, batch.archives.get(path.string(), open));
  SHIPSET_TRY(const auto* const image, choose(task, location, *archive));
  if (source_of(*image) != task.source)
    return Error(ErrorKind::verify, "the docker archive " + path.string() + " changed after the plan was made",
                 "it holds the image " + image->config.str() + " now",
                 "make the plan again if this is the image that shall be released");
  const auto unpack = [&] { return archive->unpack(*image, *context.work, context.cancel); };
  BuiltImage out;
  SHIPSET_TRY(out.manifest, batch.images.get(path.string() + "\n" + image->config.str(), unpack));
  SHIPSET_TRY(const auto got, context.work->manifest(out.manifest.digest));
  SHIPSET_TRY(const auto manifest, oci::Manifest::parse(got.bytes, "manifest " + out.manifest.digest.str()));
  for (const auto& layer : manifest.layers) out.bytes += layer.size;
  return out;
}

}  // namespace shipset::build::prebuilt
