// What tests of stores share: temporary layouts, small images, and a store in memory that behaves like a registry.
#pragma once

#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include "catch_shim.hpp"
#include "shipset/base/compress.hpp"
#include "shipset/base/file.hpp"
#include "shipset/base/tar.hpp"
#include "shipset/oci/layout.hpp"

namespace shipset::oci::test {

namespace fs = std::filesystem;

template <class T>
T must(Result<T> result) {
  INFO((result ? std::string() : render(result.error())));
  REQUIRE(result.ok());
  return std::move(result).value();
}
inline void must(const Result<void>& result) {
  INFO((result ? std::string() : render(result.error())));
  REQUIRE(result.ok());
}

inline std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}
inline void write_text(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

/// A directory that goes away with the test.
struct Scratch {
  TempDirectory directory = must(TempDirectory::create(fs::temp_directory_path(), "shipset-test-"));
  [[nodiscard]] fs::path path() const { return directory.path(); }
  fs::path operator/(std::string_view name) const { return directory.path() / name; }
};

inline std::unique_ptr<LayoutStore> new_layout(const fs::path& path, bool exclusive = false) {
  LayoutOptions options;
  options.create = true;
  options.read_only = false;
  options.exclusive = exclusive;
  options.lock_wait = std::chrono::milliseconds(200);
  return must(LayoutStore::open(path, options));
}

inline fs::path blob_file(const fs::path& layout, const Digest& digest) {
  return layout / "blobs" / digest.algorithm() / digest.encoded();
}

inline std::size_t temp_files(const fs::path& layout) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(layout))
    if (entry.path().filename().string().rfind(".shipset-tmp-", 0) == 0) ++count;
  return count;
}

inline Result<std::string> read_blob(Store& store, const Descriptor& blob, std::size_t piece = 1000) {
  auto source = store.blob(blob);
  if (!source) return std::move(source).error();
  auto reader = (*source)->open();
  if (!reader) return std::move(reader).error();
  std::string out, buffer(piece, '\0');
  for (;;) {
    auto count = (*reader)->read({reinterpret_cast<std::byte*>(buffer.data()), buffer.size()});
    if (!count) return std::move(count).error();
    if (*count == 0) return out;
    out.append(buffer, 0, *count);
  }
}

inline std::string large_text() {
  std::string out;
  for (int i = 0; out.size() < 9u << 20; ++i) out += std::to_string(i) + "\n";
  return out;
}

inline Descriptor put(Store& store, std::string_view media_type, std::string bytes) {
  const auto descriptor = describe(media_type, bytes);
  must(store.put_blob(descriptor, *memory_source(std::move(bytes)), {}, {}));
  return descriptor;
}

class StringWriter final : public Writer {
 public:
  std::string text;
  Result<void> write(std::span<const std::byte> bytes) override {
    text += as_text(bytes);
    return {};
  }
};

/// A tar with one file.
inline std::string one_file_tar(const std::string& path, const std::string& content) {
  StringWriter out;
  TarWriter tar(out);
  TarEntry entry;
  entry.path = path;
  entry.size_bytes = content.size();
  must(tar.entry(entry));
  must(tar.content(as_bytes(content)));
  must(tar.finish());
  return out.text;
}

inline std::string compressed(Compression compression, const std::string& text) {
  StringWriter out;
  const auto compressor = make_compressor(compression, out, 1);
  must(compressor->write(as_bytes(text)));
  must(compressor->finish());
  return out.text;
}

struct Image {
  Descriptor manifest, config, layer;
};

/// An image with one layer that holds `content`.
inline Image put_image(Store& store, const std::string& platform, const std::string& content) {
  Image out;
  const std::string tar = one_file_tar("file", content);
  out.layer = put(store, media_type::layer_gzip, compressed(Compression::gzip, tar));
  ImageConfig config;
  config.platform = must(Platform::parse(platform));
  config.diff_ids = {Digest::of(tar)};
  out.config = put(store, media_type::config, config.to_bytes());
  Manifest manifest;
  manifest.config = out.config;
  manifest.layers = {out.layer};
  const std::string bytes = manifest.to_bytes();
  out.manifest = describe(media_type::manifest, bytes);
  must(store.put_manifest(out.manifest, bytes));
  out.manifest.platform = config.platform;
  return out;
}

