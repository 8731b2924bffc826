// Finds the build information that the Go linker puts into executables, in one pass over the file as it streams by
// (go: src/debug/buildinfo; specs §6.4). The form since Go 1.18 holds its strings inline; the older one points to them,
// which can need the file a second time because the strings lie before the pointers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shipset::attest {

struct BuildInfo {
  std::string go_version;  ///< e.g. "go1.22.1"
  std::string modules;     ///< lines path, mod, dep, =>, build; empty for programs built without modules
};

class BuildInfoScan {
 public:
  /// The next bytes of the file; false: nothing more is wanted in this pass.
  bool feed(std::string_view piece);
  /// After a pass: true when the old form's strings lie before what was read; feed the file again from its start.
  bool rewind();
  /// Whether build information was found; ends the scan.
  bool take(BuildInfo& out);

  static constexpr std::size_t max_modules = 1u << 20;
  static constexpr std::size_t max_version = 256;

 private:
  struct Segment {
    std::uint64_t offset, address, size;  ///< size in the file
    bool writable;
  };
  struct Range {  ///< bytes wanted by their place in the file
    std::uint64_t offset = 0, length = 0;
    std::string got;
    [[nodiscard]] bool full() const { return got.size() == length; }
  };
  enum class Stage : std::uint8_t { header, search, pointers, strings, found, nothing };

  bool parse_header();
  bool search(std::string_view bytes);
  /// Looks at a magic at the start of `at`: bytes used up, 0 = more bytes are needed, or step for no match.
  std::size_t candidate(std::string_view at, std::uint64_t offset);
  std::size_t inline_form(std::string_view at, bool writable);
  bool pointer_form(std::string_view at);
  bool pointers_to_strings();
  void fill(std::string_view piece, std::uint64_t offset);
  bool file_offset(std::uint64_t address, std::uint64_t length, std::uint64_t& offset) const;
  [[nodiscard]] const Segment* segment_at(std::uint64_t offset) const;
  [[nodiscard]] std::uint64_t number(std::string_view bytes, std::size_t width) const;

  Stage stage_ = Stage::header;
  std::string buffer_;             ///< bytes of the file from position_ on that are not used up
  std::uint64_t position_ = 0;     ///< offset in the file of buffer_'s first byte
  std::uint64_t last_wanted_ = 0;  ///< end of the last segment
  std::vector<Segment> segments_;
  bool big_endian_ = false, wide_ = true;
  std::size_t pointer_bytes_ = 8;
  Range first_, second_;  ///< version and modules: string headers, then strings
  BuildInfo found_;
  bool have_fallback_ = false;
};

}  // namespace shipset::attest
