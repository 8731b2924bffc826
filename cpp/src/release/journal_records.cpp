// The writers of records; their reader is journal_state.cpp.
#include "journal_state.hpp"
#include "report_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/secret.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release::record {

namespace {

JsonWriter step(std::string_view name) {
  JsonWriter out;
  out.begin_object().member("step", name);
  return out;
}

std::string closed(JsonWriter& out) {
  out.end_object();
  return out.take();
}

void write(JsonWriter& out, std::string_view key, const oci::Descriptor& descriptor) {
  out.key(key);
  descriptor.write(out);
}

void write(JsonWriter& out, std::string_view key, const std::vector<oci::Descriptor>& list) {
  out.key(key).begin_array();
  for (const auto& descriptor : list) descriptor.write(out);
  out.end_array();
}

}  // namespace

std::string header(const std::string& id, const std::string& name, const std::string& version, std::int64_t at_unix_s) {
  JsonWriter out;
  out.begin_object().member("kind", "shipset.journal").member("schema_version", journal_schema_version);
  out.member("id", id).member("name", name).member("version", version).member("at", rfc3339(at_unix_s));
  return closed(out);
}

std::string begin(std::string_view goal, const std::string& plan_digest, std::int64_t at_unix_s) {
  auto out = step("begin");
  out.member("goal", goal).member("plan", plan_digest).member("at", rfc3339(at_unix_s));
  return closed(out);
}

std::string resume(std::int64_t at_unix_s) {
  auto out = step("resume");
  out.member("at", rfc3339(at_unix_s));
  return closed(out);
}

std::string phase(std::string_view name, std::string_view state) {
  auto out = step("phase");
  out.member("name", name).member("state", state);
  return closed(out);
}

std::string image(const ImageRecord& image) {
  auto out = step("image");
  out.member("variant", image.variant).member("platform", image.platform).member("key", image.key.str());
  out.member("place", image.place);
  write(out, "manifest", image.built.manifest);
  out.member("size_bytes", image.built.bytes).key("layers").begin_array();
  for (const auto& layer : image.built.layers)
    out.begin_object().member("from", layer.from).member("diff_id", layer.diff_id.str()).end_object();
  out.end_array();
  write(out, "attestations", image.built.attestations);
  out.key("notes").begin_array();
  for (const auto& note : image.built.notes) out.value(redact(note));
  out.end_array();
  return closed(out);
}

std::string attested(const AttestedRecord& attested) {
  auto out = step("attested");
  out.member("variant", attested.variant).member("platform", attested.platform);
  out.member("manifest", attested.manifest.str()).member("key", attested.key.str()).member("legacy", attested.legacy);
  if (attested.attestation) write(out, "attestation", *attested.attestation);
  write(out, "referrers", attested.referrers);
  out.member("sbom", attested.sbom).member("provenance", attested.provenance).member("packages", attested.packages);
  return closed(out);
}

std::string index(const std::string& variant, const oci::Descriptor& index) {
  auto out = step("index");
  out.member("variant", variant);
  write(out, "index", index);
  return closed(out);
}

std::string gate(const GateReport& gate) {
  auto out = step("gate");
  out.key("gate");
  write_gate(out, gate);
  return closed(out);
}

std::string old_manifest(const oci::ManifestBytes& manifest) {
  auto out = step("old");
  write(out, "manifest", manifest.descriptor);
  out.member("bytes", base64_encode(manifest.bytes));
  return closed(out);
}

std::string move(const MoveRecord& move) {
  auto out = step("move");
  out.member("number", static_cast<std::uint64_t>(move.number)).member("at", static_cast<std::uint64_t>(move.step));
  out.member("location", move.location).member("tag", move.tag).member("reference", move.reference);
  out.member("variant", move.variant).member("reason", redact(move.reason));
  write(out, "new", move.wanted);
  if (!move.wanted_bytes.empty()) out.member("bytes", base64_encode(move.wanted_bytes));
  out.key("old");
  if (move.old)
    out.value(move.old->descriptor.digest.str());
  else
    out.null();
  out.member("hold", move.hold);
  return closed(out);
}

std::string moves(std::size_t count) {
  auto out = step("moves");
  out.member("count", static_cast<std::uint64_t>(count));
  return closed(out);
}

std::string act(std::string_view act, std::string_view state, const std::vector<std::size_t>& numbers) {
  auto out = step("act");
  out.member("act", act).member("state", state).key("numbers").begin_array();
  for (const auto number : numbers) out.value(static_cast<std::uint64_t>(number));
  out.end_array();
  return closed(out);
}

std::string set(const SetRecord& set) {
  auto out = step("set");
  out.member("location", set.location);
  write(out, "manifest", set.manifest);
  return closed(out);
}

std::string undoing(std::string_view why) {
  auto out = step("undoing");
  out.member("why", redact(why));
  return closed(out);
}

std::string commit(std::int64_t at_unix_s) {
  auto out = step("commit");
  out.member("at", rfc3339(at_unix_s));
  return closed(out);
}

std::string end(std::string_view outcome, std::int64_t at_unix_s) {
  auto out = step("end");
  out.member("outcome", outcome).member("at", rfc3339(at_unix_s));
  return closed(out);
}

}  // namespace shipset::release::record
