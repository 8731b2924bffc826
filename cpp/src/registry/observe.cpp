#include <charconv>

#include "error_body_impl.hpp"
#include "observe_impl.hpp"
#include "retry_impl.hpp"
#include "shipset/base/secret.hpp"
#include "shipset/base/text.hpp"
#include "shipset/oci/types.hpp"

namespace shipset::registry {

namespace {
constexpr std::size_t warning_bytes = 4096;
constexpr std::size_t warning_count = 100;
constexpr std::size_t server_limit = 200;

std::optional<std::uint64_t> leading_number(std::string_view text) {
  text = trim(text);
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (end == text.data() || error != std::errc()) return std::nullopt;
  return out;
}

/// `q` of `"default";q=100;w=60`.
std::optional<std::uint64_t> parameter(std::string_view field, std::string_view name) {
  for (const auto& part : split(field, ';')) {
    const auto item = trim(part);
    if (item.starts_with(std::string(name) + "=")) return leading_number(item.substr(name.size() + 1));
  }
  return std::nullopt;
}

/// RateLimit-Limit: 100;w=21600 (Docker Hub), X-RateLimit-*: 100, RateLimit-Policy: "x";q=100;w=60 with RateLimit:
/// "x";r=50;t=30 (the IETF draft).
void learn_rates(Profiles& profiles, const std::string& host, const Headers& headers) {
  auto limit = leading_number(headers.get("ratelimit-limit"));
  if (!limit) limit = leading_number(headers.get("x-ratelimit-limit"));
  if (!limit) limit = parameter(headers.get("ratelimit-policy"), "q");
  if (limit) profiles.learn(host, &Profile::rate_limit, *limit);
  auto window = parameter(headers.get("ratelimit-limit"), "w");
  if (!window) window = parameter(headers.get("ratelimit-policy"), "w");
  if (window) profiles.learn(host, &Profile::rate_window_s, *window);
  auto left = leading_number(headers.get("ratelimit-remaining"));
  if (!left) left = leading_number(headers.get("x-ratelimit-remaining"));
  if (!left) left = parameter(headers.get("ratelimit"), "r");
  if (left) profiles.count(host, &Profile::rate_remaining, *left);
}

void learn_upload(Profiles& profiles, const std::string& host, const Asked& asked, const HttpResponse& response) {
  if (const auto chunk = response.headers.number("oci-chunk-min-length"))
    profiles.learn(host, &Profile::chunk_min_bytes, *chunk);
  if (asked.method != "PATCH") return;
  if (response.success()) profiles.learn(host, &Profile::chunked_upload, true);
  if (response.status == 405 || response.status == 501) profiles.learn(host, &Profile::chunked_upload, false);
}

/// Whether an artifact manifest with the empty descriptor as config was taken.
void learn_empty_config(Profiles& profiles, const std::string& host, const Asked& asked, const HttpResponse& response) {
  if (asked.body.find(oci::media_type::empty) == std::string_view::npos) return;
  const auto manifest = oci::Manifest::parse(asked.body, "manifest");
  if (!manifest || manifest->config.media_type != oci::media_type::empty) return;
  if (response.success()) {
    profiles.learn(host, &Profile::empty_config, true);
    return;
  }
  const auto code = read_refusal(response).code;
  const bool form =
      response.status == 415 || (response.status == 400 && (code == "MANIFEST_INVALID" || code == "UNSUPPORTED"));
  if (form) profiles.learn(host, &Profile::empty_config, false);
}

void learn_manifest_put(Profiles& profiles, const std::string& host, const Asked& asked, const HttpResponse& response) {
  learn_empty_config(profiles, host, asked, response);
  if (!response.success()) return;
  if (!response.headers.get("oci-subject").empty()) profiles.learn(host, &Profile::referrers_api, true);
  const auto query = asked.url.find('?');
  if (query != std::string_view::npos && asked.url.substr(query).find("tag=") != std::string_view::npos)
    profiles.learn(host, &Profile::multi_tag, !response.headers.get("oci-tag").empty());
}

void learn_delete(Profiles& profiles, const std::string& host, const Asked& asked, const HttpResponse& response) {
  const bool by_digest = asked.url.substr(asked.url.rfind('/') + 1).find(':') != std::string_view::npos;
  const auto fact = by_digest ? &Profile::delete_digest : &Profile::delete_tag;
  const auto code = response.success() ? std::string() : read_refusal(response).code;
  // Where deleting is off, registries say so before they look whether there is anything to delete.
  if (response.success() || (response.status == 404 && code == "MANIFEST_UNKNOWN")) profiles.learn(host, fact, true);
  const bool form = response.status == 400 && (!by_digest || code == "UNSUPPORTED");
  if (response.status == 405 || response.status == 501 || form) profiles.learn(host, fact, false);
}
}  // namespace

void learn_from(Profiles& profiles, const std::string& host, const Asked& asked, const HttpResponse& response) {
  const Headers& headers = response.headers;
  learn_rates(profiles, host, headers);
  if (const auto server = headers.get("server"); !server.empty())
    profiles.learn(host, &Profile::server, printable(server, server_limit));
  if (response.http2) profiles.learn(host, &Profile::http2, true);
  if (response.status == 429 || response.status == 503)
    if (const auto wait = parse_retry_after(headers.get("retry-after"), std::time(nullptr)))
      profiles.count(host, &Profile::retry_after_s, static_cast<std::uint64_t>(wait->count()));
  if (is_html(response)) return;
  const bool manifest = asked.url.find("/manifests/") != std::string_view::npos;
  if (manifest && asked.method == "PUT") learn_manifest_put(profiles, host, asked, response);
  if (manifest && asked.method == "DELETE") learn_delete(profiles, host, asked, response);
  if (!manifest) learn_upload(profiles, host, asked, response);
}

std::string parse_warning(std::string_view field) {
  constexpr std::string_view prefix = "299 - \"";
  if (field.size() > warning_bytes || !field.starts_with(prefix)) return {};
  field.remove_prefix(prefix.size());
  if (!field.ends_with('"')) return {};
  field.remove_suffix(1);
  std::string out;
  for (std::size_t i = 0; i < field.size(); ++i) {
    char c = field[i];
    if (c == '"') return {};
    if (c == '\\') {
      if (++i == field.size()) return {};  // the last quote was escaped: the text has no end
      c = field[i];
    }
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) return {};
    out += c;
  }
  return out;
}

void Warnings::show(const std::string& host, const HttpResponse& response) {
  if (!events_) return;
  std::size_t bytes = 0;
  for (const auto& field : response.headers.all("warning")) {
    bytes += field.size();
    if (bytes > warning_bytes) return;
    const std::string text = parse_warning(field);
    if (text.empty()) continue;
    {
      std::lock_guard lock(mutex_);
      if (shown_.size() >= warning_count || !shown_.insert(text).second) continue;
    }
    emit(events_, {EventKind::warning, {}, host, host + " says: " + printable(redact(text), warning_bytes), 0, 0, {}});
  }
}

}  // namespace shipset::registry
