#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "metadata_rules_impl.hpp"
#include "script_text_impl.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/reference.hpp"

namespace shipset::tags::detail {

namespace {

struct TypeWords {
  std::string_view name;
  RuleType type;
  double priority;
};
constexpr std::array<TypeWords, 8> types = {{{"schedule", RuleType::schedule, 1000},
                                             {"semver", RuleType::semver, 900},
                                             {"pep440", RuleType::pep440, 900},
                                             {"match", RuleType::match, 800},
                                             {"edge", RuleType::edge, 700},
                                             {"ref", RuleType::ref, 600},
                                             {"raw", RuleType::raw, 200},
                                             {"sha", RuleType::sha, 100}}};

struct Field {
  std::string key;  // small letters; empty for a field without an equals sign
  std::string value;
};

Error broken(std::string_view what, std::string_view text, std::string why, std::string hint = {}) {
  return Error(ErrorKind::usage, fmt::format("{} {} cannot be used", what, printable(text, 120)), std::move(why),
               std::move(hint));
}

// `a=b=c` is b for flavors and images, and b=c for rules: so does the action.
Field read_field(std::string_view text, bool whole_value) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos || (whole_value && equals == 0)) return {"", std::string(script_trim(text))};
  std::string_view value = text.substr(equals + 1);
  if (!whole_value) value = value.substr(0, value.find('='));
  return {to_lower(script_trim(text.substr(0, equals))), std::string(script_trim(value))};
}

Result<std::vector<Field>> read_fields(std::string_view text, bool whole_value) {
  constexpr std::size_t max_bytes = 16384;
  if (text.size() > max_bytes || !is_utf8(text))
    return broken("the entry", text.substr(0, 40),
                  text.size() > max_bytes ? "it is longer than 16 KiB" : "it is no UTF-8");
  // Line breaks at the ends come from files and mean nothing.
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  while (!text.empty() && (text.front() == '\n' || text.front() == '\r')) text.remove_prefix(1);
  if (text.empty()) return Error(ErrorKind::usage, "an entry is empty", "", "leave it out");
  SHIPSET_TRY(const auto fields, read_csv(text));
  std::vector<Field> out;
  for (const auto& field : fields) out.push_back(read_field(field, whole_value));
  return out;
}

Result<void> check_count(std::size_t count, std::string_view what) {
  constexpr std::size_t max_entries = 1000;
  if (count <= max_entries) return {};
  return Error(ErrorKind::usage, fmt::format("there are too many {}", what),
               fmt::format("{} were given, {} are the most", count, max_entries));
}

const TypeWords* find_type(std::string_view name) {
  const auto found = std::find_if(types.begin(), types.end(), [&](const auto& type) { return type.name == name; });
  return found == types.end() ? nullptr : &*found;
}

Error unknown_type(std::string_view rule, std::string_view name) {
  std::vector<std::string> names;
  for (const auto& type : types) names.emplace_back(type.name);
  const std::string nearest = nearest_name(to_lower(name), names);
  return broken("the rule", rule, fmt::format("type={} is not known", printable(name, 40)),
                nearest.empty() ? "types are " + join(names, ", ") : fmt::format("did you mean type={}?", nearest));
}

Result<void> need(const MetadataRule& rule, const std::string& name) {
  if (rule.has(name)) return {};
  return broken("the rule", rule.text, fmt::format("it has no {}", name), fmt::format("add {}=…", name));
}

Result<void> need_one_of(const MetadataRule& rule, const std::string& name, const std::vector<std::string>& words) {
  const std::string& value = rule.attribute(name);
  if (std::find(words.begin(), words.end(), value) != words.end()) return {};
  return broken("the rule", rule.text, fmt::format("{}={} is not known", name, printable(value, 40)),
                fmt::format("{} is one of {}", name, join(words, ", ")));
}

// Defaults of the type, and what it must have.
Result<void> complete(MetadataRule& rule) {
  switch (rule.type) {
    case RuleType::schedule:
      rule.given.emplace("pattern", "nightly");
      return {};
    case RuleType::semver:
    case RuleType::pep440:
      return need(rule, "pattern");
    case RuleType::match:
      rule.given.emplace("group", "0");
      if (!script_number(rule.attribute("group")))
        return broken("the rule", rule.text,
                      fmt::format("group={} is no number", printable(rule.attribute("group"), 40)));
      return need(rule, "pattern");
    case RuleType::edge:
      return {};
    case RuleType::ref:
      SHIPSET_CHECK(need(rule, "event"));
      if (rule.attribute("event") == "pr") rule.given.emplace("prefix", "pr-");
      return need_one_of(rule, "event", {"branch", "tag", "pr"});
    case RuleType::raw:
      return need(rule, "value");
    case RuleType::sha:
      rule.given.emplace("prefix", "sha-");
      rule.given.emplace("format", "short");
      return need_one_of(rule, "format", {"short", "long"});
  }
  return {};
}

