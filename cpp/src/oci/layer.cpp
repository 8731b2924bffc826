#include "shipset/oci/layer.hpp"

#include "layer_impl.hpp"

namespace shipset::oci {

namespace {

/// Counts, and asks for a stop before each piece.
class CountingWriter final : public Writer {
 public:
  CountingWriter(Writer& out, CancelToken cancel) : out_(out), cancel_(std::move(cancel)) {}
  Result<void> write(std::span<const std::byte> bytes) override {
    SHIPSET_CHECK(cancel_.check());
    count_ += bytes.size();
    return out_.write(bytes);
  }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

 private:
  Writer& out_;
  CancelToken cancel_;
  std::uint64_t count_ = 0;
};

class HashingWriter final : public Writer {
 public:
  explicit HashingWriter(Writer* out) : out_(out) {}
  Result<void> write(std::span<const std::byte> bytes) override {
    hasher_.update(bytes);
    return out_ == nullptr ? Result<void>() : out_->write(bytes);
  }
  Digest finish() { return hasher_.finish(); }

 private:
  Writer* out_;
  Hasher hasher_;
};

/// Everything but digest and size of the compressed bytes, which whoever takes them knows.
template <class Write>
Result<LayerResult> compress(Writer& out, const LayerOptions& options, const Write& write) {
  LayerResult result;
  result.used = available(options.compression);
  result.descriptor.media_type = detail::layer_media_type(result.used);
  Hasher content;
  const auto compressor = make_compressor(result.used, out, options.threads, &content);
  CountingWriter counting(*compressor, options.cancel);
  SHIPSET_CHECK(write(counting));
  SHIPSET_CHECK(compressor->finish());
  result.diff_id = content.finish();
  result.uncompressed_bytes = counting.count();
  return result;
}

}  // namespace

Result<LayerResult> pack_layer(const LayerInput& input, const LayerOptions& options, LayoutStore& store) {
  SHIPSET_TRY(const auto blob, store.new_blob());
  SHIPSET_TRY(auto result,
              compress(*blob, options, [&](Writer& out) { return detail::write_layer(input, options, out); }));
  SHIPSET_TRY(result.descriptor, blob->commit(result.descriptor.media_type));
  return result;
}

Result<LayerResult> pack_tar(Reader& tar, Writer& out, const LayerOptions& options) {
  HashingWriter hashing(&out);
  CountingWriter packed(hashing, options.cancel);
  SHIPSET_TRY(auto result, compress(packed, options, [&](Writer& plain) { return detail::copy_tar(tar, plain); }));
  result.descriptor.digest = hashing.finish();
  result.descriptor.size = packed.count();
  return result;
}

Result<Digest> input_digest(const LayerInput& input, const LayerOptions& options) {
  HashingWriter hashing(nullptr);
  CountingWriter counting(hashing, options.cancel);
  SHIPSET_CHECK(detail::write_layer(input, options, counting));
  return hashing.finish();
}

namespace detail {

std::string_view layer_media_type(Compression compression) noexcept {
  switch (compression) {
    case Compression::none:
      return media_type::layer_tar;
    case Compression::zstd:
      return media_type::layer_zstd;
    case Compression::gzip:
    case Compression::gzip_fast:
      break;
  }
  return media_type::layer_gzip;
}

}  // namespace detail
}  // namespace shipset::oci
