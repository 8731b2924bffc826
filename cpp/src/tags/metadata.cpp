#include "shipset/tags/metadata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "handlebars_impl.hpp"
#include "metadata_maker_impl.hpp"
#include "metadata_scope_impl.hpp"
#include "metadata_versions_impl.hpp"
#include "script_pattern_impl.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/reference.hpp"

namespace shipset::tags {

namespace {

using namespace detail;

std::string dashed(std::string text) {
  std::replace(text.begin(), text.end(), '/', '-');
  return text;
}

Error doubled(const std::string& reference, std::string_view tag) {
  return Error(ErrorKind::usage, fmt::format("the tag {} would be set twice", reference),
               "two rules, a rule and latest, or two images give it",
               tag.find("latest") != tag.npos ? "drop the rule, or set the flavor latest=false" : "drop one of them");
}

class Maker {
 public:
  Maker(const MetadataRequest& request, const Flavor& flavor)
      : request_(request), event_(request.event), flavor_(flavor), scope_(request), dates_(request, DatesOnly::yes) {}

  Result<void> add(const MetadataRule& rule) {
    SHIPSET_TRY(const auto enabled, render_template(rule.attribute("enable"), scope_));
    if (enabled != "true" && enabled != "false")
      return refused(rule, fmt::format("enable is \"{}\", neither true nor false", printable(enabled, 40)));
    if (enabled == "false") return {};
    switch (rule.type) {
      case RuleType::schedule:
        return add_schedule(rule);
      case RuleType::semver:
      case RuleType::pep440:
        return add_version(rule);
      case RuleType::match:
        return add_match(rule);
      case RuleType::edge:
        return add_edge(rule);
      case RuleType::ref:
        return add_ref(rule);
      case RuleType::raw: {
        SHIPSET_TRY(const auto value, render_template(rule.attribute("value"), scope_));
        return emit(rule, value, false);
      }
      case RuleType::sha: {
        if (event_.sha.empty()) return {};
        std::string value = event_.sha;
        if (rule.attribute("format") == "short") {
          SHIPSET_TRY(value, scope_.short_sha());
        }
        return emit(rule, value, false);
      }
    }
    return {};
  }

