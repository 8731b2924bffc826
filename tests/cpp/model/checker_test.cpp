#include "spec_helper.hpp"

using namespace spec_test;

TEST_CASE("release file, the smallest one, is good") {
  CHECK(problems_of(file_with("[[variant]]\nname = \"cpu\"\n")).empty());
}

TEST_CASE("release file, misspelt keys, name the nearest") {
  const auto text = problems_of(file_with("platfroms = []\n[[variant]]\nname = \"cpu\"\ntaget = \"x\"\n[tag]\n"));
  CHECK(has(text, "7:1 build.platfroms: unknown key `platfroms` in `build` | did you mean `platforms`?"));
  CHECK(has(text, "10:1 variant[0].taget: unknown key `taget` in `variant[0]` | did you mean `target`?"));
  CHECK(has(text, "tag: unknown key `tag` in the file | did you mean `tags`?"));
}

TEST_CASE("release file, keys at the wrong place, say where they belong") {
  const auto text = problems_of("dockerfile = \"x\"\n" + file_with("[[variant]]\nname = \"a\"\nscheme = \"semver\"\n"));
  CHECK(has(text, "`dockerfile` belongs in [build]"));
  CHECK(has(text, "`scheme` belongs in [release]"));
}

TEST_CASE("release file, wrong types, say what was expected and found") {
  const auto text = problems_of(
      "[release]\nname = 3\nrepositories = \"a/b\"\n[build]\nplatforms = [\"linux/amd64\", 3]\nno_cache = \"true\"\n"
      "args = [\"A=1\"]\ntarget = { a = 1 }\n[gate]\nname = \"x\"\n[[variant]]\nname = \"a\"\ntarget = 1.5\n");
  CHECK(has(text, "2:8 release.name: expected a string, found an integer | write it in quotes"));
  CHECK(has(text,
            "3:16 release.repositories: expected a list of strings, found a string | write repositories = [\"…\"]"));
  CHECK(has(text, "build.platforms[1]: expected a string in `platforms`, found an integer"));
  CHECK(has(text, "build.no_cache: expected a boolean, found a string | write it without quotes"));
  CHECK(has(text, "build.args: expected a table, found a list"));
  CHECK(has(text, "build.target: expected a string, found a table"));
  CHECK(has(text, "gate: expected a list of tables, found a table | write [[gate]] or a list"));
  CHECK(has(text, "variant[0].target: expected a string, found a floating-point number"));
}

TEST_CASE("release file, missing keys, are named with what they are for") {
  const auto text = problems_of("[build]\nfail_fast = true\n[[variant]]\ntarget = \"x\"\n");
  CHECK(has(text, "`release` is missing in the file"));
  CHECK(has(text, "3:1 variant[0]: `name` is missing in `variant[0]` | Name of the variant."));
}

TEST_CASE("release file, unknown names in templates, are found without values") {
  const auto text = problems_of(file_with(
      "args = { A = \"x{input.a}\", B = \"{platform.arch}\", C = \"{unclosed\" }\n[inputs.a]\ndefault = \"1\"\n"
      "[tags]\nrules = [{ tag = \"{platform.arch}\" }, { tag = \"{env.HOME}\" }, { tag = \"{version.mayor}\" }]\n"
      "[[variant]]\nname = \"a\"\nsuffix = \"{suffix}\"\n"));
  CHECK(has(text, "7:16 build.args.A: unknown name \"input.a\" | did you mean \"inputs.a\"?"));
  CHECK(has(text, "build.args.C: \"{\" without \"}\""));
  CHECK(
      has(text, "tags.rules[0].tag: unknown name \"platform.arch\" | this name is known only in the settings of each"));
  CHECK(has(text, "unknown name \"env.HOME\""));
  CHECK(has(text, "unknown name \"version.mayor\" | did you mean \"version.major\"?"));
  CHECK(has(text, "variant[0].suffix: unknown name \"suffix\" | this name is known only for each variant"));
  CHECK_FALSE(has(text, "args.B"));
}

TEST_CASE("release file, conditions, are typed and parsed") {
  const auto text = problems_of(file_with(
      "[inputs.a]\ndefault = \"x\"\n[inputs.b]\ntype = \"boolean\"\ndefault = true\n[[variant]]\nname = \"a\"\n"
      "when = \"inputs.a\"\n[[variant]]\nname = \"b\"\nwhen = \"inputs.b and\"\n[[variant]]\nname = \"c\"\n"
      "when = \"inputs.b == \\\"x\\\"\"\n[[variant]]\nname = \"d\"\nwhen = true\n[[variant]]\nname = \"e\"\n"
      "when = \"inputs.b and vars.z\"\n[vars]\nz = \"{inputs.b}\"\n"));
  CHECK(has(text, "variant[0].when: \"inputs.a\" is a string, not a boolean"));
  CHECK(has(text, "variant[1].when"));
  CHECK(has(text, "variant[2].when: cannot compare \"inputs.b\" (boolean)"));
  CHECK(has(text, "variant[3].when: expected a string, found a boolean"));
  CHECK_FALSE(has(text, "variant[4]"));
}

