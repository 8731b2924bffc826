// Listings: tags with paging, referrers by the API or by the tag schema. specs §3.6–§3.8.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "error_body_impl.hpp"
#include "repository_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
constexpr std::size_t page_size = 1000;
constexpr std::size_t page_limit = 10'000;
constexpr std::size_t tag_limit = 2'000'000;
constexpr std::size_t page_bytes = 64u << 20;
constexpr std::size_t glance_bytes = 1u << 20;
constexpr std::size_t referrer_limit = 10'000;

std::string next_page(const HttpResponse& response) {
  for (const auto& field : response.headers.all("link"))
    if (auto link = next_link(field); !link.empty()) return link;
  return {};
}

/// Names of one page. `count` is what the registry sent, valid tags or not.
Result<std::vector<std::string>> read_page(const HttpResponse& response, const std::string& what,
                                           const std::string& host, std::size_t& count) {
  const auto json = parse_json(response.body, "list of tags", ErrorKind::registry, {page_bytes, 16, tag_limit + 1000});
  if (!json || !json->is_object() || !json->contains("tags"))
    return unreadable(what, is_html(response) ? "the answer is a web page" : "the answer is not a list of tags", host);
  const Json& list = (*json)["tags"];
  std::vector<std::string> out;
  count = 0;
  if (list.is_null()) return out;
  if (!list.is_array()) return unreadable(what, "the answer is not a list of tags", host);
  count = list.size();
  for (const auto& entry : list) {
    if (!entry.is_string()) return unreadable(what, "the list holds something that is not a tag", host);
    // Some registries list digests among the tags.
    if (check_tag(entry.get_ref<const std::string&>())) out.push_back(entry.get<std::string>());
  }
  return out;
}

std::vector<oci::Descriptor> only(std::vector<oci::Descriptor> all, std::string_view artifact_type) {
  if (!artifact_type.empty())
    std::erase_if(all, [&](const oci::Descriptor& d) { return d.artifact_type != artifact_type; });
  return all;
}
}  // namespace

Result<oci::TagGlance> RepositoryStore::glance() {
  const std::string what = "cannot list the tags of " + name();
  const Stop until = stop();
  Call call;
  call.url = path("tags/list");
  call.scopes = scopes("pull");
  call.answer_limit = glance_bytes;
  const auto whole = [&until](ExchangeHandle& handle) -> Result<Outcome> { return handle->finish(until); };
  const auto answer = core_->attempt(at_, call, whole, until);
  if (until.requested()) return until.error();
  oci::TagGlance out;
  if (!answer || answer->outcome.failure) return out;
  const HttpResponse& response = answer->outcome.response;
  if (response.status == 404) {
    out.complete = from_registry(response);
  } else if (response.status == 200) {
    std::size_t count = 0;
    auto tags = read_page(response, what, at_.domain, count);
    if (!tags) return out;
    out.complete = next_page(response).empty();
    out.tags = std::move(*tags);
  }
  return out;
}

Result<std::vector<std::string>> RepositoryStore::tags() {
  const std::string what = "cannot list the tags of " + name();
  const Stop until = stop();
  std::set<std::string> all;
  std::string url = path("tags/list?n=" + std::to_string(page_size));
  for (std::size_t page = 0; page < page_limit; ++page) {
    Call call;
    call.url = url;
    call.scopes = scopes("pull");
    call.answer_limit = page_bytes;
    SHIPSET_TRY(const Answer answer, core_->send(at_, call, what, until));
    const HttpResponse& response = answer.outcome.response;
    // A repository that does not exist yet has no tags; the registry has to say so itself.
    if (response.status == 404 && page == 0 && read_refusal(response).code == "NAME_UNKNOWN")
      return std::vector<std::string>();
    if (response.status != 200) return failed(what, answer, {}, {});
    std::size_t count = 0;
    SHIPSET_TRY(const auto names, read_page(response, what, at_.domain, count));
    const std::size_t before = all.size();
    all.insert(names.begin(), names.end());
    if (all.size() > tag_limit) return unreadable(what, "the list has no end", at_.domain);
    const std::string link = next_page(response);
    if (!link.empty()) {
      const auto next = answer.url.resolve(link);
      if (!next || next->host != answer.url.host)
        return unreadable(what, "the next page of the list is at an unusable address", at_.domain);
      if (all.size() == before && count > 0) return unreadable(what, "the list goes in a circle", at_.domain);
      url = next->path + (next->query.empty() ? "" : "?" + next->query);
      continue;
    }
    // A full page without a link: the registry may cut its list silently; ask for what follows.
    const bool maybe_more = count == page_size && all.size() > before && !names.empty();
    if (!maybe_more) return std::vector<std::string>(all.begin(), all.end());
    url = path("tags/list?n=" + std::to_string(page_size) + "&last=" + percent_encode(names.back()));
  }
  return unreadable(what, "the list has too many pages", at_.domain);
}

