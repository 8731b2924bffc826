#include <algorithm>
#include <array>

#include "error_body_impl.hpp"
#include "repository_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
/// So much new content makes a broken stream a new piece of luck, not the next failure of the same attempt.
constexpr std::uint64_t progress_bytes = 1u << 20;

class BlobReader final : public Reader {
 public:
  BlobReader(std::shared_ptr<Client::Core> core, Endpoint at, oci::Descriptor blob, Stop stop, std::uint64_t offset)
      : core_(std::move(core)),
        at_(std::move(at)),
        blob_(std::move(blob)),
        stop_(std::move(stop)),
        position_(offset),
        retry_(core_->options.attempts) {
    if (offset == 0 && blob_.digest.computable()) hasher_.emplace(blob_.digest.algorithm());
  }

  /// Asks for the bytes from the current position on.
  Result<void> begin();
  Result<std::size_t> read(std::span<std::byte> buffer) override;

 private:
  Result<void> accept(Answer answer);
  Result<void> verify_end();
  [[nodiscard]] std::string what() const {
    return "cannot read the blob " + blob_.digest.str() + " from " + at_.name();
  }
  Error located(Error error) const {
    return std::move(error).with("host", at_.domain).with("store", at_.name()).with("digest", blob_.digest.str());
  }
  Error error(ErrorKind kind, std::string why, std::string hint) const {
    return located(Error(kind, what(), std::move(why), std::move(hint)));
  }
  Error lost(const Failure& failure) const { return located(unreachable(what(), failure, at_.domain)); }

  std::shared_ptr<Client::Core> core_;
  Endpoint at_;
  oci::Descriptor blob_;
  Stop stop_;
  std::uint64_t position_;
  std::uint64_t last_break_ = 0;
  std::uint64_t skip_ = 0;  ///< bytes of the stream that were read before
  Retry retry_;
  std::optional<Hasher> hasher_;
  std::optional<ExchangeHandle> stream_;
  bool ranges_ = true;
  bool broken_ = false;
};

Result<void> BlobReader::begin() {
  Call call;
  call.url = "/v2/" + at_.path + "/blobs/" + blob_.digest.str();
  call.scopes = {repository_scope(at_.path, "pull")};
  call.stream_answer = true;
  call.lane = Lane::download;
  const auto until_headers = [this](ExchangeHandle& handle) -> Result<Outcome> {
    Outcome outcome = handle->wait_headers(stop_);
    if (outcome.failure) return outcome;
    if (!outcome.response.success()) return handle->finish(stop_);
    outcome.stream = handle.release();
    return outcome;
  };
  for (;;) {
    if (stop_.requested()) return stop_.error();
    call.headers.clear();
    if (position_ > 0 && ranges_)
      call.headers = {"Range: bytes=" + std::to_string(position_) + "-" + std::to_string(blob_.size - 1)};
    SHIPSET_TRY(Answer answer, core_->attempt(at_, call, until_headers, stop_));
    if (answer.outcome.stream) return accept(std::move(answer));
    if (!answer.outcome.failure && answer.outcome.response.status == 416 && !call.headers.empty()) {
      ranges_ = false;  // read from the start and skip
      continue;
    }
    SHIPSET_TRY(const bool again, retry_.again(answer.outcome, stop_));
    if (again) {
      ++core_->retries;
      continue;
    }
    if (answer.outcome.failure) return lost(answer.outcome.failure);
    return located(core_->refusal(at_, answer, what()));
  }
}

