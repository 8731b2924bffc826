#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "evaluate_impl.hpp"
#include "pattern_impl.hpp"
#include "problems_impl.hpp"
#include "shipset/base/text.hpp"
#include "spec_data_impl.hpp"

namespace shipset {

std::string_view to_string(InputType type) noexcept {
  switch (type) {
    case InputType::string:
      return "string";
    case InputType::boolean:
      return "boolean";
    case InputType::integer:
      return "integer";
    case InputType::choice:
      return "choice";
  }
  return "string";
}

namespace detail {

namespace {

InputType type_of(const Node& input) {
  const Node* type = input.find("type");
  if (type == nullptr) return InputType::string;
  for (const auto candidate : {InputType::boolean, InputType::integer, InputType::choice})
    if (type->text == to_string(candidate)) return candidate;
  return InputType::string;
}

std::string text_of(const Node* node) {
  return node == nullptr ? std::string() : node->text;
}

std::string default_text(const Node& value) {
  switch (value.type) {
    case Node::Type::boolean:
      return value.flag ? "true" : "false";
    case Node::Type::integer:
      return std::to_string(value.number);
    case Node::Type::array:
      for (const auto& alternative : value.children)
        if (alternative.find("when") == nullptr) return default_text(*alternative.find("value"));
      return {};
    default:
      return value.text;
  }
}

/// Why the text is no value of the input; empty message when it is, and `out` holds it.
TextProblem convert(const InputDeclaration& input, const std::string& text, Value& out) {
  const std::string shown = printable(text, 80);
  TextProblem problem;
  if (input.type == InputType::boolean) {
    const std::string lower = to_lower(text);
    if (lower == "true" || lower == "false") return out = lower == "true", problem;
    problem.message = fmt::format("\"{}\" is not a boolean", shown);
    problem.hint = "give true or false";
  } else if (input.type == InputType::integer) {
    std::int64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [stop, code] = std::from_chars(text.data(), end, number);
    if (!text.empty() && code == std::errc() && stop == end) return out = number, problem;
    problem.message = fmt::format("\"{}\" is not an integer", shown);
  } else if (input.type == InputType::choice) {
    if (std::find(input.options.begin(), input.options.end(), text) != input.options.end()) return out = text, problem;
    const auto nearest = nearest_name(text, input.options);
    problem.message = fmt::format("\"{}\" is not an option", shown);
    problem.hint = nearest.empty()
                       ? "options are " + join(input.options, ", ")
                       : fmt::format("did you mean \"{}\"? Options are {}", nearest, join(input.options, ", "));
  } else {
    if (!is_utf8(text) || text.size() > 64 * 1024) {
      problem.message = "the value is not UTF-8 text of at most 64 KiB";
      return problem;
    }
    if (!input.pattern.empty()) {
      const auto pattern = Pattern::parse(input.pattern);
      if (!pattern || !pattern->matches(text)) {
        problem.message = fmt::format("\"{}\" does not match the pattern {}", shown, input.pattern);
        problem.hint = input.description;
        return problem;
      }
    }
    out = text;
  }
  return problem;
}

// Whether a template below the node asks for the input.
bool names_input(const Node& node, const std::string& input) {
  if (node.text_template != nullptr)
    for (const auto& piece : node.text_template->pieces())
      if (piece.name == "inputs." + input) return true;
  return std::any_of(node.children.begin(), node.children.end(),
                     [&](const Node& child) { return names_input(child, input); });
}

class Inputs {
 public:
  Inputs(const SpecData& spec, const InputValues& given, const Facts& facts, const std::string* version)
      : spec_(spec), given_(given), facts_(facts), version_(version), list_(spec.file.string()) {}

