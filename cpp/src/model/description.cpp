// Sections of the release as a whole.
#include "description_impl.hpp"

namespace shipset::detail {

namespace {

constexpr auto release_keys = std::array{
    scalar("name", "Name of the product.").looks(Format::label).must_be_set().never_conditional(),
    scalar("version",
           "Version of this release, usually from an input or a git tag; auto:minor (patch, major, prerelease) "
           "computes it.")
        .in(Names::version)
        .looks(Format::version),
    scalar("scheme", "How versions are ordered.")
        .one_of("semver|pep440|calver|integer|none")
        .by_default("semver")
        .never_conditional(),
    list("repositories", "Where the tags go; every tag goes to each of them.")
        .in(Names::variant)
        .looks(Format::repository)
        .is(Key::repositories),
    scalar("on_registry_failure",
           "all: a failing destination stops the release everywhere; continue: it is left out and named.")
        .in(Names::release)
        .one_of("all|continue")
        .by_default("all"),
    scalar("set_tag", "true: the set manifest also gets a tag of its own in every repository, <version>.shipset.")
        .of(Leaf::boolean)
        .in(Names::release)
        .by_default("false"),
};
constexpr SectionSpec release_section{"release", "What is released, and where it goes.", release_keys};

constexpr auto input_keys = std::array{
    scalar("type", "Type of the value.")
        .one_of("string|boolean|integer|choice")
        .by_default("string")
        .never_conditional(),
    scalar("default", "Value when none is given; without a default the input must be given.")
        .of(Leaf::any)
        .in(Names::input),
    list("options", "Allowed values of a choice.").never_conditional(),
    scalar("pattern", "Regular expression that the whole value must match.").looks(Format::pattern).never_conditional(),
    scalar("description", "One line for people.").never_conditional(),
};
constexpr SectionSpec input_section{"input", "A typed parameter of the release.", input_keys};
constexpr KeySpec input_key = table("", "An input.").holds(&input_section);
constexpr SectionSpec inputs_section{"inputs", "Parameters of the release.", {}, &input_key, Format::identifier};

constexpr auto versions_keys = std::array{
    scalar("file", "File of lines KEY=VALUE, relative to the release file; its values are versions.KEY.")
        .looks(Format::not_empty)
        .must_be_set()
        .never_conditional(),
};
constexpr SectionSpec versions_section{"versions", "Versions of components from a file.", versions_keys};

constexpr auto env_keys = std::array{
    list("allow", "Environment variables that templates may read as env.NAME.")
        .looks(Format::env_name)
        .must_be_set()
        .never_conditional(),
};
constexpr SectionSpec env_section{"env", "Environment that the release may see.", env_keys};

constexpr auto rule_keys_in(Names names) {
  return std::array{
      scalar("tag", "Template of the tag.").in(names).must_be_set(),
      scalar("when", "Condition of the tag.").in(names).never_conditional(),
      scalar("moves", "never: an exact tag; forward: only to the highest stable version; always: to every release.")
          .in(names)
          .one_of("never|forward|always")
          .by_default("never"),
  };
}

constexpr auto rule_keys = joined(
    rule_keys_in(Names::variant),
    std::array{scalar("rule", "A rule of docker/metadata-action, type=…, in place of `tag`.").never_conditional()});
constexpr SectionSpec rule_section{"rule", "One tag of every variant.", rule_keys};

constexpr SectionSpec add_section{"added_rule", "A further tag.", rule_keys};

constexpr auto platform_rule_keys = joined(
    rule_keys_in(Names::platform),
    std::array{
        list("platforms", "Only these platforms; default: all of the variant.")
            .in(Names::variant)
            .looks(Format::platform),
        list("variants", "Only these variants; default: all.").in(Names::release).looks(Format::variant_name),
        scalar("index", "true: the tag points at an index of just those platforms, else at one platform's manifest.")
            .of(Leaf::boolean)
            .in(Names::variant)
            .by_default("false"),
    });
constexpr SectionSpec platform_rule_section{"platform_rule", "A tag of single platforms.", platform_rule_keys};

constexpr auto variant_tags_keys = std::array{
    list("rules", "Tags, as tables, as bare templates of exact tags, or as type=… rules of docker/metadata-action.")
        .in(Names::variant)
        .holds(&rule_section),
    list("add", "Tags beside the inherited ones.").in(Names::variant).holds(&add_section),
    table_list("platform_rules", "Tags of single platforms.").in(Names::platform).holds(&platform_rule_section),
    list("flavor", "Affixes and latest for all type=… rules, in the words of docker/metadata-action.")
        .never_conditional()
        .looks(Format::not_empty),
};

constexpr auto tags_keys =
    joined(variant_tags_keys, std::array{list("withdrawn", "Versions that were taken back: moving tags pass over them.")
                                             .in(Names::release)
                                             .looks(Format::tag)});

constexpr auto platform_tag_keys = rule_keys_in(Names::platform);
constexpr SectionSpec platform_tag_section{"platform_tag", "A tag of one platform's manifest.", platform_tag_keys};
constexpr auto platform_tags_keys = std::array{
    list("rules", "Tags of this platform, as tables or as bare templates of exact tags.")
        .in(Names::platform)
        .holds(&platform_tag_section),
    list("add", "Further tags of this platform.").in(Names::platform).holds(&platform_tag_section),
};

constexpr auto budget_keys = std::array{
    scalar("image", "Most that all compressed layers of one platform image may have, e.g. 2 GiB.")
        .in(Names::release)
        .looks(Format::size),
    scalar("layer", "Most that one compressed layer may have, e.g. 800 MB.").in(Names::release).looks(Format::size),
    scalar("growth", "How much larger than in the last release an image may be, e.g. 10%.")
        .in(Names::release)
        .looks(Format::percent),
    scalar("growth_bytes", "The same in bytes, e.g. 200 MiB.").in(Names::release).looks(Format::size),
};
constexpr SectionSpec budget_section{"budget", "Sizes that no staged image may exceed.", budget_keys};

constexpr auto gate_keys = std::array{
    scalar("name", "Name of the gate.").looks(Format::label).must_be_set().never_conditional(),
    scalar("at",
           "before-build: before anything is built; staged: on the staged images; external: its result is reported by "
           "another job.")
        .one_of("before-build|staged|external")
        .must_be_set()
        .never_conditional(),
    list("run", "Command and arguments; no shell.").in(Names::release),
    table("budget", "In place of a command: sizes that no staged image may exceed.").holds(&budget_section),
    list("variants", "Variants that it concerns; default: all.").in(Names::release).looks(Format::variant_name),
    scalar("required", "false: its failure is reported and does not stop the release.")
        .of(Leaf::boolean)
        .in(Names::release)
        .by_default("true"),
    scalar("timeout_s", "Seconds that the command may take.").of(Leaf::integer).in(Names::release).by_default("3600"),
};
constexpr SectionSpec gate_section{"gate", "A check that the release must pass.", gate_keys};

constexpr auto attestations_keys = std::array{
    scalar("sbom", "Form of the SBOM.").in(Names::platform).one_of("spdx|none").by_default("spdx"),
    scalar("provenance", "How much the SLSA provenance says.")
        .in(Names::platform)
        .one_of("max|min|none")
        .by_default("max"),
    scalar("form", "Form of attestation manifests in the index; legacy for old registries and tools.")
        .in(Names::platform)
        .one_of("oci-artifact|legacy")
        .by_default("oci-artifact"),
    list("store", "Where attestations go.").in(Names::platform).one_of("index|referrer|file").by_default("[\"index\"]"),
};

constexpr auto staging_keys = std::array{
    scalar("repository", "Where content is put before tags move; default: the destination.")
        .in(Names::release)
        .looks(Format::repository)
        .must_be_set(),
};
constexpr SectionSpec staging_section{"staging", "Where images wait for promotion.", staging_keys};

constexpr auto file_keys = std::array{
    table("release", "What is released, and where it goes.").holds(&release_section).must_be_set(),
    table("inputs", "Parameters of the release.").holds(&inputs_section),
    table("versions", "Versions of components from a file.").holds(&versions_section),
    table("env", "Environment that the release may see.").holds(&env_section),
    map("vars", "Free values for templates, as vars.NAME.").of(Leaf::any).in(Names::platform).is(Key::vars),
    table("build", "How images are built.").holds(&build_section),
    table("tags", "The tag policy.").holds(&tags_section).is(Key::tags),
    table_list("gate", "Checks that the release must pass.").holds(&gate_section).never_conditional(),
    table("attestations", "SBOM and provenance.").holds(&attestations_section).is(Key::attestations),
    table("staging", "Where images wait for promotion.").holds(&staging_section),
    free_form("ci", "Free table for the CI matrix, e.g. the runner.").in(Names::platform).is(Key::ci),
    table("matrix", "Variants as the product of axes.").holds(&matrix_section),
    table_list("variant", "The variants, in the order of publication.").holds(&variant_section).never_conditional(),
    free_form("signing", "Reserved for signatures.").not_read(),
};
constexpr SectionSpec file_section{"release-file", "Release file of shipset.", file_keys};

}  // namespace

constinit const SectionSpec tags_section{"tags", "Which tags point at what, and how they move.", tags_keys};
constinit const SectionSpec variant_tags_section{"variant_tags", "Tag rules of a variant or platform.",
                                                 variant_tags_keys};
constinit const SectionSpec platform_tags_section{"platform_tags", "Tags of one platform of a variant.",
                                                  platform_tags_keys};
constinit const SectionSpec attestations_section{"attestations", "SBOM and provenance.", attestations_keys};

const SectionSpec& release_file_description() noexcept {
  return file_section;
}

const KeySpec* SectionSpec::find(std::string_view key) const noexcept {
  for (const auto& spec : keys)
    if (spec.name == key) return &spec;
  return nullptr;
}

}  // namespace shipset::detail
