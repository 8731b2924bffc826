#include "shipset/tags/dialect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "handlebars_impl.hpp"
#include "metadata_maker_impl.hpp"
#include "shape_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::tags {

namespace {

using namespace detail;

constexpr std::int64_t ms_per_s = 1000;

std::string at(const std::map<std::string, std::string>& texts, const std::string& name) {
  const auto found = texts.find(name);
  return found == texts.end() ? std::string() : found->second;
}

std::optional<std::int64_t> number_in(const std::string& text) {
  std::int64_t out = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), out);
  return fault == std::errc() && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

/// Without an event of its own, what git tells.
MetadataEvent event_of(const Facts& facts) {
  if (!facts.event.empty())
    return {at(facts.event, "ref"), at(facts.event, "sha"), at(facts.event, "event_name"),
            at(facts.event, "default_branch"), at(facts.event, "base_ref")};
  const std::string kind = at(facts.git, "ref_type");
  std::string ref;
  if (kind == "branch") ref = "refs/heads/" + at(facts.git, "branch");
  if (kind == "tag") ref = "refs/tags/" + at(facts.git, "tag");
  const std::string name = !facts.event_name.empty() || ref.empty() ? facts.event_name : "push";
  return {std::move(ref), at(facts.git, "sha"), name, at(facts.git, "default_branch"), {}};
}

/// "3600 CET"
std::optional<ZoneOffset> zone_in(const Facts& facts, const std::string& name, std::int64_t unix_ms) {
  const std::string text = at(facts.event, fmt::format("zone {} {}", name, unix_ms));
  const std::size_t space = text.find(' ');
  const auto east_s = number_in(text.substr(0, space));
  if (!east_s || space == text.npos) return std::nullopt;
  return ZoneOffset{static_cast<std::int32_t>(*east_s), text.substr(space + 1)};
}

MetadataRequest request_of(const Matrix& matrix) {
  const Facts& facts = matrix.facts;
  MetadataRequest out;
  out.event = event_of(facts);
  out.short_sha_length = at(facts.event, "short_sha_length");
  out.now_unix_ms = facts.date_unix_s * ms_per_s;
  const auto commit_ms = number_in(at(facts.event, "commit_unix_ms"));
  out.commit_unix_ms = commit_ms ? *commit_ms : facts.commit_time_unix_s.value_or(facts.date_unix_s) * ms_per_s;
  out.zone = [&facts](const std::string& name, std::int64_t unix_ms) { return zone_in(facts, name, unix_ms); };
  return out;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '{' || c == '}') out += c;
    out += c;
  }
  return out;
}

bool names_all(const std::vector<TemplateNode>& nodes) {
  return std::any_of(nodes.begin(), nodes.end(), [](const TemplateNode& node) {
    const std::string& name = node.call.name;
    const bool all = name == "version" || name == "raw" || name == "patch";
    return (node.kind == TemplateNode::Kind::value && all) || names_all(node.yes) || names_all(node.no);
  });
}

/// What is exact about a rule, whatever the event.
struct Reading {
  bool is_version = false;           // semver or pep440
  bool full = false;                 // it names the whole version
  std::optional<std::string> shape;  // of the value, with names of the version; none when it cannot be read backwards
};

std::optional<std::string> shape_of(const std::vector<TemplateNode>& nodes) {
  std::string out;
  for (const auto& node : nodes) {
    const std::string& name = node.call.name;
    if (node.kind == TemplateNode::Kind::text)
      out += escaped(node.text);
    else if (node.kind == TemplateNode::Kind::condition || !node.call.arguments.empty() || !node.call.options.empty())
      return std::nullopt;
    else if (name == "version" || name == "raw")
      out += name == "raw" ? "{version}" : "{version.plain}";
    else if (name == "major" || name == "minor" || name == "patch")
      out += "{version." + name + "}";
    else
      return std::nullopt;
  }
  return out;
}

Reading reading_of(const MetadataRule& rule) {
  Reading out;
  if (rule.type == RuleType::semver || rule.type == RuleType::pep440) {
    out.is_version = true;
    const auto pattern = Handlebars::parse(rule.attribute("pattern"));
    if (!pattern) return out;
    out.full = names_all(pattern->nodes());
    out.shape = shape_of(pattern->nodes());
  } else if (rule.type == RuleType::ref && rule.attribute("event") == "tag") {
    out.shape = "{version}";
  }
  return out;
}

class Evaluator {
 public:
  Evaluator(const Matrix& matrix, const Variant& variant) : matrix_(matrix), variant_(variant) {
    for (const auto& tag : variant.tags)
      if (tag.dialect) written_.push_back(&tag);
  }

  EvaluatedTags run() {
    bool taken = false;
    for (const auto& tag : variant_.tags) {
      if (!tag.dialect) {
        if (tag.moves == Moves::never) out_.exact_shapes.push_back(tag.shape);
        out_.tags.push_back(tag);
      } else if (!std::exchange(taken, true)) {
        take_dialect();
      }
    }
    return std::move(out_);
  }

 private:
  void take_dialect() {
    std::vector<std::string> texts;
    for (const ResolvedTag* tag : written_) texts.push_back(tag->rule);
    const MetadataRequest request = request_of(matrix_);
    auto rules = read_rules(texts);
    if (!rules) return report(rules.error());
    auto flavor = read_flavor(variant_.flavor);
    if (!flavor) return report(flavor.error(), "tags.flavor");
    if (!flavor->suffix_given && !variant_.suffix.empty()) {
      flavor->suffix = "-" + variant_.suffix;
      flavor->suffix_on_latest = true;
    }
    rules_.resize(rules->size());
    readings_.resize(rules->size());
    for (const auto& rule : *rules) {
      rules_[rule.index] = &rule;
      readings_[rule.index] = reading_of(rule);
    }
    add_exact_shapes(request, *flavor);
    const auto made = make_tags(request, *rules, *flavor);
    if (!made) return report(made.error());
    for (const auto& tag : made->tags) out_.tags.push_back(resolved(tag, made->tags.front().value));
    for (const auto& text : made->warnings) {
      Problem problem = problem_at(*written_.front(), "tags.rules");
      problem.severity = Problem::Severity::warning;
      problem.message = text;
      out_.warnings.push_back(std::move(problem));
    }
  }

