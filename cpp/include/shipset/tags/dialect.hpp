// Rules of docker/metadata-action in a release file: what they give for the event of the facts, and how those tags
// move. The full version of semver and pep440 is an exact tag, partial versions and `latest` move forward, all others
// always, unless the rule says otherwise. The variant's suffix is the flavor's suffix, also on `latest`, unless the
// flavor names one. Pure functions; the dialect itself is in tags/metadata.hpp. product.md §3 "metadata-action".
#pragma once

#include <string>
#include <vector>

#include "shipset/model/matrix.hpp"

namespace shipset::tags {

struct EvaluatedTags {
  /// The variant's tags, with what the rules of the dialect give, in the action's order, in the place of the first.
  std::vector<ResolvedTag> tags;
  /// Shapes of all exact rules, also of those of the dialect that give nothing on this event: by these tags are read.
  std::vector<std::string> exact_shapes;
  std::vector<Problem>
      problems;  ///< errors at the rules' places: a rule that cannot be read, an invalid or doubled tag
  std::vector<Problem> warnings;  ///< rules that could not be applied, and why
};

EvaluatedTags evaluated_tags(const Matrix& matrix, const Variant& variant);

/// The matrix with evaluated tags only. Error kind spec with every problem.
Result<Matrix> with_evaluated_tags(const Matrix& matrix);

/// Whether any variant has a rule of the dialect.
bool has_dialect_rules(const Matrix& matrix);

}  // namespace shipset::tags
