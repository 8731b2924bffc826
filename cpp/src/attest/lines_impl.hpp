// FileScan over text lines, for the databases of package managers: lines are bounded, so is what a file may add.
// Also the small checks that every text from a layer passes before it becomes a Fact.
#pragma once

#include "shipset/attest/catalog.hpp"

namespace shipset::attest {

class LineScan : public FileScan {
 public:
  explicit LineScan(std::string path) { out_.path = std::move(path); }
  bool feed(std::string_view piece) final;
  FileFacts finish() final;

 protected:
  /// A line without its end; cut at max_line. False: enough.
  virtual bool line(std::string_view text) = 0;
  /// After the last line.
  virtual void end() {}
  /// Takes a package over if name and version are presentable; else it is counted and noted.
  void keep(Fact&& fact);
  FileFacts out_;

 private:
  bool deliver();
  static constexpr std::size_t max_line = 64u << 10;
  static constexpr std::uint64_t max_file = std::uint64_t(256) << 20;
  static constexpr std::size_t max_kept = 48u << 20;
  std::string line_;
  std::uint64_t seen_ = 0;
  std::size_t kept_ = 0, cut_lines_ = 0, refused_ = 0;
  bool line_cut_ = false, done_ = false;
};

/// Bytes that a value costs in memory, roughly.
std::size_t weight(const Fact& fact);
std::size_t weight(const FileFacts& file);

/// Whether text can stand in a document: UTF-8, no control characters, at most `limit` bytes, not empty.
bool presentable(std::string_view text, std::size_t limit);
/// `Maintainer <mail>` as an SPDX actor; empty when there is no usable name.
std::string actor(std::string_view maintainer);
/// Whether `path` is `tail` or ends with `/` + tail.
bool ends_with_path(std::string_view path, std::string_view tail);
std::string_view base_name(std::string_view path);
std::string_view parent_path(std::string_view path);
/// Appends while the whole stays bounded (folded fields of hostile files).
void append_bounded(std::string& text, std::string_view more);

}  // namespace shipset::attest
