// Keeps lists of referrers where the registry does not: read, add, put, read back, and once more when a concurrent
// writer won. specs §3.5, §3.7.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "error_body_impl.hpp"
#include "referrers_impl.hpp"
#include "repository_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
constexpr std::size_t algorithm_chars = 32, encoded_chars = 64;
constexpr JsonLimits list_limits{oci::max_manifest_bytes, 64, 500'000};
/// Rounds that concurrent writers may win.
constexpr unsigned race_attempts = 10;

std::string clean(std::string_view text, std::size_t limit) {
  std::string out(text.substr(0, limit));
  for (char& c : out)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_')) c = '-';
  return out;
}

Error no_list(const std::string& what, const std::string& why) {
  return {ErrorKind::registry, what, why,
          "something else uses this tag; it was left alone. Move it away, or attach nothing to this image here"};
}

std::string new_list() {
  return oci::Index{}.to_bytes();
}
}  // namespace

std::string referrers_tag(const Digest& subject) {
  return clean(subject.algorithm(), algorithm_chars) + "-" + clean(subject.encoded(), encoded_chars);
}

Result<std::optional<Referrer>> referrer_of(const oci::Descriptor& manifest, std::string_view bytes) {
  if (bytes.find("\"subject\"") == std::string_view::npos) return std::optional<Referrer>();
  const std::string object = "manifest " + manifest.digest.str();
  Referrer out;
  out.entry = oci::describe(manifest.media_type, bytes);
  out.entry.digest = manifest.digest;
  if (oci::is_index(manifest.media_type)) {
    SHIPSET_TRY(const auto index, oci::Index::parse(bytes, object));
    if (!index.subject) return std::optional<Referrer>();
    out.subject = index.subject->digest;
    out.entry.artifact_type = index.artifact_type;
    out.entry.annotations = index.annotations;
  } else {
    SHIPSET_TRY(const auto image, oci::Manifest::parse(bytes, object));
    if (!image.subject) return std::optional<Referrer>();
    out.subject = image.subject->digest;
    out.entry.artifact_type = image.artifact_type.empty() ? image.config.media_type : image.artifact_type;
    out.entry.annotations = image.annotations;
  }
  return std::optional(std::move(out));
}

Result<std::string> changed_list(const std::string& list, const std::vector<std::shared_ptr<ListChange>>& changes,
                                 const std::string& what) {
  // Members that we do not know stay as their writers put them.
  SHIPSET_TRY(Json json,
              parse_json(list.empty() ? new_list() : list, "list of referrers", ErrorKind::registry, list_limits));
  const auto found = json.is_object() ? json.find("manifests") : json.end();
  if (!json.is_object() || found == json.end() || !found->is_array()) return no_list(what, "it is not an image index");
  const auto place = [&](const Digest& digest) {
    return std::find_if(found->begin(), found->end(), [&](const Json& entry) {
      return entry.is_object() && entry.contains("digest") && entry["digest"] == digest.str();
    });
  };
  bool changed = false;
  for (const auto& change : changes) {
    const auto at = place(change->entry.digest);
    if (change->remove == (at == found->end())) continue;
    changed = true;
    if (change->remove) {
      found->erase(at);
      continue;
    }
    JsonWriter text;
    change->entry.write(text);
    SHIPSET_TRY(Json entry, parse_json(text.str(), "descriptor", ErrorKind::internal));
    found->push_back(std::move(entry));
  }
  return changed ? canonical_json(json) : list;
}

Result<void> RepositoryStore::note_referrer(const oci::Descriptor& manifest, std::string_view bytes,
                                            const Answer& stored, const Stop& stop) {
  // An attestation that an index lists is found there; a tag per platform image would only clutter the repository.
  if (oci::is_attestation(manifest)) return {};
  SHIPSET_TRY(const auto referrer, referrer_of(manifest, bytes));
  if (!referrer || !stored.outcome.response.headers.get("oci-subject").empty()) return {};
  SHIPSET_TRY(const bool api, has_referrers_api(referrer->subject, stop));
  if (api) return {};
  return change_list(referrer->subject, {referrer->entry, false, false}, stop);
}

Result<bool> RepositoryStore::has_referrers_api(const Digest& subject, const Stop& stop) {
  Profiles& profiles = core_->profiles;
  if (const auto seen = profiles.seen(at_.api_host, &Profile::referrers_api)) return *seen;
  // Asked once more: what an earlier process saw may have changed, and a list in the wrong place is found by nobody.
  const std::string what = "cannot ask " + at_.domain + " for referrers of " + name() + "@" + subject.str();
  SHIPSET_TRY(const Answer answer, ask_referrers(subject, what, stop));
  SHIPSET_TRY(const bool api, judge_referrers(answer, subject, what));
  return api;
}

