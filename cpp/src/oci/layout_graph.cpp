#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "layout_impl.hpp"

namespace shipset::oci::detail {

namespace fs = std::filesystem;

Result<std::map<Digest, std::uint64_t>> DiskLayout::list_blobs() const {
  std::map<Digest, std::uint64_t> out;
  std::error_code code;
  const auto blobs = path_ / "blobs";
  for (fs::directory_iterator algorithm(blobs, code), end; !code && algorithm != end; algorithm.increment(code)) {
    if (!algorithm->is_directory(code)) continue;
    for (fs::directory_iterator file(algorithm->path(), code); !code && file != end; file.increment(code)) {
      const auto digest = Digest::parse(algorithm->path().filename().string() + ":" + file->path().filename().string());
      struct stat info {};
      // Files with other names are not ours to judge.
      if (!digest || ::stat(file->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
      out.emplace(*digest, static_cast<std::uint64_t>(info.st_size));
    }
  }
  if (code && code != std::errc::no_such_file_or_directory)
    return mark(io_error("cannot list " + blobs.string(), code.value()));
  return out;
}

namespace {

/// When the folders below blobs/ changed last; nullopt when that is too recent to tell a later change from it.
std::optional<std::vector<std::int64_t>> settled_times(const fs::path& blobs) {
  constexpr std::int64_t second_ns = 1'000'000'000;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::vector<std::int64_t> out;
  std::error_code code;
  for (fs::directory_iterator algorithm(blobs, code), end; !code && algorithm != end; algorithm.increment(code)) {
    struct stat info {};
    if (::stat(algorithm->path().c_str(), &info) != 0) return std::nullopt;
    const std::int64_t changed = info.st_mtim.tv_sec * second_ns + info.st_mtim.tv_nsec;
    if (changed > now.tv_sec * second_ns + now.tv_nsec - 2 * second_ns) return std::nullopt;
    out.push_back(changed);
    out.push_back(static_cast<std::int64_t>(info.st_ino));
  }
  if (code) return std::nullopt;
  return out;
}

/// Layers are told apart by their first byte, without reading them.
bool begins_as_object(const fs::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return true;  // the reader tells why
  char first = 0;
  const bool one = ::pread(descriptor, &first, 1, 0) == 1;
  ::close(descriptor);
  return one && first == '{';
}

/// What a manifest or index with a subject says about itself as a referrer.
std::optional<std::pair<Digest, Descriptor>> read_subject(const Digest& digest, const std::string& bytes) {
  // Most small blobs are configs and statements: they are told apart without parsing them.
  if (bytes.empty() || bytes.front() != '{' || bytes.find("\"subject\"") == std::string::npos ||
      bytes.find("\"schemaVersion\"") == std::string::npos)
    return std::nullopt;
  const std::string object = "manifest " + digest.str();
  Descriptor out;
  out.digest = digest;
  out.size = bytes.size();
  if (auto manifest = Manifest::parse(bytes, object); manifest && manifest->subject) {
    out.media_type = manifest->media_type;
    out.artifact_type = manifest->artifact_type.empty() ? manifest->config.media_type : manifest->artifact_type;
    out.annotations = std::move(manifest->annotations);
    return std::pair(manifest->subject->digest, std::move(out));
  }
  if (auto index = Index::parse(bytes, object); index && index->subject) {
    out.media_type = index->media_type;
    out.artifact_type = index->artifact_type;
    out.annotations = std::move(index->annotations);
    return std::pair(index->subject->digest, std::move(out));
  }
  return std::nullopt;
}

}  // namespace

Result<void> DiskLayout::scan_subjects(const std::map<Digest, std::uint64_t>& blobs) {
  for (const auto& [digest, size] : blobs) {
    if (size > max_manifest_bytes || !digest.computable() || subjects_.count(digest)) continue;
    if (!begins_as_object(blob_path(digest))) {
      subjects_.emplace(digest, SubjectNote{});
      continue;
    }
    auto bytes = read_verified(digest, max_manifest_bytes);
    // Damaged or vanished content refers to nothing; whoever reads it by its digest is told.
    if (!bytes && bytes.error().kind != ErrorKind::verify && bytes.error().kind != ErrorKind::not_found)
      return std::move(bytes).error();
    if (!bytes) continue;
    SubjectNote note;
    if (auto found = read_subject(digest, *bytes)) {
      note.subject = std::move(found->first);
      note.descriptor = std::move(found->second);
    }
    subjects_.emplace(digest, std::move(note));
  }
  return {};
}

Result<std::vector<Descriptor>> DiskLayout::referrers(const Digest& digest, std::string_view artifact_type) {
  const std::lock_guard lock(subjects_mutex_);
  auto times = settled_times(path_ / "blobs");
  if (!times || times != listed_times_) {
    SHIPSET_TRY(const auto blobs, list_blobs());
    SHIPSET_CHECK(scan_subjects(blobs));
    listed_referrers_.clear();
    for (const auto& [name, size] : blobs)
      if (const auto it = subjects_.find(name); it != subjects_.end() && !it->second.subject.empty())
        listed_referrers_.push_back(it->second);
    listed_times_ = std::move(times);
  }
  std::vector<Descriptor> out;
  for (const auto& note : listed_referrers_)
    if (note.subject == digest && (artifact_type.empty() || note.descriptor.artifact_type == artifact_type))
      out.push_back(note.descriptor);
  return out;
}

Result<bool> DiskLayout::remove_manifest(const Descriptor& manifest) {
  SHIPSET_CHECK(edit_index([&](IndexFile& file) {
    std::set<std::string> tags;
    for (const auto& entry : file.index().manifests)
      if (entry.digest == manifest.digest) tags.emplace(tag_of(entry));
    bool changed = false;
    for (const auto& tag : tags) changed = (!tag.empty() && file.remove_tag(tag)) || changed;
    return changed;
  }));
  SHIPSET_TRY(const auto guard, lock_for_writing());
  const std::lock_guard lock(subjects_mutex_);
  const auto path = blob_path(manifest.digest);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return mark(io_error("cannot remove " + path.string(), errno), manifest.digest);
  subjects_.erase(manifest.digest);
  listed_times_.reset();
  return true;
}

Result<std::set<Digest>> DiskLayout::reachable(const std::map<Digest, std::uint64_t>& blobs) {
  SHIPSET_TRY(const auto loaded, load_index());
  std::vector<Descriptor> waiting = loaded->index().manifests;
  std::set<Digest> reached;
  const std::lock_guard lock(subjects_mutex_);
  SHIPSET_CHECK(scan_subjects(blobs));
  for (;;) {
    while (!waiting.empty()) {
      const Descriptor next = std::move(waiting.back());
      waiting.pop_back();
      if (!reached.insert(next.digest).second) continue;
      if (!is_manifest(next.media_type) && !is_index(next.media_type)) continue;
      auto bytes = read_verified(next.digest, max_manifest_bytes);
      if (!bytes && bytes.error().kind == ErrorKind::not_found) continue;
      if (!bytes) return std::move(bytes).error();
      auto below = children(next.media_type, *bytes, "manifest " + next.digest.str());
      // What cannot be read cannot be followed: nothing may be removed then.
      if (!below) return mark(std::move(below).error(), next.digest);
      for (auto& child : *below) waiting.push_back(std::move(child));
    }
    for (const auto& [digest, size] : blobs) {
      const auto it = subjects_.find(digest);
      if (it == subjects_.end() || it->second.subject.empty()) continue;
      if (reached.count(it->second.subject) && !reached.count(digest)) waiting.push_back(it->second.descriptor);
    }
    if (waiting.empty()) return reached;
  }
}

Result<GcReport> DiskLayout::collect_garbage(bool dry_run) {
  std::optional<WriteGuard> guard;
  if (!dry_run) {
    SHIPSET_TRY(guard, lock_for_writing());
  }
  GcReport report;
  SHIPSET_TRY(const auto blobs, list_blobs());
  SHIPSET_TRY(const auto reached, reachable(blobs));
  for (const auto& [digest, size] : blobs) {
    if (reached.count(digest)) {
      ++report.kept_blobs;
      continue;
    }
    if (!dry_run && ::unlink(blob_path(digest).c_str()) != 0)
      return mark(io_error("cannot remove " + blob_path(digest).string(), errno), digest);
    ++report.removed_blobs;
    report.removed_bytes += size;
  }
  SHIPSET_CHECK(remove_dead_temps(dry_run, report));
  return report;
}

}  // namespace shipset::oci::detail
