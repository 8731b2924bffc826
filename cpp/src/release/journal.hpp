// The journal of one release: `.shipset/<id>/journal`, append-only, one line a record, each with a checksum over itself
// and the line before, flushed where undo depends on it. Beside it lie plan.json, release.toml and the work folder.
// A torn last line (the process died while writing it) is dropped; anything else that does not hold is refused.
// Says nothing about what records mean: see journal_state.hpp. One process at a time (lock); append is thread-safe.
// Records hold no secret: digests, names of tags and places, and manifests that are public. product.md §4 "Journal".
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/digest.hpp"
#include "shipset/base/file.hpp"

namespace shipset::release {

inline constexpr int journal_schema_version = 1;

enum class Flush : std::uint8_t {
  later,  ///< the kernel has it: it survives the process, not the machine
  now,    ///< on the disk when append returns
};

/// The records of a journal, as JSON texts without their checksums.
struct JournalLines {
  std::vector<std::string> records;  ///< the first one is the header
  std::string check;                 ///< of the last record
  std::uint64_t bytes = 0;           ///< up to the end of the last whole line
  bool torn = false;                 ///< a last line without its end was dropped
};

/// Reads and checks a journal's text. Kind verify: a line does not hold, or it is no journal; kind usage: another
/// schema version. `object` names it in messages.
Result<JournalLines> read_journal(std::string_view text, const std::string& object);

/// The line of a further record, to follow the one whose checksum is `before`.
std::string journal_line(const std::string& before, std::string_view json);

class Journal {
 public:
  /// Names of what lies in the folder of a release.
  static constexpr std::string_view file_name = "journal", plan_name = "plan.json", spec_name = "release.toml",
                                    work_name = "work", lock_name = "lock";

  /// Takes the release's lock (another process holds it: kind policy) and opens the journal for appending, with what it
  /// holds already; a torn last line is cut off. `folder` is made when missing.
  static Result<std::unique_ptr<Journal>> open(const std::filesystem::path& folder, const std::string& id);

  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }
  [[nodiscard]] std::filesystem::path path() const { return folder_ / file_name; }
  /// What was there when it was opened; empty for a new journal.
  [[nodiscard]] const std::vector<std::string>& records() const noexcept { return records_; }
  /// Adds a record; the first one has to be the header.
  Result<void> append(std::string_view json, Flush flush);
  /// Replaces what is there by other journal text (of a mirror), already checked.
  Result<void> replace(std::string_view text);

  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

 private:
  Journal(std::filesystem::path folder, FileLock lock) : folder_(std::move(folder)), lock_(std::move(lock)) {}
  Result<void> load();

  std::filesystem::path folder_;
  FileLock lock_;
  std::vector<std::string> records_;
  std::mutex mutex_;
  std::string check_;
  std::int64_t size_ = 0;  ///< bytes of whole lines
  int fd_ = -1;
};

}  // namespace shipset::release
