#include <fmt/format.h>

#include <algorithm>

#include "budget_impl.hpp"
#include "formats_impl.hpp"
#include "resolve_impl.hpp"
#include "shipset/model/next_version.hpp"
#include "shipset/model/template.hpp"
#include "spec_checks_impl.hpp"
#include "spec_data_impl.hpp"
#include "variant_impl.hpp"

namespace shipset::detail {

namespace {

const Node* path(const Node& root, std::string_view section, std::string_view key) {
  const Node* table = root.find(section);
  return table == nullptr ? nullptr : table->find(key);
}

/// Facts that may be shown: of the environment only what the file allows.
Facts visible(const Facts& facts, const KnownNames& known) {
  Facts out = facts;
  std::erase_if(out.env, [&](const auto& one) { return !known.env.contains(one.first); });
  return out;
}

class MatrixMaker {
 public:
  MatrixMaker(const SpecData& spec, const Facts& facts, const std::string* version)
      : spec_(spec), given_version_(version), problems_(spec.file.string()), faults_(&problems_) {
    out_.facts = visible(facts, spec.known);
    if (version != nullptr) assume_tag(*version);
    values_.known = &spec.known;
    values_.facts = &out_.facts;
  }

  Result<Matrix> run(const InputValues& inputs) {
    SHIPSET_TRY(out_.inputs, convert_inputs(spec_, inputs, out_.facts, given_version_));
    for (const auto& [name, value] : out_.inputs) values_.inputs.emplace(name, value);
    out_.file = spec_.file.string();
    out_.directory = std::filesystem::absolute(spec_.file).lexically_normal().parent_path().string();
    out_.file_digest = Digest::of(spec_.text);
    out_.name = spec_.name;
    out_.scheme = spec_.scheme;
    version();
    if (problems_.has_errors()) return problems_.to_error();
    release_settings();
    gates();
    VariantMaker maker(spec_, values_, faults_, problems_);
    out_.variants.reserve(spec_.declarations.variants.size());
    for (const auto& declared : spec_.declarations.variants) out_.variants.push_back(maker.make(declared));
    event();
    repositories();
    dependencies();
    if (problems_.has_errors()) return problems_.to_error();
    out_.warnings = spec_.warnings;
    for (auto& warning : problems_.warnings()) out_.warnings.push_back(std::move(warning));
    return std::move(out_);
  }

 private:
  /// A version that is given is looked at as when its tag was pushed, whatever is checked out here.
  void assume_tag(const std::string& version) {
    const Node* node = path(spec_.root, "release", "version");
    const Template* text = node == nullptr ? nullptr : node->text_template;
    const bool of_tag = text != nullptr && std::any_of(text->pieces().begin(), text->pieces().end(),
                                                       [](const auto& piece) { return piece.name == "git.tag"; });
    auto& git = out_.facts.git;
    if (of_tag) {
      git["tag"] = version;
      git["ref_type"] = "tag";
      git.erase("branch");
    }
    auto& event = out_.facts.event;
    event["ref"] = "refs/tags/" + version;
    event["event_name"] = "push";
    event.erase("sha");
    event.erase("base_ref");
  }

  RunScope scope_at(Names level) {
    RunScope scope(values_, level, faults_);
    Chain chain;
    chain.push(spec_.declarations.release);
    scope.set_vars(merged_map(chain[Key::vars]));
    return scope;
  }

  void version() {
    const RunScope scope = scope_at(Names::version);
    const Node* node = path(spec_.root, "release", "version");
    if (given_version_ != nullptr) {
      out_.version = *given_version_;
    } else if (node != nullptr) {
      Evaluation(scope, faults_).text(*node, out_.version);
      if (out_.version.starts_with(automatic_prefix)) compute_version(scope, *node);
    }
    if (out_.automatic.empty()) out_.facts.versions.reset();
    values_.version = version_values(out_.version, out_.scheme);
    if (out_.version.empty() || out_.scheme == VersionScheme::none) return;
    const auto parsed = Version::parse(out_.version, out_.scheme);
    if (!parsed && node != nullptr)
      problems_.warning(
          *node, fmt::format("the version \"{}\" is not one of the scheme {}", out_.version, to_string(out_.scheme)),
          "it can be an exact tag, but moves no forward tag");
  }

