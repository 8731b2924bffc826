#include <algorithm>

#include "each_task_impl.hpp"
#include "prebuilt_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build::prebuilt {

namespace {

constexpr std::uint64_t max_config_bytes = 8u << 20;
constexpr std::size_t max_index_depth = 4;

Result<Location> locate(const Task& task) {
  const std::string& text = task.settings.prebuilt;
  if (text.empty())
    return Error(ErrorKind::spec, "cannot take " + task.name() + " from somewhere: no prebuilt image is named",
                 "the backend is prebuilt, and nothing says which image that is",
                 "set it for the variant, [variant.prebuilt] image = \"…\", or for one platform, "
                 "[variant.platform.\"" +
                     task.platform.str() + "\".prebuilt] image = \"…\"");
  auto location = Location::parse(text);
  if (location) return location;
  return Error(ErrorKind::spec, "wrong prebuilt image \"" + printable(text, 200) + "\" of " + task.name(),
               location.error().what + (location.error().why.empty() ? "" : ": " + location.error().why),
               location.error().hint.empty() ? "write a reference, oci:PATH[:TAG|@DIGEST] or docker-archive:PATH[:REF]"
                                             : location.error().hint);
}

/// Settings of the task that would have to go into the image.
std::vector<std::string> without_effect(const BuildSettings& settings) {
  std::vector<std::string> out;
  const auto note = [&](bool set, const char* key) {
    if (set) out.emplace_back(key);
  };
  note(!settings.args.empty(), "args");
  note(!settings.target.empty(), "target");
  note(!settings.bases.empty(), "base or bases");
  note(!settings.labels.empty(), "labels");
  note(std::any_of(settings.annotations.begin(), settings.annotations.end(),
                   [](const auto& item) { return !item.first.starts_with("index:"); }),
       "annotations of the manifest");
  note(!settings.contexts.empty(), "contexts");
  note(!settings.secrets.empty(), "secrets");
  note(!settings.ssh.empty(), "ssh");
  note(settings.rewrite_timestamp, "rewrite_timestamp");
  return out;
}

void warn(Task& task) {
  const auto ignored = without_effect(task.settings);
  if (ignored.empty()) return;
  Problem problem;
  problem.severity = Problem::Severity::warning;
  problem.message = "variant " + task.variant + " is prebuilt and taken as it is: " + join(ignored, ", ") +
                    (ignored.size() == 1 ? " has" : " have") + " no effect on it";
  problem.hint = "take them off this variant (unset = […]), or let the job that builds the image set them";
  task.warnings.push_back(std::move(problem));
}

struct Image {
  oci::Descriptor descriptor;
  oci::Manifest manifest;
  oci::ImageConfig config;
};

/// Manifest and config of the pinned image, read and found to be for the platform.
Result<Image> read_image(const Task& task, oci::Store& store, const Digest& digest) {
  Image out;
  SHIPSET_TRY(auto got, store.manifest(digest));
  const std::string object = "prebuilt image " + task.settings.prebuilt;
  SHIPSET_TRY(out.manifest, oci::Manifest::parse(got.bytes, object));
  SHIPSET_TRY(const auto source, store.blob(out.manifest.config));
  SHIPSET_TRY(const auto reader, source->open());
  SHIPSET_TRY(const auto bytes, read_all(*reader, max_config_bytes, "the config of the " + object));
  SHIPSET_TRY(out.config, oci::ImageConfig::parse(bytes, "the config of the " + object));
  if (!serves(task.platform, out.config.platform))
    return missing_platform(task, "its config says that it is for " + out.config.platform.str());
  if (out.config.diff_ids.size() != out.manifest.layers.size())
    return Error(ErrorKind::verify, "cannot use the " + object,
                 "its config has " + std::to_string(out.config.diff_ids.size()) + " diff ids for " +
                     std::to_string(out.manifest.layers.size()) + " layers");
  out.descriptor = std::move(got.descriptor);
  out.descriptor.platform = out.config.platform;
  return out;
}

/// What an index, or one inside it, says about the image.
Result<void> find_attestations(oci::Store& store, const Digest& index_digest, const Digest& image, std::size_t depth,
                               BuiltImage& out) {
  SHIPSET_TRY(const auto got, store.manifest(index_digest));
  if (!oci::is_index(got.descriptor.media_type)) return {};
  SHIPSET_TRY(const auto index, oci::Index::parse(got.bytes, "index " + index_digest.str()));
  for (const auto& entry : index.manifests) {
    if (oci::is_index(entry.media_type) && depth < max_index_depth)
      SHIPSET_CHECK(find_attestations(store, entry.digest, image, depth + 1, out));
    if (!oci::is_attestation(entry) || !oci::is_manifest(entry.media_type)) continue;
    const auto about_image = entry.annotations.find(std::string(oci::reference_digest_key));
    if (about_image == entry.annotations.end() || about_image->second != image.str()) continue;
    SHIPSET_TRY(const bool there, store.has_manifest(entry.digest));
    if (there)
      out.attestations.push_back(entry);
    else
      out.notes.push_back("the attestation manifest " + entry.digest.str() + " about the image is not there any more");
  }
  return {};
}

Result<BuiltImage> build_stored(const Task& task, Batch& batch) {
  const auto pinned =
      std::find_if(task.bases.begin(), task.bases.end(), [](const PinnedBase& base) { return base.arg == "prebuilt"; });
  if (pinned == task.bases.end())
    return Error(ErrorKind::internal, "cannot take " + task.name(),
                 "its image " + task.settings.prebuilt + " is not pinned");
  BuiltImage out;
  {
    const std::lock_guard lock(batch.bases_mutex);
    SHIPSET_TRY(out.store, batch.bases.open(task.settings.prebuilt, task.directory));
  }
  auto image = read_image(task, *out.store, pinned->digest);
  if (!image) {
    Error error = std::move(image).error();
    if (error.kind == ErrorKind::not_found && error.hint.empty())
      error.hint = "the plan names this digest: put the image back, or make the plan again";
    return error;
  }
  out.manifest = image->descriptor;
  // A registry is asked when content moves; what a folder lacks is known at once.
  const bool local = dynamic_cast<oci::LayoutStore*>(out.store) != nullptr;
  for (const auto& layer : image->manifest.layers) {
    SHIPSET_CHECK(batch.context.cancel.check());
    out.bytes += layer.size;
    if (local && layer.urls.empty()) SHIPSET_CHECK(out.store->blob(layer));
  }
  if (!pinned->index_digest.empty())
    SHIPSET_CHECK(find_attestations(*out.store, pinned->index_digest, pinned->digest, 0, out));
  return out;
}

/// The words of bases, said of a prebuilt image.
Error as_prebuilt(Error error, const Task& task) {
  if (error.kind == ErrorKind::spec && error.context.contains("base"))
    return missing_platform(task, std::move(error.why));
  return error;
}

}  // namespace

