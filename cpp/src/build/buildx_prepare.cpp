// What a plan must know of a Dockerfile build: its images pinned, its inputs as a digest, its mistakes.
#include <algorithm>
#include <filesystem>

#include "buildx_impl.hpp"
#include "shipset/base/file.hpp"
#include "shipset/base/text.hpp"
#include "shipset/build/context_digest.hpp"

namespace shipset::build::buildx {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t max_dockerfile_bytes = 1u << 20;

Problem warning(const Task& task, std::string key, std::string message, std::string hint = {}) {
  Problem problem;
  problem.severity = Problem::Severity::warning;
  problem.key = std::move(key);
  problem.message = "variant " + task.variant + ": " + std::move(message);
  problem.hint = std::move(hint);
  return problem;
}

Result<void> check_arguments(const Task& task) {
  const auto& allowed = task.settings.allow_secret_args;
  for (const auto& [name, value] : task.settings.args) {
    const std::string look = secret_look(name, value);
    if (look.empty() || std::find(allowed.begin(), allowed.end(), name) != allowed.end()) continue;
    return Error(ErrorKind::policy,
                 "the build argument " + name + " of variant " + task.variant + " looks like a secret",
                 look + "; build arguments stay in the history and the provenance of the image",
                 "give it as a secret: secrets = [{ id = \"" + to_lower(name) + "\", env = \"" + name +
                     "\" }] and RUN --mount=type=secret,id=" + to_lower(name) +
                     "; if it is none, name it in allow_secret_args")
        .with("argument", name);
  }
  return {};
}

void warn_unused(Task& task, const DockerfileUses& uses) {
  const auto given = build_arguments(task);
  for (const auto& [name, value] : given) {
    if (uses.declared_args.contains(name) || is_predefined_arg(name)) continue;
    const std::vector<std::string> known(uses.declared_args.begin(), uses.declared_args.end());
    const std::string near = nearest_name(name, known);
    task.warnings.push_back(
        warning(task, "args." + name,
                "the build argument " + name + " is used by no stage" +
                    (task.settings.target.empty() ? std::string() : " of target " + task.settings.target) + " in " +
                    task.settings.dockerfile,
                near.empty() ? "remove it, or declare it with ARG in the Dockerfile" : "did you mean " + near + "?"));
  }
}

/// An image for the builder's own platform, which only the builder knows: it is pinned as a whole, so that the plan is
/// the same on every machine.
Result<PinnedBase> pin_for_builder(const std::string& reference, const Task& task, BaseResolver& bases) {
  std::vector<Platform> candidates{task.platform};
  for (const char* text : {"linux/arm64", "linux/amd64"}) {
    SHIPSET_TRY(Platform platform, Platform::parse(text));
    candidates.insert(candidates.begin(), std::move(platform));
  }
  Result<PinnedBase> pinned = Error(ErrorKind::internal, "no platform was tried");
  for (const auto& platform : candidates) {
    pinned = bases.pin(reference, platform, task.directory);
    if (!pinned && pinned.error().context.contains("missing_platform")) continue;
    break;
  }
  if (!pinned || pinned->index_digest.empty()) return pinned;
  pinned->digest = pinned->index_digest;
  pinned->platform.clear();
  return pinned;
}

}  // namespace

Result<Dockerfile> read_dockerfile(const Task& task) {
  auto text = read_file(fs::path(task.directory) / task.settings.dockerfile, max_dockerfile_bytes);
  if (!text) {
    Error error = std::move(text).error();
    error.what = "cannot read the Dockerfile " + task.settings.dockerfile;
    error.hint = "dockerfile is relative to the folder of the release file";
    return error;
  }
  return Dockerfile::parse(*text, task.settings.dockerfile);
}

Result<DockerfileQuery> query_of(const Task& task) {
  DockerfileQuery query;
  query.target = task.settings.target;
  query.args = build_arguments(task);
  query.platform = task.platform;
  // What this machine is: the nearest guess at a builder's platform.
  SHIPSET_TRY(query.build_platform, Platform::parse("linux"));
  for (const auto& [name, place] : task.settings.contexts) query.contexts.insert(name);
  for (const auto& base : task.settings.bases)
    if (!base.variant.empty()) query.contexts.insert(variant_stage(base.variant));
  return query;
}

