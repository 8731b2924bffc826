// One HTTP exchange as plain data: request, answer, and how an exchange can fail. No curl in here; the loop and
// exchange files are the only ones that know it. Values only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shipset::registry {

class Headers {
 public:
  void add(std::string_view name, std::string_view value);
  void clear() { fields_.clear(); }
  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
  /// First value of a field; `name` in lower case. Empty when absent.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
  /// Content-Length and the like: a whole decimal number.
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view name) const;
  /// Content-Type without parameters, in lower case.
  [[nodiscard]] std::string media_type() const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;  // names in lower case
};

/// Kinds of traffic; each has its own share of connections to a host, so that a stream that waits for another one
/// (a copy inside one registry) can never hold the slot that the other needs.
enum class Lane : std::uint8_t { control, upload, download };
inline constexpr std::size_t lane_count = 3;

/// What TLS to one host needs beyond the client's own settings.
struct HostTls {
  std::string ca_text;  ///< PEM, in place of the bundle; empty: the bundle
  std::string cert_file, key_file;
};

struct HttpRequest {
  std::string method{"GET"};
  std::string url;                           ///< absolute; its query may be a secret
  std::vector<std::string> headers;          ///< "Name: value"
  std::optional<std::string> body;           ///< a small body
  std::optional<std::uint64_t> stream_size;  ///< a body of so many bytes follows through Exchange::feed
  bool stream_answer = false;                ///< a 2xx answer is read through Exchange::read
  std::size_t answer_limit = 1u << 20;       ///< bytes of a buffered answer
  Lane lane = Lane::control;
  bool insecure_tls = false;
  std::shared_ptr<const HostTls> tls{};  ///< null: nothing special
  std::string proxy{};                   ///< empty: none, whatever the environment says; may hold a password
  bool forbid_local_peer = false;        ///< refuse to talk to loopback and link-local addresses
};

struct HttpResponse {
  int status = 0;
  bool http2 = false;
  Headers headers;
  std::string body;  ///< cut at the limit for answers other than 2xx
  [[nodiscard]] bool success() const noexcept { return status >= 200 && status < 300; }
};

enum class FailureKind : std::uint8_t {
  none,
  cancelled,
  resolve,  ///< name lookup
  connect,
  timeout,      ///< connecting, or no byte for too long
  broken,       ///< connection lost or closed early
  tls,          ///< handshake
  certificate,  ///< peer's certificate, or our CA bundle; CertificateFault says which
  proxy,        ///< the proxy refused, or wants a login
  not_http,     ///< the answer is not HTTP
  too_large,    ///< headers or body over the limit
  local_peer,   ///< refused: see HttpRequest::forbid_local_peer
  other,
};

/// What is wrong with a certificate, as far as the TLS library tells.
enum class CertificateFault : std::uint8_t {
  none,
  expired,
  not_yet_valid,
  unknown_issuer,
  self_signed,
  wrong_name,
  no_bundle,      ///< our own bundle cannot be read, or there is none
  client_wanted,  ///< the server wants a certificate of ours, or refused it
  client_broken,  ///< our own certificate or key cannot be used
  other,
};

struct Failure {
  FailureKind kind = FailureKind::none;
  std::string detail;  ///< the transport's words, redacted
  CertificateFault fault = CertificateFault::none;
  explicit operator bool() const noexcept { return kind != FailureKind::none; }
  /// Whether the same request may work a moment later.
  [[nodiscard]] bool transient() const noexcept {
    return kind == FailureKind::resolve || kind == FailureKind::connect || kind == FailureKind::timeout ||
           kind == FailureKind::broken || kind == FailureKind::tls;
  }
};

class Exchange;

/// What came of one exchange: a failure, or an answer (whose body may still have to be read from `stream`).
struct Outcome {
  Failure failure;
  HttpResponse response;
  std::shared_ptr<Exchange> stream;
};

}  // namespace shipset::registry
