// How the registry takes uploads: chunks, a connection that breaks, mounts; and whether it lists referrers. Every
// upload that is opened here is cancelled.
#include <algorithm>
#include <thread>

#include "doctor_impl.hpp"
#include "error_body_impl.hpp"
#include "shipset/base/text.hpp"
#include "upload_impl.hpp"

namespace shipset::registry {

namespace {
constexpr std::uint64_t chunk_bytes = 64u << 10;
/// A minimum above this is believed, not tried.
constexpr std::uint64_t largest_trial = 8u << 20;
/// The body that breaks: more than the ring of an exchange, so that some of it has left when its half was fed.
constexpr std::uint64_t broken_bytes = 4u << 20;
/// A registry notices a broken connection a moment later.
constexpr int status_attempts = 10;
constexpr std::chrono::milliseconds status_pause{150};

std::string digest_query(std::string_view name, const Digest& digest) {
  return std::string(name) + "=" + percent_encode(digest.str());
}
}  // namespace

Result<std::optional<Url>> Examination::open_session() {
  SHIPSET_TRY(const Answer answer, send("POST", store_.path("blobs/uploads/"), "pull,push"));
  if (answer.outcome.response.status != 202) return std::optional<Url>();
  return store_.location_of(answer);
}

void Examination::cancel_session(const Url& location) {
  Call call;
  call.method = "DELETE";
  call.url = location.str();
  call.scopes = store_.scopes("pull,push");
  const auto ignored = once(call);  // one that cannot be cancelled is swept by the registry
  (void)ignored;
}

/// PATCH of `size` bytes from `from` on, of which `fed` go out before the connection is dropped.
Result<Answer> Examination::patch(const Url& location, std::uint64_t from, std::uint64_t size, std::uint64_t fed) {
  Call call;
  call.method = "PATCH";
  call.url = location.str();
  call.headers = {"Content-Type: application/octet-stream",
                  "Content-Range: " + std::to_string(from) + "-" + std::to_string(from + size - 1)};
  call.stream_size = size;
  call.scopes = store_.scopes("pull,push");
  call.lane = Lane::upload;
  const Stop until = stop();
  return core_->attempt(
      at_, call,
      [&](ExchangeHandle& handle) -> Result<Outcome> {
        const std::vector<std::byte> zeros(static_cast<std::size_t>(std::min<std::uint64_t>(fed, chunk_bytes)));
        for (std::uint64_t done = 0; done < fed; done += zeros.size())
          if (!handle->feed(
                  std::span(zeros).first(static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), fed - done))),
                  until))
            break;
        if (until.requested()) return until.error();
        if (fed == size) return handle->finish(until);
        handle->abandon();
        return Outcome{{FailureKind::broken, "dropped on purpose"}, {}, {}};
      },
      until);
}

Result<void> Examination::chunks() {
  if (!may_push_) return {};
  SHIPSET_TRY(const auto location, open_session());
  const std::uint64_t least = core_->profiles.known(at_.api_host, &Profile::chunk_min_bytes).value_or(0);
  add("minimum chunk", least == 0 ? "none told" : human_bytes(least), Verdict::note);
  if (!location) {
    add("chunked upload", "not clear", Verdict::unknown, "a second upload could not be opened");
    return {};
  }
  const std::uint64_t size = std::clamp(least, chunk_bytes, std::max(chunk_bytes, largest_trial));
  SHIPSET_TRY(const Answer answer, patch(*location, 0, size, size));
  const HttpResponse& response = answer.outcome.response;
  const bool taken = !answer.outcome.failure && response.success() && !is_html(response);
  const std::string words = answer.outcome.failure ? answer.outcome.failure.detail : told(response);
  add("chunked upload", taken ? "taken" : "not taken", taken ? Verdict::good : Verdict::note, words,
      taken ? "" : "blobs go in one request; one that breaks begins anew");
  if (!answer.outcome.failure && (taken || response.status == 404 || response.status == 405 || response.status == 501))
    core_->profiles.learn(at_.api_host, &Profile::chunked_upload, taken);
  cancel_session(store_.location_of(answer).value_or(*location));
  return {};
}

Result<void> Examination::broken_upload() {
  if (!may_push_ || core_->profiles.known(at_.api_host, &Profile::chunked_upload) != std::optional(true)) return {};
  const std::uint64_t least = core_->profiles.known(at_.api_host, &Profile::chunk_min_bytes).value_or(0);
  if (least > largest_trial) return {};
  SHIPSET_TRY(auto location, open_session());
  if (!location) return {};
  const std::uint64_t whole = std::max(least, chunk_bytes);
  SHIPSET_TRY(const Answer first, patch(*location, 0, whole, whole));
  if (first.outcome.failure || !first.outcome.response.success()) return cancel_session(*location), Result<void>();
  location = store_.location_of(first).value_or(*location);
  SHIPSET_CHECK(patch(*location, whole, broken_bytes, broken_bytes / 2));
  Call ask;
  ask.url = location->str();
  ask.scopes = store_.scopes("pull,push");
  std::string words = "it did not answer";
  BrokenUpload what = BrokenUpload::unaskable;
  for (int i = 0; i < status_attempts && what != BrokenUpload::keeps; ++i) {
    std::this_thread::sleep_for(status_pause);
    SHIPSET_TRY(const Answer answer, once(ask));
    const HttpResponse& response = answer.outcome.response;
    words = answer.outcome.failure ? answer.outcome.failure.detail : told(response);
    if (response.status == 404 && !is_html(response)) {
      what = BrokenUpload::forgets;
      break;
    }
    if (answer.outcome.failure || !response.success() || is_html(response)) break;
    const auto held = held_bytes(response.headers.get("range"));
    what = held && *held > whole    ? BrokenUpload::keeps
           : held && *held == whole ? BrokenUpload::keeps_chunks
                                    : BrokenUpload::unaskable;
    words = held ? "it holds " + human_bytes(*held) + " of the " + human_bytes(whole + broken_bytes / 2) + " sent"
                 : "it names no offset";
    if (!held) break;
  }
  cancel_session(*location);
  constexpr std::string_view results[] = {"goes on at the byte", "goes on after the last chunk", "forgotten",
                                          "cannot be asked"};
  const bool kept = what == BrokenUpload::keeps || what == BrokenUpload::keeps_chunks;
  add("broken upload", std::string(results[static_cast<std::size_t>(what)]), kept ? Verdict::good : Verdict::warning,
      words, kept ? "" : "a blob whose upload breaks begins anew here: push over a link that holds");
  core_->profiles.learn(at_.api_host, &Profile::broken_upload, what);
  return {};
}