Result<void> RepositoryStore::change_list(const Digest& subject, ListChange wanted, const Stop& stop) {
  const std::string tag = referrers_tag(subject);
  const auto list = core_->referrer_lists.of(at_.api_host + "/" + at_.path + ":" + tag);
  const auto mine = std::make_shared<ListChange>(std::move(wanted));
  {
    std::lock_guard lock(list->mutex);
    if (!mine->remove && list->listed.contains(mine->entry.digest)) return {};
    list->waiting.push_back(mine);
  }
  std::lock_guard turn(list->turn);
  std::vector<std::shared_ptr<ListChange>> together;
  {
    std::lock_guard lock(list->mutex);
    if (mine->done) return {};  // it went along with another's
    together.swap(list->waiting);
  }
  auto written = write_list(subject, tag, *list, together, stop);
  std::lock_guard lock(list->mutex);
  for (const auto& change : together) {
    change->done = written.ok();
    if (written && change->remove) list->listed.erase(change->entry.digest);
    if (written && !change->remove) list->listed.insert(change->entry.digest);
    // What stopped this caller need not stop the others: each tries on its own.
    if (!written && change != mine) list->waiting.push_back(change);
  }
  return written;
}

Result<void> RepositoryStore::write_list(const Digest& subject, const std::string& tag, ReferrerList& list,
                                         const std::vector<std::shared_ptr<ListChange>>& changes, const Stop& stop) {
  const std::string what = "cannot list a referrer of " + name() + "@" + subject.str() + " under the tag " + tag;
  tell_fallback();
  Retry race(race_attempts);
  for (;;) {
    SHIPSET_CHECK(read_list(subject, tag, list, what, stop));
    SHIPSET_TRY(const std::string bytes, changed_list(list.bytes, changes, what));
    if (bytes == list.bytes) return {};
    Call call;
    call.method = "PUT";
    call.url = path("manifests/" + tag);
    call.headers = {"Content-Type: " + std::string(oci::media_type::index)};
    if (!list.etag.empty()) call.headers.push_back("If-Match: " + list.etag);
    call.body = bytes;
    call.scopes = scopes("pull,push");
    SHIPSET_TRY(const Answer answer, core_->send(at_, call, what, stop));
    const int status = answer.outcome.response.status;
    const bool lost = status == 412 || status == 409;
    if (!lost && (!answer.outcome.response.success() || is_html(answer.outcome.response)))
      return failed(what, answer, "tag", tag);
    if (!lost) {
      const Digest put = Digest::of(bytes);
      SHIPSET_TRY(const auto held, resolve(tag));
      if (held && held->digest == put) {
        list.bytes = bytes;
        list.digest = put;
        list.etag = answer.outcome.response.headers.get("etag");
        return {};
      }
    }
    list.digest = {};
    SHIPSET_TRY(const bool again, race.once_more(answer.outcome, stop));
    if (!again)
      return Error(ErrorKind::registry, what, "others change it all the time",
                   "try again when nothing else attaches to this image")
          .with("host", at_.domain)
          .with("store", name())
          .with("tag", tag);
    ++core_->retries;
  }
}

Result<void> RepositoryStore::read_list(const Digest& subject, const std::string& tag, ReferrerList& list,
                                        const std::string& what, const Stop& stop) {
  if (!list.digest.empty()) {
    SHIPSET_TRY(const auto held, resolve(tag));
    if (held && held->digest == list.digest) return {};
  }
  list.digest = {};
  list.bytes.clear();
  list.etag.clear();
  Call call;
  call.url = path("manifests/" + tag);
  call.headers = {manifest_accept()};
  call.scopes = scopes("pull");
  call.answer_limit = oci::max_manifest_bytes;
  SHIPSET_TRY(Answer answer, core_->send(at_, call, what, stop));
  HttpResponse& response = answer.outcome.response;
  if (response.status == 404 && from_registry(response)) return {};
  if (response.status != 200) return failed(what, answer, "tag", tag);
  const Digest digest = Digest::of(response.body);
  if (digest == subject) return no_list(what, "the registry answers this tag with the image itself");
  const std::string type = response.headers.media_type();
  if (type != oci::media_type::index) return no_list(what, "it holds something of the type " + printable(type, 80));
  SHIPSET_CHECK(oci::Index::parse(response.body, "list of referrers under the tag " + tag));
  list.etag = response.headers.get("etag");
  if (list.etag.starts_with("W/")) list.etag.clear();
  list.digest = digest;
  list.bytes = std::move(response.body);
  return {};
}

void RepositoryStore::tell_fallback() {
  if (!core_->referrer_lists.first_at(at_.api_host)) return;
  emit(core_->options.notes, {EventKind::warning,
                              {},
                              name(),
                              at_.domain + " lists no referrers itself; they are listed under tags sha256-…",
                              0,
                              0,
                              {}});
}

Result<bool> RepositoryStore::remove_manifest(const oci::Descriptor& manifest) {
  const Stop until = stop();
  const std::string what = "cannot delete the manifest " + name() + "@" + manifest.digest.str();
  SHIPSET_TRY(const auto there, get_manifest(manifest.digest.str(), manifest.digest));
  if (!there) return true;
  SHIPSET_TRY(const auto referrer, referrer_of(there->descriptor, there->bytes));
  SHIPSET_TRY(const Answer answer, delete_manifest(manifest.digest.str(), what));
  const HttpResponse& response = answer.outcome.response;
  if (response.status == 400 || response.status == 405 || response.status == 501) return false;
  if (!response.success() && response.status != 404) return failed(what, answer, "digest", manifest.digest.str());
  if (!referrer) return true;
  SHIPSET_TRY(const bool api, has_referrers_api(referrer->subject, until));
  if (!api) SHIPSET_CHECK(change_list(referrer->subject, {referrer->entry, true, false}, until));
  return true;
}

}  // namespace shipset::registry
