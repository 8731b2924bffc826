// Gates: commands before the build, commands and budgets on the staged bytes, results from outside. A required gate
// that says no stops the release. Only what this run builds or joins is judged: a variant that a destination has under
// one of its tags passed its gates before that tag moved; one that was only staged has moved none, and is judged again.
#include <algorithm>
#include <cctype>

#include "gate_output.hpp"
#include "known_secrets.hpp"
#include "run.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/process.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace fs = std::filesystem;

namespace {

std::string variable_part(std::string_view text) {
  std::string out;
  for (char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += plain ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : '_';
  }
  return out;
}

/// A reference by digest that works from any working folder.
std::string pullable(const Target& target, const Digest& digest) {
  Location location = target.location;
  if (location.kind == Location::Kind::layout) {
    location.path = fs::absolute(location.path).lexically_normal().string();
    location.digest = digest;
    return location.str();
  }
  return location.reference.repository().with_digest(digest).familiar();
}

bool names(const Gate& gate, const std::string& variant) {
  return gate.variants.empty() || std::find(gate.variants.begin(), gate.variants.end(), variant) != gate.variants.end();
}

/// Variables by name; two things of one name are in none, rather than one in the place of the other.
class Variables {
 public:
  void add(const std::string& name, std::string value) {
    const auto [at, fresh] = values_.emplace(name, std::move(value));
    if (!fresh) doubled_.push_back(name);
  }
  std::map<std::string, std::string> take(std::vector<std::string>& doubled) {
    for (const auto& name : doubled_) values_.erase(name);
    doubled = std::move(doubled_);
    return std::move(values_);
  }

 private:
  std::map<std::string, std::string> values_;
  std::vector<std::string> doubled_;
};

std::string outcome_of(const ProcessOutcome& ran, std::int64_t timeout_s) {
  if (ran.cancelled) return "it was stopped";
  if (ran.timed_out) return "it took longer than " + std::to_string(timeout_s) + " s";
  return "it ended with exit code " + std::to_string(ran.exit_code);
}

}  // namespace

bool Run::gate_applies(const Gate& gate) const {
  for (std::size_t i = 0; i < plan_.variants.size(); ++i)
    if (names(gate, plan_.variants[i].name) && to_build(i) && !states_[i].failed) return true;
  return false;
}

std::vector<std::pair<std::size_t, std::size_t>> Run::gated_images(const Gate& gate) const {
  std::vector<std::pair<std::size_t, std::size_t>> out;
  for (std::size_t i = 0; i < plan_.variants.size(); ++i) {
    if (!names(gate, plan_.variants[i].name) || !to_build(i) || states_[i].failed) continue;
    for (std::size_t j = 0; j < states_[i].images.size(); ++j)
      if (states_[i].images[j]) out.emplace_back(i, j);
  }
  return out;
}

std::vector<std::string> Run::external_gates(const std::string& variant) const {
  std::vector<std::string> out;
  for (const auto& gate : plan_.matrix->gates)
    if (gate.at == Gate::At::external && names(gate, variant)) out.push_back(gate.name);
  return out;
}

bool Run::leaves_legs() const {
  if (goal_ != Goal::release) return goal_ == Goal::stage;
  const bool swept = std::any_of(plan_.targets.begin(), plan_.targets.end(), [&](const Target& target) {
    return target.location.kind == Location::Kind::registry &&
           stores_.profile(target.location).sweeps_untagged.value == std::optional(true);
  });
  // What has no tag might be gone before its own tags move.
  if (plan_.options.stage_tags || swept) return true;
  return std::any_of(plan_.matrix->gates.begin(), plan_.matrix->gates.end(), [&](const Gate& gate) {
    return gate.at == Gate::At::external && gate.required && gate_applies(gate);
  });
}

Result<void> Run::gates_before_build() {
  return run_gates(Gate::At::before_build);
}

Result<void> Run::gates_on_staged() {
  SHIPSET_CHECK(run_gates(Gate::At::staged));
  if (goal_ == Goal::stage) return {};
  auto open = external_results();
  for (const auto& row : report_.gates)
    if (row.at == to_string(Gate::At::external)) SHIPSET_CHECK(note(record::gate(row)));
  return open;
}

Result<void> Run::run_gates(Gate::At at) {
  for (std::size_t i = 0; i < plan_.matrix->gates.size(); ++i) {
    const auto& gate = plan_.matrix->gates[i];
    if (gate.at != at) continue;
    auto& row = report_.gates[i];
    if (!gate_applies(gate)) {
      row.status = Status::skipped;
      row.detail = "none of its variants is built in this run";
      continue;
    }
    tell(EventKind::task_started, gate.name, gate.budget ? "measures sizes" : join(gate.run, " "));
    auto outcome = run_gate(gate, row);
    SHIPSET_CHECK(note(record::gate(row)));
    tell(outcome ? EventKind::task_finished : EventKind::task_failed, gate.name,
         outcome ? std::string() : outcome.error().what);
    if (outcome) continue;
    if (gate.required || outcome.error().kind == ErrorKind::cancelled) return outcome;
    report_.warnings.push_back(outcome.error().what + " (not required)");
    tell(EventKind::warning, gate.name, report_.warnings.back());
  }
  return {};
}

