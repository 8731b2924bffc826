// The curl side of an exchange: options and callbacks. Everything here runs on the loop thread.
#include <curl/curl.h>

#include "loop_impl.hpp"
#include "shipset/base/secret.hpp"
#include "shipset/base/text.hpp"
#include "tls_fault_impl.hpp"
#include "url_impl.hpp"

namespace shipset::registry {

namespace {
constexpr long transfer_buffer_bytes = 256L << 10;

std::size_t header_callback(char* data, std::size_t size, std::size_t count, void* user) {
  const bool go_on = static_cast<Exchange*>(user)->on_header_line({data, size * count});
  return go_on ? size * count : 0;
}

std::size_t write_callback(char* data, std::size_t size, std::size_t count, void* user) {
  const auto bytes = std::span(reinterpret_cast<const std::byte*>(data), size * count);
  switch (static_cast<Exchange*>(user)->on_body(bytes)) {
    case Exchange::Take::taken:
      return size * count;
    case Exchange::Take::pause:
      return CURL_WRITEFUNC_PAUSE;
    case Exchange::Take::abort:
      break;
  }
  return size * count == 0 ? 1 : 0;
}

std::size_t read_callback(char* data, std::size_t size, std::size_t count, void* user) {
  std::size_t given = 0;
  switch (static_cast<Exchange*>(user)->on_need(std::span(reinterpret_cast<std::byte*>(data), size * count), given)) {
    case Exchange::Give::given:
      return given;
    case Exchange::Give::pause:
      return CURL_READFUNC_PAUSE;
    case Exchange::Give::abort:
      break;
  }
  return CURL_READFUNC_ABORT;
}

int seek_callback(void* user, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset != 0) return CURL_SEEKFUNC_CANTSEEK;
  return static_cast<Exchange*>(user)->on_rewind() ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_CANTSEEK;
}

int progress_callback(void* user, curl_off_t, curl_off_t received, curl_off_t, curl_off_t sent) {
  const bool go_on =
      static_cast<Exchange*>(user)->on_progress(static_cast<std::uint64_t>(received), static_cast<std::uint64_t>(sent));
  return go_on ? 0 : 1;
}

/// A name may resolve to an address that only its own machine should reach; this sees the address itself.
int peer_callback(void* user, char* peer_address, char*, int, int) {
  if (!is_local_address(peer_address)) return CURL_PREREQFUNC_OK;
  static_cast<Exchange*>(user)->refuse(
      {FailureKind::local_peer, "the registry redirected to the local address " + std::string(peer_address)});
  return CURL_PREREQFUNC_ABORT;
}

void set_protocols(CURL* easy) {
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // do not wait for a name lookup that nobody needs any more
#endif
}

void set_tls(CURL* easy, const HttpRequest& request, const LoopOptions& options) {
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (request.insecure_tls) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  // For a proxy that speaks TLS the certificates count too, whatever is said about the host behind it.
  const std::string& text = request.tls && !request.tls->ca_text.empty() ? request.tls->ca_text : options.ca_text;
  if (!text.empty()) {
    curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
    curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO_BLOB, &blob);
  } else if (!options.ca_path.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_path.c_str());
    curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, options.ca_path.c_str());
  }
  const bool chosen = !text.empty() || !options.ca_path.empty() || !options.ca_folders.empty();
  if (chosen) {  // else what the library was built with
    const char* folders = options.ca_folders.empty() ? nullptr : options.ca_folders.c_str();
    curl_easy_setopt(easy, CURLOPT_CAPATH, folders);
    curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, folders);
  }
  if (request.tls && !request.tls->cert_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_SSLCERT, request.tls->cert_file.c_str());
    curl_easy_setopt(easy, CURLOPT_SSLKEY, request.tls->key_file.c_str());
  }
}

void set_proxy(CURL* easy, const HttpRequest& request) {
  // Always set, so that libcurl does not look at the environment by rules of its own.
  curl_easy_setopt(easy, CURLOPT_PROXY, request.proxy.c_str());
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
}

void set_method(CURL* easy, const HttpRequest& request) {
  const auto size = request.body ? std::optional<std::uint64_t>(request.body->size()) : request.stream_size;
  if (size) {
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(*size));
    if (request.lane == Lane::upload) curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, transfer_buffer_bytes);
  } else if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void set_callbacks(CURL* easy, Exchange& exchange) {
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_callback);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write_callback);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_callback);
  curl_easy_setopt(easy, CURLOPT_READDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_callback);
  curl_easy_setopt(easy, CURLOPT_SEEKDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, progress_callback);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  // Behind a proxy the peer is the proxy, which may well be local.
  if (exchange.request().forbid_local_peer && exchange.request().proxy.empty()) {
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, peer_callback);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, &exchange);
  }
}
/// Short requests share one connection by HTTP/2 where the registry speaks it, which saves a handshake for each that
/// runs at the same time. Large bodies have connections of their own: one stream's window would slow them all.
void set_version(CURL* easy, const HttpRequest& request) {
  const bool small = request.lane == Lane::control && request.url.starts_with("https:");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                   static_cast<long>(small ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, small ? 1L : 0L);
}
}  // namespace

bool configure(void* easy, Exchange& exchange, const LoopOptions& options) {
  const HttpRequest& request = exchange.request();
  curl_slist* headers = nullptr;
  const auto append = [&headers](const std::string& line) {
    if (curl_slist* longer = curl_slist_append(headers, line.c_str())) headers = longer;
  };
  append("Expect:");
  for (const auto& line : request.headers) append(line);
  exchange.header_list = headers;
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange.error_text);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  set_version(easy, request);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  // Buffers are made anew for each request: large ones only where much goes through them.
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE,
                   request.lane == Lane::download ? transfer_buffer_bytes : static_cast<long>(CURL_MAX_WRITE_SIZE));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set_proxy(easy, request);
  set_protocols(easy);
  set_tls(easy, request, options);
  set_method(easy, request);
  set_callbacks(easy, exchange);
  return headers != nullptr && curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str()) == CURLE_OK;
}

Failure classify(void* easy, int code, Exchange& exchange) {
  if (code == CURLE_OK) return {};
  if (auto reason = exchange.own_reason()) return *reason;
  std::string detail = exchange.error_text;
  if (detail.empty()) detail = curl_easy_strerror(static_cast<CURLcode>(code));
  detail = printable(redact(detail));
  if (auto fault = certificate_fault(easy, code, detail); fault != CertificateFault::none)
    return {FailureKind::certificate, detail, fault};
  if (!exchange.request().proxy.empty())
    if (auto failure = proxy_failure(easy, code, detail, exchange.request().proxy)) return *failure;
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return {FailureKind::resolve, detail};
    case CURLE_COULDNT_CONNECT:
      return {FailureKind::connect, detail};
    case CURLE_OPERATION_TIMEDOUT:
      return {FailureKind::timeout, detail};
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_FAIL_REWIND:
      return {FailureKind::broken, detail};
    case CURLE_SSL_CONNECT_ERROR:
      return {FailureKind::tls, detail};
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return {FailureKind::not_http, detail};
    case CURLE_ABORTED_BY_CALLBACK:
      return {FailureKind::cancelled, "stopped on request"};
    default:
      return {FailureKind::other, detail};
  }
}

}  // namespace shipset::registry
