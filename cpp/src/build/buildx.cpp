#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "buildx_impl.hpp"
#include "shipset/base/file.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build::buildx {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t max_secret_bytes = 512u << 10;

/// A step prints line by line.
void add_lines(const std::string& text, std::vector<Secret>& out) {
  for (const auto& line : split(text, '\n')) out.emplace_back(std::string(trim(line)));
}

/// Values of build secrets, so that no line that a step prints shows them. They live as long as the build.
std::vector<Secret> known_secrets(const std::vector<Task>& tasks) {
  std::vector<Secret> out;
  for (const auto& task : tasks)
    for (const auto& secret : task.settings.secrets) {
      if (!secret.env.empty()) {
        if (const char* value = std::getenv(secret.env.c_str()); value != nullptr) add_lines(value, out);
      } else if (auto text = read_file(fs::path(task.directory) / secret.file, max_secret_bytes)) {
        add_lines(*text, out);
      }
    }
  return out;
}

/// What may be begun: a task that lacks a secret fails here, and what builds on a failed one is not begun.
class Admission {
 public:
  Admission(const std::vector<Task>& tasks, const BuildContext& context, const std::function<void(Outcome)>& done)
      : tasks_(tasks), context_(context), done_(done) {}

  /// The call with the tasks that may begin; the others are reported.
  Call admit(const Call& call) {
    std::map<std::size_t, Error> refused;
    for (const std::size_t at : call.tasks) {
      if (context_.fail_fast && !failed_.empty())
        refused.emplace(at, not_begun(at, "it was stopped because another image failed"));
      else if (auto ready = check_secrets(tasks_[at]); !ready)
        refused.emplace(at, std::move(ready).error());
    }
    for (std::size_t before = 0, round = 0; round == 0 || before != refused.size(); ++round) {
      before = refused.size();
      for (const std::size_t at : call.tasks) {
        const std::string below = refused.contains(at) ? std::string() : failed_below(at, refused);
        if (!below.empty()) refused.emplace(at, not_begun(at, "it builds on " + below + ", which failed"));
      }
    }
    Call out{call.builder, {}};
    for (const std::size_t at : call.tasks) {
      const auto why = refused.find(at);
      if (why == refused.end())
        out.tasks.push_back(at);
      else
        refuse(at, why->second);
    }
    return out;
  }

  void take(Outcome outcome) {
    if (!outcome.result) failed_.insert(tasks_[outcome.task].name());
    done_(std::move(outcome));
  }

 private:
  [[nodiscard]] Error not_begun(std::size_t at, std::string why) const {
    return Error(ErrorKind::cancelled, tasks_[at].name() + " was not built", std::move(why))
        .with("state", "not started");
  }

  [[nodiscard]] std::string failed_below(std::size_t at, const std::map<std::size_t, Error>& refused) const {
    for (const auto& base : tasks_[at].settings.bases) {
      if (base.variant.empty()) continue;
      const std::string name = base.variant + "/" + tasks_[at].platform.str();
      const bool here = std::any_of(refused.begin(), refused.end(),
                                    [&](const auto& entry) { return tasks_[entry.first].name() == name; });
      if (here || failed_.contains(name)) return name;
    }
    return {};
  }

  void refuse(std::size_t at, const Error& error) {
    if (!error.context.contains("state"))
      emit(context_.events, {EventKind::task_failed, "build", tasks_[at].name(), error.what, 0, 0, {}});
    Outcome outcome;
    outcome.task = at;
    outcome.result = about(error, tasks_[at]);
    take(std::move(outcome));
  }

  const std::vector<Task>& tasks_;
  const BuildContext& context_;
  const std::function<void(Outcome)>& done_;
  std::set<std::string> failed_;
};

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
  Admission admission(tasks, context, done);
  for (std::size_t i = 0; i < calls->size(); ++i) {
    const Call call = admission.admit((*calls)[i]);
    if (call.tasks.empty()) continue;
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
    for (auto& [variant, by_platform] : run_call(call, std::move(mine), context, folder->path() / std::to_string(i),
                                                 [&](Outcome outcome) { admission.take(std::move(outcome)); }))
      places[variant] = std::move(by_platform);
  }
}

}  // namespace shipset::build::buildx
