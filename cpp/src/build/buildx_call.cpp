// One call of bake, from its definition to the images that came out.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "buildx_impl.hpp"
#include "shipset/base/file.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/parallel.hpp"
#include "shipset/base/process.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build::buildx {

namespace fs = std::filesystem;

namespace {

/// Runs one call of bake, and again what an older buildx stopped because of others.
class CallRun {
 public:
  CallRun(const Call& call, std::vector<Task> tasks, const BuildContext& context, const fs::path& folder,
          std::function<void(Outcome)> done)
      : call_(call), tasks_(std::move(tasks)), context_(context), folder_(folder), done_(std::move(done)) {}

  void run() {
    for (const auto& task : tasks_)
      emit(context_.events, {EventKind::task_started, "build", task.name(), {}, 0, 0, {}});
    if (auto ran = all_targets(); !ran)
      for (std::size_t i = 0; i < tasks_.size(); ++i) fail(i, ran.error());
    for (std::size_t i = 0; i < tasks_.size(); ++i)
      if (!reported_.contains(i)) {
        Error error(ErrorKind::cancelled, tasks_[i].name() + " was not built",
                    context_.cancel.cancelled() ? "stopped on request" : "it was stopped because another image failed");
        fail(i, error.with("state", "not started"));
      }
  }
  /// Where the images of each variant are, as build contexts for calls that come later.
  [[nodiscard]] const std::map<std::string, std::map<std::string, std::string>>& places() const { return places_; }

 private:
  Result<void> all_targets() {
    SHIPSET_TRY(buildx_, find_buildx());
    SHIPSET_TRY(const auto builder, ready_builder(buildx_, call_.builder, tasks_.front().directory, context_.cancel));
    builder_ = builder.name;
    BakeOptions options;
    options.split_platforms = builder.nodes > 1;
    options.place = context_.place;
    options.layouts = folder_ / "out";
    SHIPSET_TRY(const BakeFile file, make_bake_file(tasks_, options));
    SHIPSET_CHECK(make_directories(folder_));
    definition_ = folder_ / "bake.json";
    SHIPSET_CHECK(write_file_atomic(definition_, file.json));
    targets_ = file.targets;
    std::set<std::string> open;
    for (const auto& target : targets_) open.insert(target.name);
    while (!open.empty()) {
      SHIPSET_CHECK(context_.cancel.check());
      const std::size_t before = open.size();
      SHIPSET_CHECK(once(open));
      if (open.size() == before || context_.fail_fast) break;
    }
    return {};
  }

  std::vector<std::string> command(const std::set<std::string>& open) const {
    auto argv = buildx_;
    argv.emplace_back("bake");
    if (!builder_.empty()) argv.insert(argv.end(), {"--builder", builder_});
    argv.insert(argv.end(), {"--file", definition_.string(), "--progress", "rawjson", "--metadata-file",
                             (folder_ / "metadata.json").string()});
    if (!context_.fail_fast && !older_buildx_) argv.insert(argv.end(), {"--jobs", "defer-error"});
    for (const auto& allow : entitlements()) argv.insert(argv.end(), {"--allow", allow});
    argv.insert(argv.end(), open.begin(), open.end());
    return argv;
  }

  std::set<std::string> entitlements() const {
    std::set<std::string> out;
    for (const auto& task : tasks_) {
      if (task.settings.network == "host") out.insert("network.host");
      if (!task.settings.ssh.empty()) out.insert("ssh");
    }
    return out;
  }

  /// One process. Takes out of `open` what is decided.
  Result<void> once(std::set<std::string>& open) {
    std::map<std::string, std::string> subjects;
    for (const auto& target : targets_)
      if (open.contains(target.name))
        subjects.emplace(target.name, target.tasks.size() == 1 ? tasks_[target.tasks.front()].name()
                                                               : tasks_[target.tasks.front()].variant);
    Progress progress(std::move(subjects), context_.events, context_.log_directory);
    std::error_code ignored;
    fs::remove(folder_ / "metadata.json", ignored);
    ProcessSpec spec;
    spec.argv = command(open);
    spec.directory = tasks_.front().directory;
    spec.env = environment();
    spec.unset_env = {"SOURCE_DATE_EPOCH", "BUILDX_BAKE_FILE", "BUILDKIT_PROGRESS"};
    spec.line_limit = 8u << 20;
    spec.on_line = [&](std::string_view line, bool is_stderr) {
      if (is_stderr) progress.line(line);
    };
    SHIPSET_TRY(const auto outcome, run_process(spec, context_.cancel));
    progress.end();
    SHIPSET_CHECK(context_.cancel.check());
    if (outcome.exit_code != 0 && !older_buildx_ && progress.text().find("unknown flag: --jobs") != std::string::npos) {
      older_buildx_ = true;
      return once(open);
    }
    return decide(progress, outcome.exit_code, open);
  }

