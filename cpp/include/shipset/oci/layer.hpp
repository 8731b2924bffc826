// Writes layers: from a directory, a file or an existing tar, deterministic, compressed, with digest and diff id in
// one pass. Entries are sorted by path bytes, parents first; times are `mtime_unix_s`; nothing of the host gets in.
// One call uses both cores; memory is bounded. specs §2.5.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "shipset/base/cancel.hpp"
#include "shipset/base/compress.hpp"
#include "shipset/base/event.hpp"
#include "shipset/base/tar.hpp"
#include "shipset/oci/layout.hpp"

namespace shipset::oci {

struct LayerInput {
  std::filesystem::path from;  ///< directory, file, or tar (.tar, .tar.gz, .tgz, .tar.zst)
  std::string to = "/";        ///< see NativeLayer::to
  std::optional<std::uint64_t> uid, gid;
  std::optional<std::uint32_t> mode;  ///< for regular files
};

struct LayerOptions {
  Compression compression = Compression::gzip;
  std::int64_t mtime_unix_s = 0;
  unsigned threads = 0;  ///< 0 = number of cores
  CancelToken cancel;
};

struct LayerResult {
  Descriptor descriptor;  ///< compressed: media type, digest, size
  Digest diff_id;         ///< of the uncompressed tar
  std::uint64_t uncompressed_bytes = 0;
  Compression used = Compression::gzip;  ///< differs from the wanted one where gzip-fast is not available
};

/// Packs one input into a layer and stores it in `store`.
Result<LayerResult> pack_layer(const LayerInput& input, const LayerOptions& options, LayoutStore& store);

/// Compresses an existing tar as it is (entries checked, bytes unchanged) into any Writer; for tools and benches.
Result<LayerResult> pack_tar(Reader& tar, Writer& out, const LayerOptions& options);

/// Digest of what pack_layer would read: sorted entries with metadata and content digests, no compression. Equal
/// inputs give equal digests on every machine.
Result<Digest> input_digest(const LayerInput& input, const LayerOptions& options);

}  // namespace shipset::oci