inline Descriptor put_index(Store& store, std::vector<Descriptor> manifests) {
  Index index;
  index.manifests = std::move(manifests);
  const std::string bytes = index.to_bytes();
  auto descriptor = describe(media_type::index, bytes);
  must(store.put_manifest(descriptor, bytes));
  return descriptor;
}

/// An attestation of `image` in BuildKit's form, with the given statement bytes.
inline Descriptor put_attestation(Store& store, const Descriptor& image, const std::string& statement,
                                  bool legacy = false, const std::string& predicate_type = "https://example.com/p") {
  Manifest manifest;
  auto layer = put(store, media_type::in_toto, statement);
  layer.annotations["in-toto.io/predicate-type"] = predicate_type;
  manifest.layers = {layer};
  if (legacy) {
    ImageConfig config;
    config.platform.os = config.platform.architecture = "unknown";
    config.diff_ids = {layer.digest};
    manifest.config = put(store, media_type::config, config.to_bytes());
  } else {
    put(store, media_type::empty, "{}");
    manifest.config = empty_descriptor();
    manifest.artifact_type = "application/vnd.docker.attestation.manifest.v1+json";
    Descriptor subject = image;
    subject.platform.reset();
    manifest.subject = subject;
  }
  const std::string bytes = manifest.to_bytes();
  auto out = describe(media_type::manifest, bytes);
  must(store.put_manifest(out, bytes));
  out.platform = Platform{"unknown", "unknown", {}, {}, {}};
  out.annotations[std::string(reference_type_key)] = "attestation-manifest";
  out.annotations[std::string(reference_digest_key)] = image.digest.str();
  return out;
}

inline std::string statement_about(const Digest& image, const std::string& predicate_type = "https://example.com/p") {
  return R"({"_type":"https://in-toto.io/Statement/v1","predicateType":")" + predicate_type +
         R"(","subject":[{"name":"x","digest":{"sha256":")" + std::string(image.encoded()) +
         R"("}}],"predicate":{"subject":[{"digest":{"sha256":"not the subject"}}]}})";
}

