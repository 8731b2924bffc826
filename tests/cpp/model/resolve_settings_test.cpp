#include "shipset/model/matrix_json.hpp"
#include "spec_helper.hpp"

using namespace spec_test;

namespace {

/// Settings of the first platform image of the first variant.
BuildSettings settings_of(const std::string& text, const InputValues& inputs = {}) {
  return matrix_of(file_with(text), inputs).variants.at(0).platforms.at(0).settings;
}

}  // namespace

TEST_CASE("inheritance, all five levels, apply in order") {
  const std::string text =
      "args = { A = \"release\", B = \"release\", C = \"release\", D = \"release\", E = \"release\" }\ntarget = "
      "\"release\"\n"
      "[matrix]\nname = \"{axis.x}-{axis.y}\"\n"
      "[matrix.axis.x.one]\nargs = { B = \"x\", C = \"x\", D = \"x\", E = \"x\", F = \"x\" }\ntarget = \"x\"\n"
      "[matrix.axis.y.two]\nargs = { C = \"y\", D = \"y\", E = \"y\" }\ntarget = \"y\"\n"
      "[matrix.axis.y.two.platform.\"linux/amd64\"]\nargs = { D = \"platform of y\", E = \"platform of y\" }\n"
      "[[matrix.include]]\nx = \"one\"\nargs = { D = \"include\", E = \"include\" }\n"
      "[matrix.include.platform.\"linux/amd64\"]\nargs = { E = \"platform of include\" }\n";
  const auto matrix = matrix_of(file_with(text));
  const auto& variant = matrix.variants.at(0);
  CHECK(
      variant.platforms[0].settings.args ==
      OrderedMap{
          {"A", "release"}, {"B", "x"}, {"C", "y"}, {"D", "platform of y"}, {"E", "platform of include"}, {"F", "x"}});
  CHECK(variant.platforms[1].settings.args ==
        OrderedMap{{"A", "release"}, {"B", "x"}, {"C", "y"}, {"D", "include"}, {"E", "include"}, {"F", "x"}});
  CHECK(variant.platforms[0].settings.target == "y");
}

TEST_CASE("inheritance, lists and scalars replace, an empty string is a value") {
  const auto settings = settings_of(
      "cache_from = [\"a\", \"b\"]\ntarget = \"x\"\nhardware = [\"a :: b :: c\"]\nbase = \"alpine\"\n"
      "[[variant]]\nname = \"v\"\ncache_from = [\"c\"]\ntarget = \"\"\nhardware = []\nbase = \"\"\n");
  CHECK(settings.cache_from == std::vector<std::string>{"c"});
  CHECK(settings.target.empty());
  CHECK(settings.hardware.empty());
  CHECK(settings.bases.empty());
}

TEST_CASE("unset, removes what lower levels set, and the own level sets anew") {
  const auto matrix = matrix_of(file_with(
      "target = \"x\"\nargs = { A = \"1\", B = \"2\" }\ncache_to = [\"c\"]\nlabels = { \"a.b\" = \"1\", \"a.c\" = "
      "\"2\" }\n"
      "[build.native]\nlayers = [{ from = \"f\" }]\nconfig = { env = { E = \"1\", F = \"2\" }, user = \"0\" }\n"
      "[[variant]]\nname = \"v\"\nunset = [\"target\", \"args\", \"labels.a.b\", \"native.config.env.E\", "
      "\"native.config.user\"]\nargs = { C = \"3\" }\n"
      "[variant.platform.\"linux/arm64\"]\nunset = [\"args.C\", \"native\", \"cache_to\"]\ntarget = \"arm\"\n"));
  const auto& amd = matrix.variants[0].platforms[0].settings;
  CHECK(amd.target.empty());
  CHECK(amd.args == OrderedMap{{"C", "3"}});
  CHECK(amd.labels == OrderedMap{{"a.c", "2"}});
  CHECK(amd.native.present);
  CHECK(amd.native.config.env == OrderedMap{{"F", "2"}});
  CHECK_FALSE(amd.native.config.user);
  const auto& arm = matrix.variants[0].platforms[1].settings;
  CHECK(arm.target == "arm");
  CHECK(arm.args.empty());
  CHECK_FALSE(arm.native.present);
  CHECK(arm.cache_to.empty());
}

