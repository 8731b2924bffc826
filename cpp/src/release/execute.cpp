#include <algorithm>

#include "run.hpp"

namespace shipset::release {

namespace fs = std::filesystem;

Run::Run(const Plan& plan, Goal goal, const EventSink& events, const CancelToken& cancel, std::vector<Part> parts)
    : plan_(plan),
      goal_(goal),
      parts_(std::move(parts)),
      events_(events),
      cancel_(cancel),
      stores_(plan.options.client, [this](const Event& event) {
        emit(events_, event);
        if (event.kind != EventKind::warning) return;
        const std::lock_guard lock(noted_mutex_);
        noted_.push_back(event.message);
      }) {
  states_.resize(plan.variants.size());
  targets_.resize(plan.targets.size(), nullptr);
  for (std::size_t i = 0; i < plan.variants.size(); ++i) {
    states_[i].images.resize(plan.variants[i].images.size());
    states_[i].attestations.resize(plan.variants[i].images.size());
    states_[i].referrers.resize(plan.variants[i].images.size());
    variant_at_.emplace(plan.variants[i].name, i);
  }
}

Outcome Run::go() {
  start_report();
  Result<void> done;
  try {
    done = phases();
  } catch (const std::exception& problem) {
    done = Error(ErrorKind::internal, "unexpected exception in phase " + phase_, problem.what());
  }
  std::optional<Error> error;
  if (!done) error = std::move(done).error();
  clean_up();
  end_report(error);
  return {std::move(report_), std::move(error)};
}

Result<void> Run::phases() {
  if (plan_.nothing_to_do()) {
    report_.outcome = "nothing to do";
    return {};
  }
  SHIPSET_CHECK(phase("preflight", &Run::preflight));
  // What is there was built and gated when it was released.
  const bool released = !plan_.options.from_version.empty();
  if (goal_ == Goal::promote && !released) {
    SHIPSET_CHECK(phase("collect", &Run::collect));
  } else if (!released) {
    SHIPSET_CHECK(phase("gates", &Run::gates_before_build));
    SHIPSET_CHECK(phase("build", &Run::build));
    SHIPSET_CHECK(phase("attest", &Run::attest));
  }
  SHIPSET_CHECK(phase("stage", &Run::stage));
  if (!released) SHIPSET_CHECK(phase("gates", &Run::gates_on_staged));
  report_.outcome = "staged";
  if (goal_ == Goal::stage) return tell_left_out();
  SHIPSET_CHECK(phase("promote", &Run::promote));
  if (goal_ == Goal::promote || leaves_legs()) remove_legs();
  remove_gate_results();
  report_.outcome = "released";
  SHIPSET_CHECK(after_commit("set", &Run::publish_set));
  return tell_left_out();
}

Result<void> Run::phase(std::string_view name, Result<void> (Run::*step)()) {
  SHIPSET_CHECK(cancel_.check());
  phase_ = name;
  tell(EventKind::phase_started, phase_);
  SHIPSET_CHECK((this->*step)());
  tell(EventKind::phase_finished, phase_);
  return {};
}

Result<void> Run::after_commit(std::string_view name, Result<void> (Run::*step)()) {
  // From here on there is only forward: a first stop does not end what is short and left to do.
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (is_out(i) || targets_[i] == nullptr) continue;
    if (auto on = stores_.write_on(plan_.targets[i], *targets_[i])) targets_[i] = *on;
  }
  phase_ = name;
  tell(EventKind::phase_started, phase_);
  auto done = (this->*step)();
  if (done) {
    tell(EventKind::phase_finished, phase_);
    return {};
  }
  const Error cause = std::move(done).error();
  Error error(ErrorKind::incomplete,
              report_.name + (report_.version.empty() ? "" : " " + report_.version) + " is released, and work remains",
              "the phase \"" + std::string(name) + "\" did not end: " + cause.what +
                  (cause.why.empty() ? "" : ": " + cause.why),
              cause.hint.empty() ? "the tags are right and stay; release the same again to do what remains"
                                 : cause.hint + "; then release the same again: the tags are right and stay");
  error.context = cause.context;
  return error.with("remains", std::string(name)).with("cause", std::string(to_string(cause.kind)));
}

void Run::tell(EventKind kind, std::string subject, std::string message) const {
  Event event;
  event.kind = kind;
  event.phase = phase_;
  event.subject = std::move(subject);
  event.message = std::move(message);
  emit(events_, event);
}