Result<MetadataRule> read_rule(std::string_view text) {
  MetadataRule rule;
  rule.text = text;
  const TypeWords* type = find_type("raw");
  SHIPSET_TRY(const auto fields, read_fields(text, true));
  for (const auto& field : fields) {
    if (field.key == "type") {
      type = find_type(field.value);
      if (type == nullptr) return unknown_type(text, field.value);
    } else {
      rule.given[field.key.empty() ? "value" : field.key] = field.value;
    }
  }
  rule.type = type->type;
  SHIPSET_CHECK(complete(rule));
  rule.given.emplace("enable", "true");
  rule.priority = type->priority;
  if (rule.has("priority")) {
    const auto number = script_number(rule.attribute("priority"));
    if (!number)
      return broken("the rule", text,
                    fmt::format("priority={} is no number", printable(rule.attribute("priority"), 40)));
    rule.priority = *number;
  }
  return rule;
}

Result<bool> read_bool(std::string_view what, std::string_view text, const Field& field) {
  if (field.value == "true" || field.value == "false") return field.value == "true";
  return broken(what, text, fmt::format("{}={} is neither true nor false", field.key, printable(field.value, 40)));
}

struct Image {
  std::string name;
  bool enabled = true;
};

Result<Image> read_image(std::string_view text, const std::vector<Field>& fields) {
  Image image;
  for (const auto& field : fields) {
    if (field.key.empty() || field.key == "name") {
      image.name = to_lower(field.value);
    } else if (field.key == "enable") {
      SHIPSET_TRY(image.enabled, read_bool("the image", text, field));
    } else {
      return broken("the image", text, fmt::format("the attribute {} is not known", printable(field.key, 40)),
                    "attributes of an image are name and enable");
    }
  }
  if (image.name.empty()) return broken("the image", text, "it has no name");
  return image;
}

Result<void> check_name(const std::string& name) {
  const auto reference = Reference::parse(name);
  if (!reference) return broken("the image", name, reference.error().why, reference.error().hint);
  if (!reference->tag().empty() || !reference->digest().empty())
    return broken("the image", name, "it has a tag or a digest of its own", "give the repository alone");
  return {};
}

}  // namespace

const std::string& MetadataRule::attribute(const std::string& name) const {
  static const std::string none;
  const auto found = given.find(name);
  return found == given.end() ? none : found->second;
}

Result<std::vector<MetadataRule>> read_rules(const std::vector<std::string>& texts) {
  static const std::vector<std::string> usual = {"type=schedule", "type=ref,event=branch", "type=ref,event=tag",
                                                 "type=ref,event=pr"};
  SHIPSET_CHECK(check_count(texts.size(), "tag rules"));
  std::vector<MetadataRule> rules;
  for (const auto& text : texts.empty() ? usual : texts) {
    auto rule = read_rule(text);
    if (!rule) return std::move(rule).error().with("rule", std::to_string(rules.size()));
    rule->index = rules.size();
    rules.push_back(std::move(*rule));
  }
  std::stable_sort(rules.begin(), rules.end(), [](const auto& l, const auto& r) { return l.priority > r.priority; });
  return rules;
}

Result<Flavor> read_flavor(const std::vector<std::string>& texts) {
  SHIPSET_CHECK(check_count(texts.size(), "flavor entries"));
  Flavor flavor;
  for (const auto& text : texts) {
    bool* on_latest = nullptr;  // of the affix that stands before it in the same entry
    SHIPSET_TRY(const auto fields, read_fields(text, false));
    for (const auto& field : fields) {
      if (field.key == "latest") {
        if (field.value != "auto" && field.value != "true" && field.value != "false")
          return broken("the flavor", text, "latest is neither auto nor true nor false");
        flavor.latest = field.value == "auto"   ? Flavor::Latest::automatic
                        : field.value == "true" ? Flavor::Latest::yes
                                                : Flavor::Latest::no;
      } else if (field.key == "prefix") {
        flavor.prefix = field.value;
        on_latest = &flavor.prefix_on_latest;
      } else if (field.key == "suffix") {
        flavor.suffix = field.value;
        flavor.suffix_given = true;
        on_latest = &flavor.suffix_on_latest;
      } else if (field.key == "onlatest") {
        SHIPSET_TRY(const bool on, read_bool("the flavor", text, field));
        if (on_latest != nullptr) *on_latest = on;
      } else {
        return broken("the flavor", text, "it is not known", "use latest=…, prefix=…, suffix=… and onlatest=…");
      }
    }
  }
  return flavor;
}

Result<std::vector<std::string>> read_images(const std::vector<std::string>& texts) {
  SHIPSET_CHECK(check_count(texts.size(), "images"));
  std::vector<Image> images;
  for (const auto& text : texts) {
    SHIPSET_TRY(const auto fields, read_fields(text, false));
    const bool plain = std::all_of(fields.begin(), fields.end(), [](const Field& field) { return field.key.empty(); });
    if (texts.size() == 1 && plain) {  // the older form: all images in one entry
      for (const auto& field : fields) {
        SHIPSET_TRY(images.emplace_back(), read_image(text, {field}));
      }
    } else {
      SHIPSET_TRY(images.emplace_back(), read_image(text, fields));
    }
  }
  std::vector<std::string> names;
  for (const auto& image : images) {
    SHIPSET_CHECK(check_name(image.name));
    if (image.enabled) names.push_back(image.name);
  }
  return names;
}

}  // namespace shipset::tags::detail
