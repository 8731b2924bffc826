// The straight way of a blob: one body, or chunks and a closing request. What to do when it is not straight is in
// upload_recover.cpp.
#include <algorithm>

#include "error_body_impl.hpp"
#include "shipset/base/text.hpp"
#include "upload_impl.hpp"

namespace shipset::registry {

namespace {
constexpr std::uint64_t progress_step = 1u << 20;

/// 202 to a closing request does not say that the blob is there.
bool says_stored(const HttpResponse& response) {
  return (response.status == 200 || response.status == 201 || response.status == 204) && !is_html(response);
}
}  // namespace

RepositoryStore::BlobUpload::BlobUpload(RepositoryStore& store, const oci::Descriptor& blob, const Source& content,
                                        const EventSink& events, Stop stop)
    : store_(store),
      core_(*store.core_),
      blob_(blob),
      events_(events),
      stop_(std::move(stop)),
      what_("cannot push the blob " + blob.digest.str() + " to " + store.name()),
      content_(blob, content),
      retry_(core_.options.attempts),
      form_(core_.upload_form(store.at_)) {}

Result<oci::BlobPut> RepositoryStore::BlobUpload::run() {
  SHIPSET_CHECK(take_over());
  for (;;) {
    if (stop_.requested()) return stop_.error();
    if (!found_ && !session_) SHIPSET_CHECK(open());
    if (found_) {
      if (state_) state_->forget();
      return put_;
    }
    auto answer = advance();
    if (!answer) {
      if (state_ && answer.error().kind == ErrorKind::verify) state_->forget();
      return std::move(answer).error();
    }
    const Outcome& outcome = answer->outcome;
    if (!outcome.failure && closing_ && says_stored(outcome.response)) return stored(*answer);
    SHIPSET_TRY(const bool again, recover(*answer));
    if (!again) return error_of(*answer);
  }
}

Result<oci::BlobPut> RepositoryStore::BlobUpload::stored(const Answer& answer) {
  if (state_) state_->forget();
  SHIPSET_CHECK(store_.check_stored(blob_, answer, what_));
  if (auto known = core_.upload_form(store_.at_); form_.patch && !known.patch) {
    known.patch = true;
    core_.set_upload_form(store_.at_, known);
  }
  store_.learn_mount_check(blob_, stop_);
  return put_;
}

Result<void> RepositoryStore::BlobUpload::open() {
  SHIPSET_TRY(const auto upload, store_.open_upload(blob_, what_, stop_, &retry_));
  found_ = !upload.has_value();
  if (found_) return {};
  session_ = Session{upload->location, 0, upload->min_chunk};
  earlier_ = false;
  in_session_ = refilled_at_ = 0;
  refused_at_ = no_offset;
  put_.kept = 0;
  remember();
  return {};
}

bool RepositoryStore::BlobUpload::one_body() const {
  return !form_.patch && session_->held == 0 && (form_.body_limit == 0 || blob_.size <= form_.body_limit);
}

std::uint64_t RepositoryStore::BlobUpload::chunk_bytes() const {
  return form_.body_limit == 0 ? blob_.size : std::max(form_.body_limit, session_->min_chunk);
}

Result<Answer> RepositoryStore::BlobUpload::advance() {
  closing_ = false;
  if (one_body()) {
    closing_ = true;
    return send_body("PUT", 0, blob_.size);
  }
  while (session_ && session_->held < blob_.size) {
    const std::uint64_t from = session_->held, to = std::min(blob_.size, from + chunk_bytes());
    SHIPSET_TRY(Answer patched, send_body("PATCH", from, to));
    const HttpResponse& response = patched.outcome.response;
    if (patched.outcome.failure || !response.success() || is_html(response)) return patched;
    SHIPSET_CHECK(took(patched, from, to));
    if (!session_) return patched;
  }
  return close();
}

Result<Answer> RepositoryStore::BlobUpload::send_body(std::string_view method, std::uint64_t from, std::uint64_t to) {
  Url target = session_->location;
  if (closing_) target = target.with_query("digest=" + percent_encode(blob_.digest.str()));
  Call call;
  call.method = method;
  call.url = target.str();
  call.headers = {"Content-Type: application/octet-stream"};
  if (!closing_) call.headers.push_back("Content-Range: " + std::to_string(from) + "-" + std::to_string(to - 1));
  call.stream_size = last_body_ = to - from;
  call.scopes = store_.scopes("pull,push");
  call.lane = Lane::upload;
  return core_.attempt(
      store_.at_, call,
      [&](ExchangeHandle& handle) -> Result<Outcome> {
        const auto fed = feed(*handle.get(), from, to);
        Outcome outcome;
        if (fed) outcome = handle->finish(stop_);
        count(from, handle->sent());
        if (!fed) return fed.error();
        return outcome;
      },
      stop_);
}

/// The last piece of a body that completes the upload is held back until the digest is known to be right, so that a
/// registry can never complete a wrong one; a chunk may go, for its closing request waits for the digest.
Result<void> RepositoryStore::BlobUpload::feed(Exchange& exchange, std::uint64_t from, std::uint64_t to) {
  SHIPSET_CHECK(content_.seek(from, stop_));
  std::uint64_t at = from, told = from;
  do {
    SHIPSET_TRY(const auto piece, content_.next(to - at));
    at += piece.size();
    if (at == blob_.size) SHIPSET_CHECK(content_.check_end());
    if (stop_.requested()) return stop_.error();
    if (!exchange.feed(piece, stop_)) return {};  // the registry answered already, or the connection broke
    if (at < to && at < told + progress_step) continue;
    told = at;
    if (state_) state_->note_sent(std::max(highest_, from + exchange.sent()));
    emit(events_, {EventKind::blob_progress, {}, blob_.digest.str(), {}, at, blob_.size, {}});
  } while (at < to);
  return {};
}

Result<Answer> RepositoryStore::BlobUpload::close() {
  closing_ = all_sent_ = true;
  SHIPSET_CHECK(content_.seek(blob_.size, stop_));
  SHIPSET_CHECK(content_.check_end());
  Call call;
  call.method = "PUT";
  call.url = session_->location.with_query("digest=" + percent_encode(blob_.digest.str())).str();
  call.body = "";
  call.scopes = store_.scopes("pull,push");
  return core_.attempt(
      store_.at_, call, [&](ExchangeHandle& handle) -> Result<Outcome> { return handle->finish(stop_); }, stop_);
}

/// A chunk was accepted. Its Range should name the chunk's last byte; where it does not, the registry is asked once
/// more, and one that then still names what it named before this chunk (some never count on) is believed to have
/// taken what it accepted: the digest is checked in the end either way.
Result<void> RepositoryStore::BlobUpload::took(const Answer& patched, std::uint64_t from, std::uint64_t to) {
  if (const auto location = store_.location_of(patched)) session_->location = *location;
  const std::string_view range = patched.outcome.response.headers.get("range");
  std::uint64_t held = to;
  if (!range.empty() && held_bytes(range) != to) {
    SHIPSET_TRY(const auto asked, ask_held());
    if (!session_) return {};
    if (asked && *asked > to) {
      give_up_session();
      return {};
    }
    if (asked && *asked > from) held = *asked;
  }
  confirmed(held);
  remember();
  return {};
}

void RepositoryStore::BlobUpload::count(std::uint64_t from, std::uint64_t sent) {
  put_.sent += sent;
  in_session_ += sent;
  if (from < highest_) put_.again += std::min(highest_ - from, sent);
  highest_ = std::max(highest_, from + sent);
  if (highest_ >= blob_.size) all_sent_ = true;
  if (state_) state_->note_sent(highest_);
}

void RepositoryStore::BlobUpload::remember() {
  if (!state_) return;
  if (const auto written = state_->record(session_->location.str(), highest_); !written) {
    warn("uploads cannot go on in another process: " + written.error().what + " (" + written.error().why + ")");
    state_->forget();
    state_.reset();
  }
}

void RepositoryStore::BlobUpload::warn(std::string message) const {
  if (core_.state_warned.exchange(true)) return;
  Event event{EventKind::warning, {}, store_.at_.domain, std::move(message), 0, 0, {}};
  emit(events_, event);
}

void RepositoryStore::BlobUpload::note(std::string message) const {
  emit(events_, {EventKind::note, {}, blob_.digest.str(), std::move(message), 0, blob_.size, {}});
}

Error RepositoryStore::BlobUpload::error_of(const Answer& answer) {
  if (answer.outcome.failure)
    return unreachable(what_, answer.outcome.failure, store_.at_.domain)
        .with("store", store_.name())
        .with("digest", blob_.digest.str());
  // A registry that has trouble for the moment may go on with this upload later; one that refuses it will not.
  if (state_ && !transient_status(answer.outcome.response.status)) state_->forget();
  return store_.failed(what_, answer, "digest", blob_.digest.str());
}

}  // namespace shipset::registry
