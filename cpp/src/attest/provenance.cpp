#include "shipset/attest/provenance.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "shipset/base/json.hpp"

namespace shipset::attest {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// `scheme://user:password@host/…` without the part before the `@`.
std::string without_credentials(std::string_view uri) {
  std::string out(uri);
  const auto scheme = out.find("://");
  if (scheme == std::string::npos) return out;
  const auto from = scheme + 3;
  const auto end = out.find_first_of("/?#", from);
  const auto at = out.rfind('@', end == std::string::npos ? end : end - 1);
  if (at != std::string::npos && at >= from) out.erase(from, at + 1 - from);
  return out;
}

void write_text(JsonWriter& out, std::string_view name, std::string_view text) {
  if (!text.empty()) out.member(name, text);
}

void write_pairs(JsonWriter& out, std::string_view name, const Pairs& pairs) {
  if (pairs.empty()) return;
  std::map<std::string_view, std::string_view> sorted;
  for (const auto& [key, value] : pairs) sorted.insert_or_assign(key, value);
  out.key(name).begin_object();
  for (const auto& [key, value] : sorted) out.member(key, value);
  out.end_object();
}

void write_digest(JsonWriter& out, std::string_view algorithm, std::string_view encoded) {
  out.key("digest").begin_object().member(algorithm, encoded).end_object();
}

/// git names its objects by SHA-1 or, in newer repositories, by SHA-256.
std::string_view commit_algorithm(std::string_view commit) {
  return commit.size() == 64 ? "sha256" : "sha1";
}

void write_source(JsonWriter& out, const ProvenanceInput& input) {
  if (input.source_uri.empty() && input.source_commit.empty()) return;
  out.key("source").begin_object();
  write_text(out, "uri", without_credentials(input.source_uri));
  if (!input.source_commit.empty()) write_digest(out, commit_algorithm(input.source_commit), input.source_commit);
  out.end_object();
}

/// What only the release knows; inside an open object.
void write_release(JsonWriter& out, const ProvenanceInput& input) {
  out.key("release").begin_object();
  write_text(out, "name", input.release_name);
  write_text(out, "version", input.version);
  if (!input.release_file.empty()) {
    out.key("file").begin_object();
    write_digest(out, input.release_file.algorithm(), input.release_file.encoded());
    out.end_object();
  }
  out.end_object();
  write_pairs(out, "inputs", input.inputs);
  write_text(out, "variant", input.variant);
  write_text(out, "platform", input.platform);
  write_source(out, input);
}

void write_external(JsonWriter& out, const ProvenanceInput& input, bool max) {
  out.key("externalParameters").begin_object();
  write_release(out, input);
  if (max) {
    write_pairs(out, "arguments", input.arguments);
    write_pairs(out, "labels", input.labels);
    if (!input.secret_ids.empty()) {
      out.key("secrets").begin_array();
      for (const auto& id : std::set<std::string>(input.secret_ids.begin(), input.secret_ids.end()))
        out.begin_object().member("id", id).end_object();
      out.end_array();
    }
  }
  out.end_object();
}

void write_settings(JsonWriter& out, const std::string& settings_json) {
  if (settings_json.empty()) return;
  out.key("settings");
  // Text that is no JSON must not break the predicate it is put into.
  if (auto settings = parse_json(settings_json, "settings"); settings)
    out.raw(canonical_json(*settings));
  else
    out.value(settings_json);
}

void write_internal(JsonWriter& out, const ProvenanceInput& input, bool max) {
  out.key("internalParameters").begin_object();
  write_text(out, "backend", input.backend);
  write_text(out, "buildKey", input.build_key);
  if (max) {
    write_settings(out, input.settings_json);
    if (!input.layers.empty()) {
      out.key("layers").begin_array();
      for (const auto& [from, digest] : input.layers) {
        out.begin_object().member("from", from);
        if (!digest.empty()) write_digest(out, digest.algorithm(), digest.encoded());
        out.end_object();
      }
      out.end_array();
    }
  }
  out.end_object();
}

void write_list(JsonWriter& out, std::string_view name, const std::vector<Dependency>& all) {
  if (all.empty()) return;
  out.key(name).begin_array();
  for (const auto& dependency : all) {
    out.begin_object().member("uri", without_credentials(dependency.uri));
    if (!dependency.digest_hex.empty()) write_digest(out, dependency.digest_algorithm, dependency.digest_hex);
    out.end_object();
  }
  out.end_array();
}

void write_dependencies(JsonWriter& out, const ProvenanceInput& input) {
  std::vector<Dependency> all;
  if (!input.source_uri.empty())
    all.push_back({input.source_uri, std::string(commit_algorithm(input.source_commit)), input.source_commit});
  all.insert(all.end(), input.dependencies.begin(), input.dependencies.end());
  write_list(out, "resolvedDependencies", all);
}

}  // namespace

std::string release_predicate(const ProvenanceInput& input) {
  JsonWriter out;
  out.begin_object();
  write_release(out, input);
  write_text(out, "buildKey", input.build_key);
  write_list(out, "bases", input.dependencies);
  out.end_object();
  return out.take();
}

std::string provenance_predicate(const ProvenanceInput& input, bool max) {
  JsonWriter out;
  out.begin_object().key("buildDefinition").begin_object().member("buildType", input.build_type);
  write_external(out, input, max);
  write_internal(out, input, max);
  write_dependencies(out, input);
  out.end_object();
  out.key("runDetails").begin_object();
  out.key("builder").begin_object().member("id", input.builder_id).end_object();
  out.key("metadata").begin_object().member("shipset_mode", max ? "max" : "min").end_object();
  out.end_object().end_object();
  return out.take();
}

}  // namespace shipset::attest