TEST_CASE("conditional values, first match wins, none falls through, entries are left out") {
  const std::string text =
      "target = \"low\"\ncontext = [{ when = \"inputs.n == 1\", value = \"one\" }, { when = \"inputs.n == 2\", value = "
      "\"two\" }, { value = \"many\" }]\ncache_from = [\"a\", [{ when = \"inputs.n == 1\", value = \"b\" }], "
      "{ when = \"inputs.n == 2\", value = \"c\" }]\nargs = { N = [{ when = \"inputs.n == 1\", value = true }], M = 7 "
      "}\n"
      "no_cache = [{ when = \"inputs.n == 1\", value = true }]\n[inputs.n]\ntype = \"integer\"\n"
      "[[variant]]\nname = \"v\"\ntarget = [{ when = \"inputs.n == 1\", value = \"high\" }]\n";
  const auto one = settings_of(text, {{"n", "1"}});
  CHECK(one.target == "high");
  CHECK(one.context == "one");
  CHECK(one.cache_from == std::vector<std::string>{"a", "b"});
  CHECK(one.args == OrderedMap{{"N", "true"}, {"M", "7"}});
  CHECK(one.no_cache);
  const auto two = settings_of(text, {{"n", "2"}});
  CHECK(two.target == "low");
  CHECK(two.context == "two");
  CHECK(two.cache_from == std::vector<std::string>{"a", "c"});
  CHECK(two.args == OrderedMap{{"M", "7"}});
  CHECK_FALSE(two.no_cache);
  CHECK(settings_of(text, {{"n", "3"}}).context == "many");
}

TEST_CASE("vars, on every level and of each other, resolve where they are used") {
  const auto matrix = matrix_of(
      file_with("args = { A = \"{vars.both}\", B = \"{vars.arch}\", C = \"{-vars.only}\" }\n[vars]\nname = \"low\"\n"
                "both = \"{vars.name}-{version.plain}\"\narch = \"{platform.arch}\"\n"
                "[[variant]]\nname = \"a\"\nvars = { name = \"high\" }\n[variant.platform.\"linux/arm64\"]\n"
                "vars = { only = \"arm\", name = \"highest\" }\n[[variant]]\nname = \"b\"\n"));
  CHECK(matrix.find("a")->platforms[0].settings.args == OrderedMap{{"A", "high-1.2.3"}, {"B", "amd64"}, {"C", ""}});
  CHECK(matrix.find("a")->platforms[1].settings.args ==
        OrderedMap{{"A", "highest-1.2.3"}, {"B", "arm64"}, {"C", "-arm"}});
  CHECK(matrix.find("b")->platforms[1].settings.args == OrderedMap{{"A", "low-1.2.3"}, {"B", "arm64"}, {"C", ""}});
}

TEST_CASE("vars, that name each other in a circle, are an error and no endless loop") {
  const auto text =
      matrix_error(file_with("target = \"{vars.a}\"\n[vars]\na = \"{vars.b}\"\nb = \"{vars.a}\"\n"
                             "[[variant]]\nname = \"v\"\n"));
  CHECK(has(text, "vars.a is defined by itself"));
  CHECK_FALSE(has(text, "has no value"));
}

TEST_CASE("values, of a wrong type or format once evaluated, are problems at their place") {
  const auto text = matrix_error(file_with(
      "no_cache = \"{inputs.s}\"\nbackend = \"{inputs.s}\"\nbase = \"{inputs.s}:::\"\ntarget = \"{git.tag}\"\n"
      "[inputs.s]\ndefault = \"text\"\n[[variant]]\nname = \"v\"\n[[variant]]\nname = \"w\"\n"));
  CHECK(has(text, "shipset.toml:7:12: error: expected a boolean, found the string \"text\" (variant v)"));
  CHECK(has(text, "\"text\" is not a value of `backend`"));
  CHECK(has(text, "shipset.toml:9:8: error"));
  CHECK(has(text, "shipset.toml:10:10: error: \"git.tag\" has no value (variant v)"));
  CHECK_FALSE(has(text, "variant w"));
}

