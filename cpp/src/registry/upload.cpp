// Blobs on their way up: POST opens an upload (and asks for a mount in the same request), PUT sends the body in one
// piece; registries that want PATCH get that. A broken upload begins anew; what landed is found by the next POST.
#include <algorithm>

#include "error_body_impl.hpp"
#include "repository_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
constexpr std::size_t piece_bytes = 256u << 10;
constexpr std::uint64_t progress_step = 1u << 20;
/// Answers that another upload may cure, but a third one will not.
constexpr unsigned odd_attempts = 2;

std::string digest_parameter(std::string_view name, const Digest& digest) {
  return std::string(name) + "=" + percent_encode(digest.str());
}

Error wrong_content(const oci::Descriptor& blob, std::string why) {
  return Error(ErrorKind::verify, "the content given for the blob " + blob.digest.str() + " is not that blob",
               std::move(why), "read the source again; its file may have changed or be damaged")
      .with("digest", blob.digest.str());
}

/// Sends the source through the exchange. The last piece is held back until the digest is known to be right, so
/// that a registry can never complete a wrong upload.
Result<void> feed_verified(Exchange& exchange, const oci::Descriptor& blob, const Source& content,
                           const EventSink& events, const Stop& stop) {
  SHIPSET_TRY(const auto reader, content.open(0));
  Hasher hasher(blob.digest.algorithm());
  std::vector<std::byte> buffer(static_cast<std::size_t>(std::clamp<std::uint64_t>(blob.size, 1, piece_bytes)));
  std::uint64_t done = 0, told = 0;
  bool last = false;
  while (!last) {
    std::size_t count = 0;
    if (blob.size > 0) {
      const auto room =
          std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), blob.size - done)));
      SHIPSET_TRY(count, reader->read(room));
      if (count == 0)
        return wrong_content(blob,
                             "it ends after " + std::to_string(done) + " of " + std::to_string(blob.size) + " bytes");
    }
    const auto piece = std::span<const std::byte>(buffer).first(count);
    hasher.update(piece);
    done += count;
    last = done == blob.size;
    if (last) {
      std::byte more[1];
      SHIPSET_TRY(const std::size_t extra, reader->read(more));
      if (extra != 0) return wrong_content(blob, "it is longer than " + std::to_string(blob.size) + " bytes");
      if (const Digest digest = hasher.finish(); digest != blob.digest)
        return wrong_content(blob, "its bytes have the digest " + digest.str());
    }
    if (stop.requested()) return stop.error();
    if (!exchange.feed(piece, stop)) return {};  // the registry answered already, or the connection broke
    if (last || done >= told + progress_step) {
      told = done;
      emit(events, {EventKind::blob_progress, {}, blob.digest.str(), {}, done, blob.size, {}});
    }
  }
  return {};
}

bool odd_status(const HttpResponse& response) {
  if (response.status == 404 || response.status == 405 || response.status == 416 || response.status == 501) return true;
  const auto code = read_refusal(response).code;
  return response.status == 400 && (code == "BLOB_UPLOAD_INVALID" || code == "BLOB_UPLOAD_UNKNOWN" ||
                                    code == "DIGEST_INVALID" || code == "SIZE_INVALID");
}

bool wants_chunks(const HttpResponse& response) {
  if (response.status == 405 || response.status == 501) return true;
  return response.status == 404 && read_refusal(response).code != "BLOB_UPLOAD_UNKNOWN";
}
}  // namespace

std::optional<RepositoryStore::Upload> RepositoryStore::take_kept_upload() {
  std::lock_guard lock(uploads_mutex_);
  if (kept_uploads_.empty()) return std::nullopt;
  Upload out = std::move(kept_uploads_.back());
  kept_uploads_.pop_back();
  return out;
}

void RepositoryStore::keep_upload(Upload upload) {
  std::lock_guard lock(uploads_mutex_);
  kept_uploads_.push_back(std::move(upload));
}

