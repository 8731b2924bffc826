// One repository of one registry as a Store. Reading, writing, uploads, listings and referrers are in their own files.
// Thread-safe: nothing but the kept upload locations is mutable, and those have a lock. specs §3.
#pragma once

#include <set>

#include "core_impl.hpp"
#include "referrers_impl.hpp"
#include "shipset/oci/store.hpp"

namespace shipset::registry {

class RepositoryStore final : public oci::Store {
 public:
  RepositoryStore(std::shared_ptr<Client::Core> core, Endpoint at, CancelToken cancel)
      : core_(std::move(core)), at_(std::move(at)), cancel_(std::move(cancel)) {}

  [[nodiscard]] std::string name() const override { return at_.name(); }
  [[nodiscard]] std::string pool() const override { return at_.api_host; }
  Result<std::optional<oci::Descriptor>> resolve(std::string_view tag) override;
  Result<oci::ManifestBytes> manifest(const Digest& digest) override;
  Result<bool> has_manifest(const Digest& digest) override;
  Result<bool> has_blob(const oci::Descriptor& blob) override;
  Result<std::unique_ptr<Source>> blob(const oci::Descriptor& blob) override;
  Result<oci::BlobPut> put_blob(const oci::Descriptor& blob, const Source& content, const EventSink& events,
                                const CancelToken& cancel) override;
  Result<bool> mount_blob(const oci::Descriptor& blob, const oci::Store& from) override;
  Result<void> put_manifest(const oci::Descriptor& manifest, std::string_view bytes) override;
  Result<void> put_tag(std::string_view tag, const oci::Descriptor& manifest, std::string_view bytes) override;
  Result<void> put_tags(const std::vector<oci::TagSet>& tags, const oci::Descriptor& manifest,
                        std::string_view bytes) override;
  Result<bool> remove_tag(std::string_view tag) override;
  Result<std::vector<std::string>> tags() override;
  Result<oci::TagGlance> glance() override;
  Result<std::vector<oci::Descriptor>> referrers(const Digest& digest, std::string_view artifact_type) override;
  Result<void> check_writable() override;
  Result<bool> remove_manifest(const oci::Descriptor& manifest) override;

 private:
  friend class Examination;
  /// An open upload: where its body goes. A capability; never shown.
  struct Upload {
    Url location;
    std::uint64_t min_chunk = 0;  ///< OCI-Chunk-Min-Length
  };
  class BlobUpload;

  [[nodiscard]] Stop stop(const CancelToken& call = {}) const { return {core_->options.cancel, cancel_, call}; }
  [[nodiscard]] std::string path(std::string_view rest) const { return "/v2/" + at_.path + "/" + std::string(rest); }
  [[nodiscard]] std::vector<std::string> scopes(std::string_view actions) const {
    return {repository_scope(at_.path, actions)};
  }
  Result<std::optional<oci::ManifestBytes>> get_manifest(std::string_view reference, const Digest& digest);
  /// API host and path: what identifies the repository.
  [[nodiscard]] std::string place() const { return at_.api_host + "/" + at_.path; }
  Result<bool> lagging(std::string_view reference, const Digest& shown, Retry& lag);
  Result<std::optional<oci::Descriptor>> look_up_tag(std::string_view tag);
  Result<bool> look_for_manifest(const Digest& digest);
  /// After a refusal to store it: whether the reference holds just this manifest.
  bool holds_already(std::string_view reference, const Digest& digest);
  Result<bool> look_for_blob(const oci::Descriptor& blob, const Stop& stop, Retry* budget = nullptr);
  Result<bool> probe_blob(const oci::Descriptor& blob, const std::string& what, const Stop& stop);
  /// `condition`: a header field that the registry checks first, or empty.
  Result<void> write_manifest(std::string_view reference, const oci::Descriptor& manifest, std::string_view bytes,
                              const std::string& what, const std::string& condition = {});
  Result<void> put_tag_while(const oci::TagSet& item, const oci::Descriptor& manifest, std::string_view bytes);
  /// Sets tags with as few requests as the registry allows; those that are still to be set one by one.
  Result<std::vector<oci::TagSet>> put_together(const std::vector<oci::TagSet>& tags, const oci::Descriptor& manifest,
                                                std::string_view bytes);
  /// An upload for the blob; nullopt when the registry has it already.
  Result<std::optional<Upload>> open_upload(const oci::Descriptor& blob, const std::string& what, const Stop& stop,
                                            Retry* budget);
  std::optional<Upload> upload_of(const Answer& answer) const;
  std::optional<Upload> take_kept_upload();
  void keep_upload(Upload upload);
  Result<Answer> post_upload(const std::string& query, std::vector<std::string> wanted, const std::string& what,
                             const Stop& stop, Retry* budget = nullptr);
  void learn_mount_check(const oci::Descriptor& stored, const Stop& stop);
  Result<void> check_stored(const oci::Descriptor& blob, const Answer& answer, const std::string& what) const;
  /// DELETE of a manifest by tag or digest: the answer's status.
  Result<Answer> delete_manifest(std::string_view reference, const std::string& what);
  /// Takes the tag away where only digests can be deleted: it is moved to a manifest of its own, which is deleted.
  Result<bool> remove_tag_with_manifest(std::string_view tag, const std::string& what);
  Result<Answer> ask_referrers(const Digest& digest, const std::string& what, const Stop& stop);
  /// Whether the answer is one of the referrers API; learnt. Error: neither that nor "there is no such API".
  Result<bool> judge_referrers(const Answer& answer, const Digest& digest, const std::string& what);
  Result<bool> has_referrers_api(const Digest& subject, const Stop& stop);
  /// A manifest was stored: lists it where the registry does not.
  Result<void> note_referrer(const oci::Descriptor& manifest, std::string_view bytes, const Answer& stored,
                             const Stop& stop);
  Result<void> change_list(const Digest& subject, ListChange wanted, const Stop& stop);
  Result<void> write_list(const Digest& subject, const std::string& tag, ReferrerList& list,
                          const std::vector<std::shared_ptr<ListChange>>& changes, const Stop& stop);
  Result<void> read_list(const Digest& subject, const std::string& tag, ReferrerList& list, const std::string& what,
                         const Stop& stop);
  void tell_fallback();
  Result<std::vector<oci::Descriptor>> list_referrers(const Answer& first, const Digest& digest,
                                                      const std::string& what);
  Result<std::vector<oci::Descriptor>> tagged_referrers(const Digest& digest, const std::string& what);
  Error failed(const std::string& what, const Answer& answer, std::string_view key, std::string_view value) const;
  std::optional<Url> location_of(const Answer& answer) const;

  std::shared_ptr<Client::Core> core_;
  Endpoint at_;
  CancelToken cancel_;
  std::mutex removals_mutex_;  ///< of tags that go with a manifest of their own
  std::mutex uploads_mutex_;
  std::vector<Upload> kept_uploads_;  ///< opened by mounts that were not granted; any blob may use them
  std::set<Digest> absent_;           ///< blobs that has_blob did not find
};

/// A blob that is read by GET, with Range for the rest after a break; verified when read from its start to its end.
std::unique_ptr<Source> blob_source(std::shared_ptr<Client::Core> core, Endpoint at, oci::Descriptor blob, Stop stop);

/// The Accept field of manifest requests.
const std::string& manifest_accept();

}  // namespace shipset::registry
