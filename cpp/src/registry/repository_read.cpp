#include <nlohmann/json.hpp>

#include "error_body_impl.hpp"
#include "repository_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
constexpr JsonLimits manifest_limits{oci::max_manifest_bytes, 64, 500'000};

bool known_type(std::string_view type) {
  return oci::is_index(type) || oci::is_manifest(type);
}

/// Content-Type decides; where it says nothing, the document itself.
Result<std::string> media_type_of(const HttpResponse& response, const std::string& what, const std::string& host) {
  const std::string header = response.headers.media_type();
  if (known_type(header)) return header;
  if (is_html(response)) return unreadable(what, "the answer is a web page, not a manifest", host);
  const auto json = parse_json(response.body, "manifest", ErrorKind::registry, manifest_limits);
  if (!json || !json->is_object())
    return unreadable(what, "the answer is not a manifest (Content-Type " + printable(header, 80) + ")", host);
  const auto member = json->find("mediaType");
  const bool named = member != json->end() && member->is_string();
  if (named && known_type(member->get<std::string>())) return member->get<std::string>();
  if (!named && json->contains("manifests")) return std::string(oci::media_type::index);
  if (!named && json->contains("layers")) return std::string(oci::media_type::manifest);
  return unreadable(
      what, "the manifest has the unsupported type " + printable(named ? member->get<std::string>() : header, 80),
      host);
}

Digest digest_header(const HttpResponse& response) {
  const auto parsed = Digest::parse(response.headers.get("docker-content-digest"));
  return parsed ? *parsed : Digest();
}

Digest compute(const Digest& like, std::string_view bytes) {
  Hasher hasher(like.computable() ? like.algorithm() : std::string_view("sha256"));
  hasher.update(bytes);
  return hasher.finish();
}
}  // namespace

const std::string& manifest_accept() {
  static const std::string line =
      "Accept: " + std::string(oci::media_type::index) + ", " + std::string(oci::media_type::manifest) + ", " +
      std::string(oci::media_type::docker_list) + ", " + std::string(oci::media_type::docker_manifest);
  return line;
}

Error RepositoryStore::failed(const std::string& what, const Answer& answer, std::string_view key,
                              std::string_view value) const {
  Error error = core_->refusal(at_, answer, what);
  if (!key.empty()) error.with(std::string(key), std::string(value));
  return error;
}

std::optional<Url> RepositoryStore::location_of(const Answer& answer) const {
  auto url = answer.url.resolve(answer.outcome.response.headers.get("location"));
  if (!url) return std::nullopt;
  // A registry behind a proxy that ends TLS may name itself by plain HTTP; it is the same place.
  const bool same_host = url->host == answer.url.host;
  if (same_host && answer.url.scheme == "https" && url->scheme == "http") {
    url->scheme = "https";
    if (url->port == "80") url->port = answer.url.port;
  }
  if (!redirect_refusal(answer.url, *url).empty()) return std::nullopt;
  return url;
}

/// Waits and says yes when the registry shows something else than what this client put there a moment ago, and may
/// come to its senses. What it then still shows is the truth.
Result<bool> RepositoryStore::lagging(std::string_view reference, const Digest& shown, Retry& lag) {
  const auto put = core_->recent_puts.find(place(), std::string(reference));
  if (!put || *put == shown) return false;
  SHIPSET_TRY(const bool again, lag.once_more({}, stop()));
  if (again) ++core_->retries;
  return again;
}

Result<std::optional<oci::Descriptor>> RepositoryStore::resolve(std::string_view tag) {
  SHIPSET_CHECK(check_tag(tag));
  Retry lag(lag_attempts);
  for (;;) {
    SHIPSET_TRY(auto found, look_up_tag(tag));
    SHIPSET_TRY(const bool again, lagging(tag, found ? found->digest : Digest(), lag));
    if (!again) return found;
  }
}

Result<std::optional<oci::Descriptor>> RepositoryStore::look_up_tag(std::string_view tag) {
  const std::string what = "cannot look up " + name() + ":" + std::string(tag);
  Call call;
  call.method = "HEAD";
  call.url = path("manifests/" + std::string(tag));
  call.headers = {manifest_accept()};
  call.scopes = scopes("pull");
  SHIPSET_TRY(const Answer answer, core_->send(at_, call, what, stop()));
  const HttpResponse& response = answer.outcome.response;
  if (response.status == 200) {
    oci::Descriptor out;
    out.media_type = response.headers.media_type();
    out.digest = digest_header(response);
    const auto size = response.headers.number("content-length");
    if (known_type(out.media_type) && !out.digest.empty() && size && *size > 0 && *size <= oci::max_manifest_bytes) {
      out.size = *size;
      return std::optional(std::move(out));
    }
  } else if (response.status == 404) {
    if (from_registry(response)) return std::optional<oci::Descriptor>();
  } else if (response.status == 401 || response.status == 429 || response.status >= 500) {
    return failed(what, answer, "tag", tag);
  }
  // A HEAD without a digest, one that is not allowed, or a refusal whose reason only the body of a GET tells.
  SHIPSET_TRY(auto found, get_manifest(tag, {}));
  if (!found) return std::optional<oci::Descriptor>();
  return std::optional(std::move(found->descriptor));
}