Result<Answer> RepositoryStore::post_upload(const std::string& query, std::vector<std::string> wanted,
                                            const std::string& what, const Stop& stop) {
  Call call;
  call.method = "POST";
  call.url = path("blobs/uploads/") + (query.empty() ? "" : "?" + query);
  call.body = "";
  call.scopes = std::move(wanted);
  return core_->send(at_, call, what, stop);
}

Result<std::optional<RepositoryStore::Upload>> RepositoryStore::open_upload(const oci::Descriptor& blob,
                                                                            const std::string& what, const Stop& stop) {
  bool known_absent = false;
  {
    std::lock_guard lock(uploads_mutex_);
    known_absent = absent_.erase(blob.digest) > 0;
  }
  auto kept = take_kept_upload();
  const bool by_mount = !known_absent && !kept && core_->mount_checks(at_) == std::optional(true);
  if (!known_absent && !by_mount) {
    SHIPSET_TRY(const bool there, look_for_blob(blob, stop));
    if (there && kept) keep_upload(std::move(*kept));
    if (there) return std::optional<Upload>();
  }
  if (kept) return kept;
  const std::string query =
      by_mount ? digest_parameter("mount", blob.digest) + "&from=" + percent_encode(at_.path) : std::string();
  SHIPSET_TRY(Answer answer, post_upload(query, scopes("pull,push"), what, stop));
  if (by_mount && answer.outcome.response.status == 201 && !is_html(answer.outcome.response)) {
    SHIPSET_CHECK(check_stored(blob, answer, what));
    return std::optional<Upload>();
  }
  if (by_mount && answer.outcome.response.status != 202) {
    SHIPSET_TRY(answer, post_upload({}, scopes("pull,push"), what, stop));
  }
  if (answer.outcome.response.status != 202) return failed(what, answer, "digest", blob.digest.str());
  const auto location = location_of(answer);
  if (!location)
    return unreadable(what, "the registry names no usable place to upload to", at_.domain)
        .with("store", name())
        .with("digest", blob.digest.str());
  return std::optional(Upload{*location});
}

void RepositoryStore::learn_mount_check(const oci::Descriptor& stored, const Stop& stop) {
  if (!core_->claim_mount_check(at_)) return;
  const std::string query = digest_parameter("mount", stored.digest) + "&from=" + percent_encode(at_.path);
  const auto answer = post_upload(query, scopes("pull,push"), "cannot open an upload in " + name(), stop);
  if (!answer) return;
  const HttpResponse& response = answer->outcome.response;
  core_->set_mount_checks(at_, response.status == 201 && !is_html(response));
  if (const auto location = location_of(*answer); location && response.status == 202) keep_upload({*location});
}

Result<Answer> RepositoryStore::stream_body(const Url& url, std::string_view method, const oci::Descriptor& blob,
                                            const Source& content, const EventSink& events, const Stop& stop) {
  Call call;
  call.method = method;
  call.url = url.str();
  call.headers = {"Content-Type: application/octet-stream"};
  call.stream_size = blob.size;
  call.scopes = scopes("pull,push");
  call.lane = Lane::upload;
  if (method == "PATCH" && blob.size > 0) call.headers.push_back("Content-Range: 0-" + std::to_string(blob.size - 1));
  return core_->attempt(
      at_, call,
      [&](ExchangeHandle& handle) -> Result<Outcome> {
        SHIPSET_CHECK(feed_verified(*handle.get(), blob, content, events, stop));
        return handle->finish(stop);
      },
      stop);
}

Result<Answer> RepositoryStore::finish_chunked(const Answer& patched, const Url& sent_to, const Digest& digest,
                                               const Stop& stop) {
  const Url next = location_of(patched).value_or(sent_to);
  Call call;
  call.method = "PUT";
  call.url = next.with_query(digest_parameter("digest", digest)).str();
  call.body = "";
  call.scopes = scopes("pull,push");
  return core_->attempt(
      at_, call, [&](ExchangeHandle& handle) -> Result<Outcome> { return handle->finish(stop); }, stop);
}