  [[nodiscard]] Moves moves_of(std::size_t rule) const {
    if (written_[rule]->moves_given) return written_[rule]->moves;
    const Reading& reading = readings_[rule];
    if (!reading.is_version) return Moves::always;
    return reading.full ? Moves::never : Moves::forward;
  }

  void add_exact_shapes(const MetadataRequest& request, const Flavor& flavor) {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      if (!readings_[i].shape || moves_of(i) != Moves::never) continue;
      const auto affixes = affixes_of(request, *rules_[i], flavor);
      if (affixes) out_.exact_shapes.push_back(whole_shape(affixes->first, *readings_[i].shape, affixes->second));
    }
  }

  static std::string whole_shape(const std::string& prefix, const std::string& value, const std::string& suffix) {
    return escaped(sanitized(prefix)) + value + escaped(sanitized(suffix));
  }

  [[nodiscard]] ResolvedTag resolved(const MadeTag& made, const std::string& first_value) const {
    const ResolvedTag& written = *written_[made.rule];
    const Reading& reading = readings_[made.rule];
    ResolvedTag out;
    out.tag = made.tag;
    out.shape = escaped(made.tag);
    out.rule = written.rule;
    out.line = written.line;
    out.column = written.column;
    out.version = made.version;
    // Any rule that is read off a tag may give a version of the scheme.
    const std::string& value = made.is_latest ? first_value : made.value;
    if (out.version.empty() && Version::parse(value, matrix_.scheme)) out.version = value;
    if (made.is_latest) {
      out.rule += " (latest)";
      out.moves = Moves::forward;
      return out;
    }
    out.moves = moves_of(made.rule);
    // A pre-release stands as a whole in the place of its parts; then the tag is exact.
    const bool whole = made.passing && !reading.full;
    if (whole && out.moves == Moves::forward) out.moves = Moves::never;
    std::vector<std::string> shapes;
    if (reading.shape && !whole) shapes.push_back(*reading.shape);
    if (made.passing) shapes.insert(shapes.end(), {"{version.plain}", "{version}"});
    if (!reading.is_version && !reading.shape && !out.version.empty()) shapes.emplace_back("{version}");
    for (const auto& shape : shapes)
      for (const auto& text : {made.version, made.normal_version, made.value}) {
        const auto version = Version::parse(text, matrix_.scheme);
        const std::string candidate = whole_shape(made.prefix, shape, made.suffix);
        const auto parsed = Shape::parse(candidate);
        if (!version || !parsed || parsed->write(*version) != made.tag) continue;
        out.shape = candidate;
        out.version = text;
        return out;
      }
    return out;
  }

  [[nodiscard]] Problem problem_at(const ResolvedTag& rule, std::string key) const {
    Problem problem;
    problem.file = matrix_.file;
    problem.line = rule.line;
    problem.column = rule.column;
    problem.key = std::move(key);
    return problem;
  }

  void report(const Error& error, std::string key = "tags.rules") {
    const auto number = error.context.find("rule");
    const auto index = number == error.context.end() ? std::nullopt : number_in(number->second);
    const ResolvedTag& rule = *written_[index ? static_cast<std::size_t>(*index) : 0];
    Problem problem = problem_at(rule, std::move(key));
    problem.message = fmt::format("{}: {}",
                                  index ? fmt::format("rule \"{}\" of variant \"{}\"", rule.rule, variant_.name)
                                        : fmt::format("variant \"{}\"", variant_.name),
                                  error.what);
    if (!error.why.empty()) problem.message += ": " + error.why;
    problem.hint = error.hint;
    out_.problems.push_back(std::move(problem));
  }

  const Matrix& matrix_;
  const Variant& variant_;
  std::vector<const ResolvedTag*> written_;  // rules of the dialect, as in the file
  std::vector<const MetadataRule*> rules_;   // the same, read
  std::vector<Reading> readings_;            // the same
  EvaluatedTags out_;
};

}  // namespace

EvaluatedTags evaluated_tags(const Matrix& matrix, const Variant& variant) {
  return Evaluator(matrix, variant).run();
}

bool has_dialect_rules(const Matrix& matrix) {
  return std::any_of(matrix.variants.begin(), matrix.variants.end(), [](const Variant& variant) {
    return std::any_of(variant.tags.begin(), variant.tags.end(), [](const ResolvedTag& tag) { return tag.dialect; });
  });
}

Result<Matrix> with_evaluated_tags(const Matrix& matrix) {
  Matrix out = matrix;
  std::vector<Problem> problems;
  for (auto& variant : out.variants) {
    auto evaluated = evaluated_tags(matrix, variant);
    variant.tags = std::move(evaluated.tags);
    problems.insert(problems.end(), evaluated.problems.begin(), evaluated.problems.end());
    for (auto& warning : evaluated.warnings)
      if (std::find(out.warnings.begin(), out.warnings.end(), warning) == out.warnings.end())
        out.warnings.push_back(std::move(warning));
  }
  if (problems.empty()) return out;
  Error error(ErrorKind::spec, fmt::format("the tags of {} cannot be used", matrix.file),
              problems.size() == 1 ? "1 problem was found" : fmt::format("{} problems were found", problems.size()));
  error.problems = std::move(problems);
  return error;
}

}  // namespace shipset::tags