  Result<void> decide(const Progress& progress, int exit_code, std::set<std::string>& open) {
    SHIPSET_TRY(const auto digests, read_metadata(exit_code));
    std::vector<const BakeTarget*> built;
    for (const auto& target : targets_) {
      if (!open.contains(target.name)) continue;
      if (digests.contains(target.name)) {
        built.push_back(&target);
        open.erase(target.name);
        continue;
      }
      const auto& told = progress.of(target.name);
      // What an older buildx stopped because of another target comes again; a call that never began is over for all.
      const bool others_failed = told.error.empty() && (told.cancelled || some_failed(progress));
      if (others_failed && exit_code != 0) continue;
      fail_target(target, progress);
      open.erase(target.name);
    }
    return take(built, digests, progress);
  }

  bool some_failed(const Progress& progress) const {
    return std::any_of(targets_.begin(), targets_.end(), [&](const BakeTarget& target) {
      return !reported_.contains(target.tasks.front()) && !progress.of(target.name).error.empty();
    });
  }

  Result<std::map<std::string, Digest>> read_metadata(int exit_code) const {
    std::map<std::string, Digest> out;
    auto text = read_file(folder_ / "metadata.json", 64u << 20);
    if (!text && exit_code != 0) return out;  // nothing was built
    if (!text) {
      Error error(ErrorKind::build, "buildx wrote no metadata file, so what it built cannot be found", text.error().why,
                  "install buildx " + std::string(oldest_buildx) + " or newer");
      return error.with("fault", "metadata");
    }
    const auto parsed_text = parse_json(*text, "the metadata file of buildx", ErrorKind::build);
    if (!parsed_text) return Error(parsed_text.error()).with("fault", "metadata");
    const Json& json = *parsed_text;
    if (!json.is_object())
      return Error(ErrorKind::build, "the metadata file of buildx is no object").with("fault", "metadata");
    for (const auto& target : targets_) {
      const auto row = json.find(target.name);
      if (row == json.end() || !row->is_object()) continue;
      const auto digest = row->find("containerimage.digest");
      if (digest == row->end() || !digest->is_string()) continue;
      auto parsed = Digest::parse(digest->get<std::string>());
      if (!parsed) return std::move(parsed).error().with("fault", "metadata");
      out.emplace(target.name, *parsed);
    }
    return out;
  }

  Result<void> take(const std::vector<const BakeTarget*>& built, const std::map<std::string, Digest>& digests,
                    const Progress& progress) {
    const auto notes = lint_notes(built, progress);
    std::vector<Result<std::map<std::size_t, BuiltImage>>> found(built.size(), Error(ErrorKind::cancelled, "stopped"));
    SHIPSET_CHECK(parallel_for(built.size(), 8, context_.cancel, [&](std::size_t i) -> Result<void> {
      const auto place = context_.place ? context_.place(tasks_[built[i]->tasks.front()]) : std::nullopt;
      found[i] = read_target(*built[i], tasks_, place, digests.at(built[i]->name), context_);
      return {};
    }));
    for (std::size_t i = 0; i < built.size(); ++i) {
      const auto& told = progress.of(built[i]->name);
      for (const std::size_t task : built[i]->tasks) {
        if (!found[i]) {
          fail(task, found[i].error(), &told);
          continue;
        }
        note_place(*built[i], task, found[i]->at(task));
        const auto& said = notes.at(built[i]->name);
        found[i]->at(task).notes.insert(found[i]->at(task).notes.end(), said.begin(), said.end());
        Outcome outcome;
        outcome.task = task;
        outcome.steps = told.steps;
        outcome.duration = told.duration();
        outcome.result = std::move(found[i]->at(task));
        report(std::move(outcome), EventKind::task_finished, {});
      }
    }
    return {};
  }

