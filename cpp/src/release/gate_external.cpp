// Results that other jobs have posted: read where the release is staged, and counted only for the bytes that are staged
// now. One that is missing, or that cannot be read, leaves its gate open; a gate that is open or says no stops the
// promotion, and what was staged waits for the next one.
#include <algorithm>

#include "gate_result.hpp"
#include "known_secrets.hpp"
#include "run.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

std::string quoted(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_./:=@%+,-").find(c) != std::string_view::npos;
  });
  if (plain) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// Inputs that are not what the release file gives by itself; all of them when that cannot be told any more.
std::vector<std::pair<std::string, std::string>> given_inputs(const Matrix& matrix) {
  std::vector<std::pair<std::string, std::string>> out, defaults;
  const auto spec = ReleaseSpec::load(matrix.file);
  if (spec)
    if (const auto plain = spec->matrix({}, matrix.facts))
      for (const auto& [name, value] : plain->inputs) defaults.emplace_back(name, to_text(value));
  for (const auto& [name, value] : matrix.inputs)
    if (std::pair one(name, to_text(value)); std::find(defaults.begin(), defaults.end(), one) == defaults.end())
      out.push_back(std::move(one));
  return out;
}

/// Options that both commands need to find this release again.
std::string found_by(const Plan& plan) {
  std::string out;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) out += " " + name + " " + quoted(value);
  };
  if (plan.matrix->file != "shipset.toml") add("--file", plan.matrix->file);
  add("--to", plan.options.destination);
  for (const auto& [name, value] : given_inputs(*plan.matrix)) add("--input", name + "=" + value);
  for (const auto& host : plan.options.client.plain_http) add("--plain-http", host);
  for (const auto& host : plan.options.client.insecure_tls) add("--insecure", host);
  add("--ca-file", plan.options.client.ca_file);
  return out;
}

std::string promote_line(const Plan& plan) {
  std::string out = "shipset promote " + plan.id + found_by(plan);
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) out += " " + name + " " + quoted(value);
  };
  add("--backend", plan.options.backend);
  add("--builder", plan.options.builder);
  for (const auto& tag : plan.options.replace_tags) add("--replace", tag);
  for (const auto& tag : plan.options.force_tags) add("--force-tag", tag);
  return out;
}

std::string gate_line(const Plan& plan, const std::string& gate) {
  return "shipset gate " + plan.id + " " + quoted(gate) + " --result FILE" + found_by(plan);
}

/// What of the wanted images the result did not judge, or judged with other bytes; empty: it counts.
std::string mismatch(const PostedResult& result, const std::vector<JudgedImage>& wanted) {
  std::vector<std::string> missing, other;
  for (const auto& image : wanted) {
    if (std::find(result.judged.begin(), result.judged.end(), image) != result.judged.end()) continue;
    const auto same = std::find_if(result.judged.begin(), result.judged.end(), [&](const JudgedImage& judged) {
      return judged.variant == image.variant && judged.platform == image.platform;
    });
    const std::string name = image.variant + " " + image.platform;
    if (same == result.judged.end())
      missing.push_back(name);
    else
      other.push_back(name + " (it judged " + same->digest.str() + ", staged is " + image.digest.str() + ")");
  }
  std::string out;
  if (!other.empty()) out = "it judged other bytes of " + join(other, ", ");
  if (!missing.empty()) out += (out.empty() ? "it did not judge " : ", and did not judge ") + join(missing, ", ");
  return out;
}

}  // namespace

Result<void> Run::external_results() {
  std::vector<std::string> open, lines, why;
  std::optional<Error> refused;
  const auto secrets = known_secrets(plan_.matrix.get());
  for (std::size_t i = 0; i < plan_.matrix->gates.size(); ++i) {
    const auto& gate = plan_.matrix->gates[i];
    if (gate.at != Gate::At::external) continue;
    auto& row = report_.gates[i];
    if (!gate_applies(gate)) {
      row.status = Status::skipped;
      row.detail = "none of its variants is released in this run";
      continue;
    }
    tell(EventKind::task_started, gate.name, "looks for its result");
    SHIPSET_CHECK(external_result(gate, row));
    const bool failed = row.status == Status::failed;
    const std::string told =
        failed ? "the gate \"" + gate.name + "\" said no" : "the gate \"" + gate.name + "\" is open";
    tell(failed ? EventKind::task_failed : EventKind::task_finished, gate.name,
         row.status == Status::done ? std::string() : told);
    if (row.status == Status::done) continue;
    if (!gate.required) {
      report_.warnings.push_back(told + " (not required)");
      tell(EventKind::warning, gate.name, report_.warnings.back());
      continue;
    }
    lines.push_back(gate_line(plan_, gate.name));
    if (!failed) {
      open.push_back(gate.name);
      why.insert(why.end(), row.notes.begin(), row.notes.end());
    } else if (!refused) {
      refused = Error(ErrorKind::gate, told, row.detail);
      refused->with("gate", gate.name);
    }
  }
  if (lines.empty()) return {};
  lines.push_back(promote_line(plan_));
  const std::string next = "everything is staged and no tag has moved; ";
  gates_open_ = !refused;
  if (gates_open_) report_.outcome = "staged";
  if (refused) {
    refused->hint = next + "a new result replaces this one:\n" + join(lines, "\n");
    return *refused;
  }
  return Error(ErrorKind::gate,
               (open.size() == 1 ? "the gate \"" : "the gates \"") + join(open, "\", \"") +
                   (open.size() == 1 ? "\" is open: its result comes from outside"
                                     : "\" are open: their results come from outside"),
               join(why, "\n"), next + "post each result, then promote:\n" + join(lines, "\n"))
      .with("open", join(open, "; "));
}

