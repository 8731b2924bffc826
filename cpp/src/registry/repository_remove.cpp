// Removing tags. Deleting a digest takes every tag on it along, so content digests are never deleted: where a registry
// deletes by digest only, the tag is first moved to a throw-away manifest that nothing else refers to.
#include <random>

#include "error_body_impl.hpp"
#include "repository_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {

bool refuses_delete(long status) {
  return status == 400 || status == 405 || status == 501;
}

/// A manifest with no content that is unique to this removal.
std::string throw_away_manifest(std::string_view tag) {
  std::random_device random;
  std::string unique;
  for (int i = 0; i < 4; ++i) unique += std::to_string(random()) + ".";
  oci::Manifest manifest;
  manifest.artifact_type = "application/vnd.shipset.throw-away.v1";
  manifest.config = oci::empty_descriptor();
  manifest.layers = {oci::empty_descriptor()};
  manifest.annotations = {{"io.shipset.throw-away", unique + std::string(tag)}};
  return manifest.to_bytes();
}

}  // namespace

Result<Answer> RepositoryStore::delete_manifest(std::string_view reference, const std::string& what) {
  Call call;
  call.method = "DELETE";
  call.url = path("manifests/" + std::string(reference));
  call.scopes = scopes("pull,push");
  core_->recent_puts.forget(place(), std::string(reference));
  return core_->send(at_, call, what, stop());
}

Result<bool> RepositoryStore::remove_tag(std::string_view tag) {
  SHIPSET_CHECK(check_tag(tag));
  const std::string what = "cannot remove the tag " + name() + ":" + std::string(tag);
  SHIPSET_TRY(const Answer answer, delete_manifest(tag, what));
  const HttpResponse& response = answer.outcome.response;
  if (response.success()) return true;
  if (refuses_delete(response.status)) return remove_tag_with_manifest(tag, what);
  if (response.status != 404) return failed(what, answer, "tag", tag);
  SHIPSET_TRY(const auto still, resolve(tag));  // some answer 404 because they know no such request
  return !still.has_value();
}

Result<bool> RepositoryStore::remove_tag_with_manifest(std::string_view tag, const std::string& what) {
  SHIPSET_TRY(const auto holds, resolve(tag));
  if (!holds) return true;
  const std::string bytes = throw_away_manifest(tag);
  const oci::Descriptor manifest = oci::describe(oci::media_type::manifest, bytes);
  // A digest that is not there is answered 404 where deleting is allowed, and 405 or 400 where it is not; the tag may
  // not be overwritten before that is proven.
  SHIPSET_TRY(const Answer proof, delete_manifest(manifest.digest.str(), what));
  const HttpResponse& told = proof.outcome.response;
  if (!(told.status == 404 && from_registry(told)) && !told.success()) return false;
  // docker-registry 2.8 leaves the name of a tag in its list when another one goes in the same moment.
  const std::lock_guard lock(removals_mutex_);
  const oci::Descriptor empty = oci::empty_descriptor();
  SHIPSET_CHECK(put_blob(empty, *memory_source("{}"), {}, {}));
  SHIPSET_CHECK(put_tag(tag, manifest, bytes));
  SHIPSET_TRY(const Answer answer, delete_manifest(manifest.digest.str(), what));
  if (!answer.outcome.response.success()) return failed(what, answer, "tag", tag);
  SHIPSET_TRY(const auto still, resolve(tag));
  return !still.has_value();
}

}  // namespace shipset::registry