TEST_CASE("conditional values, wrong shapes, are refused") {
  const auto text = problems_of(file_with(
      "target = [{ when = \"true\", value = 1 }, { value = \"b\" }]\ncontext = [{ value = \"a\" }, { value = \"b\" }]\n"
      "dockerfile = [{ when = \"true\" }]\nnetwork = []\nbackend = [{ when = \"true\", valve = \"native\" }]\n"
      "cache_from = [[{ when = \"nope\", value = \"x\" }]]\n[[variant]]\nname = [{ value = \"x\" }]\n"));
  CHECK(has(text, "build.target[0].value: expected a string, found an integer"));
  CHECK(has(text, "build.context[0]: what follows this value can never be chosen"));
  CHECK(has(text, "build.dockerfile[0]: a conditional value needs `value`"));
  CHECK(has(text, "build.network: expected a string, found a list"));
  CHECK(has(text, "unknown key `valve` in a conditional value"));
  CHECK(has(text, "unknown name \"nope\""));
  CHECK(has(text, "variant[0].name: expected a string, found a list"));
}

TEST_CASE("release file, values that do not fit their key, are refused") {
  const auto text = problems_of(file_with(
      "base = \"oci:dir\"\nhardware = [\"nvidia\"]\nbackend = \"nativ\"\nlabels = { \"\" = \"x\" }\n"
      "[build.native]\nbase = \"variant:cpu\"\nlayers = [{ from = \"x\", to = \"rel\", owner = \"root\", mode = "
      "\"rwx\" }, "
      "{ to = \"/../x\" }]\nconfig = { ports = [\"x\"], workdir = \"a\" }\n[attestations]\nstore = [\"idnex\"]\n"
      "[staging]\nrepository = \"a/b:tag\"\n[[variant]]\nname = \"Upper\"\nsuffix = \"a b\"\n"
      "[variant.platform.amd64]\ntarget = \"x\"\n[variant.prebuilt]\nimage = \"::\"\n"));
  CHECK(has(text, "build.base: \"oci:dir\" is not an image of a registry"));
  CHECK(has(text, "is not a hardware property"));
  CHECK(has(text, "\"nativ\" is not a value of `backend` | did you mean \"native\"?"));
  CHECK(has(text, "\"\" cannot be a name in `labels`"));
  CHECK(has(text, "a native build cannot have another variant as its base"));
  CHECK(has(text, "\"rel\" is not an absolute path"));
  CHECK(has(text, "\"root\" is not an owner"));
  CHECK(has(text, "\"rwx\" is not a file mode"));
  CHECK(has(text, "`from` is missing"));
  CHECK(has(text, "leads out of its folder"));
  CHECK(has(text, "\"x\" is not a port"));
  CHECK(has(text, "did you mean \"index\"?"));
  CHECK(has(text, "\"a/b:tag\" has a tag or digest"));
  CHECK(has(text, "\"Upper\" cannot be the name of a variant"));
  CHECK(has(text, "the suffix \"a b\" has characters that no tag may have"));
  CHECK(has(text, "\"amd64\" is not a platform"));
  CHECK(has(text, "variant[0].prebuilt.image"));
}

TEST_CASE("secrets, values in the file, are refused and not repeated") {
  const auto text = problems_of(
      file_with("secrets = [{ id = \"a\", env = \"hunter2 is the secret\" }, { id = \"b\", value = \"hunter2\" }, { id "
                "= \"c\" }, "
                "{ id = \"d\", env = \"A\", file = \"b\" }, { id = \"e\", file = \"ghp_0123456789abcdefghij\" }]\n"
                "[[variant]]\nname = \"a\"\n"));
  CHECK(has(text, "`env` is not the name of an environment variable"));
  CHECK(has(text, "secrets never stand in the file"));
  CHECK(has(text, "build.secrets[2]: a build secret needs either `env` or `file`"));
  CHECK(has(text, "build.secrets[3]: a build secret needs either `env` or `file`"));
  CHECK(has(text, "`file` is not a path"));
  CHECK_FALSE(has(text, "hunter2"));
  CHECK_FALSE(has(text, "ghp_"));
}

TEST_CASE("build arguments, a well-known credential, gets a warning without its text") {
  const auto spec = spec_of(file_with("args = { T = \"ghp_0123456789abcdefghij\" }\n[[variant]]\nname = \"a\"\n"));
  REQUIRE(spec.warnings().size() == 1);
  CHECK(has(spec.warnings()[0].message, "looks like a secret"));
  CHECK_FALSE(has(render(spec.warnings()[0]), "ghp_"));
}