/// A blob that is known to be in the repository: the config of some image there, or what a trial wrote.
Result<std::optional<oci::Descriptor>> Examination::some_blob() {
  if (blob_ || !some_tag_) return blob_;
  SHIPSET_TRY(auto root, store_.resolve(*some_tag_));
  for (int depth = 0; root && depth < 3; ++depth) {
    SHIPSET_TRY(const auto bytes, store_.manifest(root->digest));
    SHIPSET_TRY(const auto below,
                oci::children(bytes.descriptor.media_type, bytes.bytes, "manifest " + root->digest.str()));
    if (below.empty()) break;
    if (!oci::is_index(bytes.descriptor.media_type)) {
      SHIPSET_TRY(const bool there, store_.has_blob(below.front()));
      if (there) blob_ = below.front();
      break;
    }
    root = below.front();
  }
  return blob_;
}

Result<bool> Examination::mount(const oci::Descriptor& blob, bool with_from, bool& granted) {
  const std::string from = with_from ? "&from=" + percent_encode(at_.path) : std::string();
  SHIPSET_TRY(const Answer answer,
              send("POST", store_.path("blobs/uploads/?") + digest_query("mount", blob.digest) + from, "pull,push"));
  const HttpResponse& response = answer.outcome.response;
  granted = response.status == 201 && !is_html(response);
  if (response.status == 202)
    if (const auto location = store_.location_of(answer)) cancel_session(*location);
  return granted || response.status == 202 || response.status == 400 || response.status == 405;
}

Result<void> Examination::mounts() {
  if (!may_push_) return {};
  const auto blob = some_blob();
  if (!blob && blob.error().kind == ErrorKind::cancelled) return blob.error();
  if (!blob || !*blob) {
    add("mounts", "not tried", Verdict::unknown, "the repository has no image yet whose blobs could be mounted",
        "ask again with --write, or when something was pushed");
    return {};
  }
  bool check = false, anonymous = false;
  SHIPSET_TRY(const bool check_known, mount(**blob, true, check));
  SHIPSET_TRY(const bool anonymous_known, mount(**blob, false, anonymous));
  if (check_known) {
    add("mount check", check ? "answered" : "not answered", Verdict::note,
        check ? "one request tells whether a blob is there, and opens an upload otherwise"
              : "blobs are looked up one by one");
    core_->profiles.learn(at_.api_host, &Profile::mount_check, check);
  }
  if (anonymous_known) {
    add("mount without from", anonymous ? "granted" : "not granted", Verdict::note,
        anonymous ? "blobs of other repositories are found without naming them" : "");
    core_->profiles.learn(at_.api_host, &Profile::anonymous_mount, anonymous);
  }
  return {};
}

Result<void> Examination::referrers() {
  const Digest subject = Digest::of(random_word());
  const std::string what = "cannot examine " + at_.name();
  SHIPSET_TRY(const Answer answer, store_.ask_referrers(subject, what, stop()));
  const HttpResponse& response = answer.outcome.response;
  if (response.status == 401 || response.status == 403 || response.status == 429 || response.status >= 502) {
    add("referrers", "not clear", Verdict::unknown, told(response));
    return {};
  }
  const auto api = store_.judge_referrers(answer, subject, what);
  if (!api) {
    add("referrers", "not clear", Verdict::unknown, told(response));
  } else {
    add("referrers", *api ? "listed by the registry" : "listed under tags", Verdict::note,
        *api ? ""
             : "the registry has no referrers API: attestations stored as referrers get a tag sha256-… that shipset "
               "keeps");
  }
  return {};
}

Result<void> Examination::behaviour() {
  const Profile known = core_->profiles.of(at_.api_host);
  if (known.rate_limit.value) {
    std::string text = std::to_string(*known.rate_limit.value) + " requests";
    if (known.rate_window_s.value) text += " in " + std::to_string(*known.rate_window_s.value) + " s";
    const bool low = known.rate_remaining.value && *known.rate_remaining.value * 10 < *known.rate_limit.value;
    add("rate limit", text, low ? Verdict::warning : Verdict::note,
        known.rate_remaining.value ? std::to_string(*known.rate_remaining.value) + " left" : "",
        low ? "wait, or log in for a higher limit" : "");
  }
  if (known.sweeps_untagged.value)
    add("untagged content", *known.sweeps_untagged.value ? "swept" : "kept", Verdict::note,
        *known.sweeps_untagged.value ? "manifests without a tag are removed after some time" : "");
  return {};
}

}  // namespace shipset::registry
