#include <fmt/format.h>

#include <algorithm>

#include "checker_impl.hpp"
#include "evaluate_impl.hpp"
#include "formats_impl.hpp"
#include "options_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::detail {

namespace {

constexpr std::string_view axes_and_settings[] = {"include", "exclude"};

bool names_axes(const SectionSpec& spec) {
  return std::find(std::begin(axes_and_settings), std::end(axes_and_settings), spec.name) !=
         std::end(axes_and_settings);
}

std::string_view leaf_text(Leaf leaf) {
  switch (leaf) {
    case Leaf::string:
      return "a string";
    case Leaf::boolean:
      return "a boolean";
    case Leaf::integer:
      return "an integer";
    case Leaf::any:
      return "a string, a boolean or an integer";
    case Leaf::required:
      return "true, false or \"if-present\"";
  }
  return "a value";
}

std::string expected(const KeySpec& spec) {
  switch (spec.shape) {
    case Shape::scalar:
      return fmt::format("{}{}", leaf_text(spec.leaf), spec.section != nullptr ? " or a table" : "");
    case Shape::list:
      return spec.section != nullptr ? "a list of strings or tables" : "a list of strings";
    case Shape::table_list:
      return "a list of tables";
    default:
      return "a table";
  }
}

std::string type_hint(const Node& node, const KeySpec& spec) {
  const bool list = spec.shape == Shape::list || spec.shape == Shape::table_list;
  if (node.is_string() && spec.shape == Shape::list) return fmt::format("write {} = [\"…\"]", spec.name);
  if (node.is_table() && spec.shape == Shape::table_list) return fmt::format("write [[{}]] or a list", spec.name);
  if (node.is_string() && (node.text == "true" || node.text == "false") && spec.leaf == Leaf::boolean)
    return "write it without quotes";
  if (node.is_array() && spec.shape == Shape::scalar && !spec.fixed)
    return "a value that depends on conditions is [{ when = \"…\", value = \"…\" }, { value = \"…\" }]";
  if (!node.is_array() && !node.is_table() && !list && spec.leaf == Leaf::string && spec.shape == Shape::scalar)
    return "write it in quotes";
  return {};
}

/// Sections of the file that know this key, for "belongs in". Only one step deep: [release], [build], …
std::string section_with(std::string_view key) {
  for (const auto& section : release_file_description().keys)
    if (section.section != nullptr && section.shape == Shape::table && section.section->find(key) != nullptr)
      return fmt::format("[{}]", section.name);
  if (variant_section.find(key) != nullptr) return "[[variant]]";
  if (release_file_description().find(key) != nullptr) return "the top of the file";
  return {};
}

}  // namespace

void Checker::refuse(Node& node, std::string message, std::string hint) {
  node.broken = true;
  problems_.error(node, std::move(message), std::move(hint));
}

void Checker::wrong_type(Node& node, const KeySpec& spec) {
  refuse(node, fmt::format("expected {}, found {}", expected(spec), describe(node.type)), type_hint(node, spec));
}

void Checker::report(Node& node, std::vector<TextProblem> found) {
  for (auto& problem : found) {
    constexpr std::string_view start = "unknown name \"";
    if (problem.message.starts_with(start)) {
      const auto name = std::string_view(problem.message).substr(start.size());
      const auto where = where_known(known_, name.substr(0, name.find('"')));
      if (!where.empty()) problem.hint = fmt::format("this name is known only {}", where);
    }
    problems_.error(node, problem);
    node.broken = true;
  }
}

void Checker::section(Node& node, const SectionSpec& spec) {
  node.section = &spec;
  for (auto& entry : node.children) child(entry, spec);
  missing_keys(node, spec);
  if (spec.name == "secret" && (node.find("env") == nullptr) == (node.find("file") == nullptr))
    problems_.error(node, "a build secret needs either `env` or `file`");
}

void Checker::missing_keys(Node& node, const SectionSpec& spec) {
  const Node* const rule = spec.find("rule") != nullptr ? node.find("rule") : nullptr;
  const bool dialect = rule != nullptr;
  if (dialect && node.find("tag") != nullptr)
    problems_.error(node, "a rule has either `tag` or `rule`", "`rule` is one of docker/metadata-action");
  if (dialect && rule->is_string() && !is_dialect_rule(rule->text))
    problems_.error(
        *rule, "`rule` does not start with type=", "it is a rule of docker/metadata-action; a template is a `tag`");
  for (const auto& key : spec.keys)
    if (key.required && !dialect && node.find(key.name) == nullptr)
      problems_.error(node,
                      fmt::format("`{}` is missing in {}", key.name,
                                  node.parent == nullptr ? "the file" : fmt::format("`{}`", node.path())),
                      std::string(key.doc));
}

