// One blob on its way into one repository, with everything that may happen to it: one body or chunks, a break and the
// byte from which to go on, an upload that the registry forgot, an earlier process that was killed. One thread.
// specs §3.4; what real registries do with a broken upload differs, so the registry is asked and never guessed at.
#pragma once

#include "repository_impl.hpp"
#include "upload_content_impl.hpp"
#include "upload_state_impl.hpp"

namespace shipset::registry {

/// What the Range field of an upload says: bytes held. nullopt when it says nothing, or nothing that makes sense.
/// "0-0" is said by registries that hold no byte and by those that hold one (specs §10.5): nullopt too.
std::optional<std::uint64_t> held_bytes(std::string_view range);

class RepositoryStore::BlobUpload {
 public:
  BlobUpload(RepositoryStore& store, const oci::Descriptor& blob, const Source& content, const EventSink& events,
             Stop stop);
  Result<oci::BlobPut> run();

 private:
  struct Session {
    Url location;
    std::uint64_t held = 0;       ///< bytes that the registry has for certain
    std::uint64_t min_chunk = 0;  ///< OCI-Chunk-Min-Length
  };

  Result<void> take_over();
  Result<void> open();
  Result<Answer> advance();
  Result<Answer> send_body(std::string_view method, std::uint64_t from, std::uint64_t to);
  Result<Answer> close();
  Result<void> feed(Exchange& exchange, std::uint64_t from, std::uint64_t to);
  Result<void> took(const Answer& patched, std::uint64_t from, std::uint64_t to);
  [[nodiscard]] std::uint64_t chunk_bytes() const;
  [[nodiscard]] bool one_body() const;

  /// True: go on. False: the answer is final.
  Result<bool> recover(const Answer& answer);
  Result<bool> recover_refused(const Answer& answer);
  Result<bool> refused_size(const Answer& answer);
  Result<bool> begin_anew(const Answer& answer, bool counts = true);
  /// Finds out what the registry has and sets the session to it, or gives the session up.
  Result<void> resync();
  Result<std::optional<std::uint64_t>> ask_held();
  void learn_broken(const HttpResponse& response, bool known);
  Result<bool> there();
  void move_to(std::uint64_t held);
  void give_up_session();
  void confirmed(std::uint64_t held);

  void count(std::uint64_t from, std::uint64_t sent);
  void remember();
  void warn(std::string message) const;
  void note(std::string message) const;
  Error error_of(const Answer& answer);
  Result<oci::BlobPut> stored(const Answer& answer);

  RepositoryStore& store_;
  Client::Core& core_;
  const oci::Descriptor& blob_;
  const EventSink& events_;
  const Stop stop_;
  const std::string what_;
  UploadContent content_;
  Retry retry_;
  UploadForm form_;
  std::optional<UploadState> state_;
  std::optional<Session> session_;
  oci::BlobPut put_;
  std::uint64_t highest_ = 0;             ///< bytes from the start that have gone out, in this or an earlier process
  std::uint64_t in_session_ = 0;          ///< bytes that went out in this session
  std::uint64_t refilled_at_ = 0;         ///< bytes held when the budget was filled last
  std::uint64_t refused_at_ = no_offset;  ///< where a range was refused last
  std::uint64_t last_body_ = 0;
  unsigned odd_ = 0, breaks_ = 0;
  bool earlier_ = false;   ///< the session is of an earlier process
  bool closing_ = false;   ///< the last request would have completed the upload
  bool all_sent_ = false;  ///< the last byte went out: the blob may be there, whatever was answered
  bool found_ = false;     ///< the registry has the blob
  bool patch_refused_ = false;
  static constexpr std::uint64_t no_offset = ~std::uint64_t(0);
};

}  // namespace shipset::registry
