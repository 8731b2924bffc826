// Private to layers: writes the uncompressed tar of an input.
#pragma once

#include "shipset/oci/layer.hpp"

namespace shipset::oci::detail {

/// What an input turns into: owners, times and names as the layer has them.
struct LayerPlan {
  const LayerInput& input;
  const LayerOptions& options;
  std::string to;  ///< plain form: "." or a path without slashes at its ends
  [[nodiscard]] TarEntry entry(TarType type, std::string path, std::uint32_t mode) const;
};

/// The directories above a path as entries. /tmp, /var/tmp and /root keep the modes that every base gives them.
Result<void> write_parents(const LayerPlan& plan, std::string_view path, TarWriter& out);

/// A file under `name`; an error when its size changes meanwhile. `follow`: a symbolic link may stand for it.
Result<void> write_file(const LayerPlan& plan, const std::filesystem::path& path, const std::string& name, bool follow,
                        TarWriter& out);
/// Everything below a directory, not the directory itself.
Result<void> write_directory(const LayerPlan& plan, TarWriter& out);

/// The whole tar of an input.
Result<void> write_layer(const LayerInput& input, const LayerOptions& options, Writer& out);
/// Checks a tar while its bytes go through to `out`, to the end of the input.
Result<void> copy_tar(Reader& tar, Writer& out);

std::string_view layer_media_type(Compression compression) noexcept;

}  // namespace shipset::oci::detail
