#include <algorithm>

#include "gate_result.hpp"
#include "go_on.hpp"
#include "restore.hpp"
#include "run.hpp"
#include "shipset/release/recovery.hpp"

namespace shipset::release {

namespace fs = std::filesystem;

Run::Run(const Plan& plan, Goal goal, const EventSink& events, const CancelToken& cancel, std::vector<Part> parts,
         Session session)
    : plan_(plan),
      goal_(goal),
      parts_(std::move(parts)),
      events_(events),
      cancel_(cancel),
      stores_(plan.options.client,
              [this](const Event& event) {
                emit(events_, event);
                if (event.kind != EventKind::warning) return;
                const std::lock_guard lock(noted_mutex_);
                noted_.push_back(event.message);
              }),
      session_(std::move(session)) {
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
  end_journal(error);
  clean_up();
  end_report(error);
  return {std::move(report_), std::move(error)};
}

Result<void> Run::phases() {
  if (session_.going_on()) {
    SHIPSET_CHECK(go_on());
    return after_commit();
  }
  if (plan_.nothing_to_do()) {
    report_.outcome = "nothing to do";
    SHIPSET_CHECK(leave_out_unseen());
    return tell_left_out();
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
  return after_commit();
}

/// From here on only forward: what fails now is work that remains, and going on does it.
Result<void> Run::after_commit() {
  report_.outcome = "released";
  SHIPSET_CHECK(after_commit("set", &Run::publish_set));
  if (goal_ == Goal::promote || session_.past.goal == "promote" || leaves_legs()) remove_legs();
  remove_gate_results();
  return tell_left_out();
}

Result<void> Run::phase(std::string_view name, Result<void> (Run::*step)()) {
  SHIPSET_CHECK(cancel_.check());
  phase_ = name;
  tell(EventKind::phase_started, phase_);
  SHIPSET_CHECK(note(record::phase(phase_, "begun")));
  SHIPSET_CHECK((this->*step)());
  SHIPSET_CHECK(note(record::phase(phase_, "done")));
  if (phase_ == "build" || phase_ == "stage" || phase_ == "collect") mirror();
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
  auto done = note(record::phase(phase_, "begun"));
  if (done) done = (this->*step)();
  if (done) done = note(record::phase(phase_, "done"));
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
  return open_work();
}

/// Where builds are to wait elsewhere, that place stands for every target of a build, and is asked first by a
/// promotion.
Result<void> Run::open_staging() {
  if (goal_ == Goal::release && session_.past.goal != "promote") return {};
  SHIPSET_TRY(auto at, staging_place(plan_.matrix->staging_repository, plan_.options.destination));
  if (!at) return {};
  const std::string name = at->str();
  staging_ = Target{name, std::move(*at)};
  SHIPSET_TRY(staging_store_, stores_.write(*staging_, events_, cancel_));
  if (goal_ != Goal::stage) return {};
  targets_.assign(plan_.targets.size(), staging_store_);
  for (auto& row : report_.targets) row.name = name;
  return {};
}

const Target& Run::place(std::size_t target) const {
  return goal_ == Goal::stage && staging_ ? *staging_ : plan_.targets[target];
}

Result<void> Run::open_targets() {
  SHIPSET_CHECK(open_staging());
  if (goal_ == Goal::stage && staging_) return {};
  SHIPSET_CHECK(leave_out_unseen());
  for (std::size_t i = 0; i < plan_.targets.size(); ++i) {
    if (is_out(i)) continue;
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
  std::error_code ignored;
  work_.reset();
  if (folder_) {
    const fs::path folder = folder_->path();
    folder_.reset();
    drop_files(folder, true);
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

namespace {

Outcome failed(const Plan& plan, Error error) {
  Outcome out;
  out.report.id = plan.id;
  out.report.name = plan.matrix->name;
  out.report.version = plan.matrix->version;
  out.report.outcome = error.kind == ErrorKind::cancelled ? "cancelled" : "failed";
  out.report.error = error;
  out.error = std::move(error);
  return out;
}

/// New tags that a registry does not remove end a rollback too; the next attempt sets them again.
bool went_back(const Plan& plan) {
  const auto session = open_session(plan.matrix->directory, plan.id);
  return session && session->past.outcome == "rolled back";
}

}  // namespace

Outcome execute(const Plan& plan, Goal goal, const EventSink& events, const CancelToken& cancel,
                const std::vector<std::pair<std::string, std::string>>& parts) {
  std::vector<Part> read;
  for (const auto& [file, json] : parts) {
    auto found = read_parts(json, file);
    if (!found) return failed(plan, std::move(found).error());
    read.insert(read.end(), found->begin(), found->end());
  }
  Session session;
  if (goal != Goal::stage) {
    auto begun = begin_session(plan, goal, events, cancel);
    if (!begun) return failed(plan, std::move(begun).error());
    session = std::move(*begun);
  }
  if (session.going_on() && session.past.undoing) {
    // Tags as they were come first; the plan was made while some were not, so they are looked at again.
    Outcome back =
        finish_rollback(std::move(session), {plan.matrix->directory, plan.id, plan.options.client, {}}, events, cancel);
    if (back.error && !went_back(plan)) return back;
    auto again = look_again(plan, events, cancel);
    if (!again) return failed(plan, std::move(again).error());
    return execute(*again, goal, events, cancel, parts);
  }
  if (session.going_on()) return go_on(std::move(session), plan.matrix->file, plan.options.client, events, cancel);
  return Run(plan, goal, events, cancel, std::move(read), std::move(session)).go();
}

}  // namespace shipset::release
