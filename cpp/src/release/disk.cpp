#include "disk.hpp"

#include <set>

namespace shipset::release {

namespace fs = std::filesystem;

namespace {
std::uint64_t size_of(const fs::path& path) {
  std::error_code code;
  const auto status = fs::symlink_status(path, code);
  if (fs::is_regular_file(status)) {
    const auto size = fs::file_size(path, code);
    return code ? 0 : size;
  }
  std::uint64_t sum = 0;
  if (!fs::is_directory(status)) return 0;
  for (auto at = fs::recursive_directory_iterator(path, fs::directory_options::skip_permission_denied, code);
       !code && at != fs::recursive_directory_iterator(); at.increment(code)) {
    std::error_code ignored;
    if (!at->is_symlink(ignored) && at->is_regular_file(ignored)) {
      const auto size = at->file_size(ignored);
      if (!ignored) sum += size;
    }
  }
  return sum;
}
}  // namespace

std::uint64_t disk_need(const Plan& plan) {
  std::set<fs::path> inputs;
  for (const auto& variant : plan.variants) {
    if (variant.action != VariantAction::build && variant.action != VariantAction::repair) continue;
    for (const auto& image : variant.images) {
      const auto& settings = image.task.settings;
      const fs::path directory = image.task.directory;
      if (settings.backend == "native")
        for (const auto& layer : settings.native.layers) inputs.insert(directory / layer.from);
      if (settings.backend != "prebuilt") continue;
      // Only archives are unpacked; what lies in a layout or a registry goes from there.
      const auto location = Location::parse(settings.prebuilt);
      if (location && location->kind == Location::Kind::docker_archive) inputs.insert(directory / location->path);
    }
  }
  std::uint64_t sum = 0;
  for (const auto& input : inputs) sum += size_of(input);
  return sum;
}

}  // namespace shipset::release
