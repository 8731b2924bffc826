// JSON Schema of the release file, written from the description that the checker uses.
#include <set>

#include "description_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/spec.hpp"

namespace shipset {

namespace detail {

namespace {

std::string_view type_of(Leaf leaf) {
  switch (leaf) {
    case Leaf::boolean:
      return "boolean";
    case Leaf::integer:
      return "integer";
    default:
      return "string";
  }
}

/// Patterns that say the same as the checker and that every validator knows. Empty: the checker says more.
std::string_view pattern_of(const KeySpec& spec) {
  // A template may stand where the pattern would not let its braces.
  if (spec.names != Names::literal) return {};
  switch (spec.format) {
    case Format::variant_name:
      return "^[a-z0-9][a-z0-9._-]{0,99}$";
    case Format::axis_value:
      return "^[A-Za-z0-9._-]{0,100}$";
    case Format::env_name:
      return "^[A-Za-z_][A-Za-z0-9_]*$";
    default:
      return {};
  }
}

std::string_view name_pattern_of(Format format) {
  switch (format) {
    case Format::identifier:
      return "^[A-Za-z_]([A-Za-z0-9_-]*[A-Za-z0-9_])?$";
    case Format::axis_value:
      return "^[A-Za-z0-9._-]{0,100}$";
    case Format::platform:
      return "^[^/]+/[^/]+(/[^/]+)?$";
    default:
      return {};
  }
}

class SchemaWriter {
 public:
  std::string run() {
    const SectionSpec& file = release_file_description();
    collect(file);
    out_.begin_object();
    out_.member("$schema", "https://json-schema.org/draft/2020-12/schema");
    out_.member("title", file.doc).member("type", "object");
    members(file);
    out_.key("$defs").begin_object();
    for (const SectionSpec* section : sections_) {
      out_.key(section->name).begin_object().member("type", "object").member("description", section->doc);
      members(*section);
      out_.end_object();
    }
    out_.key("condition").begin_object().member("type", "string").member("minLength", 1);
    out_.member("description", "Expression over names: and, or, not, ==, !=, ( ).").end_object();
    out_.end_object().end_object();
    return out_.take();
  }

 private:
  /// Sections in the order in which they are first used.
  void collect(const SectionSpec& section) {
    for (const auto& key : section.keys) collect(key);
    if (section.others != nullptr) collect(*section.others);
  }
  void collect(const KeySpec& key) {
    if (key.section == nullptr || !seen_.insert(key.section).second) return;
    sections_.push_back(key.section);
    collect(*key.section);
  }

  void members(const SectionSpec& section) {
    out_.key("properties").begin_object();
    for (const auto& key : section.keys) {
      if (key.reserved) continue;
      out_.key(key.name).begin_object().member("description", key.doc);
      if (!key.fallback.empty()) fallback(key);
      value(key);
      out_.end_object();
    }
    out_.end_object();
    std::vector<std::string_view> required;
    for (const auto& key : section.keys)
      if (key.required) required.push_back(key.name);
    if (section.find("rule") != nullptr) {
      // A template, or a rule of the dialect.
      out_.key("anyOf").begin_array();
      for (const std::string_view one : {"tag", "rule"})
        out_.begin_object().key("required").begin_array().value(one).end_array().end_object();
      out_.end_array();
    } else if (!required.empty()) {
      out_.key("required").begin_array();
      for (const auto name : required) out_.value(name);
      out_.end_array();
    }
    others(section);
  }

  void others(const SectionSpec& section) {
    if (section.others == nullptr) {
      out_.member("additionalProperties", false);
      return;
    }
    out_.key("additionalProperties").begin_object();
    if (section.others->shape == Shape::list) {
      // An axis is named with one value or a list of them.
      out_.key("anyOf").begin_array().begin_object();
      leaf(*section.others);
      out_.end_object().begin_object();
      value(*section.others);
      out_.end_object().end_array();
    } else {
      value(*section.others);
    }
    out_.end_object();
    if (const auto pattern = name_pattern_of(section.others_format); !pattern.empty())
      out_.key("propertyNames").begin_object().member("pattern", pattern).end_object();
  }

  void fallback(const KeySpec& key) {
    const bool text = key.shape == Shape::scalar && (key.leaf == Leaf::string || key.leaf == Leaf::any);
    out_.key("default");
    if (text)
      out_.value(key.fallback);
    else
      out_.raw(key.fallback);
  }

