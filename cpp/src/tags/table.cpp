#include "shipset/tags/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>

#include "hollow_impl.hpp"
#include "shape_impl.hpp"
#include "shipset/base/text.hpp"
#include "shipset/tags/dialect.hpp"

namespace shipset::tags {

namespace {

// Who claimed a tag: indices of the variant and of its rule.
struct Claim {
  std::size_t variant = 0;
  std::size_t rule = 0;
};

struct Repository {
  bool valid = false;
  std::string name;        // normalised
  std::size_t claims = 0;  // index into the maps of claims: repositories written differently share one
};

bool is_fallback_tag(std::string_view tag) {
  constexpr std::string_view prefix = "sha256-";
  if (!tag.starts_with(prefix) || tag.size() < prefix.size() + 64) return false;
  return tag.substr(prefix.size(), 64).find_first_not_of("0123456789abcdef") == tag.npos;
}

class TableMaker {
 public:
  TableMaker(const Matrix& matrix, bool include_inactive) : matrix_(matrix), include_inactive_(include_inactive) {}

  Result<Table> make() {
    reserve_set_tag();
    std::size_t count = 0;
    evaluated_.reserve(matrix_.variants.size());
    for (const auto& variant : matrix_.variants) {
      evaluated_.push_back(evaluated_tags(matrix_, variant));
      count += evaluated_.back().tags.size() * variant.repositories.size();
    }
    table_.entries.reserve(count);
    for (std::size_t i = 0; i < matrix_.variants.size(); ++i)
      if (matrix_.variants[i].active || include_inactive_) add(i);
    if (problems_.empty()) return std::move(table_);
    Error error(
        ErrorKind::spec, fmt::format("the tags of {} cannot be used", matrix_.file),
        problems_.size() == 1 ? "1 problem was found" : fmt::format("{} problems were found", problems_.size()));
    error.problems = std::move(problems_);
    return error;
  }

 private:
  void add(std::size_t at) {
    const Variant& variant = matrix_.variants[at];
    const auto& [tags, exact_shapes, problems, warnings] = evaluated_[at];
    problems_.insert(problems_.end(), problems.begin(), problems.end());
    for (const auto& warning : warnings)
      if (std::find(table_.warnings.begin(), table_.warnings.end(), warning) == table_.warnings.end())
        table_.warnings.push_back(warning);
    if (tags.empty()) return;
    if (variant.repositories.empty())
      report(variant, nullptr, fmt::format("variant \"{}\" has tags but no repository", variant.name),
             "set repositories in [release] or in the variant");
    std::vector<bool> good(tags.size());
    for (std::size_t i = 0; i < good.size(); ++i) good[i] = check_tag_of(variant, tags[i]);
    check_forward(variant, evaluated_[at]);
    for (const auto& text : variant.repositories) {
      const Repository& repository = repository_of(variant, text);
      if (!repository.valid) continue;
      for (std::size_t i = 0; i < good.size(); ++i)
        if (good[i] && claim(repository, at, i)) append(repository, variant, tags[i]);
    }
  }

  void append(const Repository& repository, const Variant& variant, const ResolvedTag& tag) {
    Entry entry;
    entry.repository = repository.name;
    entry.tag = tag.tag;
    entry.variant = variant.name;
    entry.platforms = tag.platforms;
    entry.index = tag.index;
    entry.moves = tag.moves;
    entry.shape = tag.shape;
    entry.version = tag.version;
    entry.reason.reserve(tag.rule.size() + 8);
    entry.reason.append("rule \"").append(tag.rule).append("\"");
    for (std::size_t i = 0; i < tag.platforms.size(); ++i)
      entry.reason += (i == 0 ? " for " : ", ") + tag.platforms[i].str();
    table_.entries.push_back(std::move(entry));
  }

