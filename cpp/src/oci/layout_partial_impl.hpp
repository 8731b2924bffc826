// The first part of a big blob that a layout is still missing: a file beside index.json, so that a copy that broke off
// goes on where it stood. It is written by one put at a time (flock), is no part of the layout's content, and whatever
// is in it goes through the digest again. One thread.
#pragma once

#include <filesystem>
#include <optional>
#include <span>

#include "shipset/oci/types.hpp"

namespace shipset::oci::detail {

inline constexpr std::string_view partial_prefix = ".shipset-partial-";
/// Blobs of this size and more are worth it.
inline constexpr std::uint64_t partial_from_bytes = 8u << 20;

class PartialBlob {
 public:
  /// To be called while the layout's lock is held. nullopt: another put writes it, or it cannot be used.
  static std::optional<PartialBlob> open(const std::filesystem::path& layout, const Descriptor& blob);
  PartialBlob(PartialBlob&& other) noexcept;
  PartialBlob& operator=(PartialBlob&&) = delete;
  ~PartialBlob();

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] int descriptor() const noexcept { return fd_; }
  /// Bytes in it.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// The first bytes again, from their start: how many were read; 0 at the end.
  Result<std::size_t> read(std::span<std::byte> buffer);
  Result<void> append(std::span<const std::byte> bytes);
  /// Takes everything out of it.
  Result<void> clear();
  /// From now on the file outlives this object.
  void keep() noexcept { kept_ = true; }

 private:
  PartialBlob(std::filesystem::path path, int fd, std::uint64_t size) : path_(std::move(path)), fd_(fd), size_(size) {}
  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t size_ = 0, read_ = 0;
  bool kept_ = false;
};

/// Removes partial files that nobody has gone on with for a week. To be called while the layout's lock is held, or with
/// `dry_run`, which only counts. Returns bytes.
std::uint64_t remove_old_partials(const std::filesystem::path& layout, bool dry_run);

}  // namespace shipset::oci::detail
