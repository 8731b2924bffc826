// The tag table: every tag of the release, where it will point, why, and how it moves. Computed from the matrix
// alone; looks at no registry. Clashes, bad tags and tags from empty values are found here, before anything runs.
// Immutable data; functions are pure. product.md §2, §3 "moves", "Platform tags".
#pragma once

#include <string>
#include <vector>

#include "shipset/model/matrix.hpp"
#include "shipset/model/reference.hpp"

namespace shipset::tags {

/// Tags that start so are shipset's own (staging and holding); no rule may make one.
inline constexpr std::string_view reserved_prefix = "_shipset.";

struct Entry {
  std::string repository;  ///< normalised name, e.g. docker.io/docker/model-runner
  std::string tag;
  std::string variant;
  std::vector<Platform> platforms;  ///< empty: the variant index
  bool index = false;               ///< with platforms: an index of these, else the one manifest
  Moves moves = Moves::never;
  std::string shape;                           ///< see ResolvedTag::shape
  std::string reason;                          ///< e.g. `rule "{version}{-suffix}"`
  std::string version;                         ///< that the tag is of; "" = the release's
  [[nodiscard]] std::string familiar() const;  ///< docker/model-runner:v1.0.0-cuda
};

struct Table {
  std::vector<Entry> entries;  ///< variants in file order, repositories in order, rules in order; active variants only
  std::vector<Problem> warnings;  ///< rules of docker/metadata-action that could not be applied
};

/// Errors of kind spec list every clash, invalid or over-long tag as problems at the rule's place; also a repository
/// that is no plain name, and a forward rule of a variant whose versions cannot be read back from its exact tags.
/// `include_inactive` also checks and lists variants whose `when` is false (for GitHub outputs); those clash with
/// nobody, because variants that exclude each other may share their tags.
Result<Table> make_table(const Matrix& matrix, bool include_inactive = false);

/// Indices into entries in the order of promotion: exact tags first, then moving tags from the most to the least
/// specific, the bare `latest` last. Equal ones stay in the order of the table.
std::vector<std::size_t> promotion_order(const Table& table);

/// The step of promotion of each entry, from 0 without gaps: entries of one step may move side by side.
std::vector<std::size_t> promotion_steps(const Table& table);

/// `NAME<<EOF` blocks, one per declared variant in file order, also for inactive ones; another delimiter only when a
/// whole line of the value equals EOF. Ends with a line feed. Tags of single platforms are not listed: the value is
/// what names the variant's image.
std::string github_outputs(const Matrix& matrix, const Table& table_with_inactive);

/// Decision about a forward tag, given all tags of its repository.
struct ForwardDecision {
  bool move = true;
  std::string reason;  ///< "v1.2.0 is the highest of 3 stable versions", "v2.0.1 is higher"
};
/// Reads `existing_tags` backwards by the exact rules of the entry's variant and applies product.md §3 "forward".
/// For many entries of one repository make one VersionReader (tags/reader.hpp) and ask that.
ForwardDecision decide_forward(const Entry& entry, const Matrix& matrix, const std::vector<std::string>& existing_tags);

}  // namespace shipset::tags