  bool check_tag_of(const Variant& variant, const ResolvedTag& tag) {
    const auto refuse = [&](std::string why, std::string hint) {
      report(variant, &tag, fmt::format("rule \"{}\" of variant \"{}\" {}", tag.rule, variant.name, why),
             std::move(hint));
      return false;
    };
    if (const std::string hollow = hollow_name(matrix_, variant, tag); !hollow.empty())
      return refuse(fmt::format("gives \"{}\", because \"{}\" is empty", printable(tag.tag, 200), hollow),
                    fmt::format("give it a value, or write {{-{0}}} or {{{0}-}} in place of the dash", hollow));
    if (tag.tag.empty())
      return refuse("gives an empty tag", "give the names in it a value, or put a `when` on the rule");
    if (auto checked = check_tag(tag.tag); !checked)
      return refuse(fmt::format("gives \"{}\": {}", printable(tag.tag, 200), checked.error().why),
                    checked.error().hint);
    if (tag.tag.starts_with(reserved_prefix))
      return refuse(fmt::format("gives \"{}\": tags that start with {} are shipset's own", tag.tag, reserved_prefix),
                    "");
    if (!set_tag_.empty() && tag.tag == set_tag_)
      return refuse(fmt::format("gives \"{}\", which is the tag of the set manifest", tag.tag),
                    "make the tag another one, or remove set_tag from [release]");
    if (is_fallback_tag(tag.tag))
      return refuse(fmt::format("gives \"{}\": such tags list the referrers of a digest", tag.tag),
                    "shorten the digest, for example {git.sha:12}");
    return true;
  }

  // `<version>.shipset` belongs to the set manifest where the release file asks for it.
  void reserve_set_tag() {
    if (!matrix_.set_tag) return;
    set_tag_ = matrix_.version + ".shipset";
    const auto usable = check_tag(set_tag_);
    if (usable && !matrix_.version.empty()) return;
    Problem problem;
    problem.file = matrix_.file;
    problem.key = "release.set_tag";
    problem.message = matrix_.version.empty() ? "the set manifest can have no tag: the release has no version"
                                              : fmt::format("the set manifest cannot have the tag \"{}\": {}",
                                                            printable(set_tag_, 200), usable.error().why);
    problem.hint = "remove set_tag: the set manifest is found without a tag, too";
    problems_.push_back(std::move(problem));
  }

  // A forward rule needs an order of versions, and tags that tell which versions are there.
  void check_forward(const Variant& variant, const EvaluatedTags& evaluated) {
    const auto forward = std::find_if(evaluated.tags.begin(), evaluated.tags.end(),
                                      [](const ResolvedTag& tag) { return tag.moves == Moves::forward; });
    if (forward == evaluated.tags.end()) return;
    for (const auto& shape : evaluated.exact_shapes)
      if (is_readable(shape)) return;
    // Variants mostly inherit the rule; once is enough.
    if (!unordered_.insert({forward->line, forward->rule}).second) return;
    if (matrix_.scheme == VersionScheme::none) {
      report(variant, &*forward,
             fmt::format("rule \"{}\" of variant \"{}\" moves forward, but scheme \"none\" gives versions no order",
                         forward->rule, variant.name),
             "set [release] scheme, or moves = \"always\"");
      return;
    }
    const bool is_dialect =
        std::any_of(variant.tags.begin(), variant.tags.end(), [](const ResolvedTag& tag) { return tag.dialect; });
    report(variant, &*forward,
           fmt::format("rule \"{}\" of variant \"{}\" moves forward, but no exact tag tells which versions are there",
                       forward->rule, variant.name),
           is_dialect ? "add type=semver,pattern={{version}}, let the rule that gives the whole version move \"never\" "
                        "({ rule = \"type=ref,event=tag\", moves = \"never\" }), or set the flavor latest=false"
                      : "add a rule with the whole version, for example { tag = \"{version}{-suffix}\" }");
  }

  bool is_readable(const std::string& shape) {
    const auto known = readable_.find(shape);
    if (known != readable_.end()) return known->second;
    const auto parsed = Shape::parse(shape);
    return readable_.emplace(shape, parsed && parsed->readable(matrix_.scheme)).first->second;
  }

