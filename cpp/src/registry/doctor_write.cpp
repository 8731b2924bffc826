// The trial that writes, on request only: an artifact that nothing else refers to, under tags of its own. Everything is
// removed again; what the registry does not remove is named.
#include "doctor_impl.hpp"
#include "error_body_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
constexpr std::string_view artifact_type = "application/vnd.shipset.doctor.v1";
constexpr std::string_view plain_config =
    R"({"architecture":"unknown","os":"unknown","config":{},"rootfs":{"type":"layers","diff_ids":[]}})";

/// Unique, so that deleting its digest can take nothing else along.
std::string trial_manifest(const std::string& word, bool empty_config) {
  oci::Manifest manifest;
  manifest.config = empty_config ? oci::empty_descriptor() : oci::describe(oci::media_type::config, plain_config);
  if (empty_config) manifest.artifact_type = artifact_type;
  manifest.layers = {oci::empty_descriptor()};
  manifest.annotations = {{"io.shipset.doctor", word}};
  return manifest.to_bytes();
}
}  // namespace

Result<void> Examination::write() {
  if (!options_.write || !may_push_) return {};
  SHIPSET_CHECK(write_tag());
  if (trial_tag_.empty()) return {};
  SHIPSET_CHECK(write_many_tags());
  SHIPSET_CHECK(write_compared());
  return delete_written();
}

Result<void> Examination::write_tag() {
  const oci::Descriptor empty = oci::empty_descriptor();
  SHIPSET_CHECK(store_.put_blob(empty, *memory_source("{}"), {}, stop().call));
  blob_ = empty;
  const std::string word = random_word();
  const std::string tag = "_shipset.doctor." + word;
  for (const bool empty_config : {true, false}) {
    if (!empty_config) {
      const std::string config(plain_config);
      SHIPSET_CHECK(
          store_.put_blob(oci::describe(oci::media_type::config, config), *memory_source(config), {}, stop().call));
    }
    trial_bytes_ = trial_manifest(word, empty_config);
    trial_ = oci::describe(oci::media_type::manifest, trial_bytes_);
    trial_tag_ = tag;  // from here on there may be something to remove
    const auto put = store_.put_tag(tag, trial_, trial_bytes_);
    if (!put && put.error().kind == ErrorKind::cancelled) return put.error();
    if (empty_config)
      add("empty config", put ? "accepted" : "refused", put ? Verdict::good : Verdict::warning,
          put ? "" : put.error().what + ": " + put.error().why,
          put ? "" : "store attestations in the legacy form: [attestations] form = \"legacy\"");
    if (put) return {};
    trial_tag_.clear();
    if (!empty_config) add("write", "refused", Verdict::bad, put.error().why, put.error().hint), fail(put.error());
  }
  return {};
}

Result<void> Examination::write_many_tags() {
  const std::string second = trial_tag_ + ".b", third = trial_tag_ + ".c";
  Call call;
  call.method = "PUT";
  call.url = store_.path("manifests/" + trial_.digest.str()) + "?tag=" + second + "&tag=" + third;
  call.headers = {"Content-Type: " + trial_.media_type};
  call.body = trial_bytes_;
  call.scopes = store_.scopes("pull,push");
  SHIPSET_TRY(const Answer answer, core_->send(at_, call, "cannot examine " + at_.name(), stop()));
  const auto listed = answer.outcome.response.headers.all("oci-tag");
  SHIPSET_TRY(const auto one, store_.resolve(second));
  SHIPSET_TRY(const auto two, store_.resolve(third));
  const bool both = one && two && one->digest == trial_.digest && two->digest == trial_.digest;
  const bool works = answer.outcome.response.success() && !listed.empty() && both;
  add("several tags at once", works ? "taken" : "one by one", Verdict::note,
      works ? "" : "a manifest that is put with several tags sets none or not all of them here");
  core_->profiles.learn(at_.api_host, &Profile::multi_tag, works);
  return {};
}

/// Sets the tag to what it holds: once when it should hold something else, once when it should hold just that.
Result<void> Examination::write_compared() {
  const auto put = [&](const Digest& holds) {
    Call call;
    call.method = "PUT";
    call.url = store_.path("manifests/" + trial_tag_);
    call.headers = {"Content-Type: " + trial_.media_type, "If-Match: \"" + holds.str() + "\""};
    call.body = trial_bytes_;
    call.scopes = store_.scopes("pull,push");
    return core_->send(at_, call, "cannot examine " + at_.name(), stop());
  };
  SHIPSET_TRY(const Answer other, put(Digest::of(trial_tag_)));
  SHIPSET_TRY(const Answer same, put(trial_.digest));
  const bool compares = other.outcome.response.status == 412 && same.outcome.response.success();
  add("comparing tags", compares ? "by If-Match" : "not offered", Verdict::note,
      compares ? "a tag that someone else moved is not overwritten"
               : "a tag that someone else moves in the same moment is found after the moves");
  core_->profiles.learn(at_.api_host, &Profile::if_match, compares);
  return {};
}

Result<void> Examination::delete_written() {
  const std::string what = "cannot examine " + at_.name();
  SHIPSET_TRY(const Answer by_tag, store_.delete_manifest(trial_tag_, what));
  SHIPSET_TRY(const auto tag_left, store_.resolve(trial_tag_));
  core_->profiles.learn(at_.api_host, &Profile::delete_tag, !tag_left.has_value());
  SHIPSET_TRY(const bool content_left, store_.has_manifest(trial_.digest));
  if (content_left) {
    SHIPSET_TRY(const Answer by_digest, store_.delete_manifest(trial_.digest.str(), what));
    SHIPSET_TRY(const bool still, store_.has_manifest(trial_.digest));
    core_->profiles.learn(at_.api_host, &Profile::delete_digest, !still);
    add("removing", tag_left ? (still ? "nothing" : "digests") : (still ? "tags" : "tags and digests"),
        tag_left && still ? Verdict::warning : Verdict::good,
        "the tag: " + told(by_tag.outcome.response) + "; the digest: " + told(by_digest.outcome.response));
  } else {
    add("removing", tag_left ? "digests" : "tags, with their content", Verdict::good,
        "the tag: " + told(by_tag.outcome.response));
  }
  return {};
}

void Examination::clean_up() {
  if (trial_tag_.empty()) return;
  // Also after a stop: what we wrote has to go.
  RepositoryStore store(core_, at_, CancelToken());
  const auto removed = store.remove_manifest(trial_);
  (void)removed;  // what is still there is what counts
  for (const std::string& tag : {trial_tag_, trial_tag_ + ".b", trial_tag_ + ".c"}) {
    const auto left = store.resolve(tag);
    if (left && !*left) continue;
    const auto gone = store.remove_tag(tag);
    if (!gone || !*gone) report_.left.push_back(at_.name() + ":" + tag);
  }
  const auto content = store.has_manifest(trial_.digest);
  if (!content || *content) report_.left.push_back(at_.name() + "@" + trial_.digest.str());
  if (report_.left.empty()) return;
  add("left behind", std::to_string(report_.left.size()), Verdict::warning, join(report_.left, ", "),
      "the registry does not let us remove this: remove it with the registry's own tool or web page");
}

}  // namespace shipset::registry
