#include "gate_result.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "known_secrets.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/secret.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

constexpr JsonLimits given_limits{256u << 10, 16, 10'000};
constexpr std::uint64_t most_posted_bytes = 8u << 20;  // details and what was judged
constexpr JsonLimits posted_limits{most_posted_bytes, 32, 500'000};
constexpr double longest_s = 30.0 * 86400;
constexpr int schema_version = 1;
constexpr std::size_t shown_lines = 20, shown_width = 400;

constexpr std::string_view result_hint = R"(write {"result": "pass"} or {"result": "fail", "details": "why"})";
constexpr std::string_view layer_type = "application/vnd.shipset.gate.v1+json";
constexpr std::string_view id_key = "io.shipset.release", gate_key = "io.shipset.gate",
                           result_key = "io.shipset.gate.result";

/// Every text in it without secrets.
Json redacted(const Json& json) {  // NOLINT(misc-no-recursion): its depth was limited when it was read
  if (json.is_string()) return redact(json.get<std::string>());
  if (json.is_array()) {
    Json out = Json::array();
    for (const auto& item : json) out.push_back(redacted(item));
    return out;
  }
  if (json.is_object()) {
    Json out = Json::object();
    for (const auto& item : json.items()) out[redact(item.key())] = redacted(item.value());
    return out;
  }
  return json;
}

std::string text_at(const Json& json, const char* key) {
  const auto at = json.is_object() ? json.find(key) : json.end();
  return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::int64_t number_at(const Json& json, const char* key, std::int64_t otherwise) {
  const auto at = json.is_object() ? json.find(key) : json.end();
  return at != json.end() && at->is_number_integer() ? at->get<std::int64_t>() : otherwise;
}

/// A config that every registry knows; the result is no image, and says so by its platform.
std::string config_bytes() {
  oci::ImageConfig config;
  config.platform.os = "unknown";
  config.platform.architecture = "unknown";
  return config.to_bytes();
}

std::string result_json(const PostedResult& about, const GateResult& result) {
  JsonWriter out;
  out.begin_object().member("schema_version", schema_version).member("kind", "shipset.gate").member("id", about.id);
  out.member("gate", about.gate).member("result", result.pass ? "pass" : "fail");
  out.key("details").raw(result.details_json.empty() ? "null" : result.details_json).key("duration_ms");
  if (result.duration_ms)
    out.value(*result.duration_ms);
  else
    out.null();
  out.member("posted_unix_s", about.posted_unix_s).key("judged").begin_array();
  for (const auto& image : about.judged)
    out.begin_object()
        .member("variant", image.variant)
        .member("platform", image.platform)
        .member("digest", image.digest.str())
        .end_object();
  out.end_array().end_object();
  return out.take();
}

}  // namespace

Result<GateResult> parse_gate_result(std::string_view json, const std::string& object) {
  const auto refuse = [&](std::string why, std::string advice = std::string(result_hint)) {
    return Error(ErrorKind::usage, object + " is no result of a gate", std::move(why), std::move(advice));
  };
  if (json.find('\0') != std::string_view::npos) return refuse("it holds a zero byte");
  auto parsed = parse_json(json, object, ErrorKind::usage, given_limits);
  if (!parsed) return refuse(parsed.error().why.empty() ? parsed.error().what : parsed.error().why);
  if (!parsed->is_object()) return refuse("it is no JSON object");
  const std::vector<std::string> known{"result", "details", "duration_s"};
  for (const auto& item : parsed->items()) {
    if (std::find(known.begin(), known.end(), item.key()) != known.end()) continue;
    const auto near = nearest_name(item.key(), known);
    return refuse("it has the unknown member \"" + printable(item.key(), 60) + "\"",
                  near.empty() ? "members are result, details and duration_s" : "did you mean \"" + near + "\"?");
  }
  const auto result = parsed->find("result");
  if (result == parsed->end()) return refuse("it has no result");
  if (*result != Json("pass") && *result != Json("fail"))
    return refuse("its result is " +
                  printable(redact(result->dump(-1, ' ', false, Json::error_handler_t::replace)), 60) +
                  ", neither \"pass\" nor \"fail\"");
  GateResult out;
  out.pass = *result == Json("pass");
  const auto secrets = known_secrets(nullptr);
  if (const auto details = parsed->find("details"); details != parsed->end() && !details->is_null())
    out.details_json = canonical_json(redacted(*details));
  if (const auto duration = parsed->find("duration_s"); duration != parsed->end() && !duration->is_null()) {
    const double seconds = duration->is_number() ? duration->get<double>() : -1;
    if (!(seconds >= 0) || seconds > longest_s)
      return refuse("its duration_s is no number of seconds between 0 and 2592000", "write e.g. \"duration_s\": 81.5");
    out.duration_ms = std::llround(seconds * 1000);
  }
  return out;
}

std::string gate_tag(const std::string& id, const std::string& gate) {
  constexpr std::size_t longest = 128;
  const std::string prefix = "_shipset." + id + ".gate.";
  if (check_tag(prefix + gate).ok() && prefix.size() + gate.size() <= longest) return prefix + gate;
  return prefix + std::string(Digest::of(gate).encoded().substr(0, 32));
}

Result<std::optional<Location>> staging_place(const std::string& staging_repository, const std::string& destination) {
  if (staging_repository.empty() || !destination.empty()) return std::optional<Location>();
  SHIPSET_TRY(Location location, Location::parse(staging_repository));
  return std::optional<Location>(std::move(location));
}

std::string redacted_details(const std::string& details_json) {
  if (details_json.empty()) return {};
  const auto json = parse_json(details_json, "details", ErrorKind::verify, posted_limits);
  return json ? canonical_json(redacted(*json)) : std::string();
}

ResultDocument result_document(const PostedResult& about, const GateResult& result) {
  ResultDocument out;
  oci::Manifest manifest;
  const auto add = [&](std::string_view type, std::string bytes) {
    auto descriptor = oci::describe(type, bytes);
    out.blobs.emplace_back(descriptor, std::move(bytes));
    return descriptor;
  };
  manifest.config = add(oci::media_type::config, config_bytes());
  manifest.layers.push_back(add(layer_type, result_json(about, result)));
  manifest.annotations = {{std::string(id_key), about.id},
                          {std::string(gate_key), about.gate},
                          {std::string(result_key), result.pass ? "pass" : "fail"}};
  out.manifest.bytes = manifest.to_bytes();
  out.manifest.descriptor = oci::describe(oci::media_type::manifest, out.manifest.bytes);
  return out;
}

Result<PostedResult> read_result(oci::Store& store, const oci::Descriptor& descriptor, const std::string& id,
                                 const std::string& gate) {
  const std::string object = "the result " + descriptor.digest.str();
  const auto refuse = [&](std::string why) {
    return Error(ErrorKind::verify, object + " does not count", std::move(why));
  };
  SHIPSET_TRY(const oci::ManifestBytes bytes, store.manifest(descriptor.digest));
  if (!oci::is_manifest(bytes.descriptor.media_type)) return refuse("it is no result of a gate");
  SHIPSET_TRY(const oci::Manifest manifest, oci::Manifest::parse(bytes.bytes, object));
  if (manifest.layers.size() != 1 || manifest.layers.front().media_type != layer_type)
    return refuse("it is no result of a gate");
  const oci::Descriptor& layer = manifest.layers.front();
  if (layer.size > most_posted_bytes) return refuse("it is larger than " + human_bytes(most_posted_bytes));
  SHIPSET_TRY(const auto source, store.blob(layer));
  SHIPSET_TRY(const auto reader, source->open());
  SHIPSET_TRY(const std::string text, read_all(*reader, most_posted_bytes, object));
  SHIPSET_TRY(const Json json, parse_json(text, object, ErrorKind::verify, posted_limits));
  if (text_at(json, "kind") != "shipset.gate") return refuse("it is no result of a gate");
  if (number_at(json, "schema_version", 0) != schema_version) return refuse("it has another schema version");
  PostedResult out;
  out.id = text_at(json, "id");
  out.gate = text_at(json, "gate");
  if (out.id != id) return refuse("it belongs to release " + printable(out.id, 40));
  if (out.gate != gate) return refuse("it belongs to the gate \"" + printable(out.gate, 80) + "\"");
  const std::string result = text_at(json, "result");
  if (result != "pass" && result != "fail") return refuse("it says neither pass nor fail");
  out.pass = result == "pass";
  if (const auto details = json.find("details"); details != json.end() && !details->is_null())
    out.details = details_text(details->dump(-1, ' ', false, Json::error_handler_t::replace));
  if (const auto ms = number_at(json, "duration_ms", -1); ms >= 0) out.duration_ms = ms;
  out.posted_unix_s = number_at(json, "posted_unix_s", 0);
  if (const auto judged = json.find("judged"); judged != json.end() && judged->is_array())
    for (const auto& image : *judged)
      if (auto digest = Digest::parse(text_at(image, "digest")))
        out.judged.push_back({text_at(image, "variant"), text_at(image, "platform"), std::move(*digest)});
  return out;
}

std::string details_text(const std::string& details_json) {
  const auto json = parse_json(details_json, "details", ErrorKind::verify, posted_limits);
  if (!json) return {};
  const std::string text =
      json->is_string() ? json->get<std::string>() : json->dump(2, ' ', false, Json::error_handler_t::replace);
  auto lines = split(text, '\n');
  while (!lines.empty() && trim(lines.back()).empty()) lines.pop_back();
  const bool cut = lines.size() > shown_lines;
  if (cut) lines.resize(shown_lines);
  for (auto& line : lines) line = printable(redact(line), shown_width);
  if (cut) lines.emplace_back("…");
  return join(lines, "\n");
}

}  // namespace shipset::release