void Checker::child(Node& node, const SectionSpec& spec) {
  if (const KeySpec* key = spec.find(node.key)) {
    node.spec = key;
    if (key->reserved) {
      problems_.error_at_key(node, fmt::format("`{}` is not read by this version of shipset", node.key),
                             "remove it; a later version will read it");
      node.broken = true;
      return;
    }
    return value(node, *key);
  }
  if (spec.others == nullptr || (names_axes(spec) && !known_.axes.contains(node.key))) return unknown_key(node, spec);
  if (const auto wrong = check_format(spec.others_format, node.key))
    problems_.error_at_key(node, wrong->message, wrong->hint);
  node.spec = spec.others;
  // An axis may be named with one value or several.
  if (names_axes(spec) && node.is_string())
    entry_value(node, *spec.others);
  else
    value(node, *spec.others);
}

void Checker::unknown_key(Node& node, const SectionSpec& spec) {
  std::vector<std::string> names;
  for (const auto& key : spec.keys)
    if (!key.reserved) names.emplace_back(key.name);
  if (names_axes(spec))
    for (const auto& [axis, sample] : known_.axes) names.push_back(axis);
  const std::string table = node.parent == nullptr || node.parent->parent == nullptr
                                ? std::string("the file")
                                : fmt::format("`{}`", node.parent->path());
  std::string hint;
  if (const auto nearest = nearest_name(node.key, names); !nearest.empty())
    hint = fmt::format("did you mean `{}`?", nearest);
  else if (spec.name == "secret" && (node.key == "value" || node.key == "secret"))
    hint = "secrets never stand in the file: name an environment variable with `env` or a file with `file`";
  else if (const auto home = section_with(node.key); !home.empty())
    hint = fmt::format("`{}` belongs in {}", node.key, home);
  else
    hint = fmt::format("known are {}", join(names, ", "));
  problems_.error_at_key(node, fmt::format("unknown key `{}` in {}", printable(node.key, 80), table), std::move(hint));
  node.broken = true;
}

void Checker::value(Node& node, const KeySpec& spec) {
  node.spec = &spec;
  if (spec.key == Key::when || spec.name == "when") {
    if (!node.is_string()) return wrong_type(node, spec);
    return condition(node, spec.names);
  }
  switch (spec.shape) {
    case Shape::scalar:
      return scalar_value(node, spec);
    case Shape::list:
    case Shape::table_list:
      return list_value(node, spec);
    case Shape::table:
      if (!node.is_table()) return wrong_type(node, spec);
      return section(node, *spec.section);
    case Shape::map:
      return map_value(node, spec);
    case Shape::table_map:
      return table_map_value(node, spec);
    case Shape::free:
      if (!node.is_table()) return wrong_type(node, spec);
      return free_value(node, spec);
  }
}

void Checker::scalar_value(Node& node, const KeySpec& spec) {
  if (node.is_table() && spec.section != nullptr) return section(node, *spec.section);
  if (node.is_array() && !spec.fixed) return alternatives(node, spec, false);
  leaf(node, spec);
}

void Checker::list_value(Node& node, const KeySpec& spec) {
  if (!node.is_array()) return wrong_type(node, spec);
  for (auto& one : node.children) {
    one.spec = &spec;
    entry(one, spec);
  }
}

void Checker::entry(Node& node, const KeySpec& spec) {
  if (!spec.fixed && node.is_array()) return alternatives(node, spec, true);
  const bool alone = node.is_table() && node.find("value") != nullptr &&
                     (spec.section == nullptr || spec.section->find("value") == nullptr) && !spec.fixed &&
                     std::all_of(node.children.begin(), node.children.end(),
                                 [](const Node& part) { return part.key == "when" || part.key == "value"; });
  if (alone) return alternative(node, spec, true, true);
  entry_value(node, spec);
}

void Checker::entry_value(Node& node, const KeySpec& spec) {
  node.spec = &spec;
  if (node.is_string() && spec.section != nullptr && is_dialect_rule(node.text)) {
    // Braces in it belong to that dialect.
    if (spec.section->find("rule") != nullptr) return;
    return refuse(node, "rules of docker/metadata-action give no tags of single platforms",
                  "write a template, e.g. { tag = \"{version}{-suffix}-{platform.arch}\" }");
  }
  if (node.is_table() && spec.section != nullptr) return section(node, *spec.section);
  if (spec.shape == Shape::table_list)
    return refuse(node, fmt::format("expected a table in `{}`, found {}", spec.name, describe(node.type)));
  leaf(node, spec);
}

void Checker::table_map_value(Node& node, const KeySpec& spec) {
  if (!node.is_table()) return wrong_type(node, spec);
  for (auto& entry : node.children) {
    entry.spec = &spec;
    if (const auto wrong = check_format(spec.format, entry.key))
      problems_.error_at_key(entry, wrong->message, wrong->hint);
    if (entry.is_table())
      section(entry, *spec.section);
    else
      refuse(entry, fmt::format("expected a table, found {}", describe(entry.type)));
  }
}

