#include <array>
#include <cstring>

#include "docker_archive_impl.hpp"
#include "shipset/base/compress.hpp"
#include "shipset/base/text.hpp"

namespace shipset::oci {

using detail::archive_error;

namespace {

constexpr std::size_t piece_bytes = 256u << 10;

/// The content of the current entry, with its first bytes given back.
class EntryReader final : public Reader {
 public:
  explicit EntryReader(TarReader& tar) : tar_(tar) {}

  /// The first bytes, which are read again later.
  Result<std::string_view> head() {
    while (have_ < head_.size()) {
      SHIPSET_TRY(const std::size_t count, tar_.read(std::span(head_).subspan(have_)));
      if (count == 0) break;
      have_ += count;
    }
    return as_text(std::span(head_).first(have_));
  }
  /// From here on everything that is read is written there, too.
  void copy_to(Writer& out) { copy_ = &out; }

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    std::size_t count = 0;
    if (given_ < have_) {
      count = std::min(buffer.size(), have_ - given_);
      std::memcpy(buffer.data(), head_.data() + given_, count);
      given_ += count;
    } else {
      SHIPSET_TRY(count, tar_.read(buffer));
    }
    if (copy_ != nullptr) SHIPSET_CHECK(copy_->write(buffer.first(count)));
    done_ += count;
    return count;
  }
  [[nodiscard]] std::uint64_t done() const noexcept { return done_; }

 private:
  TarReader& tar_;
  Writer* copy_ = nullptr;
  std::array<std::byte, 4> head_{};
  std::size_t have_ = 0, given_ = 0;
  std::uint64_t done_ = 0;
};

/// For make_decompressor, which wants to own what it reads.
class Borrowed final : public Reader {
 public:
  explicit Borrowed(Reader& in) : in_(in) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override { return in_.read(buffer); }

 private:
  Reader& in_;
};

std::string_view compressed_type(std::string_view head) {
  if (head.starts_with("\x1f\x8b\x08")) return media_type::layer_gzip;
  if (head.starts_with("\x28\xb5\x2f\xfd")) return media_type::layer_zstd;
  return {};
}

template <class Take>
Result<void> pump(Reader& in, const Take& take) {
  std::vector<std::byte> buffer(piece_bytes);
  for (;;) {
    SHIPSET_TRY(const std::size_t count, in.read(buffer));
    if (count == 0) return {};
    SHIPSET_CHECK(take(std::span<const std::byte>(buffer).first(count)));
  }
}

/// What unpacking one image holds.
struct Unpacking {
  const std::string& archive;
  const ArchiveImage& image;
  LayoutStore& store;
};

Result<Descriptor> take_layer(const TarEntry& entry, TarReader& tar, const Unpacking& work, const Digest& diff_id) {
  if (!diff_id.computable())
    return archive_error(work.archive, "this program cannot compute " + std::string(diff_id.algorithm()) +
                                           " digests, as its diff ids are");
  EntryReader in(tar);
  SHIPSET_TRY(const auto head, in.head());
  std::string_view type = compressed_type(head);
  SHIPSET_TRY(const auto blob, work.store.new_blob());
  Hasher hasher(diff_id.algorithm());
  if (type.empty()) {
    type = media_type::layer_gzip;
    const auto compressor = make_compressor(Compression::gzip, *blob, 0, &hasher);
    SHIPSET_CHECK(pump(in, [&](std::span<const std::byte> bytes) { return compressor->write(bytes); }));
    SHIPSET_CHECK(compressor->finish());
  } else {
    in.copy_to(*blob);
    SHIPSET_TRY(const auto plain, make_decompressor(std::make_unique<Borrowed>(in)));
    const auto count = [&](std::span<const std::byte> bytes) {
      hasher.update(bytes);
      return Result<void>();
    };
    SHIPSET_CHECK(pump(*plain, count));
  }
  const std::string layer = "the layer \"" + printable(entry.path, 200) + "\" in it ";
  if (in.done() != entry.size_bytes) return archive_error(work.archive, layer + "does not end where its content ends");
  if (const auto found = hasher.finish(); found != diff_id)
    return archive_error(work.archive, layer + "has diff id " + found.str() + ", its config says " + diff_id.str(),
                         "the archive was changed or damaged: save the image again");
  return blob->commit(type);
}

/// The distinct layers of the image, by path.
Result<std::map<std::string, Descriptor>> take_layers(const Source& content, const Unpacking& work,
                                                      const CancelToken& cancel) {
  std::map<std::string, Digest> wanted;
  for (std::size_t i = 0; i < work.image.layer_paths.size(); ++i) {
    const auto& path = work.image.layer_paths[i];
    const auto [at, added] = wanted.emplace(path, work.image.diff_ids[i]);
    if (!added && at->second != work.image.diff_ids[i])
      return archive_error(work.archive, "the layer \"" + printable(path, 200) + "\" in it has two diff ids");
  }
  std::map<std::string, Descriptor> out;
  if (wanted.empty()) return out;
  const auto visit = [&](const TarEntry& entry, TarReader& tar) -> Result<bool> {
    const auto at = wanted.find(entry.path);
    if (at == wanted.end() || entry.type != TarType::file || out.contains(entry.path)) return true;
    SHIPSET_TRY(out[entry.path], take_layer(entry, tar, work, at->second));
    return out.size() < wanted.size();
  };
  SHIPSET_CHECK(detail::scan_archive(content, work.archive, cancel, visit));
  if (out.size() != wanted.size()) return archive_error(work.archive, "it changed while it was read");
  return out;
}

}  // namespace

Result<Descriptor> DockerArchive::unpack(const ArchiveImage& image, LayoutStore& store,
                                         const CancelToken& cancel) const {
  SHIPSET_TRY(const auto layers, take_layers(*content_, Unpacking{name_, image, store}, cancel));
  Manifest manifest;
  manifest.config = describe(media_type::config, image.config_bytes);
  for (const auto& path : image.layer_paths) manifest.layers.push_back(layers.at(path));
  SHIPSET_CHECK(store.put_blob(manifest.config, *memory_source(image.config_bytes), {}, cancel));
  const std::string bytes = manifest.to_bytes();
  Descriptor out = describe(media_type::manifest, bytes);
  SHIPSET_CHECK(store.put_manifest(out, bytes));
  out.platform = image.platform;
  return out;
}

}  // namespace shipset::oci
