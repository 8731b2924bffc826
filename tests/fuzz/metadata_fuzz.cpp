// Rules of metadata-action, with a git ref to apply them to: the first line is the ref, each other one a rule. What
// comes out are tags that a registry takes, each once; everything else is an error of kind usage.
#include <set>

#include "fuzz.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/reference.hpp"
#include "shipset/tags/metadata.hpp"

namespace {
using namespace shipset;

std::string check(std::string_view bytes) {
  std::vector<std::string> lines = split(bytes, '\n');
  tags::MetadataRequest request;
  request.event.ref = lines.front();
  request.event.sha = "3f9c1b7e2d4a5068b1c2d3e4f5061728394a5b6c";
  request.event.event_name = "schedule";
  request.event.default_branch = "main";
  request.now_unix_ms = 1'767'225'600'000;
  request.tags.assign(lines.begin() + 1, lines.end());
  const auto found = tags::metadata_tags(request);
  if (!found) {
    if (found.error().kind != ErrorKind::usage) return "an error of another kind";
    const std::string shown = render(found.error());
    for (const unsigned char c : shown)
      if ((c < 0x20 && c != '\n') || c == 0x7f) return "control characters in an error";
    return {};
  }
  std::set<std::string> seen;
  for (const auto& tag : found->tags) {
    if (!check_tag(tag)) return "a tag that is none: " + tag;
    if (!seen.insert(tag).second) return "a tag twice: " + tag;
  }
  if (found->version.has_value() == found->tags.empty()) return "a version without tags, or tags without a version";
  const auto again = tags::metadata_tags(request);
  return again && again->tags == found->tags ? std::string() : "another result for the same input";
}
}  // namespace

const shipset::fuzz::Target& shipset::fuzz::target() {
  static const Target found{
      check, {"type=",      "semver",   "pep440",     "match",    "raw",        "schedule", ",pattern=",  ",value=",
              ",group=",    ",enable=", ",priority=", ",prefix=", "{{",         "}}",       "{{#if ",     "{{else}}",
              "{{/if}}",    "{{~",      "{{!--",      "{{{",      "date '",     "tz='UTC'", "refs/tags/", "refs/heads/",
              "refs/pull/", "/merge",   "(",          ")+",       "[^",         "\\d",      "(?<a>",      "/gi",
              "\"\"",       "YYYY",     "[",          "LLLL",     "v1.2.3-rc.1"}};
  return found;
}