Result<std::optional<oci::ManifestBytes>> RepositoryStore::get_manifest(std::string_view reference,
                                                                        const Digest& digest) {
  const std::string object = name() + (digest.empty() ? ":" : "@") + std::string(reference);
  const std::string what = "cannot read the manifest " + object;
  const std::string_view key = digest.empty() ? "tag" : "digest";
  Call call;
  call.url = path("manifests/" + std::string(reference));
  call.headers = {manifest_accept()};
  call.scopes = scopes("pull");
  call.answer_limit = oci::max_manifest_bytes;
  SHIPSET_TRY(Answer answer, core_->send(at_, call, what, stop()));
  HttpResponse& response = answer.outcome.response;
  if (response.status == 404 && from_registry(response)) return std::optional<oci::ManifestBytes>();
  if (response.status != 200) return failed(what, answer, key, reference);
  oci::ManifestBytes out;
  const Digest claimed = digest_header(response);
  out.descriptor.digest = compute(digest.empty() ? claimed : digest, response.body);
  SHIPSET_TRY(out.descriptor.media_type, media_type_of(response, what, at_.domain));
  const Digest& expected = digest.empty() ? claimed : digest;
  if (!expected.empty() && expected.computable() && expected != out.descriptor.digest) {
    Error error(ErrorKind::verify, what,
                "its bytes have the digest " + out.descriptor.digest.str() + ", not " + expected.str(),
                "the registry, or something between, altered the content: do not use it");
    return error.with("host", at_.domain).with("store", name()).with(std::string(key), std::string(reference));
  }
  out.descriptor.size = response.body.size();
  out.bytes = std::move(response.body);
  return std::optional(std::move(out));
}

Result<oci::ManifestBytes> RepositoryStore::manifest(const Digest& digest) {
  if (!digest.computable())
    return Error(ErrorKind::verify, "cannot verify " + name() + "@" + digest.str(), "its digest algorithm is unknown");
  Retry lag(lag_attempts);
  for (bool again = true; again;) {
    SHIPSET_TRY(auto found, get_manifest(digest.str(), digest));
    if (found) return std::move(*found);
    SHIPSET_TRY(again, lagging(digest.str(), {}, lag));
  }
  return Error(ErrorKind::not_found, "no manifest " + name() + "@" + digest.str(), "the registry does not have it",
               "check repository and digest")
      .with("host", at_.domain)
      .with("store", name())
      .with("digest", digest.str());
}

Result<bool> RepositoryStore::has_manifest(const Digest& digest) {
  Retry lag(lag_attempts);
  for (;;) {
    SHIPSET_TRY(const bool found, look_for_manifest(digest));
    if (found) return true;
    SHIPSET_TRY(const bool again, lagging(digest.str(), {}, lag));
    if (!again) return false;
  }
}

Result<bool> RepositoryStore::look_for_manifest(const Digest& digest) {
  const std::string what = "cannot look up " + name() + "@" + digest.str();
  Call call;
  call.method = "HEAD";
  call.url = path("manifests/" + digest.str());
  call.headers = {manifest_accept()};
  call.scopes = scopes("pull");
  SHIPSET_TRY(const Answer answer, core_->send(at_, call, what, stop()));
  const HttpResponse& response = answer.outcome.response;
  if (response.status == 200 && known_type(response.headers.media_type())) {
    const Digest claimed = digest_header(response);
    if (claimed.empty() || claimed == digest) return true;
  }
  if (response.status == 404 && from_registry(response)) return false;
  if (response.status == 401 || response.status == 429 || response.status >= 500)
    return failed(what, answer, "digest", digest.str());
  SHIPSET_TRY(const auto found, get_manifest(digest.str(), digest));
  return found.has_value();
}

Result<bool> RepositoryStore::has_blob(const oci::Descriptor& blob) {
  return look_for_blob(blob, stop());
}

Result<bool> RepositoryStore::look_for_blob(const oci::Descriptor& blob, const Stop& until, Retry* budget) {
  const std::string what = "cannot look up the blob " + blob.digest.str() + " in " + name();
  Call call;
  call.method = "HEAD";
  call.url = path("blobs/" + blob.digest.str());
  call.scopes = scopes("pull");
  SHIPSET_TRY(const Answer answer, core_->send(at_, call, what, until, budget));
  const HttpResponse& response = answer.outcome.response;
  const bool moved = answer.url.path != call.url;  // the storage behind a redirect may know no HEAD
  if (response.status == 200 && !is_html(response)) {
    const auto size = response.headers.number("content-length");
    return !size || *size == blob.size || moved;
  }
  if (response.status == 404 && !is_html(response)) {
    std::lock_guard lock(uploads_mutex_);
    absent_.insert(blob.digest);
    return false;
  }
  if (response.status == 401 || response.status == 429 || response.status >= 500)
    return failed(what, answer, "digest", blob.digest.str());
  return probe_blob(blob, what, until);
}

Result<bool> RepositoryStore::probe_blob(const oci::Descriptor& blob, const std::string& what, const Stop& until) {
  Call call;
  call.url = path("blobs/" + blob.digest.str());
  call.headers = {"Range: bytes=0-0"};
  call.scopes = scopes("pull");
  call.stream_answer = true;
  const auto headers_only = [&until](ExchangeHandle& handle) -> Result<Outcome> {
    Outcome outcome = handle->wait_headers(until);
    return outcome.failure || outcome.response.success() ? outcome : handle->finish(until);
  };
  SHIPSET_TRY(const Answer answer, core_->attempt(at_, call, headers_only, until));
  if (answer.outcome.failure) return unreachable(what, answer.outcome.failure, at_.domain);
  const HttpResponse& response = answer.outcome.response;
  if (response.success() && !is_html(response)) return true;
  if (response.status == 416) return blob.size == 0;
  if (response.status == 404 && from_registry(response)) return false;
  return failed(what, answer, "digest", blob.digest.str());
}

Result<std::unique_ptr<Source>> RepositoryStore::blob(const oci::Descriptor& blob) {
  return blob_source(core_, at_, blob, stop());
}

}  // namespace shipset::registry
