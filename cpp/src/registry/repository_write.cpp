#include "error_body_impl.hpp"
#include "repository_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
/// Refusals of a manifest that a moment cures: a blob that is not visible yet, or (docker-registry 2.8) the link of a
/// blob that another request is writing just now. The digest itself was checked before it was sent.
bool may_pass(const HttpResponse& response) {
  const auto code = read_refusal(response).code;
  return code == "MANIFEST_BLOB_UNKNOWN" || code == "BLOB_UNKNOWN" || code == "DIGEST_INVALID";
}
bool lacks_content(const HttpResponse& response) {
  const auto code = read_refusal(response).code;
  return code == "MANIFEST_BLOB_UNKNOWN" || code == "BLOB_UNKNOWN";
}
/// Registries whose content or tags are immutable refuse to take again what they hold, each in its own way.
bool may_hold_it(const HttpResponse& response) {
  return response.status == 400 || response.status == 403 || response.status == 409 || response.status == 412;
}
}  // namespace

Result<void> RepositoryStore::write_manifest(std::string_view reference, const oci::Descriptor& manifest,
                                             std::string_view bytes, const std::string& what,
                                             const std::string& condition) {
  const Stop until = stop();
  if (manifest.digest.computable()) {
    Hasher hasher(manifest.digest.algorithm());
    hasher.update(bytes);
    if (hasher.finish() != manifest.digest || bytes.size() != manifest.size)
      return Error(ErrorKind::verify, what, "the bytes given are not those of " + manifest.digest.str());
  }
  Call call;
  call.method = "PUT";
  call.url = path("manifests/" + std::string(reference));
  call.headers = {"Content-Type: " + manifest.media_type};
  if (!condition.empty()) call.headers.push_back(condition);
  call.body = std::string(bytes);
  call.scopes = scopes("pull,push");
  Retry lag(lag_attempts);
  for (;;) {
    SHIPSET_TRY(const Answer answer, core_->send(at_, call, what, until));
    const HttpResponse& response = answer.outcome.response;
    const bool stored = response.status == 200 || response.status == 201 || response.status == 202;
    if (stored && !is_html(response)) {
      SHIPSET_CHECK(check_stored(manifest, answer, what));
      core_->recent_puts.remember(place(), std::string(reference), manifest.digest);
      if (reference != manifest.digest.str())
        core_->recent_puts.remember(place(), manifest.digest.str(), manifest.digest);
      return note_referrer(manifest, bytes, answer, until);
    }
    if (may_pass(response)) {
      SHIPSET_TRY(const bool again, lag.once_more(answer.outcome, until));
      if (again) {
        ++core_->retries;
        continue;
      }
    }
    if (may_hold_it(response) && holds_already(reference, manifest.digest)) return {};
    Error error = failed(what, answer, "digest", manifest.digest.str());
    if (lacks_content(response)) {
      error.kind = ErrorKind::registry;
      error.hint =
          "the registry does not have everything that the manifest refers to: run the same again, it sends what is "
          "missing";
    } else if (response.status == 404 && error.kind == ErrorKind::not_found) {
      error.hint = "the registry may want the repository " + at_.path + " to be created first";
    }
    return error;
  }
}

bool RepositoryStore::holds_already(std::string_view reference, const Digest& digest) {
  if (reference == digest.str()) {
    const auto found = look_for_manifest(digest);
    return found && *found;
  }
  const auto held = look_up_tag(reference);
  return held && held->has_value() && (*held)->digest == digest;
}

Result<void> RepositoryStore::put_manifest(const oci::Descriptor& manifest, std::string_view bytes) {
  const std::string what = "cannot push the manifest " + manifest.digest.str() + " to " + name();
  return write_manifest(manifest.digest.str(), manifest, bytes, what);
}

Result<void> RepositoryStore::put_tag(std::string_view tag, const oci::Descriptor& manifest, std::string_view bytes) {
  SHIPSET_CHECK(check_tag(tag));
  const std::string what = "cannot set the tag " + name() + ":" + std::string(tag);
  auto written = write_manifest(tag, manifest, bytes, what);
  if (!written) written.error().with("tag", std::string(tag));
  return written;
}

Result<void> RepositoryStore::check_writable() {
  const std::string what = "cannot push to " + name();
  const Stop until = stop();
  Call call;
  call.method = "POST";
  call.url = path("blobs/uploads/");
  call.body = "";
  call.scopes = scopes("pull,push");
  SHIPSET_TRY(const Answer answer, core_->send(at_, call, what, until));
  if (answer.outcome.response.status != 202) {
    Error error = failed(what, answer, {}, {});
    if (answer.outcome.response.status == 404)
      error.hint = "create the repository " + at_.path + " at the registry first, or check its name";
    return error;
  }
  const auto location = location_of(answer);
  if (!location) return unreadable(what, "the registry names no usable place to upload to", at_.domain);
  Call cancel;
  cancel.method = "DELETE";
  cancel.url = location->str();
  cancel.scopes = scopes("pull,push");
  const auto finish = [&until](ExchangeHandle& handle) -> Result<Outcome> { return handle->finish(until); };
  // The right to push is proven; an upload that cannot be cancelled is swept by the registry itself.
  const auto ignored = core_->attempt(at_, cancel, finish, until);
  if (until.requested()) return until.error();
  (void)ignored;
  return {};
}

}  // namespace shipset::registry
