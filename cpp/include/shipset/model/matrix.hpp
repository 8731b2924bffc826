// The release with inputs given: every variant with its platforms, resolved settings and tag rules. Immutable data;
// made by ReleaseSpec::matrix, read by tags, build and release. `plan` shows it. product.md §2, §3.
#pragma once

#include <map>
#include <memory>

#include "shipset/base/digest.hpp"
#include "shipset/model/settings.hpp"
#include "shipset/model/value.hpp"
#include "shipset/model/version.hpp"

namespace shipset {

enum class Moves : std::uint8_t { never, forward, always };
std::string_view to_string(Moves moves) noexcept;

/// One tag rule of one variant (or of one platform of it) with its template evaluated and its `when` true.
struct ResolvedTag {
  std::string tag;    ///< evaluated
  std::string shape;  ///< the rule as a template in which only version* names are left, e.g. "{version}-cuda"
  std::string rule;   ///< as written, for reasons
  Moves moves = Moves::never;
  std::vector<Platform> platforms;  ///< platform_rules: points at these only; empty = the variant index
  bool index = false;               ///< platform_rules with index = true: an index of just `platforms`
  int line = 0, column = 0;         ///< place in the release file
  /// A rule of docker/metadata-action: `rule` is its text, `tag` and `shape` are empty. What it gives is evaluated by
  /// tags::evaluated_tags, with the variant's flavor and the event of the facts.
  bool dialect = false;
  bool moves_given = false;  ///< of such a rule: `moves` stands in the file; else it follows from the rule
  std::string version;       ///< of a tag that such a rule gave: the version it is of; "" = the release's
};

enum class Required : std::uint8_t { yes, no, if_present };
std::string_view to_string(Required required) noexcept;  ///< "true", "false", "if-present"

struct PlatformImage {
  Platform platform;
  BuildSettings settings;
  std::string ci_json;  ///< free `ci` table of this platform (the variant's, merged) as JSON text; "" = none
};

struct Variant {
  std::string name;
  std::string suffix;  ///< without dash; "" for the unsuffixed variant
  bool active = true;  ///< `when` was true
  std::string when;    ///< expression as written; empty = always
  Required required = Required::yes;
  bool publish = true;
  std::vector<std::string> repositories;  ///< as written (familiar form allowed), in order
  std::vector<PlatformImage> platforms;
  std::vector<ResolvedTag> tags;    ///< in rule order; empty when !publish. Filled for inactive variants too.
  std::vector<std::string> flavor;  ///< of docker/metadata-action, entries as written
  std::vector<std::string> hardware;
  OrderedMap axes;                      ///< axis name → value name
  std::vector<std::string> depends_on;  ///< variants that are bases of this one
  std::string ci_json;                  ///< free `ci` table as JSON text; "" = none
  int line = 0;                         ///< where it is declared
};

/// What a gate without a command measures: compressed layers of each staged platform image. At least one is set, and
/// each counts on its own.
struct Budget {
  std::optional<std::uint64_t> image_bytes;          ///< all layers of one platform image
  std::optional<std::uint64_t> layer_bytes;          ///< any one layer
  std::optional<std::uint32_t> growth_basis_points;  ///< hundredths of a percent over the last release
  std::optional<std::uint64_t> growth_bytes;         ///< bytes over the last release
  bool operator==(const Budget&) const = default;
};

struct Gate {
  enum class At : std::uint8_t { before_build, staged, external };
  std::string name;
  At at = At::before_build;
  std::vector<std::string> run;       ///< argv; empty for external gates and for budgets
  std::optional<Budget> budget;       ///< with `at` staged only
  std::vector<std::string> variants;  ///< empty = all
  bool required = true;
  std::int64_t timeout_s = 3600;
};
std::string_view to_string(Gate::At at) noexcept;

/// Facts from outside, collected by the face (git, CI, clock, allowed environment) and passed in as data.
struct Facts {
  std::map<std::string, std::string> git;  ///< sha, branch, tag, ref_type, default_branch, commit_count; absent = none
  std::string event_name;
  /// What happened, for rules of docker/metadata-action: ref, sha, event_name, default_branch, base_ref,
  /// commit_unix_ms, short_sha_length, and by "zone NAME UNIX_MS" offsets of time zones ("3600 CET"). Empty: it is made
  /// of `git`. The matrix keeps it only where such rules are.
  std::map<std::string, std::string> event;
  std::int64_t date_unix_s = 0;
  std::map<std::string, std::string> env;  ///< candidates; only names in [env] allow are visible
  std::optional<std::int64_t> source_date_epoch;
  std::optional<std::int64_t> commit_time_unix_s;
  bool context_clean = false;  ///< the working tree equals git.sha
  std::string ci_run;          ///< id of the CI run, if any
  /// Versions that exist, as written: git tags, and what the destination's tags read as. Only `version = "auto:…"`
  /// looks at them, and the matrix keeps of them what decided. nullopt: not known, which is not the same as none.
  std::optional<std::vector<std::string>> versions;
};

struct Matrix {
  std::string file;       ///< path of the release file as given
  std::string directory;  ///< its folder (absolute); paths in settings are relative to it
  Digest file_digest;
  std::string name;
  std::string version;    ///< evaluated [release] version; "" when none is given
  std::string automatic;  ///< "auto:minor" when the version was computed from facts.versions; else ""
  VersionScheme scheme = VersionScheme::semver;
  std::vector<std::string> repositories;
  bool continue_on_registry_failure = false;  ///< on_registry_failure = "continue"
  bool set_tag = false;                       ///< the set manifest also goes under the tag <version>.shipset
  bool fail_fast = false;
  std::string staging_repository;
  std::vector<std::string> withdrawn;
  std::vector<std::string> flavor;                    ///< metadata-action flavor entries of the whole release
  std::vector<std::pair<std::string, Value>> inputs;  ///< resolved, in file order
  std::vector<Gate> gates;
  std::vector<Variant> variants;  ///< every declared variant, in file order, also inactive ones
  Facts facts;
  std::vector<Problem> warnings;

  [[nodiscard]] const Variant* find(std::string_view variant) const;
};

}  // namespace shipset
