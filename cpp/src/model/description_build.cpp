// Sections that say how an image is built: [build], what variants and platforms may set, [build.native].
#include "description_impl.hpp"

namespace shipset::detail {

namespace {

constexpr auto layer_keys = std::array{
    scalar("from", "Directory, file or tar (plain, gzip, zstd), relative to the folder of the release file.")
        .in(Names::platform)
        .looks(Format::not_empty)
        .must_be_set(),
    scalar("to", "Where the content goes in the image; for a file the target path, or a folder when it ends in /.")
        .in(Names::platform)
        .looks(Format::absolute_path)
        .by_default("/"),
    scalar("owner", "Numeric owner UID or UID:GID; a tar keeps its own when this is not set.")
        .in(Names::platform)
        .looks(Format::owner)
        .by_default("0:0"),
    scalar("mode", "Octal mode of files, e.g. 0755; not set: taken from the files.")
        .in(Names::platform)
        .looks(Format::mode),
};
constexpr SectionSpec layer_section{"layer", "One layer of a native build.", layer_keys};

constexpr auto config_keys = std::array{
    list("entrypoint", "Program and first arguments.").in(Names::platform),
    list("cmd", "Default arguments.").in(Names::platform),
    map("env", "Environment; merged with that of the base.").of(Leaf::any).in(Names::platform),
    scalar("user", "User, or user:group.").in(Names::platform),
    scalar("workdir", "Working folder.").in(Names::platform).looks(Format::absolute_path),
    map("labels", "Labels of the image config; merged with those of the base.").of(Leaf::any).in(Names::platform),
    list("ports", "Ports that the program listens on, e.g. 8080/tcp.").in(Names::platform).looks(Format::port),
    list("volumes", "Folders that hold data of the user.").in(Names::platform).looks(Format::absolute_path),
};
constexpr SectionSpec config_section{"config", "Container configuration; what is not set comes from the base.",
                                     config_keys};

constexpr auto native_keys = std::array{
    scalar("base", "Image that the layers are added to: a reference, oci:PATH[:TAG], or scratch.")
        .in(Names::platform)
        .looks(Format::native_base)
        .by_default("scratch"),
    table_list("layers", "Layers, lowest first.").in(Names::platform).holds(&layer_section),
    scalar("compression", "Compression of the layers; gzip gives the same bytes on every machine.")
        .in(Names::platform)
        .one_of("none|gzip|gzip-fast|zstd")
        .by_default("gzip"),
    table("config", "Container configuration.").holds(&config_section),
};
constexpr SectionSpec native_section{"native", "Images assembled without a daemon: base, layers, config.", native_keys};

constexpr auto prebuilt_keys = std::array{
    scalar("image", "Image that something else built: a reference, oci:PATH[:TAG] or docker-archive:PATH[:REF].")
        .in(Names::platform)
        .looks(Format::location)
        .must_be_set(),
};
constexpr SectionSpec prebuilt_section{"prebuilt", "Where the backend `prebuilt` takes the image from.", prebuilt_keys};

constexpr auto node_keys = std::array{
    scalar("name", "Name of the node.").in(Names::platform),
    scalar("endpoint", "Endpoint of the driver for this node.").in(Names::platform),
    list("platforms", "Platforms that it builds; not set: those that it tells itself.")
        .in(Names::platform)
        .looks(Format::platform),
    map("options", "Options of the driver for this node.").of(Leaf::any).in(Names::platform),
};
constexpr SectionSpec node_section{"node", "One machine of a described builder.", node_keys};

constexpr auto builder_keys = std::array{
    scalar("name", "Name of an existing buildx builder.").in(Names::platform),
    scalar("driver", "Driver: docker-container, kubernetes, remote, cloud.").in(Names::platform),
    scalar("endpoint", "Endpoint of the driver.").in(Names::platform),
    map("options", "Options of the driver.").of(Leaf::any).in(Names::platform),
    table_list("nodes", "Machines of the builder, in place of one endpoint.").in(Names::platform).holds(&node_section),
};
constexpr SectionSpec builder_section{"builder", "A buildx builder, by name or described.", builder_keys};

constexpr auto base_keys = std::array{
    scalar("image", "Image reference, or variant:NAME for another variant of this release.")
        .in(Names::platform)
        .looks(Format::base)
        .must_be_set(),
    scalar("arg", "Build argument that carries it.")
        .in(Names::platform)
        .looks(Format::env_name)
        .by_default("BASE_IMAGE"),
};
constexpr SectionSpec base_section{"base", "A base image and the build argument that carries it.", base_keys};

constexpr auto secret_keys = std::array{
    scalar("id", "Name of the secret in the Dockerfile.").in(Names::platform).looks(Format::not_empty).must_be_set(),
    scalar("env", "Name of the environment variable that holds it.").in(Names::platform).looks(Format::secret_env),
    scalar("file", "File that holds it.").in(Names::platform).looks(Format::secret_file),
};
constexpr SectionSpec secret_section{"secret", "A build secret by where it is found; never its value.", secret_keys};

// Settings that the release, axis values, includes, variants and platforms share.
constexpr auto shared_build = std::array{
    scalar("backend",
           "What builds: docker buildx, shipset itself without a daemon, or nothing because it is built already.")
        .in(Names::platform)
        .one_of("buildx|native|prebuilt")
        .by_default("buildx")
        .is(Key::backend),
    scalar("builder", "The buildx builder: its name, or driver and endpoint.")
        .in(Names::platform)
        .holds(&builder_section)
        .is(Key::builder),
    scalar("dockerfile", "Dockerfile, relative to the folder of the release file.")
        .in(Names::platform)
        .looks(Format::not_empty)
        .by_default("Dockerfile")
        .is(Key::dockerfile),
    scalar("context", "Build context: a folder relative to the release file, or what buildx takes.")
        .in(Names::platform)
        .looks(Format::not_empty)
        .by_default(".")
        .is(Key::context),
    scalar("target", "Stage of the Dockerfile.").in(Names::platform).is(Key::target),
    scalar("base",
           "Base image, passed as build argument BASE_IMAGE and pinned in the plan; variant:NAME builds on another "
           "variant.")
        .in(Names::platform)
        .looks(Format::base)
        .holds(&base_section)
        .is(Key::base),
    map("bases", "Further base images: build argument → image.").in(Names::platform).looks(Format::base).is(Key::bases),
    map("args", "Build arguments.").of(Leaf::any).in(Names::platform).is(Key::args),
    map("labels", "Labels of the images.").of(Leaf::any).in(Names::platform).is(Key::labels),
    map("annotations", "Annotations; a key may start with index: or manifest:.")
        .of(Leaf::any)
        .in(Names::platform)
        .is(Key::annotations),
    list("cache_from", "Where the builder reads its cache, as buildx takes it.")
        .in(Names::platform)
        .looks(Format::not_empty)
        .is(Key::cache_from),
    list("cache_to", "Where the builder writes its cache, as buildx takes it.")
        .in(Names::platform)
        .looks(Format::not_empty)
        .is(Key::cache_to),
    table_list("secrets", "Build secrets.").in(Names::platform).holds(&secret_section).is(Key::secrets),
    list("ssh", "SSH agents or keys, as buildx takes them.").in(Names::platform).looks(Format::not_empty).is(Key::ssh),
    map("contexts", "Further build contexts: name → place.").in(Names::platform).is(Key::contexts),
    scalar("network", "Network mode of RUN steps.").in(Names::platform).is(Key::network),
    list("ulimits", "Limits of RUN steps, e.g. nofile=1024:1024.")
        .in(Names::platform)
        .looks(Format::not_empty)
        .is(Key::ulimits),
    scalar("no_cache", "Build without reading any cache.")
        .of(Leaf::boolean)
        .in(Names::platform)
        .by_default("false")
        .is(Key::no_cache),
    scalar("pull", "Ask the registry for every image of the Dockerfile even if it is cached.")
        .of(Leaf::boolean)
        .in(Names::platform)
        .by_default("false")
        .is(Key::pull),
    scalar("rewrite_timestamp", "Give the files in layers SOURCE_DATE_EPOCH as their time.")
        .of(Leaf::boolean)
        .in(Names::platform)
        .by_default("false")
        .is(Key::rewrite_timestamp),
    scalar("output",
           "Where the builder puts an image: by digest straight into the destination's registry, or into a layout on "
           "this machine, which is pushed then.")
        .in(Names::platform)
        .one_of("registry|layout")
        .by_default("registry")
        .is(Key::output),
    list("allow_secret_args", "Build arguments whose values may look like secrets; others are refused.")
        .in(Names::platform)
        .looks(Format::env_name)
        .is(Key::allow_secret_args),
    list("hardware", "Hardware that the image needs: vendor :: property :: value.")
        .in(Names::platform)
        .looks(Format::hardware)
        .is(Key::hardware),
    table("native", "What the backend `native` assembles.").holds(&native_section).is(Key::native),
    table("prebuilt", "What the backend `prebuilt` takes.").holds(&prebuilt_section).is(Key::prebuilt),
};

constexpr auto shared_platforms = std::array{
    list("platforms", "Platforms as os/arch[/variant].").in(Names::variant).looks(Format::platform).is(Key::platforms),
};

constexpr auto shared_common = std::array{
    table("attestations", "SBOM and provenance.").holds(&attestations_section).is(Key::attestations),
    map("vars", "Free values for templates, as vars.NAME.").of(Leaf::any).in(Names::platform).is(Key::vars),
    free_form("ci", "Free table for the CI matrix, e.g. the runner.").in(Names::platform).is(Key::ci),
    list("unset", "Inherited settings to remove, e.g. target or args.CUDA.").looks(Format::unset).never_conditional(),
};

constexpr auto shared_variant = std::array{
    table("tags", "Tag rules; `rules` replaces those of the release, `add` appends.")
        .holds(&variant_tags_section)
        .is(Key::tags),
    scalar("suffix", "What tags call the variant, without dash; the name when not set, empty for the main variant.")
        .in(Names::suffix)
        .looks(Format::suffix)
        .is(Key::suffix),
    scalar("when", "Condition of being built; conditions of axis values, includes and variant must all hold.")
        .in(Names::variant)
        .is(Key::when)
        .never_conditional(),
    scalar("required",
           "true: its failure fails the release; false: it is reported; \"if-present\": skipped when its base or "
           "prebuilt source exists for no platform.")
        .of(Leaf::required)
        .in(Names::variant)
        .by_default("true")
        .is(Key::required),
    scalar("publish", "false: built, staged and gated, but not tagged.")
        .of(Leaf::boolean)
        .in(Names::variant)
        .by_default("true")
        .is(Key::publish),
    list("repositories", "Where the tags go, in place of the release's repositories.")
        .in(Names::variant)
        .looks(Format::repository)
        .is(Key::repositories),
    table_map("platform", "Settings of single platforms, by platform.")
        .looks(Format::platform)
        .holds(&platform_section),
};

constexpr auto build_keys = joined(shared_build, shared_platforms,
                                   std::array{scalar("fail_fast", "Stop the other builds when a required one fails.")
                                                  .of(Leaf::boolean)
                                                  .in(Names::release)
                                                  .by_default("false")});

constexpr auto platform_keys = joined(
    shared_build, shared_common,
    std::array{
        table("tags", "Tags of this platform's manifest.").holds(&platform_tags_section).is(Key::tags),
        scalar("when", "Condition of building this platform.").in(Names::platform).is(Key::when).never_conditional()});

constexpr auto axis_value_keys = joined(shared_build, shared_platforms, shared_common, shared_variant);

constexpr auto variant_keys = joined(
    std::array{scalar("name", "Name of the variant.").looks(Format::variant_name).must_be_set().never_conditional()},
    axis_value_keys);

constexpr auto include_keys =
    joined(std::array{scalar("name", "Name of the variant, in place of the matrix's name template.")
                          .looks(Format::variant_name)
                          .never_conditional()},
           axis_value_keys);

constexpr SectionSpec axis_value_section{"axis_value", "Settings of one value of an axis.", axis_value_keys};

constexpr KeySpec axis_value_key = table("", "Settings of this value.").holds(&axis_value_section);

constexpr auto axis_keys = std::array{
    list("values", "Values of the axis; values with settings are tables beside it and need not be listed.")
        .looks(Format::axis_value)
        .never_conditional(),
};
constexpr SectionSpec axis_section{"axis", "One dimension of the matrix.", axis_keys, &axis_value_key,
                                   Format::axis_value};

constexpr KeySpec axis_choice =
    list("", "Value or values of the axis of this name.").looks(Format::axis_value).never_conditional();

constexpr SectionSpec include_section{"include",
                                      "Settings for the combinations that it names, or a further combination.",
                                      include_keys, &axis_choice, Format::identifier};
constexpr SectionSpec exclude_section{
    "exclude", "Combinations that do not exist.", {}, &axis_choice, Format::identifier};

constexpr auto matrix_keys = std::array{
    scalar("name", "Template of the variants' names, from axis.*.")
        .in(Names::axis)
        .looks(Format::variant_name)
        .must_be_set()
        .never_conditional(),
    table_map("axis", "The dimensions, in the order of the file.")
        .looks(Format::identifier)
        .holds(&axis_section)
        .must_be_set(),
    table_list("include", "Settings for some combinations, or further combinations.")
        .holds(&include_section)
        .never_conditional(),
    table_list("exclude", "Combinations to leave out.").holds(&exclude_section).never_conditional(),
};

}  // namespace

constinit const SectionSpec build_section{"build", "How images are built, for every variant.", build_keys};
constinit const SectionSpec platform_section{"platform", "Settings of one platform of a variant.", platform_keys};
constinit const SectionSpec variant_section{"variant", "One flavour of the product.", variant_keys};
constinit const SectionSpec matrix_section{"matrix", "Variants as the product of axes.", matrix_keys};

}  // namespace shipset::detail
