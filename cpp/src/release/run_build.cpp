// Builds every platform image of the plan that is not there yet, each variant's outcome kept.
#include <algorithm>
#include <thread>

#include "run.hpp"
#include "shipset/base/text.hpp"

namespace shipset::release {

namespace {

bool names_variant(const std::string& text, const std::string& variant) {
  return text.starts_with(variant + " ") || text.starts_with(variant + "/");
}

/// The variants that failed with their reasons, each reason told once.
class Failures {
 public:
  void add(const std::string& variant, const std::string& why) {
    if (names_variant(why, variant)) return lines_.emplace_back("", why), void();
    const auto same = std::find_if(lines_.begin(), lines_.end(), [&](const auto& line) { return line.second == why; });
    if (same == lines_.end())
      lines_.emplace_back(variant, why);
    else
      same->first += ", " + variant;
  }
  void hint(const std::string& text) {
    if (!text.empty() && std::find(hints_.begin(), hints_.end(), text) == hints_.end()) hints_.push_back(text);
  }
  [[nodiscard]] std::string why() const {
    std::string out;
    for (const auto& [names, why] : lines_)
      out += (out.empty() ? "" : "\n") + names + (names.empty() ? "" : ": ") + why;
    return out;
  }
  [[nodiscard]] std::string hints() const { return join(hints_, "; "); }

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
  std::vector<std::string> hints_;
};

}  // namespace

Result<void> Run::build() {
  // By backend, in the order in which the file first uses it; (variant, image) pairs in file order.
  std::vector<std::pair<std::string, std::vector<std::pair<std::size_t, std::size_t>>>> batches;
  for (std::size_t i = 0; i < plan_.variants.size(); ++i) {
    if (!to_build(i) || plan_.variants[i].unbuildable) continue;
    for (std::size_t j = 0; j < plan_.variants[i].images.size(); ++j) {
      if (take_built(i, j)) continue;
      const auto& backend = plan_.variants[i].images[j].task.settings.backend;
      auto at = std::find_if(batches.begin(), batches.end(), [&](const auto& batch) { return batch.first == backend; });
      if (at == batches.end()) at = batches.insert(batches.end(), {backend, {}});
      at->second.emplace_back(i, j);
    }
  }
  for (const auto& [backend, images] : batches) SHIPSET_CHECK(build_with(backend, images));
  return judge_builds();
}

Result<void> Run::build_with(const std::string& backend,
                             const std::vector<std::pair<std::size_t, std::size_t>>& images) {
  SHIPSET_TRY(const auto builder, build::make_builder(backend));
  std::vector<build::Task> tasks;
  for (const auto& [variant, image] : images) {
    tasks.push_back(plan_.variants[variant].images[image].task);
    SHIPSET_CHECK(place_variants(tasks.back()));
  }
  build::BuildContext context;
  context.work = work_.get();
  context.events = events_;
  context.cancel = cancel_;
  context.place = [this](const build::Task& task) { return push_place(variant_at_.at(task.variant)); };
  context.log_directory = std::filesystem::path(plan_.matrix->directory) / ".shipset" / plan_.id / "logs";
  context.fail_fast = plan_.matrix->fail_fast;
  context.parallel = plan_.options.parallel != 0 ? plan_.options.parallel
                                                 : std::max<std::size_t>(1, std::thread::hardware_concurrency());
  builder->build(tasks, stores_, context, [&](build::Outcome outcome) {
    const auto [variant, image] = images[outcome.task];
    take_outcome(variant, image, std::move(outcome));
  });
  if (unrecorded_) return *unrecorded_;
  return cancel_.check();
}

/// A variant below that is not built in this run is where an earlier run, or another job, has put it.
Result<void> Run::place_variants(build::Task& task) {
  for (const auto& base : task.settings.bases) {
    if (base.variant.empty()) continue;
    const std::size_t below = variant_at_.at(base.variant);
    if (to_build(below)) continue;
    const auto& planned = plan_.variants[below];
    for (const std::size_t target : planned.targets) {
      std::optional<Digest> digest;
      if (planned.found[target]) {
        digest = planned.found[target]->digest;
      } else {
        SHIPSET_TRY(const auto leg, targets_[target]->resolve(leg_tag(plan_.id, base.variant, task.platform)));
        if (leg) digest = leg->digest;
      }
      if (!digest) continue;
      const Location& location = place(target).location;
      task.variant_places[base.variant] =
          location.kind == Location::Kind::registry
              ? "docker-image://" + location.reference.name() + "@" + digest->str()
              : "oci-layout://" + std::filesystem::absolute(location.path).string() + "@" + digest->str();
      break;
    }
    if (!task.variant_places.contains(base.variant))
      return Error(ErrorKind::policy, "cannot build " + task.name() + " before variant " + base.variant,
                   "it builds on it, and that one is neither in this run nor staged",
                   "build " + base.variant + " first, in this run or under the same plan");
  }
  return {};
}

/// The first registry that the variant goes to; from there the others get it.
std::optional<build::PushPlace> Run::push_place(std::size_t variant) const {
  const auto& client = plan_.options.client;
  for (const std::size_t target : places_of(variant)) {
    const Location& location = place(target).location;
    if (location.kind != Location::Kind::registry) continue;
    const std::string& host = location.reference.domain();
    return build::PushPlace{location.reference.name(), targets_[target],
                            client.plain_http.contains(host) || client.insecure_tls.contains(host)};
  }
  return std::nullopt;
}

void Run::take_outcome(std::size_t variant, std::size_t image, build::Outcome outcome) {
  auto& row = report_.variants[variant].images[image];
  row.duration_ms = outcome.duration.count();
  row.steps = outcome.steps;
  if (!outcome.result) {
    states_[variant].failed = true;
    const auto state = outcome.result.error().context.find("state");
    const bool begun = state == outcome.result.error().context.end() || state->second != "not started";
    if (!begun) return;
    row.status = Status::failed;
    row.error = std::move(outcome.result).error();
    return;
  }
  row.status = Status::done;
  row.manifest = outcome.result->manifest;
  row.bytes = outcome.result->bytes;
  row.notes = outcome.result->notes;
  states_[variant].images[image] = std::move(outcome.result).value();
  if (auto noted = note_built(variant, image); !noted && !unrecorded_) unrecorded_ = std::move(noted).error();
}

Result<void> Run::judge_builds() {
  Failures failures;
  std::size_t wanted = 0, failed = 0;
  for (std::size_t i = 0; i < plan_.variants.size(); ++i) {
    if (!to_build(i)) continue;
    ++wanted;
    auto& state = states_[i];
    for (const auto& image : state.images)
      if (!image) state.failed = true;
    auto& row = report_.variants[i];
    row.status = state.failed ? Status::failed : Status::done;
    if (!state.failed) continue;
    std::string why;
    if (const auto& reason = plan_.variants[i].unbuildable)
      why = reason->what + (reason->why.empty() ? "" : ": " + reason->why);
    for (const auto& image : row.images)
      if (image.error && why.empty()) {
        const auto& error = *image.error;
        why = (names_variant(error.what, row.name) ? "" : image.platform + ": ") + error.what +
              (error.why.empty() ? "" : ": " + error.why);
        failures.hint(error.hint);
      }
    row.why = why.empty() ? "not built, because another variant failed" : why;
    if (declared(i).required == Required::no) {
      report_.warnings.push_back("optional variant " + row.name + " failed: " + row.why);
      tell(EventKind::warning, row.name, report_.warnings.back());
      continue;
    }
    ++failed;
    failures.add(row.name, row.why);
  }
  if (failed == 0) return {};
  return Error(ErrorKind::build,
               std::to_string(failed) + " of " + std::to_string(wanted) + (wanted == 1 ? " variant" : " variants") +
                   " could not be built; no tag has moved",
               failures.why(), failures.hints())
      .with("failed", std::to_string(failed));
}

}  // namespace shipset::release
