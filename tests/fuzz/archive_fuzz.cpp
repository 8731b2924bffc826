// Docker archives: what is accepted names only files of the archive and configs that fit, and what is unpacked has the
// digests that the config promises.
#include <fstream>

#include "fuzz.hpp"
#include "shipset/base/file.hpp"
#include "shipset/oci/docker_archive.hpp"
#include "shipset/oci/validate.hpp"
#include "tar_check.hpp"

namespace {
using namespace shipset;

std::string unpacked(const oci::DockerArchive& archive, const oci::ArchiveImage& image) {
  const auto folder = TempDirectory::create(std::filesystem::temp_directory_path(), "shipset-fuzz-");
  if (!folder) return {};
  oci::LayoutOptions options;
  options.create = true;
  options.read_only = false;
  options.durable = false;
  const auto store = oci::LayoutStore::open(folder->path() / "layout", options);
  if (!store) return {};
  const auto manifest = archive.unpack(image, **store);
  for (const auto& entry : std::filesystem::directory_iterator(folder->path() / "layout"))
    if (entry.path().filename().string().starts_with(".shipset-tmp-")) return "a temporary file was left";
  if (!manifest) return manifest.error().kind == ErrorKind::verify ? "" : "an error of another kind than verify";
  const auto report = oci::validate(**store, *manifest, {}, {});
  if (!report) return "what was unpacked cannot be read: " + report.error().what;
  // Layers may be any bytes: it is not our archive. All else must hold.
  for (const auto& finding : report->findings)
    if (finding.message.find("diff id") != std::string::npos) return finding.place + ": " + finding.message;
  return {};
}

std::string check(std::string_view bytes) {
  const auto archive = oci::DockerArchive::read(memory_source(std::string(bytes)), "fuzz.tar");
  if (!archive) {
    if (archive.error().kind != ErrorKind::verify) return "an error of another kind than verify";
    return {};
  }
  if (archive->images().empty()) return "an archive without an image was accepted";
  std::size_t looked = 0;
  for (const auto& image : archive->images()) {
    if (image.layer_paths.size() != image.diff_ids.size()) return "layers and diff ids do not fit";
    for (const auto& path : image.layer_paths)
      if (path.empty() || path.front() == '/' || path.find("..") == 0) return "a path leads out of the archive";
    for (const auto& name : image.names)
      if (const auto found = archive->find(name, &image.platform); found && (*found)->names.empty())
        return "an image without a name was found by one";
    if (++looked > 2) continue;
    if (auto wrong = unpacked(*archive, image); !wrong.empty()) return wrong;
  }
  return {};
}
}  // namespace

const shipset::fuzz::Target& shipset::fuzz::target() {
  using namespace std::literals;
  static const Target found{check,
                            {"manifest.json"sv, "\"Config\""sv, "\"Layers\""sv, "\"RepoTags\""sv, "../"sv,
                             "layer.tar"sv, ".json"sv, "blobs/sha256/"sv, "null"sv, "[]"sv, "{}"sv, "\x1f\x8b\x08"sv,
                             "\x28\xb5\x2f\xfd"sv, "2"sv, "1"sv, "77777777777"sv, "diff_ids"sv},
                            repair_checksums,
                            512};
  return found;
}
