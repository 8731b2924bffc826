// Docker archives in pieces: docker_archive.cpp (what an archive holds), docker_archive_scan.cpp (one pass over it),
// docker_archive_unpack.cpp (an image out of it). Private.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "shipset/base/tar.hpp"
#include "shipset/oci/docker_archive.hpp"

namespace shipset::oci::detail {

/// Kind verify, context "archive".
Error archive_error(const std::string& name, std::string why, std::string hint = {});

/// Looks at one entry; may read its content. False: the rest of the archive is not wanted.
using Visit = std::function<Result<bool>(const TarEntry& entry, TarReader& tar)>;

/// One pass, from the first entry on. Errors name the archive.
Result<void> scan_archive(const Source& content, const std::string& name, const CancelToken& cancel,
                          const Visit& visit);

/// Content of the current entry, whose size the caller has checked.
Result<std::string> entry_content(const TarEntry& entry, TarReader& tar);

/// What one pass tells of an archive: all of its names, and its small JSON documents.
struct ArchiveContents {
  struct Member {
    TarType type = TarType::file;
    std::string link;
  };
  std::string name;
  std::map<std::string, Member> members;
  std::map<std::string, std::string> documents;  ///< by path; not every one needs to be here

  /// The file behind a name: symbolic and hard links are followed inside the archive. Kind verify for anything else.
  [[nodiscard]] Result<std::string> file_at(std::string_view path) const;
};

Result<ArchiveContents> read_contents(const Source& content, const std::string& name, const CancelToken& cancel);
/// Adds documents that the first pass did not keep.
Result<void> read_documents(const Source& content, const std::set<std::string>& paths, ArchiveContents& into,
                            const CancelToken& cancel);

}  // namespace shipset::oci::detail
