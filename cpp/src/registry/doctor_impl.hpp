// One look at one registry. Steps run in order on the calling thread; each adds findings, the first that makes the
// registry unusable ends it.
#pragma once

#include "repository_impl.hpp"
#include "shipset/registry/doctor.hpp"

namespace shipset::registry {

class Examination {
 public:
  Examination(std::shared_ptr<Client::Core> core, Endpoint at, DoctorOptions options, const EventSink& events,
              CancelToken cancel);
  Result<DoctorReport> run();

 private:
  using Step = Result<void> (Examination::*)();
  struct Status {
    int status = 0;
    std::string text;  ///< for people: "405 UNSUPPORTED"
  };

  // doctor_access.cpp
  Result<void> credentials();
  Result<void> connection();
  Result<void> connected(const Answer& answer);
  Result<void> pull();
  Result<void> push();
  Result<void> deleting();
  Result<void> judge_delete(bool by_digest);
  void push_refused(const Answer& answer);
  // doctor_upload.cpp
  Result<void> chunks();
  Result<void> broken_upload();
  Result<void> mounts();
  Result<bool> mount(const oci::Descriptor& blob, bool with_from, bool& granted);
  Result<std::optional<oci::Descriptor>> some_blob();
  Result<void> referrers();
  Result<void> behaviour();
  // doctor_write.cpp
  Result<void> write();
  Result<void> write_tag();
  Result<void> write_many_tags();
  Result<void> write_compared();
  Result<void> delete_written();
  void clean_up();

  void add(Finding finding);
  void add(std::string name, std::string result, Verdict verdict, std::string explanation = {},
           std::string advice = {});
  /// The first problem is the one that counts.
  void fail(Error problem);
  [[nodiscard]] Stop stop() const { return store_.stop(); }
  /// One try, whatever comes of it.
  Result<Answer> once(const Call& call);
  Result<Answer> send(std::string_view method, const std::string& url, const std::string& scopes);
  Result<std::optional<Url>> open_session();
  void cancel_session(const Url& location);
  Result<Answer> patch(const Url& location, std::uint64_t from, std::uint64_t size, std::uint64_t fed);
  static std::string told(const HttpResponse& response);

  std::shared_ptr<Client::Core> core_;
  const Endpoint at_;
  const DoctorOptions options_;
  const EventSink& events_;
  RepositoryStore store_;
  DoctorReport report_;
  std::string login_;  ///< where the credentials come from; empty: anonymous
  std::optional<std::string> some_tag_;
  std::optional<oci::Descriptor> blob_;  ///< one that the repository has
  bool may_push_ = false;
  // What a written trial put there.
  std::string trial_tag_;
  oci::Descriptor trial_;
  std::string trial_bytes_;
};

/// An address with the password of `scheme://user:password@host` hidden.
std::string without_password(const std::string& url);
/// Sixteen random hexadecimal digits.
std::string random_word();

}  // namespace shipset::registry
