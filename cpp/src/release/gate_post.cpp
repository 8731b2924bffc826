// Posting the result of an external gate from wherever it was found out.
#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <set>

#include "gate_result.hpp"
#include "known_secrets.hpp"
#include "legs.hpp"
#include "plan_read.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"
#include "stores.hpp"
#include "targets.hpp"

namespace shipset::release {

using frozen::child;
using frozen::text_at;

namespace {

constexpr JsonLimits plan_limits{256u << 20, 32, 20'000'000};

/// `_shipset.<id>.leg.…` → id; empty when it is another tag.
std::string staged_id(const std::string& tag) {
  constexpr std::string_view prefix = "_shipset.";
  const auto end = tag.find(".leg.");
  return tag.starts_with(prefix) && end != std::string::npos ? tag.substr(prefix.size(), end - prefix.size())
                                                             : std::string();
}

class Poster {
 public:
  Poster(const GatePlace& place, const std::string& gate, const registry::ClientOptions& client,
         const EventSink& events, const CancelToken& cancel)
      : place_(place), gate_(gate), events_(events), cancel_(cancel), stores_(client, events) {}

  Result<GatePost> run(const GateResult& result) {
    SHIPSET_CHECK(check_declared());
    for (const auto& at : place_.staged) SHIPSET_CHECK(find_staged(at));
    SHIPSET_CHECK(check_staged());
    return write(result);
  }

 private:
  static Target target_at(const Location& location) { return {location.str(), location}; }

  Error unknown(const std::vector<std::string>& names) const {
    const auto near = nearest_name(gate_, names);
    return Error(ErrorKind::usage,
                 "release " + printable(place_.id, 70) + " has no external gate \"" + printable(gate_, 80) + "\"",
                 names.empty() ? "it has no gate of at = \"external\"" : "its external gates are " + join(names, ", "),
                 near.empty() ? std::string() : "did you mean \"" + near + "\"?");
  }

  Result<void> check_declared() {
    if (check_tag(place_.id).ok() == false || place_.id.size() > 64)
      return Error(ErrorKind::usage, "\"" + printable(place_.id, 80) + "\" is no id of a release",
                   "it holds letters, digits, dots, dashes and underscores, at most 64");
    if (!place_.gates) return {};
    std::vector<std::string> names;
    for (const auto& gate : *place_.gates) {
      if (gate.at == Gate::At::external) names.push_back(gate.name);
      if (gate.name != gate_) continue;
      if (gate.at == Gate::At::external) {
        variants_ = gate.variants;
        return {};
      }
      return Error(ErrorKind::usage, "the gate \"" + gate_ + "\" takes no result from outside",
                   "it is of at = \"" + std::string(to_string(gate.at)) + "\": the release runs it itself");
    }
    return unknown(names);
  }

  [[nodiscard]] bool concerns(const std::string& variant) const {
    return variants_.empty() || std::find(variants_.begin(), variants_.end(), variant) != variants_.end();
  }

  Result<void> find_staged(const Location& location) {
    SHIPSET_TRY(oci::Store* const store, stores_.look(target_at(location)));
    if (store == nullptr) return {};
    std::vector<std::string> tags;
    if (place_.images.empty()) {
      SHIPSET_TRY(tags, store->tags());
      for (const auto& tag : tags)
        if (const auto id = staged_id(tag); !id.empty()) ids_.insert(id);
      const std::string prefix = "_shipset." + place_.id + ".leg.";
      std::erase_if(tags, [&](const std::string& tag) { return !tag.starts_with(prefix); });
    } else {
      for (const auto& [variant, platform] : place_.images)
        if (concerns(variant)) tags.push_back(leg_tag(place_.id, variant, platform));
    }
    for (const auto& tag : tags) SHIPSET_CHECK(take(*store, tag));
    if (!judged_.empty() && !found_at_) found_at_ = location;
    return {};
  }