  const Repository& repository_of(const Variant& variant, const std::string& text) {
    const auto known = repositories_.find(text);
    if (known != repositories_.end()) return known->second;
    Repository repository;
    const auto parsed = Reference::parse(text);
    if (!parsed) {
      report(variant, nullptr, fmt::format("repository \"{}\": {}", printable(text, 200), parsed.error().why),
             parsed.error().hint);
    } else if (!parsed->tag().empty() || !parsed->digest().empty()) {
      report(variant, nullptr, fmt::format("repository \"{}\" has a tag or a digest", text),
             fmt::format("write \"{}\"; tags come from [tags] rules", parsed->familiar_name()));
    } else {
      repository.valid = true;
      repository.name = parsed->name();
      repository.claims = claims_at_.emplace(repository.name, claims_at_.size()).first->second;
      if (repository.claims == claims_.size())
        claims_.emplace_back().reserve(claims_.size() == 1 ? table_.entries.capacity() : 0);
    }
    return repositories_.emplace(text, std::move(repository)).first->second;
  }

  // False when somebody else has the tag already.
  bool claim(const Repository& repository, std::size_t variant, std::size_t rule) {
    const Variant& claimant = matrix_.variants[variant];
    if (!claimant.active) return true;
    const std::string_view tag = evaluated_[variant].tags[rule].tag;
    const auto [found, added] = claims_[repository.claims].emplace(tag, Claim{variant, rule});
    if (!added) report_clash(repository, found->second, {variant, rule});
    return added;
  }

  static std::string describe(const ResolvedTag& tag) {
    return tag.line > 0 ? fmt::format("rule \"{}\" (line {})", tag.rule, tag.line)
                        : fmt::format("rule \"{}\"", tag.rule);
  }

  void report_clash(const Repository& repository, const Claim& first, const Claim& second) {
    // One pair of rules may clash in every repository; people need to hear it once.
    if (!clashes_.insert({first.variant, first.rule, second.variant, second.rule}).second) return;
    const Variant& one = matrix_.variants[first.variant];
    const Variant& other = matrix_.variants[second.variant];
    const ResolvedTag& before = evaluated_[first.variant].tags[first.rule];
    const ResolvedTag& tag = evaluated_[second.variant].tags[second.rule];
    const auto parsed = Reference::parse(repository.name);
    const std::string name = fmt::format("{}:{}", parsed ? parsed->familiar_name() : repository.name, tag.tag);
    if (first.variant != second.variant) {
      report(other, &tag,
             fmt::format("variants \"{}\" and \"{}\" both claim {}: {} and {}", one.name, other.name, name,
                         describe(before), describe(tag)),
             "make the tags differ, for example by {-suffix}");
    } else if (first.rule != second.rule) {
      report(
          other, &tag,
          fmt::format("variant \"{}\" claims {} twice: {} and {}", other.name, name, describe(before), describe(tag)),
          "remove one of the rules, or put a `when` on it");
    } else {
      report(other, nullptr, fmt::format("variant \"{}\" lists the repository of {} twice", other.name, name),
             "remove one of the entries of repositories");
    }
  }

  // At the rule, or where the variant is declared.
  void report(const Variant& variant, const ResolvedTag* tag, std::string message, std::string hint) {
    Problem problem;
    problem.file = matrix_.file;
    problem.line = tag != nullptr && tag->line > 0 ? tag->line : variant.line;
    problem.column = tag != nullptr && tag->line > 0 ? tag->column : 0;
    problem.key = tag == nullptr ? "repositories" : tag->platforms.empty() ? "tags.rules" : "tags.platform_rules";
    problem.message = std::move(message);
    problem.hint = std::move(hint);
    problems_.push_back(std::move(problem));
  }

  const Matrix& matrix_;
  bool include_inactive_;
  std::vector<EvaluatedTags> evaluated_;  // by variant
  std::string set_tag_;
  Table table_;
  std::vector<Problem> problems_;
  std::unordered_map<std::string, Repository> repositories_;  // by text as written
  std::unordered_map<std::string, std::size_t> claims_at_;    // by normalised name
  std::vector<std::unordered_map<std::string_view, Claim>> claims_;
  std::unordered_map<std::string, bool> readable_;
  std::set<std::array<std::size_t, 4>> clashes_;
  std::set<std::pair<int, std::string>> unordered_;
};

}  // namespace

std::string Entry::familiar() const {
  const auto parsed = Reference::parse(repository);
  return fmt::format("{}:{}", parsed ? parsed->familiar_name() : repository, tag);
}

Result<Table> make_table(const Matrix& matrix, bool include_inactive) {
  return TableMaker(matrix, include_inactive).make();
}

}  // namespace shipset::tags