Result<Dockerfile> BuildxBuilder::dockerfile(const Task& task) {
  const fs::path path = fs::path(task.directory) / task.settings.dockerfile;
  return dockerfiles_.get(path.lexically_normal().string(), [&] { return read_dockerfile(task); });
}

Result<void> BuildxBuilder::pin_images(Task& task, const DockerfileUses& uses, BaseResolver& bases) {
  for (const auto& use : uses.images) {
    const auto known = std::find_if(task.bases.begin(), task.bases.end(),
                                    [&](const PinnedBase& base) { return base.reference == use.reference; });
    // One context serves both; the platform's own digest says more.
    if (known != task.bases.end() && use.build_platform) continue;
    auto pinned = use.build_platform ? pin_for_builder(use.reference, task, bases)
                                     : bases.pin(use.reference, use.platform, task.directory);
    if (!pinned) {
      Error error = std::move(pinned).error();
      error.with("dockerfile", task.settings.dockerfile + ":" + std::to_string(use.line));
      error.why += (error.why.empty() ? "" : "\n") + std::string("it is needed by ") + use.instruction + " in stage " +
                   use.stage + ", " + task.settings.dockerfile + ":" + std::to_string(use.line);
      return error;
    }
    if (known != task.bases.end()) continue;
    for (const auto& base : task.settings.bases)
      if (base.image == use.reference) pinned->arg = base.arg;
    task.bases.push_back(std::move(*pinned));
  }
  return {};
}

Result<Digest> BuildxBuilder::source_of(const Task& task, const CancelToken& cancel) {
  const auto digest_of = [&](const fs::path& context, const fs::path& file) {
    return sources_.get(context.lexically_normal().string() + "\n" + file.lexically_normal().string(),
                        [&] { return context_digest(context, file, cancel, task.results); });
  };
  const fs::path directory = task.directory;
  Hasher all;
  const bool inside = !is_remote(task.settings.context) && !fs::path(task.settings.context).is_absolute() &&
                      !fs::path(task.settings.context).lexically_normal().string().starts_with("..");
  if (is_remote(task.settings.context)) {
    all.update("remote " + task.settings.context);
  } else if (!task.commit.empty() && inside) {
    all.update("commit " + task.commit + " " + task.settings.context + " " + task.settings.dockerfile);
  } else {
    SHIPSET_TRY(const Digest digest,
                digest_of(directory / task.settings.context, directory / task.settings.dockerfile));
    all.update("context " + digest.str());
  }
  for (const auto& [name, place] : task.settings.contexts) {
    if (is_remote(place)) continue;  // stands in the settings
    SHIPSET_TRY(const Digest digest, digest_of(directory / place, {}));
    all.update("\n" + name + " " + digest.str());
  }
  return all.finish();
}

Result<void> BuildxBuilder::prepare(Task& task, BaseResolver& bases, const CancelToken& cancel) {
  task.bases.clear();
  task.warnings.clear();
  SHIPSET_CHECK(check_arguments(task));
  if (is_remote(task.settings.context)) {
    task.warnings.push_back(
        warning(task, "context", "its images are not pinned: the Dockerfile is in a remote context"));
  } else {
    auto file = dockerfile(task);
    if (!file) return about(std::move(file).error(), task);
    SHIPSET_TRY(const DockerfileQuery query, query_of(task));
    auto uses = file->uses(query);
    if (!uses) return about(std::move(uses).error(), task);
    if (auto pinned = pin_images(task, *uses, bases); !pinned) return about(std::move(pinned).error(), task);
    warn_unused(task, *uses);
    for (const auto& note : uses->notes) task.warnings.push_back(warning(task, "dockerfile", note));
  }
  auto source = source_of(task, cancel);
  if (!source) return about(std::move(source).error(), task);
  task.source = *source;
  return {};
}

}  // namespace shipset::build::buildx
