// Setting tags: several in one request where the registry takes that (OCI-Tag), else one by one; and only while a tag
// holds what it should, where the registry compares (If-Match). distribution-spec end-7b; RFC 9110 §13.1.
#include <algorithm>

#include "error_body_impl.hpp"
#include "repository_impl.hpp"
#include "shipset/base/parallel.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
/// A registry that takes several at all takes so many.
constexpr std::size_t most_tags_at_once = 10;
constexpr std::size_t single_puts_at_once = 8;

std::set<std::string> tags_taken(const HttpResponse& response) {
  std::set<std::string> out;
  for (const auto& field : response.headers.all("oci-tag"))
    for (const auto& name : split(field, ',')) out.emplace(trim(name));
  return out;
}

std::string condition_of(const oci::TagSet& item) {
  return item.holds ? "If-Match: \"" + item.holds->str() + "\"" : std::string("If-None-Match: *");
}
}  // namespace

Result<void> RepositoryStore::put_tags(const std::vector<oci::TagSet>& tags, const oci::Descriptor& manifest,
                                       std::string_view bytes) {
  for (const auto& item : tags) SHIPSET_CHECK(check_tag(item.tag));
  std::vector<oci::TagSet> left = tags;
  // A comparison holds for one tag, so it is worth a request each.
  const bool compares = core_->profiles.known(at_.api_host, &Profile::if_match) == std::optional(true);
  const bool together = core_->profiles.known(at_.api_host, &Profile::multi_tag) != std::optional(false);
  if (tags.size() > 1 && together && !compares) {
    SHIPSET_TRY(left, put_together(tags, manifest, bytes));
  }
  return parallel_for(left.size(), single_puts_at_once, {}, [&](std::size_t i) -> Result<void> {
    return compares ? put_tag_while(left[i], manifest, bytes) : put_tag(left[i].tag, manifest, bytes);
  });
}

Result<void> RepositoryStore::put_tag_while(const oci::TagSet& item, const oci::Descriptor& manifest,
                                            std::string_view bytes) {
  const std::string what = "cannot set the tag " + name() + ":" + item.tag;
  auto written = write_manifest(item.tag, manifest, bytes, what, condition_of(item));
  if (written) return written;
  Error& error = written.error();
  error.with("tag", item.tag);
  if (const auto status = error.context.find("status"); status == error.context.end() || status->second != "412")
    return written;
  const auto found = look_up_tag(item.tag);
  const std::string holds = found && *found ? (*found)->digest.str() : std::string();
  const std::string expected = item.holds ? item.holds->str() : std::string();
  const auto shown = [](const std::string& digest) { return digest.empty() ? std::string("no tag") : digest; };
  return Error(ErrorKind::tag_moved, name() + ":" + item.tag + " was moved by someone else",
               "the registry compared: expected " + shown(expected) + (found ? ", found " + shown(holds) : ""),
               "see who released at the same time, then run this release again")
      .with("reference", name() + ":" + item.tag)
      .with("tag", item.tag)
      .with("expected", expected)
      .with("found", holds);
}

Result<std::vector<oci::TagSet>> RepositoryStore::put_together(const std::vector<oci::TagSet>& tags,
                                                               const oci::Descriptor& manifest,
                                                               std::string_view bytes) {
  const std::string what = "cannot set " + std::to_string(tags.size()) + " tags in " + name();
  std::vector<oci::TagSet> left;
  std::size_t begin = 0, at_once = most_tags_at_once;
  while (begin < tags.size()) {
    const std::size_t count = std::min(at_once, tags.size() - begin);
    if (count == 1) break;
    Call call;
    call.method = "PUT";
    call.url = path("manifests/" + manifest.digest.str());
    for (std::size_t i = 0; i < count; ++i) call.url += (i == 0 ? "?tag=" : "&tag=") + tags[begin + i].tag;
    call.headers = {"Content-Type: " + manifest.media_type};
    call.body = std::string(bytes);
    call.scopes = scopes("pull,push");
    SHIPSET_TRY(const Answer answer, core_->send(at_, call, what, stop()));
    const HttpResponse& response = answer.outcome.response;
    if (response.status == 414 || response.status == 431) {
      at_once = count / 2;
      continue;
    }
    if (!response.success() || is_html(response)) {
      if (transient_status(response.status)) return failed(what, answer, "digest", manifest.digest.str());
      if (response.status == 405 || response.status == 501)
        core_->profiles.learn(at_.api_host, &Profile::multi_tag, false);
      break;  // a request for each tag tells what is wrong with it
    }
    const auto taken = tags_taken(response);
    if (taken.empty()) break;  // it knows no such parameter: nothing was set
    SHIPSET_CHECK(check_stored(manifest, answer, what));
    core_->recent_puts.remember(place(), manifest.digest.str(), manifest.digest);
    for (std::size_t i = begin; i < begin + count; ++i) {
      if (taken.contains(tags[i].tag))
        core_->recent_puts.remember(place(), tags[i].tag, manifest.digest);
      else
        left.push_back(tags[i]);
    }
    SHIPSET_CHECK(note_referrer(manifest, bytes, answer, stop()));
    begin += count;
  }
  left.insert(left.end(), tags.begin() + static_cast<std::ptrdiff_t>(begin), tags.end());
  return left;
}

}  // namespace shipset::registry
