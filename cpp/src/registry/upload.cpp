// Where uploads begin and end: POST opens one (and asks for a mount in the same request), uploads that mounts opened
// are kept for other blobs, and the answer that completes one is checked. What lies between is BlobUpload's.
#include "error_body_impl.hpp"
#include "mirrored_store_impl.hpp"
#include "shipset/base/text.hpp"
#include "upload_impl.hpp"

namespace shipset::registry {

namespace {
constexpr std::uint64_t doubtful_bytes = 32u << 20;

std::string digest_parameter(std::string_view name, const Digest& digest) {
  return std::string(name) + "=" + percent_encode(digest.str());
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
                                            const std::string& what, const Stop& stop, Retry* budget) {
  Call call;
  call.method = "POST";
  call.url = path("blobs/uploads/") + (query.empty() ? "" : "?" + query);
  call.body = "";
  call.scopes = std::move(wanted);
  return core_->send(at_, call, what, stop, budget);
}

Result<std::optional<RepositoryStore::Upload>> RepositoryStore::open_upload(const oci::Descriptor& blob,
                                                                            const std::string& what, const Stop& stop,
                                                                            Retry* budget) {
  bool known_absent = false;
  {
    std::lock_guard lock(uploads_mutex_);
    known_absent = absent_.erase(blob.digest) > 0;
  }
  auto kept = take_kept_upload();
  // As long as it is not known whether the registry checks so, it is tried with blobs that cost little to send twice.
  const bool by_mount = !known_absent && !kept && core_->mount_checks(at_).value_or(blob.size < doubtful_bytes);
  if (!known_absent && !by_mount) {
    SHIPSET_TRY(const bool there, look_for_blob(blob, stop, budget));
    if (there && kept) keep_upload(std::move(*kept));
    if (there) return std::optional<Upload>();
  }
  if (kept) return kept;
  const std::string query =
      by_mount ? digest_parameter("mount", blob.digest) + "&from=" + percent_encode(at_.path) : std::string();
  SHIPSET_TRY(Answer answer, post_upload(query, scopes("pull,push"), what, stop, budget));
  if (by_mount && answer.outcome.response.status == 201 && !is_html(answer.outcome.response)) {
    SHIPSET_CHECK(check_stored(blob, answer, what));
    core_->set_mount_checks(at_, true);
    return std::optional<Upload>();
  }
  if (by_mount && answer.outcome.response.status != 202 && !transient_status(answer.outcome.response.status)) {
    SHIPSET_TRY(answer, post_upload({}, scopes("pull,push"), what, stop, budget));
  }
  if (answer.outcome.response.status != 202) return failed(what, answer, "digest", blob.digest.str());
  auto upload = upload_of(answer);
  if (!upload)
    return unreadable(what, "the registry names no usable place to upload to", at_.domain)
        .with("store", name())
        .with("digest", blob.digest.str());
  return upload;
}

std::optional<RepositoryStore::Upload> RepositoryStore::upload_of(const Answer& answer) const {
  const auto location = location_of(answer);
  if (!location) return std::nullopt;
  return Upload{*location, answer.outcome.response.headers.number("oci-chunk-min-length").value_or(0)};
}

void RepositoryStore::learn_mount_check(const oci::Descriptor& stored, const Stop& stop) {
  if (!core_->claim_mount_check(at_)) return;
  const std::string query = digest_parameter("mount", stored.digest) + "&from=" + percent_encode(at_.path);
  const auto answer = post_upload(query, scopes("pull,push"), "cannot open an upload in " + name(), stop);
  if (!answer) return;
  const HttpResponse& response = answer->outcome.response;
  core_->set_mount_checks(at_, response.status == 201 && !is_html(response));
  if (auto opened = upload_of(*answer); opened && response.status == 202) keep_upload(std::move(*opened));
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
  if (!blob.digest.computable())
    return Error(ErrorKind::verify, "cannot push the blob " + blob.digest.str() + " to " + name(),
                 "the algorithm of its digest is unknown")
        .with("digest", blob.digest.str());
  if (content.size() != blob.size)
    return wrong_content(blob, "it has " + std::to_string(content.size()) + " bytes, not " + std::to_string(blob.size));
  return BlobUpload(*this, blob, content, events, stop(cancel)).run();
}

Result<bool> RepositoryStore::mount_blob(const oci::Descriptor& blob, const oci::Store& from) {
  const auto* source = dynamic_cast<const RepositoryStore*>(&without_mirrors(from));
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
  if (auto opened = upload_of(*answer); opened && response.status == 202) keep_upload(std::move(*opened));
  return false;
}

}  // namespace shipset::registry
