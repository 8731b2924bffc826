#include <algorithm>
#include <array>
#include <istream>
#include <nlohmann/json.hpp>
#include <optional>
#include <streambuf>

#include "shipset/base/compress.hpp"
#include "shipset/base/text.hpp"
#include "validate_impl.hpp"

namespace shipset::oci::detail {

namespace {

constexpr std::size_t piece_bytes = 256u << 10;
constexpr std::uint64_t progress_bytes = 16u << 20;
constexpr std::size_t max_statement_depth = 256;

/// The blob as its store gives it, with progress and stop; keeps the first bytes.
class Watched {
 public:
  Watched(std::unique_ptr<Reader> in, const Descriptor& blob, const EventSink& events, const CancelToken& cancel)
      : in_(std::move(in)), blob_(blob), events_(events), cancel_(cancel) {}

  Result<std::size_t> read(std::span<std::byte> buffer) {
    SHIPSET_CHECK(cancel_.check());
    auto count = in_->read(buffer);
    if (!count) {
      failure = count.error();
      return count;
    }
    for (std::size_t i = 0; magic.size() < 4 && i < *count; ++i) magic += static_cast<char>(buffer[i]);
    bytes += *count;
    if (bytes - told_ >= progress_bytes) {
      told_ = bytes;
      emit(events_, {EventKind::blob_progress, "verify", blob_.digest.str(), {}, bytes, blob_.size, {}});
    }
    return count;
  }
  /// Reads on to the end, so that the store compares digest and size; gives how much was left.
  Result<std::uint64_t> drain() {
    std::vector<std::byte> buffer(piece_bytes);
    const std::uint64_t before = bytes;
    for (;;) {
      SHIPSET_TRY(const std::size_t count, read(buffer));
      if (count == 0) return bytes - before;
    }
  }

  std::uint64_t bytes = 0;
  std::string magic;
  std::optional<Error> failure;  ///< of the store

 private:
  std::unique_ptr<Reader> in_;
  const Descriptor& blob_;
  const EventSink& events_;
  const CancelToken& cancel_;
  std::uint64_t told_ = 0;
};

class WatchedReader final : public Reader {
 public:
  explicit WatchedReader(Watched& watched) : watched_(watched) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override { return watched_.read(buffer); }

 private:
  Watched& watched_;
};

/// What the first bytes say against an OCI layer type; empty: they fit.
std::string compression_problem(const std::string& media_type, const std::string& magic) {
  const bool gzip = magic.rfind("\x1f\x8b", 0) == 0;
  const bool zstd = magic.rfind("\x28\xb5\x2f\xfd", 0) == 0;
  const std::string_view found = gzip ? "gzip" : zstd ? "zstd" : "no compression";
  std::string_view said;
  if (media_type == media_type::layer_gzip) said = "gzip";
  if (media_type == media_type::layer_zstd) said = "zstd";
  if (media_type == media_type::layer_tar) said = "no compression";
  if (said.empty() || said == found) return {};
  return "its media type says " + std::string(said) + ", its bytes say " + std::string(found);
}

Result<void> read_layer(Watched& in, const Descriptor& blob, std::string_view algorithm, BlobFacts& facts) {
  SHIPSET_TRY(const auto plain, make_decompressor(std::make_unique<WatchedReader>(in)));
  Hasher hasher(algorithm);
  std::vector<std::byte> buffer(piece_bytes);
  for (;;) {
    SHIPSET_TRY(const std::size_t count, plain->read(buffer));
    if (count == 0) break;
    hasher.update(std::span(buffer).subspan(0, count));
  }
  facts.diff_id = hasher.finish();
  facts.problem = compression_problem(blob.media_type, in.magic);
  return {};
}

/// Feeds a Reader to the JSON parser.
class ReaderBuffer final : public std::streambuf {
 public:
  explicit ReaderBuffer(Watched& in) : in_(in), buffer_(64u << 10) {}
  std::optional<Error> failure;

 protected:
  int_type underflow() override {
    auto count = in_.read({reinterpret_cast<std::byte*>(buffer_.data()), buffer_.size()});
    if (!count) failure = std::move(count).error();
    if (failure || *count == 0) return traits_type::eof();
    setg(buffer_.data(), buffer_.data(), buffer_.data() + *count);
    return traits_type::to_int_type(buffer_.front());
  }

