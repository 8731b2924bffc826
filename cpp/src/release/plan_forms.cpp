// The plan in the forms of other tools: a bake file, and the matrix of CI jobs.
#include <algorithm>

#include "shipset/base/json.hpp"
#include "shipset/build/bake.hpp"
#include "shipset/release/plan.hpp"

namespace shipset::release {

namespace {

constexpr std::size_t most_jobs = 256;  // of one matrix on GitHub

bool is_built(const PlannedVariant& variant) {
  return variant.action == VariantAction::build || variant.action == VariantAction::repair;
}

/// By variant that has to be built: how many others must be built one after the other before it.
std::map<std::string, std::size_t> levels_of(const Plan& plan) {
  std::map<std::string, std::size_t> out;
  for (const auto& variant : plan.variants)
    if (is_built(variant)) out.emplace(variant.name, 0);
  // As many rounds as variants are enough, because a release file with a cycle is refused.
  for (std::size_t round = 0; round < plan.variants.size(); ++round)
    for (auto& [name, level] : out)
      for (const auto& below : plan.matrix->find(name)->depends_on)
        if (const auto at = out.find(below); at != out.end()) level = std::max(level, at->second + 1);
  return out;
}

void write_job(JsonWriter& out, const PlannedVariant& variant, const Platform* platform, std::size_t level,
               const std::string& ci_json) {
  const std::string place = platform == nullptr ? std::string() : platform->str();
  out.begin_object().member("variant", variant.name).member("platform", place);
  out.member("name", variant.name + (platform == nullptr ? "" : " " + place));
  out.member("key", variant.name + (platform == nullptr ? "" : "." + platform->file_name()));
  out.member("level", static_cast<std::uint64_t>(level));
  out.member("only", variant.name + (platform == nullptr ? "" : "/" + place));
  out.key("ci").raw(ci_json.empty() ? "{}" : ci_json).end_object();
}

const std::string& ci_of(const Variant& declared, const Platform& platform) {
  for (const auto& image : declared.platforms)
    if (image.platform == platform && !image.ci_json.empty()) return image.ci_json;
  return declared.ci_json;
}

}  // namespace

Result<std::string> Plan::bake() const {
  std::vector<build::Task> tasks;
  for (const auto& variant : variants)
    for (const auto& image : variant.images)
      if (is_built(variant) && !variant.unbuildable && image.task.settings.backend == "buildx")
        tasks.push_back(image.task);
  build::BakeOptions made;
  made.split_platforms = std::any_of(tasks.begin(), tasks.end(),
                                     [](const build::Task& task) { return task.settings.builder.nodes.size() > 1; });
  made.place = [this](const build::Task& task) -> std::optional<build::PushPlace> {
    const auto variant = std::find_if(variants.begin(), variants.end(),
                                      [&](const PlannedVariant& known) { return known.name == task.variant; });
    for (const std::size_t target : variant->targets)
      if (targets[target].location.kind == Location::Kind::registry)
        return build::PushPlace{targets[target].location.reference.name(), nullptr, false};
    return std::nullopt;
  };
  SHIPSET_TRY(auto file, build::make_bake_file(tasks, made));
  return std::move(file.json);
}

std::size_t Plan::levels() const {
  std::size_t out = 0;
  for (const auto& [name, level] : levels_of(*this)) out = std::max(out, level + 1);
  return out;
}

Result<std::string> Plan::github_matrix(bool by_variant, std::optional<std::size_t> level) const {
  const auto levels_by_name = levels_of(*this);
  if (level && *level >= std::max<std::size_t>(1, levels()))
    return Error(ErrorKind::usage, "the plan has no level " + std::to_string(*level),
                 "it has " + std::to_string(levels()) + ", counted from 0");
  JsonWriter out;
  std::size_t jobs = 0;
  out.begin_object().key("include").begin_array();
  for (const auto& variant : variants) {
    const auto at = levels_by_name.find(variant.name);
    if (at == levels_by_name.end() || (level && at->second != *level)) continue;
    const Variant& declared = *matrix->find(variant.name);
    if (by_variant) {
      write_job(out, variant, nullptr, at->second, declared.ci_json);
      ++jobs;
      continue;
    }
    for (const auto& image : variant.images) {
      write_job(out, variant, &image.task.platform, at->second, ci_of(declared, image.task.platform));
      ++jobs;
    }
  }
  out.end_array().end_object();
  if (jobs > most_jobs)
    return Error(ErrorKind::usage, "the matrix would have " + std::to_string(jobs) + " jobs",
                 "GitHub takes " + std::to_string(most_jobs),
                 "make one job for each variant, or limit the plan with --only");
  return out.take();
}

}  // namespace shipset::release