Result<void> Run::run_gate(const Gate& gate, GateReport& row) {
  if (gate.at == Gate::At::staged)
    for (const auto& [variant, image] : gated_images(gate))
      row.judged.push_back(states_[variant].images[image]->manifest.digest.str());
  return gate.budget ? measure(gate, row) : run_command(gate, row);
}

std::map<std::string, std::string> Run::gate_environment(const Gate& gate) {
  Variables variables;
  variables.add("SHIPSET_RELEASE_ID", plan_.id);
  variables.add("SHIPSET_RELEASE_NAME", plan_.matrix->name);
  variables.add("SHIPSET_RELEASE_VERSION", plan_.matrix->version);
  std::vector<std::string> doubled;
  if (gate.at != Gate::At::staged) return variables.take(doubled);
  std::vector<std::string> variants;
  JsonWriter images;
  images.begin_array();
  for (const auto& [i, j] : gated_images(gate)) {
    const auto& variant = plan_.variants[i];
    if (variants.empty() || variants.back() != variant.name) variants.push_back(variant.name);
    const auto places = places_of(i);
    if (places.empty()) continue;
    const Target& target = place(places.front());
    const std::string reference = pullable(target, states_[i].images[j]->manifest.digest);
    // Of single platforms of a variant no index is staged.
    const bool whole = variant.images.size() == declared(i).platforms.size() || goal_ != Goal::stage;
    const std::string index = whole ? pullable(target, states_[i].index.descriptor.digest) : std::string();
    const auto& platform = variant.images[j].task.platform;
    const std::string arch = platform.architecture + (platform.variant.empty() ? "" : "_" + platform.variant);
    variables.add(
        "SHIPSET_IMAGE_" + variable_part(variant.name) + "_" + variable_part(platform.os) + "_" + variable_part(arch),
        reference);
    if (whole && j == 0) variables.add("SHIPSET_INDEX_" + variable_part(variant.name), index);
    images.begin_object().member("variant", variant.name).member("platform", platform.str());
    images.member("image", reference).member("index", index).end_object();
  }
  images.end_array();
  variables.add("SHIPSET_VARIANTS", join(variants, " "));
  variables.add("SHIPSET_IMAGES", images.take());
  auto out = variables.take(doubled);
  for (const auto& name : doubled)
    tell(EventKind::warning, gate.name, name + " would name two images, and is not set: SHIPSET_IMAGES lists all");
  return out;
}

Result<void> Run::run_command(const Gate& gate, GateReport& row) {
  const auto secrets = known_secrets(plan_.matrix.get());
  const fs::path log = fs::path(".shipset") / plan_.id / "logs" / gate_log_name(gate.name);
  GateOutput output(fs::path(plan_.matrix->directory) / log,
                    [&](const std::string& line) { tell(EventKind::note, gate.name, line); });
  if (output.logged()) row.log = log.string();
  output.note(join(gate.run, " "));
  ProcessSpec spec;
  spec.argv = gate.run;
  spec.directory = plan_.matrix->directory;
  spec.env = gate_environment(gate);
  spec.timeout = std::chrono::seconds(gate.timeout_s);
  spec.output_limit = 4096;  // what is kept is kept by `output`
  spec.on_line = [&](std::string_view line, bool) { output.add(line, spec.line_limit); };
  auto ran = run_process(spec, cancel_);
  output.end();
  if (!ran) {
    row.status = Status::failed;
    row.detail = ran.error().why;
    return Error(ErrorKind::gate, "the gate \"" + gate.name + "\" could not run",
                 ran.error().what + ": " + ran.error().why, ran.error().hint);
  }
  row.exit_code = ran->exit_code;
  row.duration_ms = ran->duration.count();
  output.note(outcome_of(*ran, gate.timeout_s) + " after " + std::to_string(row.duration_ms) + " ms");
  if (!output.logged()) row.log.clear();
  SHIPSET_CHECK(cancel_.check());
  if (ran->exit_code == 0 && !ran->timed_out) {
    row.status = Status::done;
    return {};
  }
  row.status = Status::failed;
  row.detail = output.last_lines();
  const std::string lines = row.detail.empty() ? "" : "\n" + row.detail;
  if (ran->timed_out) row.notes.push_back(outcome_of(*ran, gate.timeout_s));
  return Error(
             ErrorKind::gate, "the gate \"" + gate.name + "\" said no", outcome_of(*ran, gate.timeout_s) + lines,
             std::string(gate.at == Gate::At::before_build ? "nothing was built; mend what it found and release again"
                                                           : "no tag has moved; mend what it found and release again") +
                 (row.log.empty() ? "" : "; all of its output is in " + row.log))
      .with("gate", gate.name);
}

}  // namespace shipset::release