 private:
  Watched& in_;
  std::vector<char> buffer_;
};

/// Picks type and subjects out of a statement of any size without building it in memory.
class StatementReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit StatementReader(BlobFacts& facts) : facts_(facts) {}
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return false; }
  bool string(string_t& text) override {
    if (depth_ == 1 && names_[1] == "_type") facts_.statement_type = text;
    if (depth_ == 1 && names_[1] == "predicateType") facts_.predicate_type = text;
    if (in_subject_digest()) facts_.subject_digests.emplace_back(names_[4], text);
    return true;
  }
  bool start_object(std::size_t) override { return open(false); }
  bool start_array(std::size_t) override { return open(true); }
  bool end_object() override { return --depth_, true; }
  bool end_array() override { return --depth_, true; }
  bool key(string_t& name) override {
    if (depth_ == 1 && (name == "subject" || name == "predicateType" || name == "_type") && !seen(name))
      return fail("the member name \"" + name + "\" occurs twice");
    if (depth_ < names_.size()) names_[depth_] = name;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return fail("it is not JSON at byte " + std::to_string(position));
  }
  bool fail(std::string text) {
    if (facts_.problem.empty()) facts_.problem = std::move(text);
    return false;
  }
  [[nodiscard]] bool is_object() const { return root_is_object_; }

 private:
  bool open(bool array) {
    if (++depth_ > max_statement_depth) return fail("it is nested too deep");
    if (depth_ == 1) root_is_object_ = !array;
    if (depth_ < arrays_.size()) arrays_[depth_] = array;
    return true;
  }
  [[nodiscard]] bool in_subject_digest() const {
    return depth_ == 4 && names_[1] == "subject" && arrays_[2] && !arrays_[3] && names_[3] == "digest" && !arrays_[4];
  }
  bool seen(const std::string& name) {
    if (std::find(seen_.begin(), seen_.end(), name) != seen_.end()) return false;
    seen_.push_back(name);
    return true;
  }
  BlobFacts& facts_;
  std::size_t depth_ = 0;
  std::array<std::string, 5> names_;
  std::array<bool, 5> arrays_{};
  std::vector<std::string> seen_;
  bool root_is_object_ = false;
};

Result<void> read_statement(Watched& in, BlobFacts& facts) {
  ReaderBuffer buffer(in);
  std::istream stream(&buffer);
  StatementReader reader(facts);
  nlohmann::json::sax_parse(stream, &reader);
  if (buffer.failure) return *buffer.failure;
  if (facts.problem.empty() && !reader.is_object()) facts.problem = "it is not a JSON object";
  return {};
}

}  // namespace

bool is_finding(const Error& error) {
  return error.kind == ErrorKind::verify || error.kind == ErrorKind::not_found;
}

std::string finding_text(const Error& error) {
  return printable(error.why.empty() ? error.what : error.what + ": " + error.why, 600);
}

Result<BlobFacts> read_blob(Store& store, const Descriptor& blob, BlobRole role, std::string_view diff_algorithm,
                            const EventSink& events, const CancelToken& cancel) {
  BlobFacts facts;
  auto failed = [&](Error error) -> Result<BlobFacts> {
    if (!is_finding(error)) return error;
    facts.problem = finding_text(error);
    return facts;
  };
  auto source = store.blob(blob);
  if (!source) return failed(std::move(source).error());
  auto opened = (*source)->open();
  if (!opened) return failed(std::move(opened).error());
  Watched in(std::move(*opened), blob, events, cancel);
  Result<void> outcome;
  if (role == BlobRole::layer) outcome = read_layer(in, blob, diff_algorithm, facts);
  if (role == BlobRole::statement) outcome = read_statement(in, facts);
  // What the store says about the bytes explains everything that follows from them.
  if (in.failure) return failed(*in.failure);
  if (!outcome && !is_finding(outcome.error()) && outcome.error().kind != ErrorKind::io)
    return std::move(outcome).error();
  auto rest = in.drain();
  facts.bytes = in.bytes;
  if (!rest) return failed(std::move(rest).error());
  if (!outcome) return failed(std::move(outcome).error());
  if (role == BlobRole::layer && *rest > 0 && facts.problem.empty())
    facts.problem = std::to_string(*rest) + " bytes follow the end of the archive";
  return facts;
}

}  // namespace shipset::oci::detail
