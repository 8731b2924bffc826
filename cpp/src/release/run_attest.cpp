// SBOM and provenance for every platform image built in this run, then one index per variant.
#include <thread>

#include "run.hpp"
#include "shipset/attest/provenance.hpp"
#include "shipset/attest/spdx.hpp"
#include "shipset/attest/statement.hpp"
#include "shipset/base/parallel.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/matrix_json.hpp"

namespace shipset::release {

namespace {

std::string fact(const Facts& facts, const std::string& name) {
  const auto at = facts.git.find(name);
  return at == facts.git.end() ? std::string() : at->second;
}

bool has_statement(const std::vector<attest::StatementBlob>& statements,
                   std::initializer_list<std::string_view> predicate_types) {
  return std::any_of(statements.begin(), statements.end(), [&](const attest::StatementBlob& statement) {
    return std::find(predicate_types.begin(), predicate_types.end(), statement.predicate_type) != predicate_types.end();
  });
}

/// The repository that subjects and documents are named after: the first one of the variant.
std::string repository_name(const Variant& variant) {
  if (variant.repositories.empty()) return variant.name;
  const auto reference = Reference::parse(variant.repositories.front());
  return reference ? reference->familiar_name() : variant.repositories.front();
}

std::vector<attest::Dependency> dependencies(const build::Task& task) {
  std::vector<attest::Dependency> out;
  for (const auto& base : task.bases) {
    if (base.digest.empty()) continue;
    // A builder that resolves the platform itself was given the index, and names that one in its own provenance.
    const bool by_index = task.settings.backend == "buildx" && !base.index_digest.empty();
    const Digest& digest = by_index ? base.index_digest : base.digest;
    // Pinned as a whole, for the builder's own platform, it has none here.
    const bool whole = base.platform.empty() && !base.index_digest.empty();
    const std::string platform = whole ? std::string() : task.platform.str();
    // What lies in a layout or an archive has no registry name; its own text is the only name there is.
    std::string name = base.reference;
    const auto location = Location::parse(base.reference);
    if (location && location->kind == Location::Kind::registry)
      if (auto purl = attest::image_purl(base.reference, platform)) name = std::move(*purl);
    out.push_back({std::move(name), std::string(digest.algorithm()), std::string(digest.encoded())});
  }
  return out;
}

attest::ProvenanceInput provenance_input(const Plan& plan, const PlannedVariant& variant, const build::Task& task,
                                         const build::BuiltImage& built) {
  const Matrix& matrix = *plan.matrix;
  attest::ProvenanceInput input;
  input.build_type = task.settings.backend == "native" ? attest::build_type_native : attest::build_type_prebuilt;
  input.builder_id = attest::builder_id_local;
  input.release_name = matrix.name;
  input.version = matrix.version;
  input.variant = variant.name;
  input.platform = task.platform.str();
  input.backend = task.settings.backend;
  input.release_file = matrix.file_digest;
  for (const auto& [name, value] : matrix.inputs) input.inputs.emplace_back(name, to_text(value));
  input.arguments = task.settings.args;
  input.labels = task.settings.labels;
  for (const auto& secret : task.settings.secrets) input.secret_ids.push_back(secret.id);
  input.source_uri = fact(matrix.facts, "remote");
  if (matrix.facts.context_clean) input.source_commit = fact(matrix.facts, "sha");
  input.build_key = variant.build_key.str();
  input.settings_json = settings_json(task.settings);
  input.dependencies = dependencies(task);
  for (const auto& layer : built.layers) input.layers.emplace_back(layer.from, layer.diff_id);
  return input;
}

}  // namespace

Result<void> Run::attest() {
  std::vector<std::pair<std::size_t, std::size_t>> images;
  for (std::size_t i = 0; i < plan_.variants.size(); ++i)
    if (to_build(i) && !states_[i].failed)
      for (std::size_t j = 0; j < plan_.variants[i].images.size(); ++j) images.emplace_back(i, j);
  attest::LayerCache cache;
  // Referrers are collected per image first, so that their order does not depend on threads.
  SHIPSET_CHECK(parallel_for(images.size(), std::max<std::size_t>(1, std::thread::hardware_concurrency()), cancel_,
                             [&](std::size_t at) { return attest_image(images[at].first, images[at].second, cache); }));
  for (std::size_t i = 0; i < plan_.variants.size(); ++i)
    if (to_build(i) && !states_[i].failed) SHIPSET_CHECK(assemble(i));
  return {};
}

Result<void> Run::put_document(oci::Store& store, const Document& document) {
  return store.put_manifest(document.descriptor, document.bytes);
}

Result<void> Run::attest_image(std::size_t variant, std::size_t image, attest::LayerCache& cache) {
  if (take_attested(variant, image)) return {};
  const auto& planned = plan_.variants[variant];
  const auto& task = planned.images[image].task;
  const auto& built = *states_[variant].images[image];
  const auto& wanted = task.settings.attestations;
  auto& row = report_.variants[variant].images[image];
  const std::string repository = repository_name(declared(variant));
  SHIPSET_TRY(const std::string purl, attest::image_purl(repository, task.platform.str()));
  const std::vector<attest::Subject> subjects{{purl, built.manifest.digest}};
  oci::Store& store = built.store != nullptr ? *built.store : *work_;
  std::vector<attest::StatementBlob> statements;
  for (const auto& manifest : built.attestations) {
    SHIPSET_TRY(auto taken, attest::read_statements(store, manifest));
    for (auto& statement : taken) statements.push_back(std::move(statement));
  }
  row.sbom = has_statement(statements, {attest::predicate::spdx});
  row.provenance = has_statement(statements, {attest::predicate::slsa_v1, attest::predicate::slsa_v02});
  if (wanted.sbom == SbomFormat::spdx && !row.sbom) {
    attest::CatalogueOptions options;
    options.cache = &cache;
    options.cancel = cancel_;
    SHIPSET_TRY(const attest::Catalogue catalogue, attest::catalogue_image(store, built.manifest, options));
    attest::SpdxOptions document;
    document.name = repository + " (" + planned.name + ", " + task.platform.str() + ")";
    document.image = built.manifest;
    document.platform = task.platform.str();
    const auto& facts = plan_.matrix->facts;
    document.created_unix_s = facts.source_date_epoch.value_or(facts.commit_time_unix_s.value_or(0));
    document.tool_version = SHIPSET_VERSION;
    statements.push_back(
        {std::string(attest::predicate::spdx),
         attest::make_statement(attest::predicate::spdx, subjects, attest::spdx_document(catalogue, document))});
    row.sbom = true;
    row.packages = catalogue.packages.size();
    for (const auto& note : catalogue.notes) row.notes.push_back("SBOM: " + printable(note));
  }
  if (wanted.provenance != ProvenanceMode::none) {
    // Beside the provenance of another builder stands only what that one cannot know: two would contradict.
    const auto input = provenance_input(plan_, planned, task, built);
    const auto type = row.provenance ? attest::predicate::release : attest::predicate::slsa_v1;
    const auto predicate = row.provenance
                               ? attest::release_predicate(input)
                               : attest::provenance_predicate(input, wanted.provenance == ProvenanceMode::max);
    statements.push_back({std::string(type), attest::make_statement(type, subjects, predicate)});
    row.provenance = true;
  }
  SHIPSET_CHECK(store_statements(variant, image, statements));
  return note_attested(variant, image);
}

Result<void> Run::store_statements(std::size_t variant, std::size_t image,
                                   const std::vector<attest::StatementBlob>& statements) {
  if (statements.empty()) return {};
  const auto& task = plan_.variants[variant].images[image].task;
  const auto& wanted = task.settings.attestations;
  const auto& manifest = states_[variant].images[image]->manifest;
  const auto put = [&](const attest::AttestationManifest& made) -> Result<void> {
    for (const auto& [descriptor, bytes] : made.blobs)
      SHIPSET_CHECK(work_->put_blob(descriptor, *memory_source(bytes), {}, cancel_));
    return work_->put_manifest(made.descriptor, made.manifest_bytes);
  };
  if (wanted.in_index) {
    const bool legacy = plan_.legacy_attestations || wanted.form == AttestationForm::legacy;
    const auto made = attest::make_attestation_manifest(manifest, statements, legacy);
    SHIPSET_CHECK(put(made));
    states_[variant].attestations[image] = made.descriptor;
  }
  if (wanted.as_referrer)
    for (const auto& statement : statements) {
      const auto made = attest::make_referrer(manifest, statement);
      SHIPSET_CHECK(put(made));
      states_[variant].referrers[image].push_back(made.descriptor);
    }
  if (wanted.as_file) {
    const auto folder = std::filesystem::path(plan_.matrix->directory) / ".shipset" / plan_.id / "attestations";
    SHIPSET_CHECK(make_directories(folder));
    for (const auto& statement : statements) {
      const auto& type = statement.predicate_type;
      const std::string_view what = type == attest::predicate::spdx      ? ".sbom.json"
                                    : type == attest::predicate::release ? ".release.json"
                                                                         : ".provenance.json";
      const auto file = folder / (task.variant + "." + task.platform.file_name() + std::string(what));
      SHIPSET_CHECK(write_file_atomic(file, statement.bytes));
    }
  }
  return {};
}

Result<void> Run::assemble(std::size_t variant) {
  auto& state = states_[variant];
  const auto& planned = plan_.variants[variant];
  std::vector<oci::Descriptor> images, attestations;
  oci::Annotations annotations{{std::string(oci::build_key_annotation), planned.build_key.str()}};
  for (std::size_t j = 0; j < planned.images.size(); ++j) {
    oci::Descriptor descriptor = state.images[j]->manifest;
    descriptor.platform = planned.images[j].task.platform;
    images.push_back(std::move(descriptor));
    if (!state.attestations[j].digest.empty()) attestations.push_back(state.attestations[j]);
    for (const auto& [key, value] : planned.images[j].task.settings.annotations)
      if (key.starts_with("index:")) annotations.insert_or_assign(key.substr(6), value);
  }
  state.index = assemble_index(images, attestations, std::move(annotations));
  report_.variants[variant].index = state.index.descriptor;
  SHIPSET_CHECK(note(record::index(planned.name, state.index.descriptor)));
  return put_document(*work_, state.index);
}

}  // namespace shipset::release