  Result<std::vector<std::pair<std::string, Value>>> run() {
    unknown_names();
    std::vector<std::pair<std::string, Value>> out;
    for (const auto& input : spec_.inputs) out.emplace_back(input.name, value_of(input));
    if (!list_.has_errors()) return out;
    Error error = list_.to_error();
    error.kind = ErrorKind::usage;
    error.what = error.problems.size() == 1 ? "an input does not fit " + spec_.file.string()
                                            : "inputs do not fit " + spec_.file.string();
    return error;
  }

 private:
  void unknown_names() {
    std::vector<std::string> names;
    for (const auto& input : spec_.inputs) names.push_back(input.name);
    const Node* inputs = spec_.root.find("inputs");
    for (const auto& [name, text] : given_) {
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      const auto nearest = nearest_name(name, names);
      list_.error(inputs == nullptr ? spec_.root : *inputs,
                  fmt::format("there is no input \"{}\"", printable(name, 80)),
                  !nearest.empty() ? fmt::format("did you mean \"{}\"?", nearest)
                  : names.empty()  ? "the file declares no inputs"
                                   : "inputs are " + join(names, ", "));
    }
  }

  Value value_of(const InputDeclaration& input) {
    const Node& node = *spec_.root.find("inputs")->find(input.name);
    Value out;
    if (const auto given = given_.find(input.name); given != given_.end()) {
      if (auto problem = convert(input, given->second, out); !problem.message.empty())
        list_.error(node, fmt::format("input {}: {}", input.name, problem.message), std::move(problem.hint));
      return out;
    }
    const Node* fallback = node.find("default");
    if (fallback == nullptr) {
      if (version_ != nullptr && names_input(version_node(), input.name) &&
          convert(input, *version_, out).message.empty())
        return out;
      list_.error(node, fmt::format("input {} has no value and no default", input.name),
                  fmt::format("give it with --input {}=…", input.name));
      return out;
    }
    return default_of(input, *fallback);
  }

  Value default_of(const InputDeclaration& input, const Node& fallback) {
    ReleaseValues values;
    values.known = &spec_.known;
    values.facts = &facts_;
    Faults faults(&list_);
    faults.set_about(fmt::format(" (default of input {})", input.name));
    const RunScope scope(values, Names::input, faults);
    Value found, out;
    switch (Evaluation(scope, faults).value(fallback, found)) {
      case Outcome::failed:
        return out;
      case Outcome::unset:
        list_.error(fallback, fmt::format("input {} has no value: no condition of its default holds", input.name),
                    fmt::format("give it with --input {}=…", input.name));
        return out;
      case Outcome::set:
        break;
    }
    if (auto problem = convert(input, to_text(found), out); !problem.message.empty())
      list_.error(fallback, fmt::format("default of input {}: {}", input.name, problem.message),
                  std::move(problem.hint));
    return out;
  }

  const SpecData& spec_;
  const InputValues& given_;
  [[nodiscard]] const Node& version_node() const {
    static const Node none;
    const Node* release = spec_.root.find("release");
    const Node* version = release == nullptr ? nullptr : release->find("version");
    return version == nullptr ? none : *version;
  }

  const Facts& facts_;
  const std::string* version_;
  ProblemList list_;
};

}  // namespace

std::vector<InputDeclaration> read_inputs(const Node& root) {
  std::vector<InputDeclaration> out;
  const Node* inputs = root.find("inputs");
  if (inputs == nullptr) return out;
  for (const auto& node : inputs->children) {
    InputDeclaration input;
    input.name = node.key;
    input.type = type_of(node);
    input.pattern = text_of(node.find("pattern"));
    input.description = text_of(node.find("description"));
    if (const Node* value = node.find("default")) input.default_text = default_text(*value);
    if (const Node* options = node.find("options"))
      for (const auto& option : options->children) input.options.push_back(option.text);
    out.push_back(std::move(input));
  }
  return out;
}

Result<std::vector<std::pair<std::string, Value>>> convert_inputs(const SpecData& spec, const InputValues& given,
                                                                  const Facts& facts, const std::string* version) {
  return Inputs(spec, given, facts, version).run();
}

}  // namespace detail
}  // namespace shipset