  /// Of the versions that exist only the highest is kept: it alone decides, now and whenever the facts are used again.
  void compute_version(const Scope& scope, const Node& node) {
    out_.automatic = out_.version;
    out_.version.clear();
    const std::string what = fmt::format("\"{}\" gives no version", out_.automatic);
    if (!out_.facts.versions) {
      problems_.error(node, what + ": the versions that exist are not known",
                      "a shallow checkout may lack git tags; fetch all: git fetch --unshallow --tags "
                      "(actions/checkout: fetch-depth: 0)");
      return;
    }
    std::vector<std::string> withdrawn;
    if (const Node* list = path(spec_.root, "tags", "withdrawn")) withdrawn = Evaluation(scope, faults_).texts(*list);
    const auto step = parse_version_step(std::string_view(out_.automatic).substr(automatic_prefix.size()));
    auto next = step ? next_version(*out_.facts.versions, *step, out_.scheme, withdrawn, out_.facts.date_unix_s)
                     : Result<NextVersion>(step.error());
    if (!next) {
      problems_.error(
          node,
          fmt::format("{}: {}{}", what, next.error().what, next.error().why.empty() ? "" : ": " + next.error().why),
          next.error().hint);
      return;
    }
    out_.version = next->version;
    out_.facts.versions->clear();
    if (!next->highest.empty()) out_.facts.versions->push_back(next->highest);
  }

  void release_settings() {
    const RunScope scope = scope_at(Names::release);
    const Evaluation evaluation(scope, faults_);
    std::string text;
    if (const Node* node = path(spec_.root, "release", "on_registry_failure"))
      out_.continue_on_registry_failure = evaluation.text(*node, text) == Outcome::set && text == "continue";
    if (const Node* node = path(spec_.root, "release", "set_tag")) evaluation.boolean(*node, out_.set_tag);
    if (const Node* node = path(spec_.root, "build", "fail_fast")) evaluation.boolean(*node, out_.fail_fast);
    if (const Node* node = path(spec_.root, "staging", "repository")) evaluation.text(*node, out_.staging_repository);
    if (const Node* node = path(spec_.root, "tags", "withdrawn")) out_.withdrawn = evaluation.texts(*node);
    if (const Node* node = path(spec_.root, "tags", "flavor")) out_.flavor = evaluation.texts(*node);
  }

  /// What happened is told only where tags may come of it.
  void event() {
    const bool wanted = std::any_of(out_.variants.begin(), out_.variants.end(), [](const Variant& variant) {
      return std::any_of(variant.tags.begin(), variant.tags.end(), [](const ResolvedTag& tag) { return tag.dialect; });
    });
    if (!wanted) out_.facts.event.clear();
  }

  /// Formats were checked with the values, so that what does not parse here has been told.
  static Budget budget(const Node& node, const Evaluation& evaluation) {
    Budget out;
    std::string text;
    const auto set = [&](const char* key) {
      const Node* value = node.find(key);
      return value != nullptr && evaluation.text(*value, text) == Outcome::set;
    };
    const auto size = [&](const char* key, std::optional<std::uint64_t>& limit) {
      if (!set(key)) return;
      if (const auto parsed = parse_size(text)) limit = *parsed;
    };
    size("image", out.image_bytes);
    size("layer", out.layer_bytes);
    size("growth_bytes", out.growth_bytes);
    if (set("growth"))
      if (const auto parsed = parse_percent(text)) out.growth_basis_points = *parsed;
    return out;
  }

