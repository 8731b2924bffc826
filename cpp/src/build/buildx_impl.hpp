// The buildx backend in pieces: buildx.cpp (batches), buildx_calls.cpp (their order), buildx_call.cpp (one of them),
// buildx_prepare.cpp (what a plan must know), buildx_terms.cpp (how it is said to buildx), secret_look.cpp (values that
// do not belong into a build), buildx_command.cpp (the program and its builders), buildx_progress.cpp (rawjson),
// buildx_results.cpp (what came out), buildx_faults.cpp (failures with a name), bake.cpp (definitions). Private.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "buildx_progress_impl.hpp"
#include "once_per_key_impl.hpp"
#include "shipset/base/secret.hpp"
#include "shipset/build/bake.hpp"
#include "shipset/build/builder.hpp"
#include "shipset/build/dockerfile.hpp"

namespace shipset::build::buildx {

/// The oldest buildx that reads outputs and attestations as objects, with progress as JSON lines.
inline constexpr std::string_view oldest_buildx = "0.20";

/// Whether a build context is fetched by the builder: a URL or a git place, not a folder here.
bool is_remote(std::string_view context);
/// The Dockerfile of a task, and what the task asks of it. Not for remote contexts.
Result<Dockerfile> read_dockerfile(const Task& task);
Result<DockerfileQuery> query_of(const Task& task);
/// Name by which a Dockerfile of this backend asks for another variant.
std::string variant_stage(std::string_view variant);
/// Build arguments as the builder gets them: those of the settings, and the bases.
OrderedMap build_arguments(const Task& task);
/// Name and place of the build context that makes the builder use the pinned digest; nullopt where there is none.
std::optional<std::pair<std::string, std::string>> pinned_context(const PinnedBase& base);
/// Why the value of a build argument looks like a secret; empty: it does not. Never holds the value.
std::string secret_look(std::string_view name, std::string_view value);

/// `docker buildx` where docker has that plugin, else `buildx` or `docker-buildx` of PATH. Kind build with context
/// fault = buildx-missing.
Result<std::vector<std::string>> find_buildx();
/// What `buildx version` says; empty when it says nothing.
std::string version_of(const std::vector<std::string>& buildx, const CancelToken& cancel);
struct ReadyBuilder {
  std::string name;       ///< empty: the default one
  std::size_t nodes = 1;  ///< 1 also where nobody knows: the build itself will tell what is wrong
};
/// The builder for the settings, created when it is described and does not exist yet.
Result<ReadyBuilder> ready_builder(const std::vector<std::string>& buildx, const BuilderSettings& settings,
                                   const std::string& directory, const CancelToken& cancel);
/// Nodes in what `buildx inspect` prints.
std::size_t count_nodes(std::string_view inspected);
/// Environment of every call: only what this backend asks for may change a build.
std::map<std::string, std::string> environment();

/// A failure by name, from what the builder said. Context fault holds the name.
Error name_fault(const std::string& subject, const std::string& said, const std::string& builder);
/// The failure of a target, of which `task` is the first, or the platform that failed: with its step, the place in the
/// Dockerfile, the last lines and the log. `text`: what buildx said besides its progress.
Error target_fault(const Task& task, const std::string& subject, const TargetProgress& told, const std::string& text,
                   const std::string& builder);
/// Kind spec with context fault = secret-missing: a build secret of the task is in no variable and in no file here.
Result<void> check_secrets(const Task& task);

/// What one target gave, by task index of the batch.
Result<std::map<std::size_t, BuiltImage>> read_target(const BakeTarget& target, const std::vector<Task>& tasks,
                                                      const std::optional<PushPlace>& place, const Digest& digest,
                                                      const BuildContext& context);

/// One call of bake: the tasks that one builder gets together.
struct Call {
  BuilderSettings builder;
  std::vector<std::size_t> tasks;
};
/// Calls by builder, in an order in which a variant comes after those that it builds on.
Result<std::vector<Call>> sort_calls(const std::vector<Task>& tasks);

/// Where the images of variants are: variant → platform → build context.
using VariantPlaces = std::map<std::string, std::map<std::string, std::string>>;
/// Runs a call; `tasks` are those of the call, in its order, and `done` gets numbers of the whole batch. What an older
/// buildx stopped because of others runs again. `folder` is for its files.
VariantPlaces run_call(const Call& call, std::vector<Task> tasks, const BuildContext& context,
                       const std::filesystem::path& folder, const std::function<void(Outcome)>& done);

/// The error of a task, marked as its.
Error about(Error error, const Task& task);

class BuildxBuilder final : public Builder {
 public:
  [[nodiscard]] std::string_view name() const override { return "buildx"; }
  Result<void> prepare(Task& task, BaseResolver& bases, const CancelToken& cancel) override;
  void build(const std::vector<Task>& tasks, BaseResolver& bases, const BuildContext& context,
             const std::function<void(Outcome)>& done) override;

 private:
  Result<Dockerfile> dockerfile(const Task& task);
  Result<void> pin_images(Task& task, const DockerfileUses& uses, BaseResolver& bases);
  Result<Digest> source_of(const Task& task, const CancelToken& cancel);

  OncePerKey<Dockerfile> dockerfiles_;
  OncePerKey<Digest> sources_;
};

}  // namespace shipset::build::buildx
