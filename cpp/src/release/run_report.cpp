#include <algorithm>

#include "run.hpp"
#include "shipset/base/secret.hpp"

namespace shipset::release {

namespace {
Status first_status(VariantAction action) {
  switch (action) {
    case VariantAction::present:
      return Status::present;
    case VariantAction::inactive:
    case VariantAction::absent:
    case VariantAction::excluded:
      return Status::skipped;
    default:
      return Status::not_started;
  }
}

std::string tag_reference(const Target& target, const std::string& tag) {
  Location location = target.location;
  if (location.kind == Location::Kind::layout) {
    location.tag = tag;
    return location.str();
  }
  return location.reference.familiar() + ":" + tag;
}
}  // namespace

void Run::start_report() {
  report_.id = plan_.id;
  report_.name = plan_.matrix->name;
  report_.version = plan_.matrix->version;
  report_.file = plan_.matrix->file;
  for (const auto& gate : plan_.matrix->gates) {
    GateReport row;
    row.name = gate.name;
    row.at = to_string(gate.at);
    row.required = gate.required;
    report_.gates.push_back(std::move(row));
  }
  for (std::size_t i = 0; i < plan_.variants.size(); ++i) {
    const auto& variant = plan_.variants[i];
    VariantReport row;
    row.name = variant.name;
    row.status = first_status(variant.action);
    row.required = to_string(declared(i).required);
    row.build_key = variant.build_key.str();
    row.why = variant.why;
    for (const std::size_t target : variant.targets)
      if (!row.index && variant.found[target]) row.index = variant.found[target];
    for (const auto& image : variant.images) {
      ImageReport one;
      one.platform = image.task.platform.str();
      one.status = row.status;
      row.images.push_back(std::move(one));
    }
    report_.variants.push_back(std::move(row));
  }
  for (const auto& tag : plan_.tags) {
    TagReport row;
    row.reference = tag_reference(plan_.targets[tag.target], tag.tag);
    row.variant = tag.variant;
    row.reason = tag.reason;
    if (tag.current) row.old_digest = tag.current->digest.str();
    if (tag.action == TagAction::keep) {
      row.status = Status::present;
      row.new_digest = row.old_digest;
    }
    if (tag.action == TagAction::refuse) row.status = Status::skipped;
    report_.tags.push_back(std::move(row));
  }
  for (const auto& target : plan_.targets) {
    TargetReport row;
    row.name = target.name();
    report_.targets.push_back(std::move(row));
  }
  for (const auto& warning : plan_.warnings) report_.warnings.push_back(render(warning));
}

void Run::end_report(const std::optional<Error>& error) {
  report_.duration_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started_).count();
  report_.error = error;
  // One place stood for all: its counts are with the first target that had something to put there.
  if (goal_ == Goal::stage && staging_ && report_.targets.size() > 1) {
    std::stable_sort(report_.targets.begin(), report_.targets.end(), [](const TargetReport& a, const TargetReport& b) {
      return a.blobs_moved + a.blobs_present + a.manifests_pushed >
             b.blobs_moved + b.blobs_present + b.manifests_pushed;
    });
    report_.targets.resize(1);
  }
  {
    const std::lock_guard lock(noted_mutex_);
    report_.warnings.insert(report_.warnings.end(), noted_.begin(), noted_.end());
    noted_.clear();
  }
  // What was left out is an error, and the rest is released; what waits for a gate is staged.
  if (!error || gates_open_ || error->context.contains("left_out")) return;
  // Past the commit point the release is one, whatever remains to be done.
  if (error->kind == ErrorKind::incomplete && report_.outcome == "released") return;
  report_.outcome = error->kind == ErrorKind::cancelled    ? "cancelled"
                    : error->kind == ErrorKind::incomplete ? "incomplete"
                                                           : "failed";
}

}  // namespace shipset::release