  Result<MadeTags> finish() {
    out_.latest = latest_.value_or(false);
    if (out_.tags.empty()) return std::move(out_);
    if (out_.latest) {
      MadeTag latest = out_.tags.front();
      latest.prefix = flavor_.prefix_on_latest ? flavor_.prefix : "";
      latest.suffix = flavor_.suffix_on_latest ? flavor_.suffix : "";
      latest.value = "latest";
      latest.is_latest = true;
      latest.tag = sanitized(latest.prefix + latest.value + latest.suffix);
      out_.tags.push_back(std::move(latest));
    }
    std::set<std::string_view> seen;
    for (const auto& made : out_.tags) {
      const auto& tag = made.tag;
      if (auto checked = check_tag(tag); !checked)
        return Error(ErrorKind::usage, fmt::format("the rules give \"{}\", which is no tag", printable(tag, 140)),
                     checked.error().why.empty() ? checked.error().what : checked.error().why,
                     "change the prefix, the value or the branch that it is made of")
            .with("rule", std::to_string(made.rule));
      if (!seen.insert(tag).second) return doubled(tag, tag).with("rule", std::to_string(made.rule));
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] static Error refused(const MetadataRule& rule, std::string why, std::string hint = {}) {
    return Error(ErrorKind::usage, fmt::format("the rule {} cannot be used", printable(rule.text, 120)), std::move(why),
                 std::move(hint));
  }

  [[nodiscard]] std::optional<std::string> below(std::string_view folder) const {
    if (!event_.ref.starts_with(folder)) return std::nullopt;
    return event_.ref.substr(folder.size());
  }

  // What version rules look at: their value, else the git tag; none when neither is there.
  Result<std::optional<std::string>> subject(const MetadataRule& rule) const {
    if (rule.attribute("value").empty()) return below("refs/tags/");
    SHIPSET_TRY(auto value, render_template(rule.attribute("value"), scope_));
    return std::optional(std::move(value));
  }

  Result<void> add_schedule(const MetadataRule& rule) {
    if (event_.event_name.find("schedule") == event_.event_name.npos) return {};
    SHIPSET_TRY(const auto value, render_template(rule.attribute("pattern"), dates_));
    return emit(rule, value, false);
  }

  Result<void> add_version(const MetadataRule& rule) {
    SHIPSET_TRY(auto text, subject(rule));
    if (!text) return {};
    if (const auto& pattern = rule.attribute("match"); !pattern.empty()) {
      SHIPSET_TRY(const auto found, match_pattern(pattern, "", *text));
      if (!found)
        warn(fmt::format("{} does not match {}.", pattern, *text));
      else if (found->size() < 2 || !(*found)[1])
        return refused(rule, "match has no first group, or that is empty",
                       "put the version in parentheses: match=v(.+)");
      else
        text = (*found)[1];
    }
    const std::string subject = dashed(*text);
    std::optional<VersionScope> version;
    if (rule.type == RuleType::semver) {
      version = VersionScope::semver(subject);
      if (!version) warn(fmt::format("{} is not a valid semver. More info: https://semver.org/", subject));
    } else {
      SHIPSET_TRY(version, VersionScope::pep440(subject));
      if (!version)
        warn(fmt::format("{} does not conform to PEP 440. More info: https://www.python.org/dev/peps/pep-0440",
                         subject));
    }
    if (!version) return {};
    SHIPSET_TRY(const auto pattern, Handlebars::parse(rule.attribute("pattern")));
    MadeTag made;
    made.version = subject;
    made.normal_version = version->version();
    made.passing = version->is_passing();
    if (made.passing) return emit(rule, pattern.is_only("raw") ? subject : version->version(), false, std::move(made));
    SHIPSET_TRY(const auto value, pattern.render(*version));
    return emit(rule, value, true, std::move(made));
  }

  Result<void> add_match(const MetadataRule& rule) {
    SHIPSET_TRY(const auto text, subject(rule));
    if (!text) return {};
    const std::string& given = rule.attribute("pattern");
    std::string_view pattern = given, flags;
    // `/pattern/flags`
    if (const std::size_t last = pattern.rfind('/'); pattern.starts_with('/') && last > 1) {
      flags = pattern.substr(last + 1);
      pattern = pattern.substr(1, last - 1);
    }
    SHIPSET_TRY(const auto found, match_pattern(pattern, flags, *text));
    if (!found) {
      warn(fmt::format("{} does not match {}.", given, *text));
      return {};
    }
    for (std::size_t group = 0; group < found->size(); ++group)
      if ((*found)[group] && rule.attribute("group") == std::to_string(group))
        return emit(rule, *(*found)[group], true);
    warn(fmt::format("Group {} does not exist for {} pattern.", rule.attribute("group"), given));
    return {};
  }

  Result<void> add_edge(const MetadataRule& rule) {
    const auto branch = below("refs/heads/");
    if (!branch) return {};
    const std::string& wanted = rule.attribute("branch");
    if (*branch != (wanted.empty() ? event_.default_branch : wanted)) return {};
    return emit(rule, "edge", false);
  }

  Result<void> add_ref(const MetadataRule& rule) {
    const std::string& event = rule.attribute("event");
    const bool is_pull = event == "pr";
    auto value = below(is_pull ? "refs/pull/" : event == "tag" ? "refs/tags/" : "refs/heads/");
    if (!value) return {};
    if (is_pull && value->ends_with("/merge")) value->resize(value->size() - 6);
    return emit(rule, *value, event == "tag");
  }

  // A value with its affixes becomes a tag; the first one decides about `latest`.
  Result<void> emit(const MetadataRule& rule, std::string_view value, bool is_latest, MadeTag made = {}) {
    SHIPSET_TRY(const auto affixes, affixes_of(request_, rule, flavor_));
    made.rule = rule.index;
    made.prefix = affixes.first;
    made.value = value;
    made.suffix = affixes.second;
    const std::string text = made.prefix + made.value + made.suffix;
    if (text.empty()) return {};
    made.tag = sanitized(text);
    const bool known =
        std::any_of(out_.tags.begin(), out_.tags.end(), [&](const MadeTag& other) { return other.tag == made.tag; });
    if (!known) out_.tags.push_back(std::move(made));
    if (!latest_)
      latest_ = flavor_.latest == Flavor::Latest::automatic ? is_latest : flavor_.latest == Flavor::Latest::yes;
    return {};
  }

  void warn(const std::string& text) { out_.warnings.push_back(printable(text, 1000)); }

  const MetadataRequest& request_;
  const MetadataEvent& event_;
  const Flavor& flavor_;
  const MetadataScope scope_, dates_;
  MadeTags out_;
  std::optional<bool> latest_;
};

Result<void> check_event(const MetadataEvent& event) {
  constexpr std::size_t max_bytes = 4096;
  for (const auto* text : {&event.ref, &event.sha, &event.event_name, &event.default_branch, &event.base_ref})
    if (text->size() > max_bytes || !is_utf8(*text))
      return Error(ErrorKind::usage, "the event cannot be used",
                   fmt::format("{} is longer than {} bytes or no UTF-8", printable(*text, 40), max_bytes));
  return {};
}

}  // namespace

namespace detail {

std::string sanitized(std::string_view text) {
  std::string out;
  bool replaced = false;
  for (const char c : text) {
    const bool fits =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (fits)
      out += c;
    else if (!replaced)
      out += '-';
    replaced = !fits;
  }
  return out;
}

Result<std::pair<std::string, std::string>> affixes_of(const MetadataRequest& request, const MetadataRule& rule,
                                                       const Flavor& flavor) {
  const MetadataScope scope(request);
  SHIPSET_TRY(auto prefix, render_template(rule.has("prefix") ? rule.attribute("prefix") : flavor.prefix, scope));
  SHIPSET_TRY(auto suffix, render_template(rule.has("suffix") ? rule.attribute("suffix") : flavor.suffix, scope));
  return std::pair(std::move(prefix), std::move(suffix));
}

Result<MadeTags> make_tags(const MetadataRequest& request, const std::vector<MetadataRule>& rules,
                           const Flavor& flavor) {
  SHIPSET_CHECK(check_event(request.event));
  Maker maker(request, flavor);
  for (const auto& rule : rules)
    if (auto added = maker.add(rule); !added) return std::move(added).error().with("rule", std::to_string(rule.index));
  return maker.finish();
}

}  // namespace detail

Result<MetadataTags> metadata_tags(const MetadataRequest& request) {
  SHIPSET_CHECK(check_event(request.event));
  SHIPSET_TRY(const auto images, read_images(request.images));
  SHIPSET_TRY(const auto rules, read_rules(request.tags));
  SHIPSET_TRY(const auto flavor, read_flavor(request.flavor));
  SHIPSET_TRY(auto made, make_tags(request, rules, flavor));
  MetadataTags out;
  out.latest = made.latest;
  out.warnings = std::move(made.warnings);
  for (const auto& tag : made.tags) {
    if (!out.version)
      out.version = tag.tag;
    else if (!tag.is_latest)
      out.partial.push_back(tag.tag);
  }
  std::set<std::string> seen;
  for (const auto& image : images.empty() ? std::vector<std::string>{""} : images) {
    for (const auto& one : made.tags) {
      std::string reference = image.empty() ? one.tag : image + ":" + one.tag;
      if (!seen.insert(reference).second) return doubled(reference, one.tag);
      out.tags.push_back(std::move(reference));
    }
  }
  return out;
}

}  // namespace shipset::tags
