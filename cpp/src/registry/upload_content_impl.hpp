// The bytes of a blob on their way to a registry: read in pieces, hashed as they go, and taken up again at any offset
// after a break. Whatever is read, everything before it went through the hash. One thread.
#pragma once

#include <span>
#include <vector>

#include "shipset/base/bytes.hpp"
#include "shipset/base/hash_trail.hpp"
#include "shipset/oci/types.hpp"
#include "stop_impl.hpp"

namespace shipset::registry {

class UploadContent {
 public:
  /// Both must outlive it.
  UploadContent(const oci::Descriptor& blob, const Source& source);

  /// Makes `offset` the next byte; what lies between it and the last mark of the hash is read again.
  Result<void> seek(std::uint64_t offset, const Stop& stop);
  /// The next bytes, at most `limit` and never none before the end. Valid until the next call. Error: verify (ends
  /// too early), or the source's own.
  Result<std::span<const std::byte>> next(std::uint64_t limit);
  /// At the last byte: nothing follows, and the digest is the blob's. Error: verify.
  Result<void> check_end();

 private:
  Result<void> open(std::uint64_t offset);
  Error wrong(std::string why) const;

  const oci::Descriptor& blob_;
  const Source& source_;
  std::unique_ptr<Source> file_;  ///< the plain file behind the source: read as it is, hashed here and nowhere else
  std::unique_ptr<Reader> reader_;
  HashTrail trail_;
  std::vector<std::byte> buffer_;
  bool right_ = false;  ///< the digest was seen to be right
};

/// The content given is not the blob: kind verify.
Error wrong_content(const oci::Descriptor& blob, std::string why);

}  // namespace shipset::registry
