// Gates: commands before the build and commands on the staged bytes. A required gate that fails stops the release.
#include <algorithm>
#include <cctype>

#include "run.hpp"
#include "shipset/base/process.hpp"
#include "shipset/base/secret.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t shown_lines = 20;

std::string last_lines(const std::string& text) {
  auto lines = split(text, '\n');
  while (!lines.empty() && trim(lines.back()).empty()) lines.pop_back();
  if (lines.size() > shown_lines) lines.erase(lines.begin(), lines.end() - shown_lines);
  for (auto& line : lines) line = printable(redact(line), 400);
  return join(lines, "\n");
}

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

}  // namespace

bool Run::gate_applies(const Gate& gate) const {
  for (std::size_t i = 0; i < plan_.variants.size(); ++i) {
    const auto& variant = plan_.variants[i];
    const bool named = gate.variants.empty() ||
                       std::find(gate.variants.begin(), gate.variants.end(), variant.name) != gate.variants.end();
    if (named && to_build(i) && !states_[i].failed) return true;
  }
  return false;
}

Result<void> Run::gates_before_build() {
  return run_gates(Gate::At::before_build);
}

Result<void> Run::gates_on_staged() {
  SHIPSET_CHECK(run_gates(Gate::At::staged));
  if (goal_ == Goal::stage) return {};
  for (const auto& gate : plan_.matrix->gates)
    if (gate.at == Gate::At::external && gate.required && gate_applies(gate))
      return Error(ErrorKind::gate, "the gate \"" + gate.name + "\" is open: its result comes from outside",
                   "everything is staged and no tag has moved",
                   "take the gate's result in by hand, then release again "
                   "with required = false for it");
  return {};
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
    tell(EventKind::task_started, gate.name, join(gate.run, " "));
    auto outcome = run_gate(gate, row);
    tell(outcome ? EventKind::task_finished : EventKind::task_failed, gate.name,
         outcome ? std::string() : outcome.error().what);
    if (outcome) continue;
    if (gate.required || outcome.error().kind == ErrorKind::cancelled) return outcome;
    report_.warnings.push_back(outcome.error().what + " (not required)");
    tell(EventKind::warning, gate.name, report_.warnings.back());
  }
  return {};
}

std::map<std::string, std::string> Run::gate_environment(const Gate& gate) const {
  std::map<std::string, std::string> env{{"SHIPSET_RELEASE_ID", plan_.id},
                                         {"SHIPSET_RELEASE_NAME", plan_.matrix->name},
                                         {"SHIPSET_RELEASE_VERSION", plan_.matrix->version}};
  if (gate.at != Gate::At::staged) return env;
  for (std::size_t i = 0; i < plan_.variants.size(); ++i) {
    const auto& variant = plan_.variants[i];
    const bool named = gate.variants.empty() ||
                       std::find(gate.variants.begin(), gate.variants.end(), variant.name) != gate.variants.end();
    const auto places = places_of(i);
    if (!named || places.empty()) continue;
    for (std::size_t j = 0; j < variant.images.size(); ++j) {
      const auto& built = states_[i].images[j];
      if (!built || states_[i].failed) continue;
      const auto& platform = variant.images[j].task.platform;
      const std::string arch = platform.architecture + (platform.variant.empty() ? "" : "_" + platform.variant);
      env["SHIPSET_IMAGE_" + variable_part(variant.name) + "_" + variable_part(platform.os) + "_" +
          variable_part(arch)] = pullable(plan_.targets[places.front()], built->manifest.digest);
    }
  }
  return env;
}

Result<void> Run::run_gate(const Gate& gate, GateReport& row) {
  ProcessSpec spec;
  spec.argv = gate.run;
  spec.directory = plan_.matrix->directory;
  spec.env = gate_environment(gate);
  spec.timeout = std::chrono::seconds(gate.timeout_s);
  spec.on_line = [&](std::string_view line, bool) { tell(EventKind::note, gate.name, printable(redact(line), 400)); };
  auto ran = run_process(spec, cancel_);
  if (!ran) {
    row.status = Status::failed;
    row.detail = ran.error().why;
    return Error(ErrorKind::gate, "the gate \"" + gate.name + "\" could not run",
                 ran.error().what + ": " + ran.error().why, ran.error().hint);
  }
  row.exit_code = ran->exit_code;
  row.duration_ms = ran->duration.count();
  SHIPSET_CHECK(cancel_.check());
  if (ran->exit_code == 0 && !ran->timed_out) {
    row.status = Status::done;
    return {};
  }
  row.status = Status::failed;
  row.detail = last_lines(ran->out + (ran->out.empty() || ran->out.ends_with('\n') ? "" : "\n") + ran->err);
  const std::string why = ran->timed_out ? "it took longer than " + std::to_string(gate.timeout_s) + " s"
                                         : "it ended with exit code " + std::to_string(ran->exit_code);
  return Error(ErrorKind::gate, "the gate \"" + gate.name + "\" said no",
               why + (row.detail.empty() ? "" : "\n" + row.detail),
               gate.at == Gate::At::before_build ? "nothing was built; mend what it found and release again"
                                                 : "no tag has moved; mend what it found and release again")
      .with("gate", gate.name);
}

}  // namespace shipset::release
