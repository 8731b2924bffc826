// What rules and flavor give for one event, with where each tag comes from: metadata_tags() shows the tags as the
// action does, release files also need to know how each of them moves.
#pragma once

#include "metadata_rules_impl.hpp"
#include "shipset/tags/metadata.hpp"

namespace shipset::tags::detail {

struct MadeTag {
  std::string tag;
  std::size_t rule = 0;  // as written, counted from 0; of `latest`: the rule that decided about it
  bool is_latest = false;
  std::string prefix, suffix;  // as rendered
  std::string value;           // what stands between them
  std::string version;         // what a rule of versions read, as it is written; empty for other rules
  std::string normal_version;  // the same in normal form
  bool passing = false;        // a pre-release (or post-release, or development release): given as a whole
};

struct MadeTags {
  std::vector<MadeTag> tags;  // in the action's order, `latest` last, each once
  std::vector<std::string> warnings;
  bool latest = false;
};

/// Errors of kind usage; those of one rule carry its number as context "rule".
Result<MadeTags> make_tags(const MetadataRequest& request, const std::vector<MetadataRule>& rules,
                           const Flavor& flavor);

/// Prefix and suffix of a rule, from the rule itself or the flavor, with their expressions evaluated.
Result<std::pair<std::string, std::string>> affixes_of(const MetadataRequest& request, const MetadataRule& rule,
                                                       const Flavor& flavor);

/// Runs of characters that no tag has become one dash.
std::string sanitized(std::string_view text);

}  // namespace shipset::tags::detail