  Result<void> take(oci::Store& store, const std::string& tag) {
    SHIPSET_CHECK(cancel_.check());
    SHIPSET_TRY(const auto tagged, store.resolve(tag));
    if (!tagged) return {};
    SHIPSET_TRY(const oci::ManifestBytes bytes, store.manifest(tagged->digest));
    const auto leg = parse_leg(bytes.bytes, "the leg " + tagged->digest.str());
    if (!leg || leg->id != place_.id) return {};
    any_ = true;
    for (const auto& name : leg->gates) known_gates_.insert(name);
    const bool named = place_.gates ? concerns(leg->variant)
                                    : std::find(leg->gates.begin(), leg->gates.end(), gate_) != leg->gates.end();
    if (!named) return {};
    JudgedImage image{leg->variant, leg->platform, leg->image.digest};
    if (std::find(judged_.begin(), judged_.end(), image) == judged_.end()) judged_.push_back(std::move(image));
    return {};
  }

  Result<void> check_staged() {
    if (!judged_.empty()) return {};
    if (any_ && !place_.gates) return unknown({known_gates_.begin(), known_gates_.end()});
    std::vector<std::string> places;
    for (const auto& at : place_.staged) places.push_back(at.str());
    if (ids_.empty()) SHIPSET_CHECK(list_ids());
    const auto near = nearest_name(place_.id, {ids_.begin(), ids_.end()});
    return Error(ErrorKind::policy, "nothing of release " + place_.id + " is staged for the gate \"" + gate_ + "\"",
                 "looked at " + join(places, ", ") +
                     (ids_.empty() || !near.empty() ? "" : "; staged there: " + join({ids_.begin(), ids_.end()}, ", ")),
                 near.empty() || near == place_.id
                     ? "stage it first with shipset release or shipset build; the id is what they print"
                     : "did you mean " + near + "?")
        .with("id", place_.id);
  }

  /// Which releases are staged there, for advice: a listing that is refused is none.
  Result<void> list_ids() {
    for (const auto& at : place_.staged) {
      const auto store = stores_.look(target_at(at));
      if (!store || *store == nullptr) continue;
      SHIPSET_TRY(auto glance, (*store)->glance());
      if (at.kind == Location::Kind::layout)
        if (auto all = (*store)->tags()) glance.tags = std::move(*all);
      for (const auto& tag : glance.tags)
        if (const auto id = staged_id(tag); !id.empty()) ids_.insert(id);
    }
    return {};
  }

  Result<GatePost> write(const GateResult& result) {
    const Location& location = place_.results ? *place_.results : *found_at_;
    SHIPSET_TRY(oci::Store* const store, stores_.write(target_at(location), events_, cancel_));
    const std::string tag = gate_tag(place_.id, gate_);
    GatePost out;
    out.id = place_.id;
    out.gate = gate_;
    out.pass = result.pass;
    out.judged = judged_;
    SHIPSET_TRY(const auto before, store->resolve(tag));
    PostedResult about;
    about.id = place_.id;
    about.gate = gate_;
    about.judged = judged_;
    about.posted_unix_s = static_cast<std::int64_t>(std::time(nullptr));
    // By now the client knows its passwords.
    GateResult clean = result;
    clean.details_json = redacted_details(result.details_json);
    const auto document = result_document(about, clean);
    const auto& manifest = document.manifest;
    if (before && before->digest != manifest.descriptor.digest) out.notes.push_back(replaced(*store, *before));
    for (const auto& [descriptor, bytes] : document.blobs)
      SHIPSET_CHECK(store->put_blob(descriptor, *memory_source(bytes), events_, cancel_));
    SHIPSET_CHECK(store->put_manifest(manifest.descriptor, manifest.bytes));
    SHIPSET_CHECK(store->put_tag(tag, manifest.descriptor, manifest.bytes));
    SHIPSET_TRY(const auto after, store->resolve(tag));
    if (after && after->digest != manifest.descriptor.digest)
      out.notes.push_back("another result for this gate was posted at the same time and counts: " +
                          after->digest.str());
    out.tag = location.str() + ":" + tag;
    out.reference = location.str() + "@" + manifest.descriptor.digest.str();
    return out;
  }

  std::string replaced(oci::Store& store, const oci::Descriptor& before) const {
    const auto old = read_result(store, before, place_.id, gate_);
    if (!old) return "it replaces " + before.digest.str() + ", which was no result that counts";
    return std::string("it replaces the result ") + (old->pass ? "pass" : "fail") + " of " +
           rfc3339(old->posted_unix_s);
  }

