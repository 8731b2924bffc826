#include "docker_archive_impl.hpp"
#include "shipset/base/compress.hpp"
#include "shipset/base/text.hpp"

namespace shipset::oci::detail {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t max_entries = 50'000;
constexpr std::uint64_t max_path_bytes = 512;
constexpr std::uint64_t max_manifest_json_bytes = 4u << 20;
constexpr std::uint64_t max_config_bytes = 8u << 20;
/// Documents up to this size are kept on the first pass, so that a second one is rarely needed.
constexpr std::uint64_t kept_document_bytes = 512u << 10;
constexpr std::uint64_t kept_total_bytes = 16u << 20;
constexpr std::uint64_t max_total_bytes = 64u << 20;
constexpr int max_links = 16;

class StoppableReader final : public Reader {
 public:
  StoppableReader(std::unique_ptr<Reader> in, CancelToken cancel) : in_(std::move(in)), cancel_(std::move(cancel)) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    SHIPSET_CHECK(cancel_.check());
    return in_->read(buffer);
  }

 private:
  std::unique_ptr<Reader> in_;
  CancelToken cancel_;
};

/// Errors of the tar and its compression do not know which archive they are about.
Error named(Error error, const std::string& name) {
  if (error.kind != ErrorKind::verify || error.context.contains("archive")) return error;
  return archive_error(name, error.what + (error.why.empty() ? "" : ": " + error.why),
                       "save the image again, or copy the file again");
}

/// Keeps a JSON document of a size that configs have.
Result<void> keep_document(const TarEntry& entry, TarReader& tar, ArchiveContents& into, std::uint64_t& total) {
  const bool list = entry.path == "manifest.json";
  if (list && entry.size_bytes > max_manifest_json_bytes)
    return archive_error(into.name, "its manifest.json has " + std::to_string(entry.size_bytes) +
                                        " bytes; the limit is " + std::to_string(max_manifest_json_bytes));
  if (!list && (entry.size_bytes > kept_document_bytes || entry.size_bytes > kept_total_bytes - total)) return {};
  std::byte first{};
  SHIPSET_TRY(const std::size_t count, tar.read({&first, 1}));
  if (count == 0 || (!list && first != std::byte{'{'})) return {};
  TarEntry rest = entry;
  rest.size_bytes -= 1;
  SHIPSET_TRY(std::string text, entry_content(rest, tar));
  total += list ? 0 : entry.size_bytes;
  into.documents.emplace(entry.path, std::to_integer<char>(first) + std::move(text));
  return {};
}

}  // namespace

Error archive_error(const std::string& name, std::string why, std::string hint) {
  return Error(ErrorKind::verify, "cannot read the docker archive " + name, std::move(why), std::move(hint))
      .with("archive", name);
}

Result<void> scan_archive(const Source& content, const std::string& name, const CancelToken& cancel,
                          const Visit& visit) {
  const auto scan = [&]() -> Result<void> {
    SHIPSET_TRY(auto raw, content.open());
    SHIPSET_TRY(const auto plain, make_decompressor(std::make_unique<StoppableReader>(std::move(raw), cancel)));
    TarLimits limits;
    limits.entries = max_entries;
    limits.path_bytes = max_path_bytes;
    limits.strict_end = true;
    TarReader tar(*plain, limits);
    TarEntry entry;
    for (;;) {
      SHIPSET_TRY(const bool more, tar.next(entry));
      if (!more) return {};
      SHIPSET_TRY(const bool on, visit(entry, tar));
      if (!on) return {};
    }
  };
  auto done = scan();
  if (!done) return named(std::move(done).error(), name);
  return {};
}

Result<std::string> entry_content(const TarEntry& entry, TarReader& tar) {
  std::string out(static_cast<std::size_t>(entry.size_bytes), '\0');
  std::size_t have = 0;
  while (have < out.size()) {
    SHIPSET_TRY(const std::size_t count,
                tar.read({reinterpret_cast<std::byte*>(out.data()) + have, out.size() - have}));
    if (count == 0) return Error(ErrorKind::verify, "cannot read the tar archive", "it is truncated");
    have += count;
  }
  return out;
}

Result<std::string> ArchiveContents::file_at(std::string_view path) const {
  const std::string shown = printable(path, 200);
  auto at = normal_tar_path(path, max_path_bytes);
  for (int links = 0; at && links <= max_links; ++links) {
    const auto found = members.find(*at);
    if (found == members.end())
      return archive_error(name, "it names \"" + shown + "\", which is not in it",
                           "the archive was not written to its end, or by a program that writes another form");
    const Member& member = found->second;
    if (member.type == TarType::file) return std::move(*at);
    if (member.type == TarType::hardlink) {
      at = member.link;
    } else if (member.type == TarType::symlink && !member.link.starts_with('/')) {
      at = normal_tar_path((fs::path(*at).parent_path() / member.link).lexically_normal().string(), max_path_bytes);
    } else {
      return archive_error(name, "\"" + shown + "\" in it is no file, or a link out of it");
    }
  }
  return archive_error(name, at ? "the links behind \"" + shown + "\" in it go round in circles"
                                : "the name \"" + shown + "\" in it leads out of it: " + at.error().why);
}

Result<ArchiveContents> read_contents(const Source& content, const std::string& name, const CancelToken& cancel) {
  ArchiveContents out;
  out.name = name;
  std::uint64_t total = 0;
  const auto visit = [&](const TarEntry& entry, TarReader& tar) -> Result<bool> {
    if (entry.type == TarType::directory) return true;
    // Programs disagree on which of two entries counts.
    if (!out.members.emplace(entry.path, ArchiveContents::Member{entry.type, entry.link}).second)
      return archive_error(name, "it holds \"" + printable(entry.path, 200) + "\" twice");
    if (entry.type == TarType::file) SHIPSET_CHECK(keep_document(entry, tar, out, total));
    return true;
  };
  SHIPSET_CHECK(scan_archive(content, name, cancel, visit));
  return out;
}

Result<void> read_documents(const Source& content, const std::set<std::string>& paths, ArchiveContents& into,
                            const CancelToken& cancel) {
  std::uint64_t total = 0;
  return scan_archive(content, into.name, cancel, [&](const TarEntry& entry, TarReader& tar) -> Result<bool> {
    if (entry.type != TarType::file || !paths.contains(entry.path)) return true;
    total += entry.size_bytes;
    if (entry.size_bytes > max_config_bytes || total > max_total_bytes)
      return archive_error(into.name, "the image config \"" + printable(entry.path, 200) + "\" in it has " +
                                          std::to_string(entry.size_bytes) + " bytes; the limit is " +
                                          std::to_string(max_config_bytes));
    SHIPSET_TRY(into.documents[entry.path], entry_content(entry, tar));
    return true;
  });
}

}  // namespace shipset::oci::detail
