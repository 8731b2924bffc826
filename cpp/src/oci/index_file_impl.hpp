// index.json of an OCI layout, edited without touching what others wrote: entries and further members keep their very
// bytes and their order; only the entries of the tag in question change. Values only, thread-safe. Private.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shipset/oci/types.hpp"

namespace shipset::oci::detail {

/// Larger than a manifest may be: a layout can hold tens of thousands of tags.
inline constexpr std::size_t max_index_file_bytes = 64u << 20;

class IndexFile {
 public:
  IndexFile();  ///< an index without entries
  /// Error kind verify.
  static Result<IndexFile> parse(std::string bytes, std::string_view object);

  [[nodiscard]] const Index& index() const { return index_; }
  /// Where the tag points; nullptr when there is no such tag. Two entries that disagree: kind verify.
  [[nodiscard]] Result<const Descriptor*> find(std::string_view tag) const;
  /// All tags, sorted, each once.
  [[nodiscard]] std::vector<std::string> tags() const;
  /// Replaces the tag's entry where it stands, or appends one. False: it was there already, nothing changed.
  bool set_tag(std::string_view tag, const Descriptor& manifest);
  /// False: there was no such tag.
  bool remove_tag(std::string_view tag);
  [[nodiscard]] std::string to_bytes() const;

 private:
  std::string head_, tail_;           ///< text before and after the entries
  std::vector<std::string> entries_;  ///< text of each entry, as it was; parallel to index_.manifests
  Index index_;
};

/// The tag of an entry of index.json; empty: none.
std::string_view tag_of(const Descriptor& entry);

}  // namespace shipset::oci::detail
