// What one process leaves for the next about the upload of one big blob: a file "uploads/<key>.json" in the state
// directory, 0600, and a lock beside it that only one upload at a time holds. The location in it is a capability: it
// is never shown, and whoever reads it back checks it like one that a registry names. One thread at a time.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "shipset/oci/types.hpp"

namespace shipset::registry {

/// Blobs of this size and more are worth a file.
inline constexpr std::uint64_t kept_upload_bytes = 8u << 20;

class UploadState {
 public:
  struct Left {
    std::string location;
    std::uint64_t sent = 0;  ///< bytes that had gone out, at least
  };

  /// The place of this blob in this repository. nullopt: another upload has it. Error: io, no usable folder.
  static Result<std::optional<UploadState>> take(const std::string& state_directory, const std::string& host,
                                                 const std::string& repository, const oci::Descriptor& blob);
  UploadState(UploadState&& other) noexcept;
  UploadState& operator=(UploadState&& other) noexcept;
  ~UploadState();

  /// What an earlier process left: its own file of the right schema for this very blob, at most a week old.
  [[nodiscard]] const std::optional<Left>& left() const noexcept { return left_; }
  /// Replaces the file. Error: io.
  Result<void> record(const std::string& location, std::uint64_t sent);
  /// Brings the number in the file up to date, in place.
  void note_sent(std::uint64_t sent) noexcept;
  /// The upload ended: nothing is left.
  void forget() noexcept;

 private:
  UploadState(std::filesystem::path file, int lock_fd) : file_(std::move(file)), lock_fd_(lock_fd) {}
  void read(const std::string& host, const std::string& repository, const oci::Descriptor& blob);

  std::filesystem::path file_;
  int lock_fd_ = -1, file_fd_ = -1;
  std::int64_t sent_at_ = 0;  ///< where in the file the number of bytes begins
  std::int64_t started_ = 0;
  std::string head_;  ///< the members that do not change
  std::optional<Left> left_;
};

/// Removes what is older than a week and not in use. Best effort.
void remove_old_uploads(const std::string& state_directory) noexcept;

}  // namespace shipset::registry
