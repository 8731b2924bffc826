// What a run writes into its journal, and what it takes from it: images and attestations that an earlier process made
// of the same inputs are not made again.
#include <algorithm>

#include "mirror.hpp"
#include "run.hpp"
#include "shipset/oci/transfer.hpp"

namespace shipset::release {

namespace fs = std::filesystem;

Result<void> Run::note(const std::string& record, Flush flush) {
  return session_.journal ? session_.journal->append(record, flush) : Result<void>();
}

/// The store of what is new: in the release's folder when it is to outlive the process, else in a temporary one.
Result<void> Run::open_work() {
  const fs::path home = state_folder(plan_.matrix->directory);
  SHIPSET_CHECK(make_home(home));
  fs::path place;
  if (session_.journal) {
    place = session_.journal->folder() / Journal::work_name;
  } else {
    SHIPSET_TRY(folder_, TempDirectory::create(home, "work-"));
    place = folder_->path() / "layout";
  }
  oci::LayoutOptions options;
  options.create = true;
  options.read_only = false;
  options.sparse = true;    // images may stay where a builder pushed them
  options.durable = false;  // what a dying machine loses is built again; what reaches a layout is flushed there
  SHIPSET_TRY(work_, oci::LayoutStore::open(place, options));
  return {};
}

/// Whether an earlier process built this image, and all of it is still there.
bool Run::take_built(std::size_t variant, std::size_t image) {
  const auto& planned = plan_.variants[variant].images[image];
  const auto at = session_.past.images.find({planned.task.variant, planned.task.platform.str()});
  if (at == session_.past.images.end() || at->second.key != leg_key(planned)) return false;
  build::BuiltImage built = at->second.built;
  oci::Store* store = work_.get();
  if (!at->second.place.empty()) {
    const auto target = std::find_if(plan_.targets.begin(), plan_.targets.end(),
                                     [&](const Target& one) { return one.name() == at->second.place; });
    if (target == plan_.targets.end()) return false;
    store = targets_[static_cast<std::size_t>(target - plan_.targets.begin())];
    built.store = store;
  }
  auto complete = oci::graph_complete(*store, built.manifest);
  // On another machine than the one that built it: where it was staged.
  for (const std::size_t target : plan_.variants[variant].targets) {
    if ((complete && *complete) || built.store != nullptr || targets_[target] == nullptr) continue;
    complete = oci::graph_complete(*targets_[target], built.manifest);
    if (complete && *complete) store = built.store = targets_[target];
  }
  if (!complete || !*complete) return false;
  for (const auto& attestation : built.attestations) {
    const auto whole = oci::graph_complete(*store, attestation);
    if (!whole || !*whole) return false;
  }
  auto& row = report_.variants[variant].images[image];
  row.status = Status::done;
  row.manifest = built.manifest;
  row.bytes = built.bytes;
  row.notes = built.notes;
  row.notes.emplace_back("built by an earlier attempt of this release");
  tell(EventKind::note, planned.task.name(), "built by an earlier attempt");
  states_[variant].images[image] = std::move(built);
  return true;
}

Result<void> Run::note_built(std::size_t variant, std::size_t image) {
  if (!session_.journal) return {};
  const auto& planned = plan_.variants[variant].images[image];
  const auto& built = *states_[variant].images[image];
  ImageRecord record;
  record.variant = planned.task.variant;
  record.platform = planned.task.platform.str();
  record.key = leg_key(planned);
  record.built = built;
  if (built.store != nullptr && built.store != work_.get()) {
    const auto target = std::find(targets_.begin(), targets_.end(), built.store);
    if (target == targets_.end()) return {};  // taken as it is from elsewhere: nothing was built
    record.place = plan_.targets[static_cast<std::size_t>(target - targets_.begin())].name();
  }
  return note(record::image(record));
}

bool Run::take_attested(std::size_t variant, std::size_t image) {
  const auto& planned = plan_.variants[variant].images[image];
  const auto at = session_.past.attested.find({planned.task.variant, planned.task.platform.str()});
  if (at == session_.past.attested.end()) return false;
  const AttestedRecord& past = at->second;
  if (past.manifest != states_[variant].images[image]->manifest.digest) return false;
  if (past.key != plan_.variants[variant].build_key || past.legacy != plan_.legacy_attestations) return false;
  const auto& wanted = planned.task.settings.attestations;
  const bool sbom = wanted.sbom == SbomFormat::spdx, provenance = wanted.provenance != ProvenanceMode::none;
  if ((sbom && !past.sbom) || (provenance && !past.provenance) || wanted.as_file) return false;
  if ((sbom || provenance) && wanted.in_index && !past.attestation) return false;
  const auto here = [&](const oci::Descriptor& one) {
    const auto there = work_->has_manifest(one.digest);
    if (!there || !*there) return false;
    const auto bytes = work_->manifest(one.digest);
    if (!bytes) return false;
    const auto manifest = oci::Manifest::parse(bytes->bytes, one.digest.str());
    return manifest && std::all_of(manifest->layers.begin(), manifest->layers.end(), [&](const auto& layer) {
             const auto blob = work_->has_blob(layer);
             return blob && *blob;
           });
  };
  if (past.attestation && !here(*past.attestation)) return false;
  if (!std::all_of(past.referrers.begin(), past.referrers.end(), here)) return false;
  if (past.attestation) states_[variant].attestations[image] = *past.attestation;
  states_[variant].referrers[image] = past.referrers;
  auto& row = report_.variants[variant].images[image];
  row.sbom = past.sbom;
  row.provenance = past.provenance;
  row.packages = past.packages;
  return true;
}

Result<void> Run::note_attested(std::size_t variant, std::size_t image) {
  if (!session_.journal) return {};
  const auto& planned = plan_.variants[variant].images[image];
  const auto& row = report_.variants[variant].images[image];
  const auto& attestation = states_[variant].attestations[image];
  AttestedRecord record;
  record.variant = planned.task.variant;
  record.platform = planned.task.platform.str();
  record.manifest = states_[variant].images[image]->manifest.digest;
  record.key = plan_.variants[variant].build_key;
  record.legacy = plan_.legacy_attestations;
  if (!attestation.digest.empty()) record.attestation = attestation;
  record.referrers = states_[variant].referrers[image];
  record.sbom = row.sbom;
  record.provenance = row.provenance;
  record.packages = row.packages;
  return note(record::attested(record));
}

/// For another machine. What goes wrong there is no reason to stop here. `at_end`: a stop does not keep it from telling
/// that tags which it says are moving have been put back.
void Run::mirror(bool at_end) {
  const bool stopped = cancel_.cancelled();
  if (!session_.journal || (stopped && !(at_end && mirrored_ && moving_))) return;
  const auto place = mirror_place(plan_);
  if (!place) return;
  const CancelToken stop = stopped ? CancelToken() : cancel_;
  const Target target{place->str(), *place};
  auto store = stores_.write(target, events_, stop);
  if (store && stopped) store = stores_.write_on(target, **store);
  auto written =
      store ? write_mirror(**store, plan_.id, session_.journal->folder(), stop) : Result<void>(store.error());
  mirrored_ = mirrored_ || written.ok();
  if (written || mirror_failed_) return;
  mirror_failed_ = true;
  report_.warnings.push_back("the journal could not be mirrored, another machine cannot go on with this release: " +
                             written.error().what);
  tell(EventKind::warning, place->str(), report_.warnings.back());
}

/// A release that has ended leaves no journal with others.
void Run::remove_mirror() {
  const bool possible = mirror_place(plan_).has_value() || session_.past.exists();
  const auto place = possible ? mirror_home(plan_) : std::nullopt;
  if (!place || !session_.journal) return;
  const Target target{place->str(), *place};
  auto store = stores_.write(target, events_, {});
  if (store) store = stores_.write_on(target, **store);
  const auto gone =
      store ? end_mirror(**store, plan_.id, session_.journal->folder(), {}) : Result<bool>(Error(store.error()));
  if (!gone || !*gone)
    report_.warnings.push_back("the tag " + place->str() + ":" + mirror_tag(plan_.id) +
                               " (the mirrored journal) could not be removed; shipset clean tells how");
}

/// The last record, and what of the folder a later process has no use for.
void Run::end_journal(const std::optional<Error>& error) {
  if (!session_.journal) return;
  const fs::path folder = session_.journal->folder();
  const bool released = report_.outcome == "released" && !(error && error->context.contains("remains"));
  // Mixed tags, and work after the commit point, are for another process to end.
  if (!released && (committed_ || (moving_ && !gone_back_ && error && error->kind == ErrorKind::incomplete))) return;
  const std::string outcome = released                                       ? "released"
                              : error && error->kind == ErrorKind::cancelled ? "cancelled"
                                                                             : "failed";
  (void)note(record::end(outcome, now_unix_s()), Flush::now);
  const bool useful = std::any_of(states_.begin(), states_.end(), [](const State& state) {
    return std::any_of(state.images.begin(), state.images.end(), [](const auto& image) { return image.has_value(); });
  });
  if (released)
    remove_mirror();
  else if (useful || mirrored_ || !session_.past.images.empty())
    mirror(true);
  work_.reset();
  session_.journal.reset();
  if (released)
    drop_files(folder, false);
  else if (!useful && session_.past.images.empty())
    drop_files(folder, true);
}

}  // namespace shipset::release