TEST_CASE("base and builder, as text or table, keep or replace what was inherited") {
  const auto matrix = matrix_of(file_with(
      "base = { image = \"alpine\", arg = \"ROOT\" }\nbases = { TOOLS = \"golang:1.24\", X = \"variant:b\" }\n"
      "builder = { driver = \"cloud\", endpoint = \"a/b\", options = { x = 1 } }\n"
      "[[variant]]\nname = \"a\"\nbase = \"debian\"\nbuilder = \"local\"\n[[variant]]\nname = \"b\"\nbase = { image = "
      "\"variant:c\", arg = \"Y\" }\nunset = [\"bases.X\"]\nbuilder = { endpoint = \"c/d\" }\n[[variant]]\nname = "
      "\"c\"\nunset = [\"bases\"]\n"));
  const auto& a = matrix.find("a")->platforms[0].settings;
  CHECK(a.bases == std::vector<BaseImage>{{"ROOT", "debian", ""}, {"TOOLS", "golang:1.24", ""}, {"X", "", "b"}});
  CHECK(a.builder == BuilderSettings{"local", "", "", {}});
  CHECK(matrix.find("a")->depends_on == std::vector<std::string>{"b"});
  const auto& b = matrix.find("b")->platforms[0].settings;
  CHECK(b.bases == std::vector<BaseImage>{{"Y", "", "c"}, {"TOOLS", "golang:1.24", ""}});
  CHECK(b.builder == BuilderSettings{"", "cloud", "c/d", {{"x", "1"}}});
  CHECK(matrix.find("c")->platforms[0].settings.bases == std::vector<BaseImage>{{"ROOT", "alpine", ""}});
}

TEST_CASE("platforms, their own condition and settings shared between them, come out right") {
  const std::string text = file_with(
      "args = { SAME = \"{variant}\" }\n[inputs.arm]\ntype = \"boolean\"\ndefault = true\n[[variant]]\nname = \"v\"\n"
      "platforms = [\"linux/amd64\", \"linux/arm64\", \"linux/arm/v7\", \"linux/s390x\"]\n"
      "[variant.platform.\"linux/arm\"]\nwhen = \"inputs.arm\"\ntarget = \"v7\"\n"
      "[variant.platform.\"linux/arm64\"]\nargs = { M = \"{platform.machine}\" }\n");
  const auto matrix = matrix_of(text);
  const auto& images = matrix.variants[0].platforms;
  REQUIRE(images.size() == 4);
  CHECK(images[1].settings.args == OrderedMap{{"SAME", "v"}, {"M", "aarch64"}});
  CHECK(images[2].platform.str() == "linux/arm/v7");
  CHECK(images[2].settings.target == "v7");
  CHECK(images[3].settings == images[0].settings);
  CHECK(matrix_of(text, {{"arm", "false"}}).variants[0].platforms.size() == 3);
  CHECK(has(matrix_error(file_with(
                "[[variant]]\nname = \"v\"\nplatforms = [[{ when = \"false\", value = \"linux/amd64\" }]]\n")),
            "no platform is left for the variant \"v\""));
}

TEST_CASE("settings as JSON, equal settings, give equal bytes with every member") {
  BuildSettings settings;
  const std::string text = settings_json(settings);
  CHECK(text.starts_with("{\"backend\":\"buildx\",\"builder\":{\"name\":\"\""));
  CHECK(text == settings_json(BuildSettings(settings)));
  const auto differs = [&](auto change) {
    BuildSettings other;
    change(other);
    return settings_json(other) != text;
  };
  CHECK(differs([](BuildSettings& s) { s.backend = "native"; }));
  CHECK(differs([](BuildSettings& s) { s.builder.options = {{"a", "b"}}; }));
  CHECK(differs([](BuildSettings& s) { s.bases = {{"A", "b", ""}}; }));
  CHECK(differs([](BuildSettings& s) { s.secrets = {{"a", "b", ""}}; }));
  CHECK(differs([](BuildSettings& s) { s.attestations.as_file = true; }));
  CHECK(differs([](BuildSettings& s) { s.native.present = true; }));
  CHECK(differs([](BuildSettings& s) { s.ulimits = {"a"}; }));
  CHECK(differs([](BuildSettings& s) { s.contexts = {{"a", "b"}}; }));
  CHECK(differs([](BuildSettings& s) { s.prebuilt = "x"; }));
}

TEST_CASE("ci, tables of all levels, merge and resolve per platform") {
  const auto matrix = matrix_of(file_with(
      "[ci]\nrunner = \"linux-{platform.arch}\"\ntimeout = 10\nnested = { a = 1, b = [\"{variant}\", true] }\n"
      "[[variant]]\nname = \"v\"\nci = { timeout = 20, nested = { c = \"x\" } }\n"
      "[variant.platform.\"linux/arm64\"]\nci = { extra = 1.5 }\nunset = [\"ci.nested\"]\n"));
  CHECK(matrix.variants[0].ci_json == R"({"timeout":20,"nested":{"a":1,"b":["v",true],"c":"x"}})");
  CHECK(matrix.variants[0].platforms[0].ci_json ==
        R"({"runner":"linux-amd64","timeout":20,"nested":{"a":1,"b":["v",true],"c":"x"}})");
  CHECK(matrix.variants[0].platforms[1].ci_json == R"({"runner":"linux-arm64","timeout":20,"extra":1.5})");
}
