// The plan: everything a release will do, as data, computed against the live destinations before anything is done.
// Frozen to a file it holds inputs, facts, base digests, tags and the digest behind each tag; executing a frozen plan
// derives everything again from the release file and refuses when anything differs. Immutable once made.
// product.md §4 "Plan = deed". Thread-safe: values; make_plan blocks and may be called from any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shipset/build/builder.hpp"
#include "shipset/model/spec.hpp"
#include "shipset/registry/client.hpp"
#include "shipset/tags/table.hpp"

namespace shipset::release {

inline constexpr int plan_schema_version = 1;

/// Choices of one run, beside the release file.
struct Options {
  std::string destination;                ///< "" = the file's repositories; `oci:PATH`; or HOST[:PORT][/PREFIX]
  std::string backend;                    ///< "" = as the file says; else native | buildx | prebuilt for everything
  std::vector<std::string> only;          ///< VARIANT or VARIANT/os/arch; empty = all
  std::vector<std::string> replace_tags;  ///< exact tags (TAG or REPOSITORY:TAG) that may be overwritten
  std::vector<std::string> force_tags;    ///< forward tags that move whatever the versions say
  std::string builder;                    ///< buildx builder for everything, in place of the file's; "" = as it says
  std::string id;                         ///< of the release; "" = computed
  std::vector<std::string> results;       ///< files that this run writes, besides its destination; no source of it
  std::size_t parallel = 0;               ///< builds at a time; 0 = number of cores
  registry::ClientOptions client;
  /// Applies the tag rules once more to this version, which is there already, and builds nothing. The matrix must be of
  /// that version (ReleaseSpec::matrix_of_version). "": an ordinary release.
  std::string from_version;
  /// The journal also goes to the staging repository, for another machine; always so in a CI run (Facts::ci_run).
  bool mirror_journal = false;
  /// Images of a release get tags of the staging while they wait for their own, as they do for `build`; always so where
  /// the registry is known to remove what has no tag.
  bool stage_tags = false;
};

/// One place that receives the release: a repository of the file at its destination.
struct Target {
  std::string repository;  ///< normalised name of the file's repository, e.g. docker.io/docker/model-runner
  Location location;       ///< where it really goes: registry repository or layout
  /// Why it could not be asked, and takes no part in this plan (`on_registry_failure = "continue"`); "": it takes part.
  std::string left_out{};
  [[nodiscard]] std::string name() const { return location.str(); }
};

enum class VariantAction : std::uint8_t {
  build,     ///< nothing usable is there
  present,   ///< every target has this very release (same build key, complete)
  copy,      ///< one target has it, others get it from there
  repair,    ///< it is there but incomplete: built again
  inactive,  ///< its `when` is false
  absent,    ///< required = "if-present" and its base exists for no platform
  excluded,  ///< not among `only`
};
std::string_view to_string(VariantAction action) noexcept;

struct PlannedImage {
  build::Task task;  ///< bases pinned, source digest known when the variant is to be built or compared
};

struct PlannedVariant {
  std::string name;
  VariantAction action = VariantAction::build;
  std::string why;   ///< one line
  Digest build_key;  ///< of the variant index; empty when inactive
  std::vector<PlannedImage> images;
  /// The index with our build key at each target (index into targets); nullopt where it is not.
  std::vector<std::optional<oci::Descriptor>> found;
  std::vector<std::size_t> targets;  ///< where the variant goes: indices into Plan::targets
  std::optional<Error> unbuildable;  ///< why the chosen backend cannot build it; executing fails with this
};

enum class TagAction : std::uint8_t {
  create,  ///< the tag does not exist
  move,    ///< it holds something else
  keep,    ///< it already holds the right digest
  decide,  ///< the digest is known only after the build: create or move
  refuse,  ///< a forward rule says no, or its destination is left out: the tag stays, no failure
};
std::string_view to_string(TagAction action) noexcept;

struct PlannedTag {
  std::size_t target = 0;  ///< index into targets
  std::size_t entry = 0;   ///< index into table.entries
  std::string tag;
  std::string variant;
  TagAction action = TagAction::create;
  std::optional<oci::Descriptor> current;  ///< what the tag holds now
  std::string reason;                      ///< why it moves or stays
  bool replace = false;                    ///< --replace names it: an exact tag that may be overwritten
};

/// The set manifest of the release.
struct PlannedSet {
  std::string tag;   ///< its own tag in every repository; "": none is asked for
  bool due = false;  ///< everything else is as it should be, and it is missing somewhere
};

struct Plan {
  std::string id;  ///< stable over attempts; 12 hex digits
  std::shared_ptr<const Matrix> matrix;
  Options options;
  tags::Table table;
  std::vector<Target> targets;
  std::vector<PlannedVariant> variants;  ///< file order
  std::vector<PlannedTag> tags;          ///< in the order of promotion
  PlannedSet set;
  std::vector<Problem> warnings;
  /// A destination is known to refuse artifacts with an empty config: attestations of every index take the legacy form,
  /// so that digests are equal everywhere. Not part of the build key.
  bool legacy_attestations = false;
  std::uint64_t disk_bytes = 0;  ///< upper estimate of temporary disk need (inputs of native layers)

  /// Whether executing it would change nothing.
  [[nodiscard]] bool nothing_to_do() const;
  /// Images that the buildx backend has to build, as a bake file (indented JSON). Errors: as make_bake_file.
  [[nodiscard]] Result<std::string> bake() const;
  /// Jobs of a CI, `{"include":[{variant, platform, name, key, level, only, ci}…]}` on one line (specs §8.3): one for
  /// each platform image that has to be built, or for each variant. A variant that builds on another one has a higher
  /// level. With `level` only those of that level. Kind usage: more than 256 jobs, or no such level.
  [[nodiscard]] Result<std::string> github_matrix(bool by_variant, std::optional<std::size_t> level) const;
  /// How many levels the matrix has; 0: nothing has to be built.
  [[nodiscard]] std::size_t levels() const;
  /// Stable JSON (schema_version 1), documented in the reference pages.
  [[nodiscard]] std::string to_json(bool indented = false) const;
};

/// Looks at every target (resolve of tags, build keys, completeness), pins bases, hashes layer inputs. A destination
/// whose tags cannot be looked at is an error, or, with `on_registry_failure = "continue"`, a warning while others
/// remain, and Target::left_out.
/// Errors: tag_conflict (an exact tag holds other content), spec, auth, registry, network, io, cancelled.
Result<Plan> make_plan(const Matrix& matrix, const Options& options, const EventSink& events = {},
                       const CancelToken& cancel = {});

/// A frozen plan: reads the file, derives the plan again from the release file with the frozen inputs, facts and
/// options, and compares. Different release file, bases, inputs or tags: kind policy (tag_moved for tags).
/// Another schema version: kind usage.
/// Images that the plan pinned are used as it says; one whose tag has moved since is a warning, one that is gone is
/// kind policy.
struct ThawOptions {
  std::filesystem::path file;        ///< the release file; "" = the path that the plan names
  std::vector<std::string> only;     ///< a part of the plan, to be built alone: then its tags are not compared
  std::string id;                    ///< in place of the plan's
  std::string builder;               ///< in place of the plan's
  std::vector<std::string> results;  ///< as in Options; the plan's own file
  registry::ClientOptions client;
  std::optional<std::string> spec_text;  ///< text of the release file, in place of what lies there now
};
Result<Plan> thaw_plan(std::string_view json, const ThawOptions& options, const EventSink& events = {},
                       const CancelToken& cancel = {});

}  // namespace shipset::release