  void reference(const SectionSpec& section) { out_.member("$ref", "#/$defs/" + std::string(section.name)); }

  void value(const KeySpec& spec) {
    if (spec.name == "when") {
      out_.member("$ref", "#/$defs/condition");
      return;
    }
    switch (spec.shape) {
      case Shape::scalar:
        conditional(spec, false);
        break;
      case Shape::list:
      case Shape::table_list:
        out_.member("type", "array").key("items").begin_object();
        conditional(spec, true);
        out_.end_object();
        break;
      case Shape::table:
        reference(*spec.section);
        break;
      case Shape::map:
        out_.member("type", "object").key("additionalProperties").begin_object();
        conditional(spec, false);
        out_.end_object();
        break;
      case Shape::table_map:
        out_.member("type", "object").key("additionalProperties").begin_object();
        reference(*spec.section);
        out_.end_object();
        if (const auto pattern = name_pattern_of(spec.format); !pattern.empty())
          out_.key("propertyNames").begin_object().member("pattern", pattern).end_object();
        break;
      case Shape::free:
        out_.member("type", "object");
        break;
    }
  }

  /// One value, and the list of { when, value } that may stand for it.
  void conditional(const KeySpec& spec, bool entry) {
    const bool alone = spec.fixed;
    const bool one_way = alone && spec.section == nullptr;
    if (one_way) return leaf(spec);
    if (alone && entry && spec.shape == Shape::table_list) return reference(*spec.section);
    out_.key("anyOf").begin_array();
    plain(spec, entry);
    if (!alone) {
      out_.begin_object().member("type", "array").member("minItems", 1).key("items");
      alternative(spec, entry);
      out_.end_object();
      if (entry) alternative(spec, entry);
    }
    out_.end_array();
  }

  void plain(const KeySpec& spec, bool entry) {
    if (!(entry && spec.shape == Shape::table_list)) {
      out_.begin_object();
      leaf(spec);
      out_.end_object();
    }
    if (spec.section != nullptr) {
      out_.begin_object();
      reference(*spec.section);
      out_.end_object();
    }
  }

  void alternative(const KeySpec& spec, bool entry) {
    out_.begin_object().member("type", "object").key("properties").begin_object();
    out_.key("when").begin_object().member("$ref", "#/$defs/condition").end_object();
    out_.key("value").begin_object().key("anyOf").begin_array();
    plain(spec, entry);
    out_.end_array().end_object().end_object();
    out_.key("required").begin_array().value("value").end_array();
    out_.member("additionalProperties", false).end_object();
  }

  /// A single text, number or truth value. Where templates are read, a text with braces may stand for either.
  void leaf(const KeySpec& spec) {
    const bool computed = spec.names != Names::literal;
    if (spec.leaf == Leaf::any) {
      out_.key("type").begin_array().value("string").value("boolean").value("integer").end_array();
    } else if (spec.leaf == Leaf::string && !spec.options.empty()) {
      out_.key(computed ? "anyOf" : "enum").begin_array();
      if (computed) out_.begin_object().key("enum").begin_array();
      for (const auto& option : split(spec.options, '|')) out_.value(option);
      if (computed) out_.end_array().end_object().begin_object().member("type", "string").member("pattern", "\\{");
      if (computed) out_.end_object();
      out_.end_array();
    } else if (spec.leaf == Leaf::required) {
      out_.key("anyOf").begin_array().begin_object().member("type", "boolean").end_object();
      out_.begin_object().member("const", "if-present").end_object();
      out_.begin_object().member("type", "string").member("pattern", "\\{").end_object().end_array();
    } else if (spec.leaf != Leaf::string && computed) {
      out_.key("anyOf").begin_array().begin_object().member("type", type_of(spec.leaf)).end_object();
      out_.begin_object().member("type", "string").member("pattern", "\\{").end_object().end_array();
    } else {
      out_.member("type", type_of(spec.leaf));
      if (const auto pattern = pattern_of(spec); !pattern.empty()) out_.member("pattern", pattern);
    }
  }

  JsonWriter out_{true};
  std::vector<const SectionSpec*> sections_;
  std::set<const SectionSpec*> seen_;
};

}  // namespace

}  // namespace detail

std::string release_file_schema() {
  return detail::SchemaWriter().run() + "\n";
}

}  // namespace shipset