/// A store in memory that refuses incomplete manifests, as registries do, and counts what it is asked.
class MemoryStore : public Store {
 public:
  explicit MemoryStore(std::string name = "memory") : name_(std::move(name)) {}
  std::string name() const override { return name_; }
  std::string pool() const override { return pool_name; }
  Result<TagGlance> glance() override {
    ++glances;
    const std::lock_guard lock(mutex_);
    TagGlance out{true, {}};
    for (const auto& [tag, root] : tags_) out.tags.push_back(tag);
    return out;
  }
  Result<std::optional<Descriptor>> resolve(std::string_view tag) override {
    ++tag_questions;
    const std::lock_guard lock(mutex_);
    const auto it = tags_.find(std::string(tag));
    return it == tags_.end() ? std::optional<Descriptor>() : std::optional<Descriptor>(it->second);
  }
  Result<ManifestBytes> manifest(const Digest& digest) override {
    const std::lock_guard lock(mutex_);
    const auto it = manifests.find(digest);
    if (it == manifests.end()) return missing(digest);
    return ManifestBytes{it->second.first, it->second.second};
  }
  Result<bool> has_manifest(const Digest& digest) override {
    ++manifest_questions;
    const std::lock_guard lock(mutex_);
    return manifests.count(digest) > 0;
  }
  Result<bool> has_blob(const Descriptor& blob) override {
    ++blob_questions;
    const std::lock_guard lock(mutex_);
    return blobs.count(blob.digest) > 0;
  }
  Result<std::unique_ptr<Source>> blob(const Descriptor& blob) override {
    const std::lock_guard lock(mutex_);
    const auto it = blobs.find(blob.digest);
    if (it == blobs.end()) return missing(blob.digest);
    ++reads;
    return memory_source(it->second);
  }
  Result<BlobPut> put_blob(const Descriptor& blob, const Source& content, const EventSink&,
                           const CancelToken& cancel) override {
    SHIPSET_CHECK(cancel.check());
    SHIPSET_TRY(const auto reader, content.open());
    SHIPSET_TRY(auto bytes, read_all(*reader, blob.size, "blob"));
    const std::lock_guard lock(mutex_);
    if (fail_blob == blob.digest)
      return Error(ErrorKind::registry, "the registry refused the blob").with("store", name_);
    if (blobs.count(blob.digest)) return BlobPut{};
    order.push_back(blob.digest);
    blobs.emplace(blob.digest, std::move(bytes));
    return BlobPut{blob.size};
  }
  Result<bool> mount_blob(const Descriptor& blob, const Store& from) override {
    const auto* other = dynamic_cast<const MemoryStore*>(&from);
    if (other == nullptr) return false;
    std::string bytes;
    {
      const std::lock_guard lock(other->mutex_);
      const auto it = other->blobs.find(blob.digest);
      if (it == other->blobs.end()) return false;
      bytes = it->second;
    }
    const std::lock_guard lock(mutex_);
    blobs.emplace(blob.digest, std::move(bytes));
    return true;
  }
  Result<void> put_manifest(const Descriptor& manifest, std::string_view bytes) override {
    SHIPSET_TRY(const auto below, children(manifest.media_type, bytes, "manifest"));
    const std::lock_guard lock(mutex_);
    for (const auto& child : below)
      if (!blobs.count(child.digest) && !manifests.count(child.digest))
        return Error(ErrorKind::registry, "the manifest refers to unknown content " + child.digest.str());
    if (!manifests.count(manifest.digest)) order.push_back(manifest.digest);
    Descriptor plain = manifest;
    plain.platform.reset();
    plain.annotations.clear();
    manifests.emplace(manifest.digest, std::pair(plain, std::string(bytes)));
    return {};
  }
  Result<void> put_tag(std::string_view tag, const Descriptor& manifest, std::string_view bytes) override {
    SHIPSET_CHECK(put_manifest(manifest, bytes));
    const std::lock_guard lock(mutex_);
    ++tag_writes;
    tags_[std::string(tag)] = manifest;
    return {};
  }
  Result<bool> remove_tag(std::string_view tag) override {
    const std::lock_guard lock(mutex_);
    tags_.erase(std::string(tag));
    return true;
  }
  Result<std::vector<std::string>> tags() override { return std::vector<std::string>(); }
  Result<std::vector<Descriptor>> referrers(const Digest& digest, std::string_view) override {
    const std::lock_guard lock(mutex_);
    std::vector<Descriptor> out;
    for (const auto& [name, value] : manifests)
      if (auto parsed = Manifest::parse(value.second, "manifest"); parsed && parsed->subject)
        if (parsed->subject->digest == digest) out.push_back(value.first);
    return out;
  }
  Result<void> check_writable() override { return {}; }

  std::map<Digest, std::string> blobs;
  std::map<Digest, std::pair<Descriptor, std::string>> manifests;
  std::vector<Digest> order;  ///< of what was stored
  std::atomic<int> manifest_questions{0}, blob_questions{0}, tag_questions{0}, tag_writes{0}, glances{0}, reads{0};
  std::string pool_name{};  ///< before it is used
  Digest fail_blob;

 private:
  Error missing(const Digest& digest) const {
    return Error(ErrorKind::not_found, digest.str() + " is not there").with("store", name_);
  }
  std::string name_;
  mutable std::mutex mutex_;
  std::map<std::string, Descriptor> tags_;
};

}  // namespace shipset::oci::test