Error missing_platform(const Task& task, std::string why) {
  return Error(ErrorKind::spec,
               "the prebuilt image " + task.settings.prebuilt + " does not exist for " + task.platform.str(),
               std::move(why),
               "take the platform off variant " + task.variant +
                   ", or name another image for it: [variant.platform.\"" + task.platform.str() +
                   "\".prebuilt] image = \"…\"")
      .with("image", task.settings.prebuilt)
      .with("missing_platform", task.platform.str());
}

bool serves(const Platform& wanted, const Platform& config) {
  const Platform a = wanted.normalized(), b = config.normalized();
  return a.os == b.os && a.architecture == b.architecture && a.variant == b.variant &&
         (a.os_version.empty() || b.os_version.empty() || a.os_version == b.os_version);
}

Result<void> PrebuiltBuilder::prepare(Task& task, BaseResolver& bases, const CancelToken& cancel) {
  const auto prepare_stored = [&]() -> Result<void> {
    SHIPSET_TRY(auto pinned, bases.pin(task.settings.prebuilt, task.platform, task.directory));
    pinned.arg = "prebuilt";
    SHIPSET_TRY(auto* const store, bases.open(task.settings.prebuilt, task.directory));
    SHIPSET_CHECK(read_image(task, *store, pinned.digest));
    task.source = pinned.digest;
    task.bases = {std::move(pinned)};
    return {};
  };
  const auto prepare_any = [&]() -> Result<void> {
    SHIPSET_TRY(const Location location, locate(task));
    if (location.kind != Location::Kind::docker_archive) return prepare_stored();
    const auto path = archive_path(task, location);
    const auto open = [&]() -> Result<Archive> {
      SHIPSET_TRY(auto archive, oci::DockerArchive::open(path, cancel));
      return std::make_shared<const oci::DockerArchive>(std::move(archive));
    };
    SHIPSET_TRY(const Archive archive, archives_.get(path.string(), open));
    return prepare_archive(task, location, *archive);
  };
  task.bases.clear();
  if (auto prepared = prepare_any(); !prepared) return about(as_prebuilt(std::move(prepared).error(), task), task);
  warn(task);
  return {};
}

void PrebuiltBuilder::build(const std::vector<Task>& tasks, BaseResolver& bases, const BuildContext& context,
                            const std::function<void(Outcome)>& done) {
  Batch batch{bases, context, {}, {}, {}};
  const auto make = [&](const Task& task) -> Result<BuiltImage> {
    SHIPSET_TRY(const Location location, locate(task));
    if (location.kind != Location::Kind::docker_archive) return build_stored(task, batch);
    if (context.work == nullptr) return Error(ErrorKind::internal, "cannot build " + task.name(), "no work store");
    return build_archive(task, location, batch);
  };
  each_task(tasks, context, make, done);
}

}  // namespace shipset::build::prebuilt