Result<Answer> RepositoryStore::ask_referrers(const Digest& digest, const std::string& what, const Stop& stop) {
  Call call;
  call.url = path("referrers/" + digest.str());
  call.headers = {"Accept: " + std::string(oci::media_type::index)};
  call.scopes = scopes("pull");
  call.answer_limit = oci::max_manifest_bytes;
  return core_->send(at_, call, what, stop);
}

Result<bool> RepositoryStore::judge_referrers(const Answer& answer, const Digest& digest, const std::string& what) {
  const HttpResponse& response = answer.outcome.response;
  const int status = response.status;
  const bool supported = status == 200 && response.headers.media_type() == oci::media_type::index;
  const bool unsupported =
      status == 404 || status == 400 || status == 405 || status == 406 || status == 501 || status == 200;
  if (!supported && !unsupported) return failed(what, answer, "digest", digest.str());
  // A repository that does not exist yet says nothing about the API.
  const bool telling = supported || read_refusal(response).code != "NAME_UNKNOWN";
  if (telling) core_->profiles.learn(at_.api_host, &Profile::referrers_api, supported);
  return supported;
}

Result<std::vector<oci::Descriptor>> RepositoryStore::referrers(const Digest& digest, std::string_view artifact_type) {
  const std::string what = "cannot list what refers to " + name() + "@" + digest.str();
  if (core_->profiles.known(at_.api_host, &Profile::referrers_api) != std::optional(false)) {
    SHIPSET_TRY(const Answer answer, ask_referrers(digest, what, stop()));
    SHIPSET_TRY(const bool api, judge_referrers(answer, digest, what));
    if (api) {
      SHIPSET_TRY(auto found, list_referrers(answer, digest, what));
      return only(std::move(found), artifact_type);
    }
  }
  SHIPSET_TRY(auto found, tagged_referrers(digest, what));
  return only(std::move(found), artifact_type);
}

Result<std::vector<oci::Descriptor>> RepositoryStore::list_referrers(const Answer& first, const Digest& digest,
                                                                     const std::string& what) {
  std::vector<oci::Descriptor> out;
  std::set<Digest> seen;
  Answer answer = first;
  for (std::size_t page = 0; page < page_limit; ++page) {
    const auto index = oci::Index::parse(answer.outcome.response.body, "the list");
    if (!index) return unreadable(what, index.error().what + ": " + index.error().why, at_.domain);
    const std::size_t before = out.size();
    for (const auto& entry : index->manifests)
      if (seen.insert(entry.digest).second) out.push_back(entry);
    const std::string link = next_page(answer.outcome.response);
    if (link.empty()) return out;
    const auto next = answer.url.resolve(link);
    if (!next || next->host != answer.url.host || out.size() > referrer_limit || out.size() == before)
      return unreadable(what, "the list goes in a circle, has no end, or leads elsewhere", at_.domain);
    Call call;
    call.url = next->path + (next->query.empty() ? "" : "?" + next->query);
    call.headers = {"Accept: " + std::string(oci::media_type::index)};
    call.scopes = scopes("pull");
    call.answer_limit = oci::max_manifest_bytes;
    SHIPSET_TRY(answer, core_->send(at_, call, what, stop()));
    if (answer.outcome.response.status != 200) return failed(what, answer, "digest", digest.str());
  }
  return unreadable(what, "the list has too many pages", at_.domain);
}

Result<std::vector<oci::Descriptor>> RepositoryStore::tagged_referrers(const Digest& digest, const std::string& what) {
  SHIPSET_TRY(const auto found, get_manifest(referrers_tag(digest), {}));
  if (!found) return std::vector<oci::Descriptor>();
  // Some registries let this tag point at the subject itself; that is not a list of referrers.
  if (found->descriptor.digest == digest || !oci::is_index(found->descriptor.media_type))
    return std::vector<oci::Descriptor>();
  SHIPSET_TRY(const auto index, oci::Index::parse(found->bytes, what));
  return index.manifests;
}

}  // namespace shipset::registry
