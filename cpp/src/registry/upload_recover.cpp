// An upload that did not go straight: what the answer means, what the registry still has, where to go on.
#include <algorithm>
#include <charconv>

#include "error_body_impl.hpp"
#include "shipset/base/text.hpp"
#include "upload_impl.hpp"

namespace shipset::registry {

namespace {
/// Answers that another upload may cure, but a third one will not.
constexpr unsigned odd_attempts = 2;
/// With less on its way than this, a new upload costs no more than asking what became of the old one.
constexpr std::uint64_t ask_from_bytes = 64u << 10;
/// Sizes of one request that are tried where a larger one is refused.
constexpr std::uint64_t body_limits[] = {64u << 20, 16u << 20, 4u << 20, 1u << 20};
/// After so many breaks without progress, shorter requests are tried: some links and proxies carry only those.
constexpr unsigned breaks_before_chunks = 2;
constexpr std::uint64_t careful_chunk_bytes = 16u << 20;

bool odd_status(const HttpResponse& response) {
  if (response.status == 404 || response.status == 405 || response.status == 416 || response.status == 501) return true;
  const auto code = read_refusal(response).code;
  return response.status == 400 && (code == "BLOB_UPLOAD_INVALID" || code == "BLOB_UPLOAD_UNKNOWN" ||
                                    code == "DIGEST_INVALID" || code == "SIZE_INVALID");
}

/// The registry does not do what was asked in this form, whatever the upload.
bool refuses_method(const HttpResponse& response) {
  if (response.status == 405 || response.status == 501) return true;
  return response.status == 404 && read_refusal(response).code != "BLOB_UPLOAD_UNKNOWN";
}
}  // namespace

std::optional<std::uint64_t> held_bytes(std::string_view range) {
  range = trim(range);
  for (const std::string_view unit : {"bytes=", "bytes "})
    if (range.starts_with(unit)) range.remove_prefix(unit.size());
  if (!range.starts_with("0-")) return std::nullopt;
  range.remove_prefix(2);
  std::uint64_t last = 0;
  const auto [end, error] = std::from_chars(range.data(), range.data() + range.size(), last);
  if (error != std::errc() || end != range.data() + range.size() || last == 0 || last == ~std::uint64_t(0))
    return std::nullopt;
  return last + 1;
}

Result<void> RepositoryStore::BlobUpload::take_over() {
  const std::string& place = core_.options.state_directory;
  if (blob_.size < kept_upload_bytes || place.empty()) return {};
  if (!core_.state_cleared.exchange(true)) remove_old_uploads(place);
  auto taken = UploadState::take(place, store_.at_.api_host, store_.at_.path, blob_);
  if (!taken) {
    warn("uploads cannot go on in another process: " + taken.error().what + " (" + taken.error().why + ")");
    return {};
  }
  if (!*taken) return {};  // another process uploads the same blob just now
  state_ = std::move(**taken);
  if (!state_->left()) return {};
  highest_ = state_->left()->sent;
  SHIPSET_TRY(found_, there());  // it may have been killed after the last answer; this also settles the scheme
  if (found_) return {};
  const auto location = Url::parse(state_->left()->location);
  if (!location || !redirect_refusal(core_.base_of(store_.at_), *location).empty()) {
    state_->forget();
    return {};
  }
  session_ = Session{*location};
  earlier_ = true;
  return resync();
}

Result<bool> RepositoryStore::BlobUpload::recover(const Answer& answer) {
  const Outcome& outcome = answer.outcome;
  if (outcome.failure ? !outcome.failure.transient() : !transient_status(outcome.response.status)) {
    if (outcome.failure) return false;
    return recover_refused(answer);
  }
  SHIPSET_TRY(bool again, retry_.again(outcome, stop_));
  const std::uint64_t held_before = session_ ? session_->held : 0;
  if (!again) {
    // Only the registry knows whether there was enough progress for another set of attempts.
    const bool hopeful = session_ && highest_ >= refilled_at_ + refill_bytes;
    if (hopeful) SHIPSET_CHECK(Retry::pause(stop_));
    const auto asked = hopeful ? resync() : Result<void>();
    if (!asked && asked.error().kind == ErrorKind::cancelled) return asked.error();
    again = hopeful && asked && session_ && (found_ || session_->held >= held_before + refill_bytes);
    if (!again) return false;
  } else {
    SHIPSET_CHECK(resync());
  }
  ++core_.retries;
  breaks_ = session_ && session_->held > held_before ? 0 : breaks_ + 1;
  const bool long_way = blob_.size - (session_ ? session_->held : 0) > careful_chunk_bytes;
  if (breaks_ >= breaks_before_chunks && long_way && form_.body_limit == 0 && !patch_refused_) {
    form_.body_limit = careful_chunk_bytes;
    note("sending in pieces of " + human_bytes(careful_chunk_bytes));
  }
  return true;
}

Result<bool> RepositoryStore::BlobUpload::recover_refused(const Answer& answer) {
  const HttpResponse& response = answer.outcome.response;
  if (response.success() && !is_html(response)) {
    // An upload that was given up half-way, or a closing answer that leaves open whether the blob is there.
    if (closing_) {
      SHIPSET_TRY(found_, there());
      if (found_) return true;
    }
    return begin_anew(answer);
  }
  if (response.status == 413) return refused_size(answer);
  // Some registries refuse to take again what they have, and some complete an upload and then say that it is unknown.
  const bool perhaps_there = response.status == 403 || response.status == 409 || response.status == 412;
  if (perhaps_there || (all_sent_ && response.status != 401)) {
    const auto found = there();
    if (!found && found.error().kind == ErrorKind::cancelled) return found.error();
    found_ = found && *found;
    if (found_) return true;
  }
  if (!odd_status(response)) return false;
  if (response.status == 416 && session_ && session_->held != refused_at_) {
    refused_at_ = session_->held;
    if (const auto location = store_.location_of(answer)) session_->location = *location;
    SHIPSET_CHECK(resync());
    if (session_ || found_) return true;
    return begin_anew(answer);
  }
  const bool knew_patch = form_.patch;
  if (refuses_method(response)) {
    const bool resumed = session_ && !form_.patch && !one_body();
    if (!resumed && !patch_refused_) form_.patch = true;
    if (resumed) {
      patch_refused_ = true;
      form_.body_limit = 0;
    }
  }
  // What was learnt about the registry is no failure of this upload.
  return begin_anew(answer, knew_patch || !form_.patch);
}

Result<bool> RepositoryStore::BlobUpload::begin_anew(const Answer& answer, bool counts) {
  give_up_session();
  if (counts && ++odd_ >= odd_attempts) return false;
  SHIPSET_TRY(const bool again, retry_.once_more(answer.outcome, stop_));
  if (again) ++core_.retries;
  return again;
}

Result<bool> RepositoryStore::BlobUpload::refused_size(const Answer& answer) {
  const std::uint64_t least = session_ ? session_->min_chunk : 0;
  const auto* next = std::find_if(std::begin(body_limits), std::end(body_limits),
                                  [&](std::uint64_t limit) { return limit < last_body_; });
  if (next == std::end(body_limits) || std::max(*next, least) >= last_body_ || patch_refused_) return false;
  form_.body_limit = *next;
  core_.set_upload_form(store_.at_, form_);
  note(store_.at_.domain + " refuses a request of " + human_bytes(last_body_) + ": sending in pieces of " +
       human_bytes(*next));
  (void)answer;
  if (session_ && session_->held > 0)
    SHIPSET_CHECK(resync());
  else
    give_up_session();
  return true;
}

Result<bool> RepositoryStore::BlobUpload::there() {
  return store_.look_for_blob(blob_, stop_, &retry_);
}

Result<void> RepositoryStore::BlobUpload::resync() {
  const bool worth_asking = earlier_ || (session_ && session_->held > 0) || in_session_ >= ask_from_bytes;
  if (!worth_asking) {
    give_up_session();  // and the next one begins with a look whether the blob is there
    return {};
  }
  if (all_sent_) {
    SHIPSET_TRY(found_, there());
    if (found_) return {};
  }
  if (!session_) return {};
  SHIPSET_TRY(const auto held, ask_held());
  if (!session_) return {};
  // More than ever went out is not ours; only an earlier process may have sent what was not written down.
  const bool possible = held && *held <= (earlier_ ? blob_.size : std::min(highest_, blob_.size));
  if (!possible) {
    give_up_session();
    return {};
  }
  move_to(*held);
  return {};
}

/// GET on the upload. nullopt with a session: the registry knows it and does not say how much it has; without one: it
/// is forgotten.
Result<std::optional<std::uint64_t>> RepositoryStore::BlobUpload::ask_held() {
  Call call;
  call.url = session_->location.str();
  call.scopes = store_.scopes("pull,push");
  auto asked = core_.send(store_.at_, call, what_, stop_, &retry_);
  if (!asked) return std::move(asked).error().with("store", store_.name()).with("digest", blob_.digest.str());
  const Answer& answer = *asked;
  const HttpResponse& response = answer.outcome.response;
  if (transient_status(response.status) || response.status == 401)
    return store_.failed(what_, answer, "digest", blob_.digest.str());
  const bool known = response.success() && !is_html(response);
  learn_broken(response, known);
  const auto location = store_.location_of(answer);
  if (!known) {
    give_up_session();
    return std::optional<std::uint64_t>();
  }
  if (location) session_->location = *location;
  return held_bytes(response.headers.get("range"));
}

void RepositoryStore::BlobUpload::learn_broken(const HttpResponse& response, bool known) {
  // An upload of an earlier process may simply have grown old.
  if (earlier_ || is_html(response)) return;
  std::optional<BrokenUpload> what;
  const auto held = known ? held_bytes(response.headers.get("range")) : std::nullopt;
  if (held && *held > session_->held) what = BrokenUpload::keeps;
  if (response.status == 404) what = BrokenUpload::forgets;
  if (response.status == 400 || response.status == 405 || response.status == 501) what = BrokenUpload::unaskable;
  if (what) core_.profiles.learn(store_.at_.api_host, &Profile::broken_upload, *what);
}

void RepositoryStore::BlobUpload::move_to(std::uint64_t held) {
  put_.kept = held;
  highest_ = std::max(highest_, held);
  note("the upload goes on at " + human_bytes(held) + " of " + human_bytes(blob_.size));
  confirmed(held);
  remember();
}

void RepositoryStore::BlobUpload::confirmed(std::uint64_t held) {
  session_->held = held;
  if (held < refilled_at_ + refill_bytes) return;
  refilled_at_ = held;
  retry_.refill();
}

void RepositoryStore::BlobUpload::give_up_session() {
  if (session_ && highest_ >= refill_bytes) note("the registry no longer has the upload: this blob begins anew");
  session_.reset();
  earlier_ = false;
  if (state_) state_->forget();
}

}  // namespace shipset::registry
