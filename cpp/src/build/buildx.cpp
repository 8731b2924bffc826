#include <cstdlib>
#include <filesystem>

#include "buildx_impl.hpp"
#include "shipset/base/file.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build::buildx {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t max_secret_bytes = 512u << 10;

/// Values of build secrets, so that no line that a step prints shows them. They live as long as the build.
std::vector<Secret> known_secrets(const std::vector<Task>& tasks) {
  std::vector<Secret> out;
  for (const auto& task : tasks)
    for (const auto& secret : task.settings.secrets) {
      if (!secret.env.empty()) {
        if (const char* value = std::getenv(secret.env.c_str()); value != nullptr) out.emplace_back(value);
      } else if (auto text = read_file(fs::path(task.directory) / secret.file, max_secret_bytes)) {
        for (const auto& line : split(*text, '\n')) out.emplace_back(std::string(trim(line)));
      }
    }
  return out;
}

}  // namespace

void BuildxBuilder::build(const std::vector<Task>& tasks, BaseResolver& bases, const BuildContext& context,
                          const std::function<void(Outcome)>& done) {
  (void)bases;  // the builder reads its bases itself, by the digests that were pinned
  const auto fail_all = [&](const Error& error) {
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      Outcome outcome;
      outcome.task = i;
      outcome.result = about(error, tasks[i]);
      done(std::move(outcome));
    }
  };
  const auto calls = sort_calls(tasks);
  if (!calls) return fail_all(calls.error());
  const auto folder = TempDirectory::create(context.work->path().parent_path(), "buildx-");
  if (!folder) return fail_all(folder.error());
  const auto secrets = known_secrets(tasks);
  std::map<std::string, std::map<std::string, std::string>> places;
  for (std::size_t i = 0; i < calls->size(); ++i) {
    const Call& call = (*calls)[i];
    std::vector<Task> mine;
    for (const std::size_t at : call.tasks) {
      Task task = tasks[at];
      for (const auto& base : task.settings.bases) {
        const auto by_platform = places.find(base.variant);
        if (base.variant.empty() || by_platform == places.end()) continue;
        const auto place = by_platform->second.find(task.platform.str());
        if (place != by_platform->second.end()) task.variant_places.emplace(base.variant, place->second);
      }
      mine.push_back(std::move(task));
    }
    for (auto& [variant, by_platform] :
         run_call(call, std::move(mine), context, folder->path() / std::to_string(i), done))
      places[variant] = std::move(by_platform);
  }
}

}  // namespace shipset::build::buildx