Result<void> Run::external_result(const Gate& gate, GateReport& row) {
  std::vector<JudgedImage> wanted;
  std::vector<std::pair<std::string, oci::Store*>> places;
  SHIPSET_TRY(const auto staging, staging_place(plan_.matrix->staging_repository, plan_.options.destination));
  if (staging) {
    SHIPSET_TRY(oci::Store* const store, stores_.look({staging->str(), *staging}));
    if (store != nullptr) places.emplace_back(staging->str(), store);
  }
  for (const auto& [variant, image] : gated_images(gate)) {
    const auto& planned = plan_.variants[variant];
    wanted.push_back(
        {planned.name, planned.images[image].task.platform.str(), states_[variant].images[image]->manifest.digest});
    row.judged.push_back(wanted.back().digest.str());
    for (const std::size_t target : places_of(variant)) {
      const std::pair place(plan_.targets[target].name(), targets_[target]);
      if (std::find(places.begin(), places.end(), place) == places.end()) places.push_back(place);
    }
  }
  for (const auto& [name, store] : places) {
    SHIPSET_CHECK(cancel_.check());
    SHIPSET_TRY(const auto tagged, store->resolve(gate_tag(plan_.id, gate.name)));
    if (!tagged) continue;
    const std::string where = name + "@" + tagged->digest.str();
    const auto result = read_result(*store, *tagged, plan_.id, gate.name);
    if (!result && result.error().kind != ErrorKind::verify && result.error().kind != ErrorKind::not_found)
      return result.error();
    const std::string wrong = result ? mismatch(*result, wanted) : result.error().why;
    if (!result || !wrong.empty()) {
      row.notes.push_back("the result " + where + " does not count: " + (wrong.empty() ? result.error().what : wrong));
      continue;
    }
    // Where places disagree, the one that says no counts.
    if (row.status == Status::failed || (row.status == Status::done && result->pass)) continue;
    row.status = result->pass ? Status::done : Status::failed;
    row.result = where;
    row.detail = result->details;
    row.duration_ms = result->duration_ms.value_or(0);
    if (result->posted_unix_s > 0) row.notes.push_back("posted at " + rfc3339(result->posted_unix_s));
  }
  return {};
}

/// They stand in the report from now on; one that cannot be removed is told, and is no failure.
void Run::remove_gate_results() {
  std::map<std::string, oci::Store*> stores;
  for (std::size_t i = 0; i < targets_.size(); ++i) stores.emplace(plan_.targets[i].name(), targets_[i]);
  std::vector<std::string> left;
  for (std::size_t i = 0; i < plan_.matrix->gates.size(); ++i) {
    const auto& result = report_.gates[i].result;
    if (result.empty()) continue;
    const std::string place = result.substr(0, result.rfind('@')),
                      tag = gate_tag(plan_.id, plan_.matrix->gates[i].name);
    if (!stores.contains(place)) {
      // The staging repository, which this run has only read so far.
      auto location = Location::parse(place);
      auto store =
          location ? stores_.write({place, *location}, events_, cancel_) : Result<oci::Store*>(location.error());
      stores.emplace(place, store ? *store : nullptr);
    }
    oci::Store* const store = stores[place];
    const auto removed = store == nullptr ? Result<bool>(false) : store->remove_tag(tag);
    if (!removed || !*removed) left.push_back(place + ":" + tag);
  }
  if (!left.empty()) report_.warnings.push_back("these tags of gates could not be removed: " + join(left, ", "));
}

}  // namespace shipset::release