Result<void> BlobReader::accept(Answer answer) {
  stream_.emplace(ExchangeHandle(std::move(answer.outcome.stream)));
  const HttpResponse& response = answer.outcome.response;
  if (response.status == 206) {
    const std::string_view range = response.headers.get("content-range");
    if (!range.starts_with("bytes " + std::to_string(position_) + "-"))
      return error(ErrorKind::registry, "it answered with another range than asked for", "try again later");
    const auto total = range.substr(std::min(range.rfind('/'), range.size() - 1) + 1);
    if (range.find('/') != std::string_view::npos && total != "*" && total != std::to_string(blob_.size))
      return error(ErrorKind::verify,
                   "its size has become " + printable(total, 30) + ", not " + std::to_string(blob_.size),
                   "the registry's copy was replaced or is damaged: push it again");
    skip_ = 0;
    return {};
  }
  if (is_html(response)) return located(unreadable(what(), "the answer is a web page, not a blob", at_.domain));
  const auto length = response.headers.number("content-length");
  if (length && *length != blob_.size && response.headers.get("content-encoding").empty())
    return error(ErrorKind::verify, "it has " + std::to_string(*length) + " bytes, not " + std::to_string(blob_.size),
                 "the registry's copy is damaged: push it again");
  skip_ = position_;  // the registry ignored the range
  return {};
}

Result<void> BlobReader::verify_end() {
  if (!hasher_) return {};
  const Digest digest = hasher_->finish();
  hasher_.reset();
  if (digest == blob_.digest) return {};
  broken_ = true;
  return error(ErrorKind::verify, "its bytes have the digest " + digest.str(),
               "the registry's copy is damaged, or something between alters it: do not use it");
}

Result<std::size_t> BlobReader::read(std::span<std::byte> buffer) {
  if (broken_) return error(ErrorKind::verify, "it was not what its digest says", {});
  if (buffer.empty()) return std::size_t(0);
  for (;;) {
    if (!stream_ && position_ == blob_.size && position_ > 0) return std::size_t(0);
    if (!stream_) SHIPSET_CHECK(begin());
    Failure failure;
    const std::size_t n =
        (*stream_)->read(buffer.first(static_cast<std::size_t>(skip_ > 0 ? std::min<std::uint64_t>(skip_, buffer.size())
                                                                         : buffer.size())),
                         stop_, failure);
    if (n > 0 && skip_ > 0) {
      skip_ -= n;
      continue;
    }
    if (n > 0) {
      position_ += n;
      if (position_ > blob_.size)
        return error(ErrorKind::verify, "it is longer than its descriptor says", "do not use it");
      if (hasher_) hasher_->update(buffer.first(n));
      if (position_ == blob_.size) SHIPSET_CHECK(verify_end());
      return n;
    }
    if (position_ == blob_.size && skip_ == 0 && !failure) {
      SHIPSET_CHECK(verify_end());  // for empty blobs; a no-op when it was done
      return std::size_t(0);
    }
    if (!failure)
      failure = {FailureKind::broken, "the answer ended after " + std::to_string(position_) + " of " +
                                          std::to_string(blob_.size) + " bytes"};
    stream_.reset();
    if (position_ > last_break_ + progress_bytes) retry_ = Retry(core_->options.attempts);
    last_break_ = position_;
    SHIPSET_TRY(const bool again, retry_.again({failure, {}, {}}, stop_));
    if (!again) return lost(failure);
    ++core_->retries;
  }
}

class BlobSource final : public Source {
 public:
  BlobSource(std::shared_ptr<Client::Core> core, Endpoint at, oci::Descriptor blob, Stop stop)
      : core_(std::move(core)), at_(std::move(at)), blob_(std::move(blob)), stop_(std::move(stop)) {}
  [[nodiscard]] std::uint64_t size() const override { return blob_.size; }
  [[nodiscard]] Result<std::unique_ptr<Reader>> open(std::uint64_t offset) const override {
    if (offset > blob_.size)
      return Error(ErrorKind::internal, "cannot read the blob " + blob_.digest.str() + " from beyond its end");
    auto reader = std::make_unique<BlobReader>(core_, at_, blob_, stop_, offset);
    if (offset < blob_.size || offset == 0) SHIPSET_CHECK(reader->begin());
    return std::unique_ptr<Reader>(std::move(reader));
  }

 private:
  std::shared_ptr<Client::Core> core_;
  Endpoint at_;
  oci::Descriptor blob_;
  Stop stop_;
};
}  // namespace

std::unique_ptr<Source> blob_source(std::shared_ptr<Client::Core> core, Endpoint at, oci::Descriptor blob, Stop stop) {
  return std::make_unique<BlobSource>(std::move(core), std::move(at), std::move(blob), std::move(stop));
}

}  // namespace shipset::registry
