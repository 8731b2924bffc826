#include "legs.hpp"

#include <nlohmann/json.hpp>

#include "keys.hpp"
#include "plan_read.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"
#include "shipset/release/report.hpp"

namespace shipset::release {

using frozen::child;
using frozen::text_at;

namespace {

constexpr std::string_view id_key = "io.shipset.release", variant_key = "io.shipset.variant",
                           platform_key = "io.shipset.platform", gates_key = "io.shipset.gates";
constexpr JsonLimits gates_limits{1u << 20, 2, 10'000};

std::string text_of(const oci::Annotations& annotations, std::string_view key) {
  const auto at = annotations.find(std::string(key));
  return at == annotations.end() ? std::string() : at->second;
}

}  // namespace

std::string leg_tag(const std::string& id, const std::string& variant, const Platform& platform) {
  constexpr std::size_t longest = 128;
  const std::string prefix = "_shipset." + id + ".leg.", name = variant + "." + platform.file_name();
  if (prefix.size() + name.size() <= longest) return prefix + name;
  return prefix + std::string(Digest::of(name).encoded().substr(0, 32));
}

Digest leg_key(const PlannedImage& image) {
  return build_key({image});
}

Document leg_document(const std::string& id, const PlannedImage& image, const oci::Descriptor& manifest,
                      const oci::Descriptor& attestation, const std::vector<std::string>& gates) {
  oci::Descriptor entry = manifest;
  entry.platform = image.task.platform;
  std::vector<oci::Descriptor> attestations;
  if (!attestation.digest.empty()) attestations.push_back(attestation);
  oci::Annotations annotations{{std::string(oci::build_key_annotation), leg_key(image).str()},
                               {std::string(id_key), id},
                               {std::string(variant_key), image.task.variant},
                               {std::string(platform_key), image.task.platform.str()}};
  if (!gates.empty()) annotations.emplace(gates_key, Json(gates).dump());
  return assemble_index({entry}, attestations, std::move(annotations));
}

Result<Leg> parse_leg(const std::string& bytes, const std::string& object) {
  SHIPSET_TRY(const auto index, oci::Index::parse(bytes, object));
  Leg out;
  out.id = text_of(index.annotations, id_key);
  out.variant = text_of(index.annotations, variant_key);
  out.platform = text_of(index.annotations, platform_key);
  out.key = text_of(index.annotations, oci::build_key_annotation);
  if (const std::string gates = text_of(index.annotations, gates_key); !gates.empty()) {
    SHIPSET_TRY(const Json names, parse_json(gates, object, ErrorKind::verify, gates_limits));
    for (const auto& name : names)
      if (name.is_string()) out.gates.push_back(name.get<std::string>());
  }
  for (const auto& entry : index.manifests) {
    if (oci::is_attestation(entry))
      out.attestation = entry;
    else
      out.image = entry;
  }
  if (out.id.empty() || out.variant.empty() || out.image.digest.empty() || !out.image.platform)
    return Error(ErrorKind::verify, object + " is not a staged image of a release", "it lacks the annotations of one");
  return out;
}

Result<std::vector<Part>> read_parts(std::string_view report_json, const std::string& file) {
  const auto refuse = [&](std::string why) {
    return Error(ErrorKind::usage, file + " is no part of a release", std::move(why),
                 "a part is what shipset build -o FILE.json writes");
  };
  auto json = parse_json(report_json, file, ErrorKind::usage, {64u << 20, 64, 5'000'000});
  if (!json) return refuse(json.error().why.empty() ? json.error().what : json.error().why);
  if (text_at(*json, "kind") != "shipset.report") return refuse("it is other JSON");
  if (child(*json, "schema_version") != Json(report_schema_version)) return refuse("it has another schema version");
  if (const auto outcome = text_at(*json, "outcome"); outcome != "staged" && outcome != "nothing to do")
    return refuse("its build ended with: " + printable(outcome, 60));
  std::vector<Part> out;
  for (const auto& variant : child(*json, "variants"))
    for (const auto& image : child(variant, "images")) {
      const std::string digest = text_at(child(image, "leg"), "digest");
      if (digest.empty()) continue;
      SHIPSET_TRY(Digest leg, Digest::parse(digest));
      out.push_back({file, text_at(*json, "id"), text_at(variant, "name"), text_at(image, "platform"), std::move(leg)});
    }
  return out;
}

}  // namespace shipset::release