TEST_CASE("tag rules of metadata-action, well and badly written, are kept as they are or refused clearly") {
  const auto spec = spec_of(file_with(
      "[tags]\nflavor = [\"latest=true\"]\nrules = [\"type=semver,pattern={{version}}\", { rule = \"type=sha\" }]\n"
      "[[variant]]\nname = \"a\"\ntags.add = [\"type=sha\", { rule = \"type=edge\", moves = \"never\" }]\n"
      "[[variant]]\nname = \"b\"\ntags.flavor = [\"latest=false\", \"suffix=-x\"]\n"));
  const auto matrix = spec.matrix().value();
  const auto& a = matrix.variants[0];
  REQUIRE(a.tags.size() == 4);
  for (const auto& tag : a.tags) CHECK((tag.dialect && tag.tag.empty() && tag.shape.empty()));
  CHECK(a.tags[0].rule == "type=semver,pattern={{version}}");
  CHECK(a.tags[3].rule == "type=edge");
  CHECK((a.tags[3].moves_given && !a.tags[0].moves_given));
  CHECK(a.flavor == std::vector<std::string>{"latest=true"});
  CHECK(matrix.variants[1].flavor == std::vector<std::string>{"latest=false", "suffix=-x"});

  const auto text = problems_of(
      file_with("[tags]\nrules = [{ rule = \"sha\" }, { rule = \"type=sha\", tag = \"a\" }, { moves = \"never\" }]\n"
                "platform_rules = [{ tag = \"a\" }, \"type=sha\"]\n[signing]\nkey = \"x\"\n[[variant]]\nname = \"a\"\n"
                "[variant.platform.\"linux/amd64\".tags]\nrules = [\"type=sha\"]\n"));
  CHECK(has(text, "tags.rules[0].rule: `rule` does not start with type="));
  CHECK(has(text, "tags.rules[1]: a rule has either `tag` or `rule`"));
  CHECK(has(text, "`tag` is missing in `tags.rules[2]`"));
  CHECK(has(text, "give no tags of single platforms"));
  CHECK(has(text, "`signing` is not read by this version"));
}

TEST_CASE("release version, automatic with an unknown step, is refused with the nearest one") {
  const auto file = [](const std::string& version) {
    return "[release]\nname = \"a\"\nversion = \"" + version +
           "\"\nrepositories = [\"a/b\"]\n"
           "[build]\nplatforms = [\"linux/amd64\"]\n[[variant]]\nname = \"a\"\n";
  };
  CHECK(problems_of(file("auto:minor")).empty());
  const auto text = problems_of(file("auto:mnior"));
  CHECK(has(text, "3:11 release.version: \"mnior\" is no step to a next version | did you mean \"minor\"?"));
}

TEST_CASE("release file, many problems of all kinds, are reported at once and in order") {
  const auto spec = ReleaseSpec::parse(
      "[release]\nname = \"a\"\nversoin = \"1\"\nrepositories = [\"a/b\"]\n[build]\nplatforms = [\"linux/amd64\"]\n"
      "target = 1\n[tags]\nrules = [{ tag = \"latest\", moves = \"forward\" }]\n[[variant]]\nname = \"a\"\n"
      "base = \"variant:b\"\n[[variant]]\nname = \"b\"\nbase = \"variant:a\"\n[[variant]]\nname = \"a\"\n",
      "dir/shipset.toml");
  REQUIRE_FALSE(spec.ok());
  CHECK(spec.error().kind == ErrorKind::spec);
  CHECK(spec.error().what == "dir/shipset.toml has 5 errors");
  const auto& problems = spec.error().problems;
  REQUIRE(problems.size() == 5);
  for (std::size_t i = 1; i < problems.size(); ++i) CHECK(problems[i - 1].line <= problems[i].line);
  CHECK(problems[0].key == "release.versoin");
  CHECK(problems[0].file == "dir/shipset.toml");
  CHECK(has(problems[2].message, "a forward tag needs an exact tag"));
  CHECK(has(problems[3].message, "variants are bases of each other"));
  CHECK(has(problems[4].message, "two variants are called"));
}

TEST_CASE("release file, a hundred thousand mistakes, are bounded") {
  std::string text = file_with("");
  for (int i = 0; i < 100'000; ++i) text += "k" + std::to_string(i) + " = 1\n";
  const auto spec = ReleaseSpec::parse(text, "shipset.toml");
  REQUIRE_FALSE(spec.ok());
  CHECK(spec.error().problems.size() == 1000);
  CHECK(has(spec.error().why, "further findings are not listed"));
}

TEST_CASE("release file, empty or not at all a release file, is refused") {
  CHECK(has(problems_of(""), "`release` is missing"));
  CHECK(has(problems_of("a = 1"), "unknown key `a`"));
  CHECK(has(problems_of("{\"a\": 1}"), "1:"));
}
