#include "set_maker.hpp"

#include <algorithm>

namespace shipset::release {

namespace {

oci::Descriptor bare(const oci::Descriptor& descriptor) {
  oci::Descriptor out;
  out.media_type = descriptor.media_type;
  out.digest = descriptor.digest;
  out.size = descriptor.size;
  return out;
}

std::string result_of(const GateReport& gate) {
  switch (gate.status) {
    case Status::done:
    case Status::present:
      return "pass";
    case Status::failed:
      return "fail";
    case Status::skipped:
      return "skipped";
    default:
      return "open";
  }
}

}  // namespace

Result<SetManifest> SetMaker::make() {
  const Matrix& matrix = *run_.plan_.matrix;
  SetManifest set;
  set.name = matrix.name;
  set.version = matrix.version;
  set.scheme = to_string(matrix.scheme);
  SHIPSET_CHECK(add_tags(set));
  for (const auto& target : run_.plan_.targets)
    if (std::any_of(set.tags.begin(), set.tags.end(),
                    [&](const SetTag& tag) { return tag.repository == target.repository; }))
      set.repositories.push_back(target.repository);
  for (std::size_t i = 0; i < run_.plan_.variants.size(); ++i) {
    if (indexes_.contains(i)) {
      SHIPSET_CHECK(add_variant(set, i));
    } else {
      set.left_out.push_back({run_.plan_.variants[i].name, why_left_out(i)});
    }
  }
  add_gates(set);
  return set;
}

std::string SetMaker::why_left_out(std::size_t variant) const {
  switch (run_.plan_.variants[variant].action) {
    case VariantAction::inactive:
      return "inactive";
    case VariantAction::absent:
      return "absent";
    case VariantAction::excluded:
      return "excluded";
    default:
      return run_.usable(variant) ? "unpublished" : "failed";
  }
}

/// Tags that hold what this release put or found there; of others nothing is claimed.
Result<void> SetMaker::add_tags(SetManifest& set) {
  for (std::size_t i = 0; i < run_.plan_.tags.size(); ++i) {
    const auto& planned = run_.plan_.tags[i];
    const auto& entry = run_.plan_.table.entries[planned.entry];
    const auto status = run_.report_.tags[i].status;
    if (status != Status::done && status != Status::present) continue;
    const std::size_t variant = run_.variant_of(planned);
    if (!indexes_.contains(variant)) {
      SHIPSET_TRY(auto index, run_.index_at(variant, planned.target));
      indexes_.emplace(variant, std::move(index));
    }
    SHIPSET_TRY(const Document wanted, point_at(entry, indexes_.at(variant)));
    SetTag tag;
    tag.repository = entry.repository;
    tag.tag = planned.tag;
    tag.variant = planned.variant;
    tag.moves = entry.moves;
    tag.platforms = entry.platforms;
    tag.points_at = bare(wanted.descriptor);
    set.tags.push_back(std::move(tag));
    released_.emplace(planned.variant, planned.target);
  }
  return {};
}

Result<void> SetMaker::add_variant(SetManifest& set, std::size_t variant) {
  const auto& declared = run_.declared(variant);
  const auto& planned = run_.plan_.variants[variant];
  const Document& document = indexes_.at(variant);
  SetVariant out;
  out.name = declared.name;
  out.suffix = declared.suffix;
  out.hardware = declared.hardware;
  out.index = bare(document.descriptor);
  std::optional<std::size_t> from;
  for (const std::size_t target : planned.targets) {
    if (!is_released_at(declared.name, target)) continue;
    if (!from) from = target;
    out.repositories.push_back(run_.plan_.targets[target].repository);
  }
  SHIPSET_TRY(const oci::Index index, oci::Index::parse(document.bytes, "the index of variant " + declared.name));
  // Of a version that is promoted once more the plan does not know it.
  if (const auto key = index.annotations.find(std::string(oci::build_key_annotation)); key != index.annotations.end())
    out.build_key = key->second;
  for (const auto& entry : index.manifests) {
    if (oci::is_attestation(entry) || !oci::is_manifest(entry.media_type)) continue;
    SHIPSET_TRY(auto image, describe(variant, *from, index, entry));
    out.images.push_back(std::move(image));
  }
  set.variants.push_back(std::move(out));
  return {};
}

Result<SetImage> SetMaker::describe(std::size_t variant, std::size_t target, const oci::Index& index,
                                    const oci::Descriptor& entry) {
  SetImage out;
  if (entry.platform) out.platform = *entry.platform;
  out.manifest = bare(entry);
  SHIPSET_TRY(const auto bytes, read(target, entry.digest));
  SHIPSET_TRY(const auto manifest, oci::Manifest::parse(bytes.bytes, "the manifest " + entry.digest.str()));
  for (const auto& layer : manifest.layers) out.layers_bytes += layer.size;
  bool as_referrer = false;
  for (const auto& planned : run_.plan_.variants[variant].images)
    if (planned.task.platform.matches(out.platform)) {
      out.hardware = planned.task.settings.hardware;
      as_referrer = planned.task.settings.attestations.as_referrer;
    }
  for (const auto& item : index.manifests) {
    const auto about = item.annotations.find(std::string(oci::reference_digest_key));
    if (oci::is_attestation(item) && about != item.annotations.end() && about->second == entry.digest.str())
      SHIPSET_CHECK(add_statements(out, target, item));
  }
  if (as_referrer) {
    SHIPSET_TRY(auto referrers, run_.targets_[target]->referrers(entry.digest, oci::media_type::in_toto));
    std::sort(referrers.begin(), referrers.end(), [](const auto& a, const auto& b) { return a.digest < b.digest; });
    for (const auto& one : referrers) SHIPSET_CHECK(add_statements(out, target, one));
  }
  return out;
}

Result<void> SetMaker::add_statements(SetImage& image, std::size_t target, const oci::Descriptor& manifest) {
  SHIPSET_TRY(const auto bytes, read(target, manifest.digest));
  SHIPSET_TRY(const auto parsed,
              oci::Manifest::parse(bytes.bytes, "the attestation manifest " + manifest.digest.str()));
  for (const auto& layer : parsed.layers) {
    const auto type = layer.annotations.find(std::string(attest::predicate_type_key));
    if (type == layer.annotations.end() || type->second.empty()) continue;
    image.attestations.push_back({type->second, bare(manifest), bare(layer)});
  }
  return {};
}

/// From the work store where it is there, which costs no request.
Result<oci::ManifestBytes> SetMaker::read(std::size_t target, const Digest& digest) {
  if (run_.work_) {
    SHIPSET_TRY(const bool here, run_.work_->has_manifest(digest));
    if (here) return run_.work_->manifest(digest);
  }
  return run_.targets_[target]->manifest(digest);
}

void SetMaker::add_gates(SetManifest& set) const {
  const auto& gates = run_.plan_.matrix->gates;
  for (std::size_t i = 0; i < gates.size() && i < run_.report_.gates.size(); ++i) {
    const auto& row = run_.report_.gates[i];
    SetGate gate{row.name, row.at, result_of(row), row.required, gates[i].variants, row.judged, {}};
    std::sort(gate.judged.begin(), gate.judged.end());
    // Where the result lies is another place for each destination; what it says is one.
    if (const auto at = row.result.find('@'); at != std::string::npos) gate.evidence = row.result.substr(at + 1);
    set.gates.push_back(std::move(gate));
  }
}

Result<void> SetMaker::take_gates(SetManifest& set, oci::Store& store, const oci::Descriptor& index,
                                  const std::vector<SetNote>& notes) const {
  const auto open = [](const SetGate& gate) { return gate.result == "skipped"; };
  if (std::none_of(set.gates.begin(), set.gates.end(), open)) return {};
  const auto newest = std::find_if(notes.begin(), notes.end(), [&](const SetNote& note) {
    return note.name == set.name && note.version == set.version;
  });
  if (newest == notes.end()) return {};
  const auto former = read_set(store, newest->artifact, index.digest);
  if (!former && (former.error().kind == ErrorKind::verify || former.error().kind == ErrorKind::not_found)) return {};
  if (!former) return former.error();
  for (auto& gate : set.gates) {
    if (!open(gate)) continue;
    const auto known = std::find_if(former->set.gates.begin(), former->set.gates.end(), [&](const SetGate& one) {
      return one.name == gate.name && one.at == gate.at && one.variants == gate.variants &&
             one.required == gate.required;
    });
    if (known == former->set.gates.end()) continue;
    const bool same = std::all_of(set.variants.begin(), set.variants.end(), [&](const SetVariant& variant) {
      const bool named = gate.variants.empty() ||
                         std::find(gate.variants.begin(), gate.variants.end(), variant.name) != gate.variants.end();
      const SetVariant* before = former->set.find(variant.name);
      return !named || (before != nullptr && before->index.digest == variant.index.digest);
    });
    if (same) gate = *known;
  }
  return {};
}

}  // namespace shipset::release