Result<Answer> RepositoryStore::send_blob(const Upload& upload, const oci::Descriptor& blob, const Source& content,
                                          const EventSink& events, const Stop& stop) {
  if (!upload.chunked)
    return stream_body(upload.location.with_query(digest_parameter("digest", blob.digest)), "PUT", blob, content,
                       events, stop);
  SHIPSET_TRY(Answer patched, stream_body(upload.location, "PATCH", blob, content, events, stop));
  if (patched.outcome.failure || !patched.outcome.response.success()) return patched;
  return finish_chunked(patched, upload.location, blob.digest, stop);
}

Result<void> RepositoryStore::check_stored(const oci::Descriptor& blob, const Answer& answer,
                                           const std::string& what) const {
  const auto claimed = Digest::parse(answer.outcome.response.headers.get("docker-content-digest"));
  if (!claimed || *claimed == blob.digest || claimed->algorithm() != blob.digest.algorithm()) return {};
  return Error(ErrorKind::verify, what, "the registry says that it stored " + claimed->str(),
               "what was sent has the right digest: the registry, or something between, altered it")
      .with("host", at_.domain)
      .with("store", name())
      .with("digest", blob.digest.str());
}

Result<oci::BlobPut> RepositoryStore::put_blob(const oci::Descriptor& blob, const Source& content,
                                               const EventSink& events, const CancelToken& cancel) {
  const Stop until = stop(cancel);
  const std::string what = "cannot push the blob " + blob.digest.str() + " to " + name();
  if (!blob.digest.computable())
    return Error(ErrorKind::verify, what, "the algorithm of its digest is unknown").with("digest", blob.digest.str());
  if (content.size() != blob.size)
    return wrong_content(blob, "it has " + std::to_string(content.size()) + " bytes, not " + std::to_string(blob.size));
  Retry retry(core_->options.attempts);
  unsigned odd = 0;
  bool chunked = false;
  for (;;) {
    if (until.requested()) return until.error();
    SHIPSET_TRY(auto upload, open_upload(blob, what, until));
    if (!upload) return oci::BlobPut{};
    upload->chunked = chunked;
    SHIPSET_TRY(const Answer answer, send_blob(*upload, blob, content, events, until));
    const HttpResponse& response = answer.outcome.response;
    if (!answer.outcome.failure && response.success() && !is_html(response)) {
      SHIPSET_CHECK(check_stored(blob, answer, what));
      learn_mount_check(blob, until);
      return oci::BlobPut{blob.size};
    }
    const bool curable = !answer.outcome.failure && odd_status(response) && ++odd < odd_attempts;
    if (curable) chunked = chunked || wants_chunks(response);
    SHIPSET_TRY(const bool again,
                curable ? retry.once_more(answer.outcome, until) : retry.again(answer.outcome, until));
    if (again) {
      ++core_->retries;
      continue;
    }
    if (answer.outcome.failure)
      return unreachable(what, answer.outcome.failure, at_.domain)
          .with("store", name())
          .with("digest", blob.digest.str());
    return failed(what, answer, "digest", blob.digest.str());
  }
}

Result<bool> RepositoryStore::mount_blob(const oci::Descriptor& blob, const oci::Store& from) {
  const auto* source = dynamic_cast<const RepositoryStore*>(&from);
  if (source == nullptr || source->core_ != core_ || source->at_.api_host != at_.api_host) return false;
  if (source->at_.path == at_.path) return false;
  const Stop until = stop();
  const std::string what = "cannot mount the blob " + blob.digest.str() + " in " + name();
  // The destination first: some token servers look at the first scope only.
  const auto answer =
      post_upload(digest_parameter("mount", blob.digest) + "&from=" + percent_encode(source->at_.path),
                  {repository_scope(at_.path, "pull,push"), repository_scope(source->at_.path, "pull")}, what, until);
  if (!answer) {
    if (answer.error().kind == ErrorKind::cancelled) return answer.error();
    return false;  // whatever stops a mount, the upload that follows will work or tell
  }
  const HttpResponse& response = answer->outcome.response;
  if (response.status == 201 && !is_html(response)) {
    SHIPSET_CHECK(check_stored(blob, *answer, what));
    return true;
  }
  const auto location = location_of(*answer);
  if (response.status == 202 && location) keep_upload({*location});
  return false;
}

}  // namespace shipset::registry