Result<void> Run::preflight() {
  for (std::size_t i = 0; i < plan_.variants.size(); ++i)
    if (to_build(i) && plan_.variants[i].unbuildable && declared(i).required != Required::no)
      return *plan_.variants[i].unbuildable;
  SHIPSET_CHECK(open_targets());
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (is_out(i)) continue;
    if (auto writable = targets_[i]->check_writable(); !writable)
      SHIPSET_CHECK(leave_out(i, std::move(writable).error()));
  }
  if (goal_ != Goal::stage) SHIPSET_CHECK(read_old());
  const bool any = std::any_of(plan_.variants.begin(), plan_.variants.end(),
                               [&](const PlannedVariant& variant) { return to_build(variant_at_.at(variant.name)); });
  if (!any) return {};
  const fs::path home = fs::path(plan_.matrix->directory) / ".shipset";
  SHIPSET_CHECK(make_directories(home));
  // What lies there is no source: it must not make the working tree look changed.
  SHIPSET_CHECK(write_file_atomic(home / ".gitignore", "*\n"));
  SHIPSET_TRY(folder_, TempDirectory::create(home, "work-"));
  oci::LayoutOptions options;
  options.create = true;
  options.read_only = false;
  options.sparse = true;    // images may stay where a builder pushed them
  options.durable = false;  // a release that dies builds again; what reaches a layout is flushed there
  SHIPSET_TRY(work_, oci::LayoutStore::open(folder_->path() / "layout", options));
  return {};
}

Result<void> Run::open_targets() {
  for (std::size_t i = 0; i < plan_.targets.size(); ++i) {
    const auto& target = plan_.targets[i];
    if (target.location.kind == Location::Kind::layout) {
      std::error_code ignored;
      // The outermost folder that is made now is the first to look at when nothing is to be left behind.
      std::vector<fs::path> missing;
      for (fs::path at = fs::absolute(target.location.path).lexically_normal(); !at.empty() && !fs::exists(at, ignored);
           at = at.parent_path())
        missing.insert(missing.begin(), at);
      created_.insert(created_.end(), missing.begin(), missing.end());
    }
    auto opened = stores_.write(target, events_, cancel_);
    if (opened)
      targets_[i] = *opened;
    else
      SHIPSET_CHECK(leave_out(i, std::move(opened).error()));
  }
  return {};
}

void Run::clean_up() {
  work_.reset();
  std::error_code ignored;
  if (folder_) {
    const fs::path home = folder_->path().parent_path();
    folder_.reset();
    const auto left = std::distance(fs::directory_iterator(home, ignored), fs::directory_iterator());
    if (left == 1) fs::remove(home / ".gitignore", ignored);
    fs::remove(home, ignored);  // only when it is empty
  }
  // A release that failed before anything was staged leaves no new, empty layout.
  if (!staged_ && report_.outcome != "nothing to do" && !created_.empty()) {
    stores_.close_written();
    for (const auto& target : plan_.targets) {
      if (target.location.kind != Location::Kind::layout) continue;
      const fs::path path = fs::absolute(target.location.path).lexically_normal();
      if (std::find(created_.begin(), created_.end(), path) != created_.end()) fs::remove_all(path, ignored);
    }
    for (auto at = created_.rbegin(); at != created_.rend(); ++at) fs::remove(*at, ignored);
  }
}

bool Run::to_build(std::size_t variant) const {
  const auto action = plan_.variants[variant].action;
  return action == VariantAction::build || action == VariantAction::repair;
}

bool Run::usable(std::size_t variant) const {
  const auto action = plan_.variants[variant].action;
  if (action == VariantAction::present || action == VariantAction::copy) return true;
  return to_build(variant) && !states_[variant].failed;
}

Outcome execute(const Plan& plan, Goal goal, const EventSink& events, const CancelToken& cancel,
                const std::vector<std::pair<std::string, std::string>>& parts) {
  std::vector<Part> read;
  for (const auto& [file, json] : parts) {
    auto found = read_parts(json, file);
    if (!found) {
      Outcome out;
      out.report.id = plan.id;
      out.report.outcome = "failed";
      out.report.error = found.error();
      out.error = std::move(found).error();
      return out;
    }
    read.insert(read.end(), found->begin(), found->end());
  }
  return Run(plan, goal, events, cancel, std::move(read)).go();
}

}  // namespace shipset::release
