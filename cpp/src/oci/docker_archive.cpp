#include "shipset/oci/docker_archive.hpp"

#include <algorithm>

#include "docker_archive_impl.hpp"
#include "parse_impl.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/reference.hpp"

namespace shipset::oci {

namespace fs = std::filesystem;

using detail::archive_error;
using detail::ArchiveContents;
using detail::Members;

namespace {

constexpr std::size_t max_images = 1000;
constexpr std::size_t max_layers = 1000;
constexpr std::size_t max_names = 1000;

/// An entry of manifest.json.
struct Listed {
  std::string config;  ///< path, links followed
  std::vector<std::string> names;
  std::vector<std::string> layers;  ///< as listed
};

Error no_manifest(const ArchiveContents& contents) {
  std::string hint = "name a file that docker save, podman save or skopeo copy docker-archive: has written";
  if (contents.members.contains("index.json") && contents.members.contains("oci-layout"))
    hint = "it is an OCI layout in a tar: extract it into a folder and name that, oci:PATH";
  else if (contents.members.contains("repositories"))
    hint = "it was saved by Docker before 1.10: save it again with a newer one";
  return archive_error(contents.name, "there is no manifest.json in it", std::move(hint));
}

Result<std::vector<Listed>> read_list(const ArchiveContents& contents) {
  const auto text = contents.documents.find("manifest.json");
  if (text == contents.documents.end()) return no_manifest(contents);
  const std::string object = "manifest.json of " + contents.name;
  JsonLimits limits;
  limits.depth = 8;
  SHIPSET_TRY(const Json json, parse_json(text->second, object, ErrorKind::verify, limits));
  if (!json.is_array() || json.empty()) return archive_error(contents.name, "its manifest.json lists no image");
  if (json.size() > max_images)
    return archive_error(contents.name, "it lists more than " + std::to_string(max_images) + " images");
  std::vector<Listed> out;
  for (const auto& value : json) {
    SHIPSET_TRY(const auto entry, Members::of(value, object, "[" + std::to_string(out.size()) + "]"));
    Listed image;
    SHIPSET_TRY(const std::string config, entry.required_text("Config"));
    SHIPSET_TRY(image.config, contents.file_at(config));
    SHIPSET_TRY(image.names, entry.texts("RepoTags"));
    SHIPSET_TRY(image.layers, entry.texts("Layers"));
    if (image.layers.size() > max_layers || image.names.size() > max_names)
      return archive_error(contents.name,
                           "an image in it has more than " + std::to_string(max_layers) + " layers or names");
    out.push_back(std::move(image));
  }
  return out;
}

/// Config files are named after their digest; a name of another form promises nothing.
Result<void> check_name(const ArchiveContents& contents, const std::string& path, const Digest& digest) {
  std::string stem = fs::path(path).filename().string();
  if (stem.ends_with(".json")) stem.resize(stem.size() - 5);
  const auto promised = Digest::parse("sha256:" + stem);
  if (!promised || *promised == digest) return {};
  return archive_error(
      contents.name,
      "the image config \"" + printable(path, 200) + "\" in it has digest " + digest.str() + ", not that of its name",
      "the archive was changed or damaged: save the image again");
}

Result<ArchiveImage> read_image(const ArchiveContents& contents, const Listed& listed) {
  ArchiveImage out;
  out.names = listed.names;
  out.config_bytes = contents.documents.at(listed.config);
  out.config = Digest::of(out.config_bytes);
  SHIPSET_CHECK(check_name(contents, listed.config, out.config));
  SHIPSET_TRY(auto config,
              ImageConfig::parse(out.config_bytes, "image config " + listed.config + " of " + contents.name));
  if (config.diff_ids.size() != listed.layers.size())
    return archive_error(contents.name, "the image " + out.config.str() + " in it lists " +
                                            std::to_string(listed.layers.size()) + " layers for " +
                                            std::to_string(config.diff_ids.size()) + " diff ids");
  out.platform = std::move(config.platform);
  out.diff_ids = std::move(config.diff_ids);
  for (const auto& layer : listed.layers) {
    SHIPSET_TRY(auto path, contents.file_at(layer));
    out.layer_paths.push_back(std::move(path));
  }
  return out;
}

/// All names of an archive, for hints.
std::string names_of(const std::vector<const ArchiveImage*>& images) {
  std::vector<std::string> out;
  for (const auto* image : images)
    for (const auto& name : image->names)
      if (out.size() < 20 && std::find(out.begin(), out.end(), name) == out.end()) out.push_back(printable(name, 200));
  return join(out, ", ");
}

bool has_name(const ArchiveImage& image, const Reference& wanted) {
  return std::any_of(image.names.begin(), image.names.end(), [&](const std::string& name) {
    const auto reference = Reference::parse(name);
    return reference && reference->or_latest() == wanted;
  });
}

Result<std::vector<ArchiveImage>> read_images(const Source& content, const std::string& name,
                                              const CancelToken& cancel) {
  SHIPSET_TRY(auto contents, detail::read_contents(content, name, cancel));
  SHIPSET_TRY(const auto list, read_list(contents));
  std::set<std::string> missing;
  for (const auto& listed : list)
    if (!contents.documents.contains(listed.config)) missing.insert(listed.config);
  if (!missing.empty()) SHIPSET_CHECK(detail::read_documents(content, missing, contents, cancel));
  for (const auto& path : missing)
    if (!contents.documents.contains(path)) return archive_error(name, "it changed while it was read");
  std::vector<ArchiveImage> out;
  for (const auto& listed : list) {
    SHIPSET_TRY(auto image, read_image(contents, listed));
    out.push_back(std::move(image));
  }
  return out;
}

}  // namespace

Result<DockerArchive> DockerArchive::open(const fs::path& path, const CancelToken& cancel) {
  std::error_code code;
  const bool there = fs::exists(path, code);
  if (!there && !code)
    return Error(ErrorKind::not_found, "there is no docker archive " + path.string(), "the file does not exist",
                 "check the path; docker save -o FILE IMAGE writes such an archive")
        .with("archive", path.string());
  SHIPSET_TRY(auto content, file_source(path));
  return read(std::move(content), path.string(), cancel);
}

Result<DockerArchive> DockerArchive::read(std::unique_ptr<Source> content, std::string name,
                                          const CancelToken& cancel) {
  DockerArchive out(std::move(content), std::move(name));
  auto images = read_images(*out.content_, out.name_, cancel);
  if (!images) return std::move(images).error().with("archive", out.name_);
  out.images_ = std::move(*images);
  return out;
}

Result<const ArchiveImage*> DockerArchive::find(std::string_view reference, const Platform* platform) const {
  std::vector<const ArchiveImage*> all, found;
  for (const auto& image : images_) all.push_back(&image);
  if (reference.empty()) {
    found = all;
  } else {
    SHIPSET_TRY(const Reference parsed, Reference::parse(reference));
    const Reference wanted = parsed.or_latest();
    for (const auto* image : all)
      if (has_name(*image, wanted)) found.push_back(image);
    if (found.empty()) {
      const std::string names = names_of(all);
      return Error(ErrorKind::not_found, "there is no " + printable(reference, 200) + " in the docker archive " + name_,
                   names.empty() ? "the images in it have no names" : "it holds " + names,
                   names.empty() ? "leave the name off: docker-archive:PATH" : "name one of them")
          .with("archive", name_);
    }
  }
  const bool one_name = std::all_of(found.begin(), found.end(), [&](const ArchiveImage* image) {
    return !reference.empty() || image->names == found.front()->names;
  });
  if (found.size() > 1 && platform != nullptr && one_name) {
    const auto fits = [&](const ArchiveImage* image) { return image->platform.matches(*platform); };
    if (std::none_of(found.begin(), found.end(), fits)) return found.front();
    std::erase_if(found, [&](const ArchiveImage* image) { return !fits(image); });
  }
  const bool one = std::all_of(found.begin(), found.end(),
                               [&](const ArchiveImage* image) { return image->config == found.front()->config; });
  if (one) return found.front();
  return Error(ErrorKind::usage, "cannot choose an image of the docker archive " + name_,
               "it holds " + std::to_string(found.size()) + " images" +
                   (names_of(found).empty() ? "" : ": " + names_of(found)),
               names_of(found).empty() ? "save each image into an archive of its own"
                                       : "name one: docker-archive:PATH:REF")
      .with("archive", name_);
}

}  // namespace shipset::oci