  /// What the builder's linter said of the stages that each target needs. Told once, kept with every image.
  std::map<std::string, std::vector<std::string>> lint_notes(const std::vector<const BakeTarget*>& built,
                                                             const Progress& progress) {
    std::map<std::string, std::vector<std::string>> out;
    std::map<std::string, std::vector<std::string>> variants;  // that a text is about
    for (const auto* target : built) {
      auto& notes = out[target->name];
      const Task& task = tasks_[target->tasks.front()];
      if (progress.warnings().empty()) continue;
      const auto file = read_dockerfile(task);
      const auto query = query_of(task);
      for (const auto& warning : progress.warnings()) {
        if (!warning.targets.contains(target->name)) continue;
        if (warning.line > 0 && file && query && !file->needs_line(*query, warning.line)) continue;
        notes.push_back(task.settings.dockerfile + (warning.line > 0 ? ":" + std::to_string(warning.line) : "") + ": " +
                        warning.text);
        auto& about = variants[notes.back()];
        if (about.empty() || about.back() != task.variant) about.push_back(task.variant);
      }
    }
    for (const auto& [text, names] : variants)
      if (told_.insert(text).second)
        emit(context_.events, {EventKind::warning, "build", join(names, ", "), text, 0, 0, {}});
    return out;
  }

  void note_place(const BakeTarget& target, std::size_t task, const BuiltImage& image) {
    const Task& of = tasks_[task];
    const auto place = context_.place ? context_.place(of) : std::nullopt;
    const std::string digest = "@" + image.manifest.digest.str();
    places_[of.variant][of.platform.str()] = target.layout.empty() && place
                                                 ? "docker-image://" + place->repository + digest
                                                 : "oci-layout://" + target.layout + digest;
  }

  /// A target fails as a whole; which of its platforms it was is not always told.
  void fail_target(const BakeTarget& target, const Progress& progress) {
    const auto& told = progress.of(target.name);
    const auto of_failed = [&](std::size_t task) { return tasks_[task].platform.str() == told.failed_platform; };
    const auto failed = std::find_if(target.tasks.begin(), target.tasks.end(), of_failed);
    const bool known = failed != target.tasks.end() || target.tasks.size() == 1;
    const Task& about = tasks_[failed != target.tasks.end() ? *failed : target.tasks.front()];
    Error error = target_fault(about, known ? about.name() : about.variant, told, progress.text(), builder_);
    if (error.context["fault"] == "buildx-too-old")
      error.why = "it is " + version_of(buildx_, context_.cancel) + "\n" + error.why;
    for (const std::size_t task : target.tasks) {
      if (failed == target.tasks.end() || task == *failed) {
        fail(task, error, &told);
        continue;
      }
      Error other(ErrorKind::cancelled, tasks_[task].name() + " was not built",
                  "it is built together with " + told.failed_platform + ", which failed");
      fail(task, other.with("state", "not started"), &told);
    }
  }

  void fail(std::size_t task, Error error, const TargetProgress* told = nullptr) {
    Outcome outcome;
    outcome.task = task;
    if (told != nullptr) {
      outcome.steps = told->steps;
      outcome.duration = told->duration();
    }
    const std::string what = error.what;
    outcome.result = about(std::move(error), tasks_[task]);
    report(std::move(outcome), EventKind::task_failed, what);
  }

  void report(Outcome outcome, EventKind kind, std::string message) {
    if (!reported_.insert(outcome.task).second) return;
    const bool begun = outcome.result.ok() || !outcome.result.error().context.contains("state");
    if (begun) emit(context_.events, {kind, "build", tasks_[outcome.task].name(), std::move(message), 0, 0, {}});
    outcome.task = call_.tasks[outcome.task];
    done_(std::move(outcome));
  }

  const Call& call_;
  const std::vector<Task> tasks_;
  const BuildContext& context_;
  const fs::path folder_;
  const std::function<void(Outcome)> done_;
  std::vector<std::string> buildx_;
  std::string builder_;
  fs::path definition_;
  std::vector<BakeTarget> targets_;
  bool older_buildx_ = false;
  std::set<std::size_t> reported_;
  std::set<std::string> told_;  ///< warnings
  std::map<std::string, std::map<std::string, std::string>> places_;
};

}  // namespace

VariantPlaces run_call(const Call& call, std::vector<Task> tasks, const BuildContext& context, const fs::path& folder,
                       const std::function<void(Outcome)>& done) {
  CallRun run(call, std::move(tasks), context, folder, done);
  run.run();
  return run.places();
}

Error about(Error error, const Task& task) {
  return std::move(error).with("variant", task.variant).with("platform", task.platform.str());
}

}  // namespace shipset::build::buildx