  void gates() {
    const Node* gates = spec_.root.find("gate");
    if (gates == nullptr) return;
    const RunScope scope = scope_at(Names::release);
    const Evaluation evaluation(scope, faults_);
    for (const auto& node : gates->children) {
      Gate gate;
      gate.name = node.find("name")->text;
      const std::string& at = node.find("at")->text;
      gate.at = at == "staged" ? Gate::At::staged : at == "external" ? Gate::At::external : Gate::At::before_build;
      if (const Node* run = node.find("run")) gate.run = evaluation.texts(*run);
      if (const Node* limits = node.find("budget")) gate.budget = budget(*limits, evaluation);
      if (const Node* variants = node.find("variants")) gate.variants = evaluation.texts(*variants);
      if (const Node* required = node.find("required")) evaluation.boolean(*required, gate.required);
      if (const Node* timeout = node.find("timeout_s")) evaluation.integer(*timeout, gate.timeout_s);
      if (gate.timeout_s <= 0) faults_.report(node, "`timeout_s` is not positive");
      out_.gates.push_back(std::move(gate));
    }
  }

  /// Those of the release; of its variants where the release has none of its own.
  void repositories() {
    Faults quiet(nullptr);
    RunScope scope(values_, Names::release, quiet);
    Chain chain;
    chain.push(spec_.declarations.release);
    scope.set_vars(merged_map(chain[Key::vars]));
    out_.repositories = resolve_texts(Evaluation(scope, quiet), chain[Key::repositories]);
    if (!out_.repositories.empty()) return;
    for (const auto& variant : out_.variants)
      for (const auto& repository : variant.repositories)
        if (std::find(out_.repositories.begin(), out_.repositories.end(), repository) == out_.repositories.end())
          out_.repositories.push_back(repository);
  }

  void dependencies() {
    std::map<std::string_view, std::size_t> indices;
    for (std::size_t i = 0; i < out_.variants.size(); ++i) indices.emplace(out_.variants[i].name, i);
    std::vector<std::vector<std::size_t>> edges(out_.variants.size());
    for (std::size_t i = 0; i < out_.variants.size(); ++i) {
      const Variant& variant = out_.variants[i];
      const Node& node = *spec_.declarations.variants[i].node;
      for (const auto& name : variant.depends_on) {
        const auto target = indices.find(name);
        if (target == indices.end()) {
          if (variant.active)
            problems_.error(
                node, fmt::format("the variant \"{}\" builds on \"{}\", which is not declared", variant.name, name));
          continue;
        }
        edges[i].push_back(target->second);
        if (variant.active) check_base(variant, out_.variants[target->second], node);
      }
    }
    const auto cycle = find_cycle(edges);
    if (cycle.empty()) return;
    std::string members;
    for (const auto member : cycle) members += out_.variants[member].name + " → ";
    problems_.error(*spec_.declarations.variants[cycle.front()].node,
                    fmt::format("variants are bases of each other: {}{}", members, out_.variants[cycle.front()].name));
  }

  void check_base(const Variant& variant, const Variant& base, const Node& node) {
    if (!base.active)
      problems_.error(
          node, fmt::format("the variant \"{}\" builds on \"{}\", whose condition is false", variant.name, base.name),
          fmt::format("give \"{}\" the same condition: {}", variant.name, base.when));
    for (const auto& image : variant.platforms) {
      const auto uses = std::any_of(image.settings.bases.begin(), image.settings.bases.end(),
                                    [&](const BaseImage& one) { return one.variant == base.name; });
      const auto has = std::any_of(base.platforms.begin(), base.platforms.end(),
                                   [&](const PlatformImage& one) { return one.platform.matches(image.platform); });
      if (uses && !has)
        problems_.error(node,
                        fmt::format("the variant \"{}\" needs \"{}\" for {}, which that is not built for", variant.name,
                                    base.name, image.platform.str()),
                        "give both the same platforms");
    }
  }

  const SpecData& spec_;
  const std::string* given_version_;
  ProblemList problems_;
  Faults faults_;
  ReleaseValues values_;
  Matrix out_;
};

}  // namespace

Result<Matrix> make_matrix(const SpecData& spec, const InputValues& inputs, const Facts& facts,
                           const std::string* version) {
  return MatrixMaker(spec, facts, version).run(inputs);
}

}  // namespace shipset::detail
