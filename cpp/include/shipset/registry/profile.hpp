// What is known of one registry host: what it supports, how it behaves, when that was learnt and how. Learnt from the
// requests that are made anyway; only `doctor` and preflight ask for more. Facts older than 30 days count as unknown.
// Kept below ClientOptions::state_directory in "registries", except for loopback hosts. Values only. specs §3, §4.7.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shipset::registry {

enum class Learnt : std::uint8_t {
  never,
  by_name,     ///< a public service that is known to behave so
  by_request,  ///< from the answer to a request that had another purpose
  by_probe,    ///< from a request that was made to find out
};
std::string_view to_string(Learnt how) noexcept;

/// One property: unknown, or a value with the time it was learnt.
template <class T>
struct Fact {
  std::optional<T> value;
  std::int64_t at_unix_s = 0;
  Learnt how = Learnt::never;
  bool operator==(const Fact&) const = default;
};

/// What becomes of an upload whose connection breaks in the middle of a PATCH.
enum class BrokenUpload : std::uint8_t {
  keeps,         ///< every byte that arrived
  keeps_chunks,  ///< what finished requests brought
  forgets,       ///< the whole upload is gone
  unaskable,     ///< the registry does not tell
};
std::string_view to_string(BrokenUpload what) noexcept;

struct Profile {
  std::string host;           ///< of the API, with port: registry-1.docker.io
  Fact<bool> referrers_api;   ///< no: the tag schema
  Fact<bool> chunked_upload;  ///< PATCH
  Fact<std::uint64_t> chunk_min_bytes;
  Fact<BrokenUpload> broken_upload;
  Fact<bool> mount_check;      ///< a mount from the same repository is granted when the blob is there
  Fact<bool> anonymous_mount;  ///< a mount without `from`
  Fact<bool> empty_config;     ///< artifact manifests whose config is the empty descriptor
  Fact<bool> multi_tag;        ///< several tags in one PUT of a manifest (OCI-Tag)
  Fact<bool> if_match;         ///< a PUT of a tag is refused (412) when the tag does not hold what If-Match names
  Fact<bool> delete_tag;       ///< DELETE of a manifest by tag
  Fact<bool> delete_digest;    ///< DELETE of a manifest by digest
  Fact<bool> sweeps_untagged;  ///< removes manifests without a tag on its own
  Fact<bool> http2;
  Fact<std::uint64_t> rate_limit;      ///< requests in a window
  Fact<std::uint64_t> rate_window_s;   ///< length of the window
  Fact<std::uint64_t> rate_remaining;  ///< requests left when it last told
  Fact<std::uint64_t> retry_after_s;   ///< the last wait that it ordered
  Fact<std::string> server;            ///< its Server header
  bool operator==(const Profile&) const = default;
};

/// Calls f(name, fact) for every property, in the order of the struct; P is Profile or const Profile.
template <class P, class F>
void each_fact(P& profile, F&& f) {
  f("referrers_api", profile.referrers_api);
  f("chunked_upload", profile.chunked_upload);
  f("chunk_min_bytes", profile.chunk_min_bytes);
  f("broken_upload", profile.broken_upload);
  f("mount_check", profile.mount_check);
  f("anonymous_mount", profile.anonymous_mount);
  f("empty_config", profile.empty_config);
  f("multi_tag", profile.multi_tag);
  f("if_match", profile.if_match);
  f("delete_tag", profile.delete_tag);
  f("delete_digest", profile.delete_digest);
  f("sweeps_untagged", profile.sweeps_untagged);
  f("http2", profile.http2);
  f("rate_limit", profile.rate_limit);
  f("rate_window_s", profile.rate_window_s);
  f("rate_remaining", profile.rate_remaining);
  f("retry_after_s", profile.retry_after_s);
  f("server", profile.server);
}

}  // namespace shipset::registry