void Checker::map_value(Node& node, const KeySpec& spec) {
  if (!node.is_table()) return wrong_type(node, spec);
  for (auto& entry : node.children) {
    entry.spec = &spec;
    if (spec.key == Key::vars) {
      if (const auto wrong = check_format(Format::identifier, entry.key))
        problems_.error_at_key(entry, wrong->message, wrong->hint);
    } else if (entry.key.empty() || entry.key.find('=') != std::string::npos) {
      problems_.error_at_key(entry, fmt::format("\"{}\" cannot be a name in `{}`", printable(entry.key, 80), spec.name),
                             "names are not empty and have no =");
    }
    if (entry.is_string() && looks_like_secret(entry.text))
      problems_.warning(entry, fmt::format("the value of `{}` looks like a secret", entry.path()),
                        "values like this end up in images and provenance; use `secrets` and revoke what was written");
    if (entry.is_array())
      alternatives(entry, spec, false);
    else
      leaf(entry, spec);
  }
}

void Checker::free_value(Node& node, const KeySpec& spec) {
  node.spec = &spec;
  if (node.is_string()) text(node, spec);
  const bool alternatives = is_conditional(node);
  for (auto& entry : node.children) {
    Node* when = alternatives ? entry.find("when") : nullptr;
    if (when != nullptr && when->is_string()) condition(*when, spec.names);
    if (when != nullptr && !when->is_string())
      refuse(*when, fmt::format("expected a string, found {}", describe(when->type)));
    free_value(alternatives ? *entry.find("value") : entry, spec);
  }
}

void Checker::alternatives(Node& node, const KeySpec& spec, bool in_list) {
  const bool tables =
      std::all_of(node.children.begin(), node.children.end(), [](const Node& n) { return n.is_table(); });
  if (node.children.empty() || !tables) {
    if (!in_list) return wrong_type(node, spec);
    return refuse(node, "an entry of a list that depends on conditions needs { when, value } tables",
                  "write [{ when = \"…\", value = … }, { value = … }]");
  }
  for (auto& one : node.children) alternative(one, spec, in_list, &one == &node.children.back());
}

void Checker::alternative(Node& node, const KeySpec& spec, bool in_list, bool last) {
  node.spec = nullptr;
  for (auto& part : node.children) {
    if (part.key == "when") {
      if (part.is_string())
        condition(part, spec.names);
      else
        refuse(part, fmt::format("expected a string, found {}", describe(part.type)));
    } else if (part.key == "value") {
      part.spec = &spec;
      if (in_list || (part.is_table() && spec.section != nullptr))
        entry_value(part, spec);
      else
        leaf(part, spec);
    } else {
      problems_.error_at_key(part, fmt::format("unknown key `{}` in a conditional value", printable(part.key, 80)),
                             "a conditional value has `when` and `value`");
    }
  }
  if (node.find("value") == nullptr) refuse(node, "a conditional value needs `value`");
  if (node.find("when") == nullptr && !last)
    problems_.error(node, "what follows this value can never be chosen", "a value without `when` stands last");
}

void Checker::leaf(Node& node, const KeySpec& spec) {
  const bool computed = node.is_string() && spec.names != Names::literal && node.text.find('{') != std::string::npos;
  bool good = false;
  switch (spec.leaf) {
    case Leaf::string:
      good = node.is_string();
      break;
    case Leaf::boolean:
      good = node.is(Node::Type::boolean) || computed;
      break;
    case Leaf::integer:
      good = node.is(Node::Type::integer) || computed;
      break;
    case Leaf::any:
      good = node.is_string() || node.is(Node::Type::boolean) || node.is(Node::Type::integer);
      break;
    case Leaf::required:
      good = node.is(Node::Type::boolean) || computed || (node.is_string() && node.text == "if-present");
      break;
  }
  if (!good && (spec.shape == Shape::list || spec.shape == Shape::map))
    return refuse(node, fmt::format("expected {} in `{}`, found {}", leaf_text(spec.leaf),
                                    spec.name.empty() ? node.key : spec.name, describe(node.type)));
  if (!good) return wrong_type(node, spec);
  if (node.is_string()) text(node, spec);
}

void Checker::text(Node& node, const KeySpec& spec) {
  if (spec.names != Names::literal) {
    auto parsed = texts_.text_template(node.text);
    if (!parsed) return report(node, {to_text_problem(parsed.error())});
    node.text_template = *parsed;
    if (*parsed != nullptr) {
      auto found = (*parsed)->problems(StaticScope(known_, spec.names));
      if (!(*parsed)->is_literal() || !found.empty()) return report(node, std::move(found));
      // Escaped braces and nothing else: the same on every run, so it is checked at once.
      const auto plain = (*parsed)->evaluate(StaticScope(known_, spec.names));
      if (const auto wrong = plain ? check_text(spec, *plain) : std::nullopt) problems_.error(node, *wrong);
      return;
    }
  }
  const auto wrong = check_text(spec, node.text);
  if (!wrong) return;
  problems_.error(node, *wrong);
  node.broken = !spec.options.empty();
}

void Checker::condition(Node& node, Names names) {
  auto parsed = texts_.condition(node.text);
  if (!parsed) return report(node, {to_text_problem(parsed.error())});
  node.condition = *parsed;
  report(node, (*parsed)->problems(StaticScope(known_, names)));
}

}  // namespace shipset::detail