  const GatePlace& place_;
  const std::string& gate_;
  const EventSink& events_;
  const CancelToken& cancel_;
  Stores stores_;
  std::vector<std::string> variants_;
  std::vector<JudgedImage> judged_;
  std::optional<Location> found_at_;
  std::set<std::string> ids_, known_gates_;
  bool any_ = false;
};

}  // namespace

Result<GatePlace> GatePlace::of_matrix(const Matrix& matrix, const std::string& destination, const std::string& id) {
  GatePlace out;
  out.id = id;
  out.gates = matrix.gates;
  SHIPSET_TRY(const auto targets, make_targets(matrix, destination));
  for (const auto& target : targets) out.staged.push_back(target.location);
  SHIPSET_TRY(out.results, staging_place(matrix.staging_repository, destination));
  for (const auto& variant : matrix.variants)
    if (variant.active)
      for (const auto& image : variant.platforms) out.images.emplace_back(variant.name, image.platform);
  return out;
}

Result<GatePlace> GatePlace::of_plan(std::string_view plan_json) {
  SHIPSET_TRY(const Json json, parse_json(plan_json, "the plan", ErrorKind::usage, plan_limits));
  if (text_at(json, "kind") != "shipset.plan" || child(json, "schema_version") != Json(plan_schema_version))
    return Error(ErrorKind::usage, "the plan file cannot be used", "it is other JSON, or of another version",
                 "make it again with shipset plan -o");
  GatePlace out;
  out.id = text_at(json, "id");
  for (const auto& target : child(json, "targets")) {
    SHIPSET_TRY(Location location, Location::parse(text_at(target, "location")));
    out.staged.push_back(std::move(location));
  }
  SHIPSET_TRY(out.results, staging_place(text_at(json, "staging_repository"), text_at(child(json, "options"), "to")));
  out.gates.emplace();
  for (const auto& item : child(json, "gates")) {
    Gate gate;
    gate.name = text_at(item, "name");
    const std::string at = text_at(item, "at");
    gate.at = at == "external" ? Gate::At::external : at == "staged" ? Gate::At::staged : Gate::At::before_build;
    for (const auto& variant : child(item, "variants"))
      if (variant.is_string()) gate.variants.push_back(variant.get<std::string>());
    out.gates->push_back(std::move(gate));
  }
  for (const auto& variant : child(json, "variants"))
    for (const auto& image : child(variant, "images")) {
      SHIPSET_TRY(Platform platform, Platform::parse(text_at(image, "platform")));
      out.images.emplace_back(text_at(variant, "name"), std::move(platform));
    }
  return out;
}

Result<GatePlace> GatePlace::of_staging(const std::string& text, const std::string& id) {
  SHIPSET_TRY(Location location, Location::parse(text));
  if (location.kind == Location::Kind::docker_archive)
    return Error(ErrorKind::usage, printable(text, 200) + " is no place where a release is staged",
                 "releases are staged in a repository or an OCI layout");
  location.tag.clear();
  location.digest = {};
  location.reference = location.reference.repository();
  GatePlace out;
  out.id = id;
  out.results = location;
  out.staged = {location};
  return out;
}

Result<GatePost> post_gate(const GatePlace& place, const std::string& gate, const GateResult& result,
                           const registry::ClientOptions& client, const EventSink& events, const CancelToken& cancel) {
  const auto secrets = known_secrets(nullptr);
  return Poster(place, gate, client, events, cancel).run(result);
}

std::string GatePost::to_json() const {
  JsonWriter out;
  out.begin_object().member("schema_version", 1).member("kind", "shipset.gate-post").member("id", id);
  out.member("gate", gate).member("result", pass ? "pass" : "fail");
  out.member("reference", reference).member("tag", tag);
  out.key("judged").begin_array();
  for (const auto& image : judged)
    out.begin_object()
        .member("variant", image.variant)
        .member("platform", image.platform)
        .member("digest", image.digest.str())
        .end_object();
  out.end_array().key("notes").begin_array();
  for (const auto& note : notes) out.value(note);
  out.end_array().end_object();
  return out.take();
}

}  // namespace shipset::release
