// Reads the tags of one repository backwards: which version of which variant each of them is. A tag is read by the
// exact rules (`moves = "never"`) of every declared variant that publishes there; where several fit, the one with the
// most literal text wins, so `v1.0.0-vllm-cuda` is version v1.0.0 of vllm-cuda and no version of cuda.
// What is not a version of the release's scheme is nobody's. Immutable once made; thread-safe. product.md §3 "moves".
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/tags/table.hpp"

namespace shipset::tags {

class VersionReader {
 public:
  /// `repository` is a normalised name; the matrix must outlive the reader. Work grows with tags plus rules.
  VersionReader(const Matrix& matrix, std::string_view repository, const std::vector<std::string>& existing_tags);
  ~VersionReader();
  VersionReader(VersionReader&&) noexcept;
  VersionReader& operator=(VersionReader&&) noexcept;

  /// The distinct versions that the variant has here, from low to high.
  [[nodiscard]] const std::vector<Version>& versions(std::string_view variant) const&;
  const std::vector<Version>& versions(std::string_view variant) && = delete;
  /// Whether any variant publishes here under an exact rule that can be read backwards.
  [[nodiscard]] bool readable() const;
  /// Whether the forward tag may move to the release's version, and why.
  [[nodiscard]] ForwardDecision decide(const Entry& entry) const;

 private:
  struct Data;
  std::unique_ptr<const Data> data_;
};

/// Whether the tag names the whole version that it was made for.
bool names_whole_version(const Entry& entry, VersionScheme scheme);

}  // namespace shipset::tags
