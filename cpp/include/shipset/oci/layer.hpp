// Writes layers: from a directory, a file or an existing tar, deterministic, compressed, with digest and diff id in
// one pass. Entries are sorted by path bytes, parents first; times are `mtime_unix_s`; nothing of the host gets in.
// One call uses all cores it is given; memory is bounded. Thread-safe: one call, one layer. specs §2.5.
//
// From a directory: files keep their permission bits without group and other write (so 0644 and 0755 from any
// checkout), directories likewise, without setgid, but a sticky directory keeps its write bits; symbolic links stay
// links; files that share an inode become hard links to the first of them. Owners, times, extended attributes
// (security labels and capabilities depend on the file system) are not taken: put what needs them into a tar.
// Sockets, fifos, devices and names that begin with ".wh." (they would delete files) are refused, kind build.
#pragma once

#include <filesystem>
#include <optional>

#include "shipset/base/cancel.hpp"
#include "shipset/base/compress.hpp"
#include "shipset/base/tar.hpp"
#include "shipset/oci/layout.hpp"

namespace shipset::oci {

struct LayerInput {
  std::filesystem::path from;             ///< directory, file, or tar (.tar, .tar.gz, .tgz, .tar.zst), by its name
  std::string to = "/";                   ///< see NativeLayer::to; the directories above it become entries (0755, 0:0)
  std::optional<std::uint64_t> uid, gid;  ///< default 0; entries of a tar keep theirs
  std::optional<std::uint32_t> mode;      ///< for regular files
};

struct LayerOptions {
  Compression compression = Compression::gzip;
  std::int64_t mtime_unix_s = 0;  ///< of every entry; in a tar that is rewritten the latest that an entry keeps
  unsigned threads = 0;           ///< 0 = number of cores
  CancelToken cancel;
};

struct LayerResult {
  Descriptor descriptor;  ///< compressed: media type, digest, size
  Digest diff_id;         ///< of the uncompressed tar
  std::uint64_t uncompressed_bytes = 0;
  Compression used = Compression::gzip;  ///< differs from the wanted one where gzip-fast is not available
};

/// Packs one input into a layer and stores it in `store`. A tar that goes to "/" without owner and mode keeps its
/// bytes; any other is rewritten entry by entry, in its own order.
/// Errors: io (unreadable input, full disk; names the path), build (what a layer cannot hold, or a file that changes
/// while it is read), verify (a tar that is damaged or could escape; names the entry), usage (`to`), cancelled.
Result<LayerResult> pack_layer(const LayerInput& input, const LayerOptions& options, LayoutStore& store);

/// Compresses an uncompressed tar as it is (entries checked, bytes unchanged) into any Writer; for tools and benches.
Result<LayerResult> pack_tar(Reader& tar, Writer& out, const LayerOptions& options);

/// What the uncompressed layer of pack_layer would have as its digest, without writing it: equal inputs give equal
/// digests on every machine, and every change of content or metadata that reaches the layer changes it.
Result<Digest> input_digest(const LayerInput& input, const LayerOptions& options);

}  // namespace shipset::oci
