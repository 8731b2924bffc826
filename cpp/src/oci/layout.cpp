#include "shipset/oci/layout.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "layout_impl.hpp"
#include "parse_impl.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/reference.hpp"

namespace shipset::oci {

Result<std::unique_ptr<LayoutStore>> LayoutStore::open(const std::filesystem::path& path,
                                                       const LayoutOptions& options) {
  auto store = std::make_unique<detail::DiskLayout>(path, options);
  SHIPSET_CHECK(store->prepare());
  return std::unique_ptr<LayoutStore>(std::move(store));
}

namespace detail {

namespace fs = std::filesystem;

DiskLayout::DiskLayout(fs::path path, LayoutOptions options) : path_(std::move(path)), options_(options) {}

Error DiskLayout::mark(Error error) const {
  return std::move(error).with("store", name());
}

Error DiskLayout::mark(Error error, const Digest& digest) const {
  return mark(std::move(error)).with("digest", digest.str());
}

Result<void> DiskLayout::prepare() {
  std::error_code code;
  const bool exists = fs::exists(path_, code);
  if (code) return mark(io_error("cannot open the OCI layout " + path_.string(), code.value()));
  if (!exists && !options_.create)
    return mark(Error(ErrorKind::not_found, "cannot open the OCI layout " + path_.string(),
                      "there is no such directory", "check the path behind \"oci:\""));
  if (exists && !fs::is_directory(path_, code))
    return mark(Error(ErrorKind::io, "cannot open the OCI layout " + path_.string(), "it is not a directory"));
  if (options_.read_only && !options_.create) {
    SHIPSET_CHECK(check_version());
    SHIPSET_CHECK(load_index());
    return {};
  }
  SHIPSET_CHECK(make_directories(path_));
  SHIPSET_TRY(auto guard, lock_for_writing());
  if (options_.create) SHIPSET_CHECK(create_files());
  SHIPSET_CHECK(check_version());
  GcReport ignored;
  SHIPSET_CHECK(remove_dead_temps(false, ignored));
  if (options_.exclusive) exclusive_ = std::move(guard.process);
  SHIPSET_CHECK(load_index());
  return {};
}

Result<void> DiskLayout::create_files() {
  std::error_code code;
  if (fs::exists(path_ / "oci-layout", code)) return {};
  SHIPSET_CHECK(make_directories(path_ / "blobs" / "sha256"));
  if (!fs::exists(path_ / "index.json", code)) SHIPSET_CHECK(write_root_file("index.json", IndexFile().to_bytes()));
  // Last, so that a half-made layout is none.
  return write_root_file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
}

Result<void> DiskLayout::check_version() const {
  const auto file = path_ / "oci-layout";
  auto opened = OpenFile::open(file);
  if (!opened && opened.error().kind == ErrorKind::not_found)
    return mark(Error(ErrorKind::not_found, "cannot open the OCI layout " + path_.string(),
                      "it has no file oci-layout, so it is not an OCI layout", "check the path behind \"oci:\""));
  if (!opened) return mark(std::move(opened).error());
  SHIPSET_TRY(const auto text, opened->read_all(64u << 10, file));
  const std::string document = file.string();
  auto json = parse_json(text, document);
  if (!json) return mark(std::move(json).error());
  SHIPSET_TRY(const auto members, Members::of(*json, document));
  SHIPSET_TRY(const auto version, members.required_text("imageLayoutVersion"));
  if (version != "1.0.0")
    return mark(Error(ErrorKind::verify, "cannot open the OCI layout " + path_.string(),
                      "it has version " + printable(version, 40) + "; this program knows 1.0.0"));
  return {};
}

Result<WriteGuard> DiskLayout::lock_for_writing() {
  if (options_.read_only && !options_.create)
    return mark(Error(ErrorKind::usage, "cannot write to " + name(), "it was opened for reading"));
  WriteGuard guard{std::unique_lock(write_mutex_), std::nullopt};
  if (exclusive_) return guard;
  auto lock = FileLock::acquire(path_ / lock_name, options_.lock_wait, options_.cancel, options_.on_wait);
  if (!lock) {
    Error error = std::move(lock).error();
    if (error.kind == ErrorKind::io) {
      error.why = error.what + (error.why.empty() ? "" : ": " + error.why);
      error.what = "cannot write to " + name();
    }
    return mark(std::move(error));
  }
  guard.process = std::move(*lock);
  return guard;
}

Result<TempFile> DiskLayout::new_temp() {
  SHIPSET_TRY(const auto guard, lock_for_writing());
  auto temp = TempFile::create(path_, temp_prefix);
  if (!temp) return mark(std::move(temp).error());
  if (::flock(temp->descriptor(), LOCK_SH | LOCK_NB) != 0)
    return mark(io_error("cannot lock " + temp->path().string(), errno));
  return std::move(*temp);
}

Result<void> DiskLayout::remove_dead_temps(bool dry_run, GcReport& report) const {
  std::error_code code;
  for (fs::directory_iterator it(path_, code), end; !code && it != end; it.increment(code)) {
    const auto& file = it->path();
    if (file.filename().string().rfind(temp_prefix, 0) != 0) continue;
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0) continue;
    struct stat info {};
    const bool dead = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && ::flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (dead && (dry_run || ::unlink(file.c_str()) == 0))
      report.removed_bytes += static_cast<std::uint64_t>(info.st_size);
    ::close(fd);
  }
  if (code) return mark(io_error("cannot list " + path_.string(), code.value()));
  report.removed_bytes += remove_old_partials(path_, dry_run);
  return {};
}

Result<void> DiskLayout::write_root_file(std::string_view name, std::string_view bytes) {
  auto temp = TempFile::create(path_, temp_prefix);
  if (!temp) return mark(std::move(temp).error());
  auto outcome = temp->write(as_bytes(bytes));
  if (outcome) outcome = temp->commit(path_ / name, options_.durable);
  if (!outcome) return mark(std::move(outcome).error());
  return {};
}

Result<DiskLayout::FileState> DiskLayout::index_state() const {
  struct stat info {};
  const auto file = path_ / "index.json";
  if (::stat(file.c_str(), &info) != 0) {
    if (errno != ENOENT) return mark(io_error("cannot read " + file.string(), errno));
    return mark(Error(ErrorKind::verify, "cannot read " + file.string(), "the OCI layout has no index.json"));
  }
  auto nanoseconds = [](const timespec& time) { return std::int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec; };
  return FileState{info.st_ino, static_cast<std::uint64_t>(info.st_size), nanoseconds(info.st_mtim),
                   nanoseconds(info.st_ctim)};
}

Result<std::shared_ptr<const IndexFile>> DiskLayout::load_index() {
  SHIPSET_TRY(const auto state, index_state());
  {
    const std::lock_guard lock(cache_mutex_);
    if (cached_index_ && cached_state_ == state) return cached_index_;
  }
  const auto file = path_ / "index.json";
  auto opened = OpenFile::open(file);
  if (!opened) return mark(std::move(opened).error());
  auto bytes = opened->read_all(max_index_file_bytes, file);
  if (!bytes) return mark(std::move(bytes).error());
  auto parsed = IndexFile::parse(std::move(*bytes), file.string());
  if (!parsed) return mark(std::move(parsed).error());
  std::shared_ptr<const IndexFile> loaded = std::make_shared<IndexFile>(std::move(*parsed));
  const std::lock_guard lock(cache_mutex_);
  cached_state_ = state;
  cached_index_ = loaded;
  return loaded;
}

Result<void> DiskLayout::edit_index(const std::function<bool(IndexFile&)>& edit) {
  SHIPSET_TRY(const auto guard, lock_for_writing());
  SHIPSET_TRY(const auto current, load_index());
  IndexFile changed = *current;
  if (!edit(changed)) return {};
  const std::string bytes = changed.to_bytes();
  if (bytes.size() > max_index_file_bytes)
    return mark(
        Error(ErrorKind::io, "cannot write " + (path_ / "index.json").string(), "it would be larger than 64 MiB"));
  SHIPSET_CHECK(write_root_file("index.json", bytes));
  SHIPSET_TRY(const auto state, index_state());
  const std::lock_guard lock(cache_mutex_);
  cached_state_ = state;
  cached_index_ = std::make_shared<IndexFile>(std::move(changed));
  return {};
}

Result<Index> DiskLayout::index() {
  SHIPSET_TRY(const auto loaded, load_index());
  return loaded->index();
}

Result<std::optional<Descriptor>> DiskLayout::resolve(std::string_view tag) {
  SHIPSET_TRY(const auto loaded, load_index());
  auto found = loaded->find(tag);
  if (!found) return mark(std::move(found).error()).with("tag", std::string(tag));
  if (!*found) return std::optional<Descriptor>();
  return std::optional<Descriptor>(**found);
}

Result<std::vector<std::string>> DiskLayout::tags() {
  SHIPSET_TRY(const auto loaded, load_index());
  return loaded->tags();
}

Result<void> DiskLayout::put_tag(std::string_view tag, const Descriptor& manifest, std::string_view bytes) {
  if (auto good = check_tag(tag); !good) return mark(std::move(good).error());
  SHIPSET_TRY(const bool present, has_manifest(manifest.digest));
  if (!present) {
    if (bytes.empty())
      return mark(Error(ErrorKind::not_found, "cannot set tag " + std::string(tag) + " in " + name(),
                        "the manifest " + manifest.digest.str() + " is not there"),
                  manifest.digest);
    SHIPSET_CHECK(put_manifest(manifest, bytes));
  }
  return edit_index([&](IndexFile& file) { return file.set_tag(tag, manifest); });
}

Result<bool> DiskLayout::remove_tag(std::string_view tag) {
  SHIPSET_CHECK(edit_index([&](IndexFile& file) { return file.remove_tag(tag); }));
  return true;
}

Result<std::string> media_type_of(std::string_view bytes, std::string_view object) {
  SHIPSET_TRY(const auto json, parse_json(bytes, object, ErrorKind::verify, {.bytes = max_manifest_bytes}));
  SHIPSET_TRY(const auto members, Members::of(json, object));
  SHIPSET_TRY(auto type, members.text("mediaType"));
  if (type.empty() && json.contains("manifests")) type = media_type::index;
  if (type.empty() && json.contains("config")) type = media_type::manifest;
  if (!is_manifest(type) && !is_index(type)) return document_error(object, {}, "it is neither a manifest nor an index");
  return type;
}

Result<ManifestBytes> DiskLayout::manifest(const Digest& digest) {
  ManifestBytes out;
  SHIPSET_TRY(out.bytes, read_verified(digest, max_manifest_bytes));
  auto type = media_type_of(out.bytes, "manifest " + digest.str());
  if (!type) return mark(std::move(type).error(), digest);
  out.descriptor.media_type = std::move(*type);
  out.descriptor.digest = digest;
  out.descriptor.size = out.bytes.size();
  return out;
}

Result<bool> DiskLayout::has_manifest(const Digest& digest) {
  auto file = OpenFile::open(blob_path(digest));
  if (file) return file->size <= max_manifest_bytes;
  if (file.error().kind == ErrorKind::not_found) return false;
  return mark(std::move(file).error(), digest);
}

Result<void> DiskLayout::check_children(const Descriptor& manifest, std::string_view bytes) {
  SHIPSET_TRY(const auto below, children(manifest.media_type, bytes, "manifest " + manifest.digest.str()));
  for (const auto& child : below) {
    if (!child.urls.empty()) continue;  // content that lives elsewhere on purpose
    SHIPSET_TRY(const bool present, has_blob(child));
    if (!present)
      return Error(
          ErrorKind::not_found, "cannot store manifest " + manifest.digest.str() + " in " + name(),
          "it refers to " + child.digest.str() + ", which is not there with " + std::to_string(child.size) + " bytes");
  }
  return {};
}

Result<void> DiskLayout::put_manifest(const Descriptor& manifest, std::string_view bytes) {
  const std::string object = "manifest " + manifest.digest.str();
  if (bytes.size() > max_manifest_bytes)
    return mark(Error(ErrorKind::verify, "cannot store " + object, "it is larger than 4 MiB"), manifest.digest);
  if (!manifest.digest.computable())
    return mark(Error(ErrorKind::verify, "cannot store " + object, "this program cannot compute its digest"),
                manifest.digest);
  Hasher hasher(manifest.digest.algorithm());
  hasher.update(bytes);
  if (const auto found = hasher.finish(); found != manifest.digest || bytes.size() != manifest.size)
    return mark(Error(ErrorKind::verify, "cannot store " + object,
                      "its bytes have digest " + found.str() + " and size " + std::to_string(bytes.size()) + ", not " +
                          std::to_string(manifest.size)),
                manifest.digest);
  if (!options_.sparse)
    if (auto complete = check_children(manifest, bytes); !complete)
      return mark(std::move(complete).error(), manifest.digest);
  // What lies under the name is read, not believed: a damaged manifest is replaced.
  if (auto stored = read_verified(manifest.digest, max_manifest_bytes); stored) return {};
  SHIPSET_TRY(auto temp, new_temp());
  if (auto written = temp.write(as_bytes(bytes)); !written) return mark(std::move(written).error(), manifest.digest);
  return place(std::move(temp), manifest.digest);
}

Result<void> DiskLayout::check_writable() {
  SHIPSET_TRY(const auto temp, new_temp());
  const auto blobs = path_ / "blobs";
  if (::access(blobs.c_str(), W_OK | X_OK) != 0 && errno != ENOENT)
    return mark(io_error("cannot write to " + blobs.string(), errno));
  return {};
}

}  // namespace detail
}  // namespace shipset::oci
