#include <algorithm>

#include "upload_content_impl.hpp"

namespace shipset::registry {

namespace {
constexpr std::uint64_t piece_bytes = 256u << 10;
}  // namespace

Error wrong_content(const oci::Descriptor& blob, std::string why) {
  return Error(ErrorKind::verify, "the content given for the blob " + blob.digest.str() + " is not that blob",
               std::move(why), "read the source again; its file may have changed or be damaged")
      .with("digest", blob.digest.str());
}

UploadContent::UploadContent(const oci::Descriptor& blob, const Source& source)
    : blob_(blob),
      source_(source),
      trail_(blob.digest.algorithm()),
      buffer_(static_cast<std::size_t>(std::clamp<std::uint64_t>(blob.size, 1, piece_bytes))) {}

Result<void> UploadContent::open(std::uint64_t offset) {
  reader_.reset();
  if (const auto path = source_.file(); path && !file_) {
    if (auto file = file_source(*path); file && (*file)->size() == blob_.size) file_ = std::move(*file);
  }
  SHIPSET_TRY(reader_, (file_ ? *file_ : source_).open(offset));
  return {};
}

Result<void> UploadContent::seek(std::uint64_t offset, const Stop& stop) {
  if (trail_.position() > offset) {
    trail_.rewind(offset);
    reader_.reset();
    right_ = false;
  }
  if (!reader_ && !right_) SHIPSET_CHECK(open(trail_.position()));
  while (trail_.position() < offset) {
    if (stop.requested()) return stop.error();
    SHIPSET_CHECK(next(offset - trail_.position()));
  }
  return {};
}

Result<std::span<const std::byte>> UploadContent::next(std::uint64_t limit) {
  const std::uint64_t left = std::min(limit, blob_.size - trail_.position());
  const auto room = std::span(buffer_).first(static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_.size())));
  if (room.empty()) return std::span<const std::byte>();
  auto count = reader_->read(room);
  if (!count) {
    reader_.reset();
    return std::move(count).error();
  }
  if (*count == 0)
    return wrong("it ends after " + std::to_string(trail_.position()) + " of " + std::to_string(blob_.size) + " bytes");
  const auto piece = std::span<const std::byte>(room.first(*count));
  trail_.update(piece);
  return piece;
}

Result<void> UploadContent::check_end() {
  if (right_) return {};
  std::byte more[1];
  SHIPSET_TRY(const std::size_t extra, reader_->read(more));
  if (extra != 0) return wrong("it is longer than " + std::to_string(blob_.size) + " bytes");
  if (const Digest digest = trail_.digest(); digest != blob_.digest)
    return wrong("its bytes have the digest " + digest.str());
  right_ = true;
  return {};
}

/// A store that can check its own file says best what is wrong with it.
Error UploadContent::wrong(std::string why) const {
  if (file_) {
    auto checked = source_.open(0);
    std::vector<std::byte> waste(piece_bytes);
    Result<std::size_t> count = std::size_t(1);
    while (checked && count && *count > 0) count = (*checked)->read(waste);
    if (!checked) return std::move(checked).error();
    if (!count) return std::move(count).error();
  }
  return wrong_content(blob_, std::move(why));
}

}  // namespace shipset::registry
