// A profile as JSON, and what public services are known to do.
#include <ctime>
#include <nlohmann/json.hpp>

#include "profile_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry {

namespace {
constexpr int schema_version = 1;
constexpr std::size_t text_limit = 200;
/// Clocks differ; a fact from further ahead is not believed.
constexpr std::int64_t clock_slack_s = 86400;

constexpr std::string_view learnt_names[] = {"never", "name", "request", "probe"};
constexpr std::string_view broken_names[] = {"keeps", "keeps_chunks", "forgets", "unaskable"};

void write_value(JsonWriter& out, bool value) {
  out.value(value);
}
void write_value(JsonWriter& out, std::uint64_t value) {
  out.value(value);
}
void write_value(JsonWriter& out, BrokenUpload value) {
  out.value(to_string(value));
}
void write_value(JsonWriter& out, const std::string& value) {
  out.value(value);
}

std::optional<bool> read_value(const Json& json, const bool*) {
  return json.is_boolean() ? std::optional(json.get<bool>()) : std::nullopt;
}
std::optional<std::uint64_t> read_value(const Json& json, const std::uint64_t*) {
  return json.is_number_unsigned() ? std::optional(json.get<std::uint64_t>()) : std::nullopt;
}
std::optional<BrokenUpload> read_value(const Json& json, const BrokenUpload*) {
  if (!json.is_string()) return std::nullopt;
  for (std::size_t i = 0; i < std::size(broken_names); ++i)
    if (json.get_ref<const std::string&>() == broken_names[i]) return static_cast<BrokenUpload>(i);
  return std::nullopt;
}
std::optional<std::string> read_value(const Json& json, const std::string*) {
  return json.is_string() ? std::optional(printable(json.get_ref<const std::string&>(), text_limit)) : std::nullopt;
}

template <class T>
void read_fact(const Json& facts, const char* name, Fact<T>& fact, std::int64_t now) {
  const auto found = facts.find(name);
  if (found == facts.end() || !found->is_object()) return;
  const auto value = found->find("value"), at = found->find("learnt_unix_s"), by = found->find("learnt_by");
  if (value == found->end() || at == found->end() || by == found->end() || !at->is_number_integer()) return;
  const auto when = at->template get<std::int64_t>();
  if (when <= 0 || when > now + clock_slack_s || now - when > fact_life_s) return;
  auto read = read_value(*value, static_cast<const T*>(nullptr));
  if (!read) return;
  const bool probed = by->is_string() && by->template get_ref<const std::string&>() == "probe";
  fact = {std::move(read), when, probed ? Learnt::by_probe : Learnt::by_request};
}

Error foreign(std::string why) {
  return {ErrorKind::io, "cannot use the profile of a registry", std::move(why)};
}

template <class T>
void merge_fact(Fact<T>& into, const Fact<T>& other) {
  if (other.value && (!into.value || other.at_unix_s > into.at_unix_s)) into = other;
}
}  // namespace

std::string_view to_string(Learnt how) noexcept {
  return learnt_names[static_cast<std::size_t>(how)];
}

std::string_view to_string(BrokenUpload what) noexcept {
  return broken_names[static_cast<std::size_t>(what)];
}

void write_facts(JsonWriter& out, const Profile& profile) {
  out.begin_object();
  each_fact(profile, [&](const char* name, const auto& fact) {
    if (!fact.value) return;
    out.key(name).begin_object().key("value");
    write_value(out, *fact.value);
    out.member("learnt_unix_s", fact.at_unix_s).member("learnt_by", to_string(fact.how)).end_object();
  });
  out.end_object();
}

std::string profile_json(const Profile& profile) {
  JsonWriter out(true);
  out.begin_object().member("schema_version", schema_version).member("host", profile.host).key("facts");
  write_facts(out, profile);
  out.end_object();
  return out.take() + "\n";
}

Result<Profile> parse_profile(std::string_view text, const std::string& host, std::int64_t now) {
  SHIPSET_TRY(const Json json, parse_json(text, "profile of " + host, ErrorKind::io, {64u << 10, 8, 1000}));
  if (!json.is_object()) return foreign("it is not a JSON object");
  const auto version = json.find("schema_version"), name = json.find("host"), facts = json.find("facts");
  if (version == json.end() || !version->is_number_integer()) return foreign("it names no schema_version");
  if (*version != schema_version) {
    Error error = foreign("it was written by another version of shipset");
    if (*version > schema_version) error.with("newer", "true");
    return error;
  }
  if (name == json.end() || !name->is_string() || name->get_ref<const std::string&>() != host)
    return foreign("it is of another host");
  Profile out;
  out.host = host;
  if (facts == json.end() || !facts->is_object()) return foreign("it holds no facts");
  each_fact(out, [&](const char* fact, auto& member) { read_fact(*facts, fact, member, now); });
  return out;
}

void merge(Profile& into, const Profile& other) {
  const auto one = [&](auto Profile::*fact) { merge_fact(into.*fact, other.*fact); };
  one(&Profile::referrers_api), one(&Profile::chunked_upload), one(&Profile::chunk_min_bytes);
  one(&Profile::broken_upload), one(&Profile::mount_check), one(&Profile::anonymous_mount);
  one(&Profile::empty_config), one(&Profile::multi_tag), one(&Profile::if_match);
  one(&Profile::delete_tag), one(&Profile::delete_digest);
  one(&Profile::sweeps_untagged), one(&Profile::http2), one(&Profile::rate_limit), one(&Profile::rate_window_s);
  one(&Profile::rate_remaining), one(&Profile::retry_after_s), one(&Profile::server);
}

Profile profile_by_name(const std::string& host) {
  Profile out;
  out.host = host;
  const auto know = [](Fact<bool>& fact, bool value) { fact = {value, 0, Learnt::by_name}; };
  const auto ends = [&](std::string_view suffix) { return host.ends_with(suffix); };
  if (host == "registry-1.docker.io" || host == "ghcr.io") {
    know(out.delete_tag, false);
    know(out.delete_digest, false);
    know(out.sweeps_untagged, false);
  }
  if (host == "ghcr.io") know(out.referrers_api, false);
  if (host == "gcr.io" || ends(".gcr.io") || ends(".pkg.dev")) {
    know(out.chunked_upload, false);
    know(out.sweeps_untagged, false);
  }
  if (host == "quay.io") {
    know(out.anonymous_mount, false);
    know(out.sweeps_untagged, true);
  }
  if (host == "registry.gitlab.com") {
    know(out.referrers_api, false);
    know(out.sweeps_untagged, true);
    know(out.empty_config, false);
  }
  if (ends(".aliyuncs.com")) know(out.empty_config, false);
  if (ends(".amazonaws.com")) know(out.sweeps_untagged, false);
  return out;
}

}  // namespace shipset::registry
