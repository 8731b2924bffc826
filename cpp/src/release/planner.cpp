#include "planner.hpp"

#include <algorithm>
#include <set>

#include "disk.hpp"
#include "keys.hpp"
#include "shipset/base/parallel.hpp"
#include "shipset/base/text.hpp"
#include "targets.hpp"

namespace shipset::release {

namespace {
constexpr std::size_t looks_at_once = 8;

bool selected(const std::vector<std::string>& only, const std::string& variant, const Platform* platform) {
  if (only.empty()) return true;
  return std::any_of(only.begin(), only.end(), [&](const std::string& text) {
    const auto slash = text.find('/');
    if (text.substr(0, slash) != variant) return false;
    if (slash == std::string::npos || platform == nullptr) return true;
    const auto wanted = Platform::parse(text.substr(slash + 1));
    return wanted.ok() && wanted->matches(*platform);
  });
}

/// Planning only looks: all of it may be stopped.
registry::ClientOptions stopped_by(registry::ClientOptions client, const CancelToken& cancel) {
  client.cancel = cancel;
  return client;
}
}  // namespace

Planner::Planner(const Matrix& matrix, const Options& options, const Pins& pins, const EventSink& events,
                 const CancelToken& cancel)
    : given_(matrix), events_(events), cancel_(cancel), stores_(stopped_by(options.client, cancel), events) {
  stores_.freeze(pins);
  plan_.options = options;
}

Result<Plan> Planner::run() {
  emit(events_, {EventKind::phase_started, "plan", "plan", given_.name + " " + given_.version, 0, 0, {}});
  SHIPSET_CHECK(make_frame());
  SHIPSET_CHECK(check_only());
  SHIPSET_CHECK(check_named_tags());
  SHIPSET_CHECK(list_variants());
  const bool released = !plan_.options.from_version.empty();
  if (!released) SHIPSET_CHECK(prepare_images());
  list_tags();
  SHIPSET_CHECK(look_at_tags());
  SHIPSET_CHECK(released ? find_version() : judge_variants());
  if (!released) choose_attestation_form();
  SHIPSET_CHECK(judge_tags());
  warn_of_what_stays();
  SHIPSET_CHECK(judge_set());
  for (const auto& moved : stores_.moved()) {
    Problem problem;
    problem.severity = Problem::Severity::warning;
    problem.file = plan_.matrix->file;
    problem.message = moved;
    plan_.warnings.push_back(std::move(problem));
  }
  choose_id();
  plan_.disk_bytes = disk_need(plan_);
  emit(events_, {EventKind::phase_finished, "plan", "plan", {}, 0, 0, {}});
  return std::move(plan_);
}

Result<void> Planner::make_frame() {
  auto matrix = std::make_shared<Matrix>(given_);
  SHIPSET_CHECK(choose_backend(*matrix));
  plan_.warnings = matrix->warnings;
  plan_.matrix = std::move(matrix);
  SHIPSET_TRY(plan_.table, tags::make_table(*plan_.matrix));
  for (const auto& warning : plan_.table.warnings)
    if (std::find(plan_.warnings.begin(), plan_.warnings.end(), warning) == plan_.warnings.end())
      plan_.warnings.push_back(warning);
  SHIPSET_TRY(plan_.targets, make_targets(*plan_.matrix, plan_.options.destination));
  plan_.id = plan_.options.id;
  return plan_.id.empty() ? Result<void>() : check_release_id(plan_.id);
}

void Planner::choose_id() {
  if (!plan_.id.empty()) return;
  const std::string seed = plan_.matrix->facts.ci_run.empty() ? id_seed(plan_.matrix->directory) : std::string();
  plan_.id = release_id(*plan_.matrix, plan_.targets, plan_.options, seed);
}

Result<void> Planner::choose_backend(Matrix& matrix) const {
  if (!plan_.options.builder.empty())
    for (auto& variant : matrix.variants)
      for (auto& image : variant.platforms) {
        image.settings.builder = {};
        image.settings.builder.name = plan_.options.builder;
      }
  const auto& backend = plan_.options.backend;
  if (backend.empty()) return {};
  const std::vector<std::string> known{"buildx", "native", "prebuilt"};
  if (std::find(known.begin(), known.end(), backend) == known.end()) {
    const auto near = nearest_name(backend, known);
    return Error(ErrorKind::usage, "there is no backend \"" + printable(backend, 60) + "\"", {},
                 near.empty() ? "choose buildx, native or prebuilt" : "did you mean " + near + "?");
  }
  for (auto& variant : matrix.variants)
    for (auto& image : variant.platforms) image.settings.backend = backend;
  return {};
}

/// Where this release writes: layouts, the folder that holds them, and files of the caller.
std::vector<std::filesystem::path> Planner::own_results() const {
  std::vector<std::filesystem::path> out(plan_.options.results.begin(), plan_.options.results.end());
  for (const auto& target : plan_.targets)
    if (target.location.kind == Location::Kind::layout) out.emplace_back(target.location.path);
  const auto destination = Location::parse(plan_.options.destination);
  if (destination && destination->kind == Location::Kind::layout) out.emplace_back(destination->path);
  return out;
}

/// Variants that the chosen ones build on: their keys are needed also when others build them.
std::set<std::string> Planner::needed_below() const {
  std::set<std::string> out;
  std::vector<std::string> open;
  for (const auto& variant : plan_.matrix->variants)
    if (variant.active && selected(plan_.options.only, variant.name, nullptr)) open.push_back(variant.name);
  while (!open.empty()) {
    const Variant* variant = plan_.matrix->find(open.back());
    open.pop_back();
    if (variant == nullptr) continue;
    for (const auto& below : variant->depends_on)
      if (out.insert(below).second) open.push_back(below);
  }
  return out;
}

Result<void> Planner::check_only() const {
  for (const auto& text : plan_.options.only) {
    const auto slash = text.find('/');
    const std::string name = text.substr(0, slash);
    const Variant* variant = plan_.matrix->find(name);
    if (variant == nullptr) {
      std::vector<std::string> names;
      for (const auto& item : plan_.matrix->variants) names.push_back(item.name);
      const auto near = nearest_name(name, names);
      return Error(ErrorKind::usage, "--only names no variant: " + printable(name, 80), {},
                   near.empty() ? "the variants are " + join(names, ", ") : "did you mean " + near + "?");
    }
    if (slash == std::string::npos) continue;
    SHIPSET_TRY(const Platform platform, Platform::parse(text.substr(slash + 1)));
    const bool there = std::any_of(variant->platforms.begin(), variant->platforms.end(),
                                   [&](const PlatformImage& image) { return image.platform.matches(platform); });
    if (!there)
      return Error(ErrorKind::usage, "--only " + printable(text, 80) + ": variant " + name + " has no such platform");
  }
  return {};
}

Result<void> Planner::list_variants() {
  std::map<std::string, std::size_t> target_at;
  for (std::size_t i = 0; i < plan_.targets.size(); ++i) target_at.emplace(plan_.targets[i].repository, i);
  const auto& facts = plan_.matrix->facts;
  const auto sha = facts.git.find("sha");
  const std::string commit = facts.context_clean && sha != facts.git.end() ? sha->second : std::string();
  const auto needed = needed_below();
  const auto results = own_results();
  const std::int64_t epoch = plan_.matrix->facts.source_date_epoch.value_or(0);
  for (const auto& source : plan_.matrix->variants) {
    PlannedVariant variant;
    variant.name = source.name;
    variant.found.resize(plan_.targets.size());
    for (const auto& text : source.repositories) {
      SHIPSET_TRY(const Reference repository, Reference::parse(text));
      variant.targets.push_back(target_at.at(repository.name()));
    }
    if (!source.active) {
      variant.action = VariantAction::inactive;
      variant.why = source.when.empty() ? "not asked for" : "when " + source.when + " is false";
    } else if (!selected(plan_.options.only, source.name, nullptr)) {
      variant.action = VariantAction::excluded;
      variant.why = "not among --only";
    }
    const bool excluded = variant.action == VariantAction::excluded;
    if (source.active && (!excluded || needed.contains(source.name))) {
      for (const auto& image : source.platforms)
        if (excluded || selected(plan_.options.only, source.name, &image.platform)) {
          PlannedImage planned;
          planned.task.variant = source.name;
          planned.task.platform = image.platform;
          planned.task.settings = image.settings;
          planned.task.directory = plan_.matrix->directory;
          planned.task.epoch_unix_s = epoch;
          planned.task.commit = commit;
          planned.task.results = results;
          variant.images.push_back(std::move(planned));
        }
    }
    variant_at_.emplace(variant.name, plan_.variants.size());
    plan_.variants.push_back(std::move(variant));
  }
  return {};
}

Result<void> Planner::prepare_images() {
  // Variants are independent here; hashing inputs and asking registries for bases overlap.
  std::vector<std::size_t> waiting;
  for (std::size_t i = 0; i < plan_.variants.size(); ++i) {
    if (!plan_.variants[i].images.empty()) waiting.push_back(i);
    for (const auto& image : plan_.variants[i].images) {
      const auto& backend = image.task.settings.backend;
      if (!builders_.contains(backend)) builders_.emplace(backend, build::make_builder(backend));
    }
  }
  SHIPSET_CHECK(parallel_for(waiting.size(), looks_at_once, cancel_, [&](std::size_t i) {
    return prepare_variant(plan_.variants[waiting[i]], plan_.matrix->variants[waiting[i]]);
  }));
  for (const auto& variant : plan_.variants)
    for (const auto& image : variant.images)
      for (const auto& warning : image.task.warnings)
        if (std::find(plan_.warnings.begin(), plan_.warnings.end(), warning) == plan_.warnings.end())
          plan_.warnings.push_back(warning);
  SHIPSET_CHECK(make_build_keys());
  for (auto& variant : plan_.variants)
    if (variant.action == VariantAction::excluded) variant.images.clear();
  return {};
}

/// A variant that builds on another one has that one's key in its own, so the other comes first.
Result<void> Planner::make_build_keys() {
  std::set<std::string> done;
  for (bool progress = true; progress;) {
    progress = false;
    for (auto& variant : plan_.variants) {
      if (done.contains(variant.name)) continue;
      const auto below = variants_below(variant);
      if (!std::all_of(below.begin(), below.end(), [&](const auto& name) { return done.contains(name); })) continue;
      SHIPSET_CHECK(make_build_key(variant));
      done.insert(variant.name);
      progress = true;
    }
  }
  return {};  // a cycle is refused when the release file is read
}

std::set<std::string> Planner::variants_below(const PlannedVariant& variant) {
  std::set<std::string> out;
  for (const auto& image : variant.images)
    for (const auto& base : image.task.settings.bases)
      if (!base.variant.empty()) out.insert(base.variant);
  return out;
}

Result<void> Planner::make_build_key(PlannedVariant& variant) {
  if (variant.images.empty() || variant.unbuildable) return {};
  for (auto& image : variant.images)
    for (const auto& base : image.task.settings.bases) {
      if (base.variant.empty()) continue;
      const auto* below = find(base.variant);
      if (below == nullptr || below->images.empty() || below->unbuildable)
        return Error(ErrorKind::spec, "variant " + variant.name + " builds on variant " + base.variant,
                     "that one is not part of this release" + (below == nullptr ? std::string() : ": " + below->why),
                     "give both the same condition");
      image.task.bases.push_back({base.arg, "variant:" + base.variant, below->build_key, {}});
    }
  variant.build_key = build_key(variant.images);
  // Some platforms of a frozen plan: they are of the variant that it promised, whose key only all of them give.
  const auto promised = promised_keys_.find(variant.name);
  if (promised != promised_keys_.end() && variant.images.size() < plan_.matrix->find(variant.name)->platforms.size())
    variant.build_key = promised->second;
  return {};
}

Result<void> Planner::prepare_variant(PlannedVariant& variant, const Variant& source) {
  std::size_t missing = 0;
  std::optional<Error> first;
  for (auto& image : variant.images) {
    const auto& builder = builders_.at(image.task.settings.backend);
    if (!builder) {
      variant.unbuildable = builder.error();
      break;
    }
    if (auto prepared = (*builder)->prepare(image.task, stores_, cancel_); !prepared) {
      const auto& error = prepared.error();
      const bool gone = error.kind == ErrorKind::not_found || error.context.contains("missing_platform");
      if (source.required == Required::no && error.kind != ErrorKind::cancelled) {
        variant.unbuildable = error;
        variant.why = error.what;
        break;
      }
      if (source.required != Required::if_present || !gone) return prepared;
      ++missing;
      if (!first) first = error;
    }
  }
  if (missing != 0 && missing < variant.images.size()) return *first;
  if (missing != 0) {
    variant.action = VariantAction::absent;
    variant.why = first->what;
    variant.images.clear();
    return {};
  }
  return {};
}

void Planner::list_tags() {
  std::map<std::string, std::size_t> target_at;
  for (std::size_t i = 0; i < plan_.targets.size(); ++i) target_at.emplace(plan_.targets[i].repository, i);
  for (const std::size_t at : tags::promotion_order(plan_.table)) {
    const auto& item = plan_.table.entries[at];
    const auto* variant = find(item.variant);
    if (variant == nullptr || variant->images.empty()) continue;
    PlannedTag tag;
    tag.target = target_at.at(item.repository);
    tag.entry = at;
    tag.tag = item.tag;
    tag.variant = item.variant;
    tags_of_[{tag.target, tag.variant}].push_back(plan_.tags.size());
    plan_.tags.push_back(std::move(tag));
  }
}

PlannedVariant* Planner::find(const std::string& variant) {
  const auto at = variant_at_.find(variant);
  return at == variant_at_.end() ? nullptr : &plan_.variants[at->second];
}

Result<Plan> make_plan(const Matrix& matrix, const Options& options, const EventSink& events,
                       const CancelToken& cancel) {
  return Planner(matrix, options, {}, events, cancel).run();
}

bool Plan::nothing_to_do() const {
  if (set.due) return false;
  for (const auto& variant : variants) switch (variant.action) {
      case VariantAction::build:
      case VariantAction::copy:
      case VariantAction::repair:
        return false;
      default:
        break;
    }
  return std::all_of(tags.begin(), tags.end(), [](const PlannedTag& tag) {
    return tag.action == TagAction::keep || tag.action == TagAction::refuse;
  });
}

}  // namespace shipset::release
