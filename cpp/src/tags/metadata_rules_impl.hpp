// Rules, flavor and images of metadata-action as they are written: text in, checked parts out. What a rule gives is
// another matter (metadata.cpp).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/result.hpp"

namespace shipset::tags::detail {

enum class RuleType { schedule, semver, pep440, match, edge, ref, raw, sha };

struct MetadataRule {
  RuleType type = RuleType::raw;
  std::size_t index = 0;                     // which of those that are written, counted from 0
  std::string text;                          // as written
  std::map<std::string, std::string> given;  // attributes in small letters, with the defaults of the type
  double priority = 0;

  [[nodiscard]] const std::string& attribute(const std::string& name) const;  // empty when it is not given
  [[nodiscard]] bool has(const std::string& name) const { return given.contains(name); }
};

struct Flavor {
  enum class Latest { automatic, yes, no } latest = Latest::automatic;
  std::string prefix, suffix;
  bool prefix_on_latest = false, suffix_on_latest = false;
  bool suffix_given = false;
};

/// Rules in the order in which they count: by priority, then as written. None given: the action's own. An error of one
/// rule carries its number as context "rule".
Result<std::vector<MetadataRule>> read_rules(const std::vector<std::string>& texts);
Result<Flavor> read_flavor(const std::vector<std::string>& texts);
/// Names of the images that are enabled, in small letters.
Result<std::vector<std::string>> read_images(const std::vector<std::string>& texts);

}  // namespace shipset::tags::detail
