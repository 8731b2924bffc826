#include <curl/curl.h>

#include "tls_fault_impl.hpp"

namespace shipset::registry {

namespace {
// Numbers of OpenSSL's verification (openssl-verification-options(1)); they do not change.
enum Verify : long {
  issuer_missing = 2,
  not_yet_valid = 9,
  has_expired = 10,
  self_signed_leaf = 18,
  self_signed_in_chain = 19,
  issuer_missing_locally = 20,
  leaf_unverified = 21,
  name_mismatch = 62,
  address_mismatch = 64,
};

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

CertificateFault by_number(long number) {
  switch (number) {
    case has_expired:
      return CertificateFault::expired;
    case not_yet_valid:
      return CertificateFault::not_yet_valid;
    case self_signed_leaf:
      return CertificateFault::self_signed;
    case issuer_missing:
    case issuer_missing_locally:
    case leaf_unverified:
    case self_signed_in_chain:
      return CertificateFault::unknown_issuer;
    case name_mismatch:
    case address_mismatch:
      return CertificateFault::wrong_name;
    default:
      return CertificateFault::none;
  }
}

bool says_client_wanted(const std::string& detail) {
  for (const char* part : {"certificate required", "alert bad certificate", "alert unknown ca",
                           "alert certificate unknown", "alert certificate expired", "alert certificate revoked"})
    if (has(detail, part)) return true;
  return false;
}
}  // namespace

CertificateFault certificate_fault(void* easy, int code, const std::string& detail) {
  switch (code) {
    case CURLE_SSL_CACERT_BADFILE:
      return CertificateFault::no_bundle;
    case CURLE_SSL_CERTPROBLEM:
      return CertificateFault::client_broken;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:  // TLS 1.3 refuses a client after the handshake, with the first answer
      return says_client_wanted(detail) ? CertificateFault::client_wanted : CertificateFault::none;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      break;
    default:
      return CertificateFault::none;
  }
  long number = 0;
  curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &number);
  if (number == 0) curl_easy_getinfo(easy, CURLINFO_PROXY_SSL_VERIFYRESULT, &number);
  if (const auto fault = by_number(number); fault != CertificateFault::none) return fault;
  if (has(detail, "subject name") || has(detail, "does not match")) return CertificateFault::wrong_name;
  return CertificateFault::other;
}

std::string shown_proxy(const std::string& proxy) {
  CURLU* url = curl_url();
  std::string out;
  if (url != nullptr &&
      curl_url_set(url, CURLUPART_URL, proxy.c_str(), CURLU_NON_SUPPORT_SCHEME | CURLU_DEFAULT_SCHEME) == CURLUE_OK) {
    char* text = nullptr;
    if (proxy.find("://") == std::string::npos) {
      out = "http://";
    } else if (curl_url_get(url, CURLUPART_SCHEME, &text, 0) == CURLUE_OK) {
      out = std::string(text) + "://";
      curl_free(text);
    }
    if (curl_url_get(url, CURLUPART_HOST, &text, 0) == CURLUE_OK) {
      out += text;
      curl_free(text);
    }
    if (curl_url_get(url, CURLUPART_PORT, &text, 0) == CURLUE_OK) {
      out.append(":").append(text);
      curl_free(text);
    }
  }
  curl_url_cleanup(url);
  return out.empty() ? "the proxy" : "the proxy " + out;
}

std::optional<Failure> proxy_failure(void* easy, int code, const std::string& detail, const std::string& proxy) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
  const std::string name = shown_proxy(proxy);
  if (status == 407) return Failure{FailureKind::proxy, name + " wants a login (HTTP 407)"};
  if (status >= 500) return Failure{FailureKind::broken, name + " answered HTTP " + std::to_string(status)};
  if (status >= 300) return Failure{FailureKind::proxy, name + " refused with HTTP " + std::to_string(status)};
  switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Failure{FailureKind::proxy, name + " has an unknown name"};
    case CURLE_COULDNT_CONNECT:
      return Failure{FailureKind::connect, detail + " (through " + name + ")"};
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
#if LIBCURL_VERSION_NUM >= 0x074900
    case CURLE_PROXY:
#endif
      return Failure{FailureKind::proxy, name + " cannot be used: " + detail};
    default:
      return std::nullopt;
  }
}

std::string certificate_hint(CertificateFault fault, const std::string& host) {
  switch (fault) {
    case CertificateFault::expired:
      return "the certificate of " + host + " has run out: its administrator must renew it; check this machine's clock";
    case CertificateFault::not_yet_valid:
      return "the certificate of " + host + " is not valid yet: check this machine's clock";
    case CertificateFault::unknown_issuer:
    case CertificateFault::self_signed:
      return "if you trust it, give its CA bundle with --ca-file or SSL_CERT_FILE, or put it into certs.d/" + host +
             "/ca.crt; --insecure " + host + " allows this host without a check";
    case CertificateFault::wrong_name:
      return "the certificate is for another name: use the name that it holds, or have it made for " + host;
    case CertificateFault::no_bundle:
      return "install the certificates of public CAs (package ca-certificates), or name a bundle with SSL_CERT_FILE";
    case CertificateFault::client_wanted:
      return "the registry wants to see a certificate of yours: name it with --client-cert " + host +
             "=CERT,KEY, or put client.cert and client.key into certs.d/" + host;
    case CertificateFault::client_broken:
      return "check that certificate and key for " + host + " are readable, in PEM, and belong together";
    case CertificateFault::other:
    case CertificateFault::none:
      break;
  }
  return "give the registry's CA bundle with --ca-file or SSL_CERT_FILE, or allow this host with --insecure " + host;
}

}  // namespace shipset::registry
