#include "shipset/build/bake.hpp"

#include <nlohmann/json.hpp>

#include "catch_shim.hpp"

using namespace shipset;
using namespace shipset::build;
using Json = nlohmann::json;

namespace {

const std::string one_digest = "sha256:" + std::string(64, '1'), two_digest = "sha256:" + std::string(64, '2');

Task task(const std::string& variant, const std::string& platform = "linux/amd64") {
  Task out;
  out.variant = variant;
  out.platform = Platform::parse(platform).value();
  out.directory = "/project";
  return out;
}

BakeOptions to_registry() {
  BakeOptions out;
  out.place = [](const Task&) { return PushPlace{"registry.example/team/app", nullptr, false}; };
  return out;
}

BakeFile made(const std::vector<Task>& tasks, const BakeOptions& options = to_registry()) {
  auto file = make_bake_file(tasks, options);
  INFO((file.ok() ? std::string() : render(file.error())));
  REQUIRE(file.ok());
  return *file;
}

Json target_of(const BakeFile& file, const std::string& name) {
  const Json json = Json::parse(file.json);
  INFO(file.json);
  REQUIRE(json["target"].contains(name));
  return json["target"][name];
}

std::vector<std::string> names(const BakeFile& file) {
  std::vector<std::string> out;
  for (const auto& target : file.targets) out.push_back(target.name);
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("bake file, several platforms built alike, are one target of the default group") {
  const auto file = made({task("cpu"), task("cuda"), task("cpu", "linux/arm64")});
  CHECK(names(file) == Names{"cpu", "cuda"});
  CHECK(file.targets[0].tasks == std::vector<std::size_t>{0, 2});
  CHECK(target_of(file, "cpu")["platforms"] == Json({"linux/amd64", "linux/arm64"}));
  CHECK(Json::parse(file.json)["group"]["default"]["targets"] == Json({"cpu", "cuda"}));
}

TEST_CASE("bake file, platform with settings of its own, is a target with its platform in its name") {
  auto other = task("cpu", "linux/arm/v7");
  other.settings.args = {{"A", "b"}};
  const auto file = made({task("cpu"), task("cpu", "linux/arm64"), other});
  CHECK(names(file) == Names{"cpu", "cpu_linux-arm-v7"});
  CHECK(target_of(file, "cpu_linux-arm-v7")["args"] == Json({{"A", "b"}}));
  CHECK_FALSE(target_of(file, "cpu").contains("args"));
}

TEST_CASE("bake file, split by platform, joins no platforms even when they are pushed") {
  auto options = to_registry();
  options.split_platforms = true;
  const auto file = made({task("cpu"), task("cpu", "linux/arm64"), task("rocm")}, options);
  CHECK(names(file) == Names{"cpu_linux-amd64", "cpu_linux-arm64", "rocm"});
}

TEST_CASE("bake file, dots in names, become underscores and a clash is an error") {
  CHECK(names(made({task("cuda12.9"), task("cuda-12")})) == Names{"cuda12_9", "cuda-12"});
  const auto clash = make_bake_file({task("cuda12.9"), task("cuda12_9")}, to_registry());
  REQUIRE_FALSE(clash.ok());
  CHECK(clash.error().kind == ErrorKind::spec);
  CHECK(clash.error().what.find("cuda12_9") != std::string::npos);
  CHECK(clash.error().why.find("cuda12.9") != std::string::npos);
}

TEST_CASE("bake file, target of a platform that another variant is named like, is an error") {
  auto other = task("cpu", "linux/arm64");
  other.settings.args = {{"A", "b"}};
  const auto clash = make_bake_file({task("cpu"), other, task("cpu_linux-arm64")}, to_registry());
  REQUIRE_FALSE(clash.ok());
  CHECK(clash.error().kind == ErrorKind::spec);
}

TEST_CASE("bake file, output, is by digest to a registry and a folder without one") {
  const Json pushed = target_of(made({task("cpu")}), "cpu")["output"][0];
  CHECK(pushed["type"] == "image");
  CHECK(pushed["name"] == "registry.example/team/app");
  CHECK(pushed["push"] == "true");
  CHECK(pushed["push-by-digest"] == "true");
  CHECK(pushed["oci-mediatypes"] == "true");
  CHECK_FALSE(pushed.contains("registry.insecure"));
  CHECK_FALSE(pushed.contains("rewrite-timestamp"));

  auto insecure = to_registry();
  insecure.place = [](const Task&) { return PushPlace{"registry.example/team/app", nullptr, true}; };
  CHECK(target_of(made({task("cpu")}, insecure), "cpu")["output"][0]["registry.insecure"] == "true");

  auto here = task("cpu");
  here.settings.output = "layout";
  auto options = to_registry();
  options.layouts = "/work/out";
  const auto file = made({here, task("cuda")}, options);
  const Json kept = target_of(file, "cpu")["output"][0];
  CHECK(kept["type"] == "oci");
  CHECK(kept["dest"] == "/work/out/cpu");
  CHECK(kept["tar"] == "false");
  CHECK(file.targets[0].layout == "/work/out/cpu");
  CHECK(file.targets[1].layout.empty());
}

TEST_CASE("bake file, layouts of several platforms, are targets of their own") {
  CHECK(names(made({task("cpu"), task("cpu", "linux/arm64")}, {})) == Names{"cpu_linux-amd64", "cpu_linux-arm64"});
}

TEST_CASE("bake file, pinned images, are contexts under the names that BuildKit asks for") {
  auto one = task("cpu");
  const auto digest = Digest::parse(one_digest).value(), index = Digest::parse(two_digest).value();
  one.bases = {{"BASE_IMAGE", "nvidia/cuda:12.9", digest, index},
               {"", "docker.io/library/ubuntu", digest, {}},
               {"", "registry.example/tools:v1", digest, index},
               {"", "alpine@" + one_digest, digest, index}};
  const Json contexts = target_of(made({one}), "cpu")["contexts"];
  CHECK(contexts == Json({{"nvidia/cuda:12.9", "docker-image://nvidia/cuda:12.9@" + two_digest},
                          {"ubuntu", "docker-image://ubuntu:latest@" + one_digest},
                          {"registry.example/tools:v1", "docker-image://registry.example/tools:v1@" + two_digest}}));
}

TEST_CASE("bake file, variant on a variant, is linked to its target or to where it lies") {
  auto child = task("child");
  child.settings.bases = {{"BELOW", "", "base.1"}};
  const auto linked = made({task("base.1"), child});
  const Json target = target_of(linked, "child");
  CHECK(target["contexts"] == Json({{"shipset-variant-base-1-f3436d2ecfda", "target:base_1"}}));
  CHECK(target["args"]["BELOW"] == "shipset-variant-base-1-f3436d2ecfda");

  child.variant_places = {{"base.1", "docker-image://registry.example/team/app@" + one_digest}};
  CHECK(target_of(made({child}), "child")["contexts"]["shipset-variant-base-1-f3436d2ecfda"] ==
        "docker-image://registry.example/team/app@" + one_digest);

  child.variant_places.clear();
  const auto alone = make_bake_file({child}, to_registry());
  REQUIRE_FALSE(alone.ok());
  CHECK(alone.error().kind == ErrorKind::spec);
  auto arm = child;
  arm.platform = Platform::parse("linux/arm64").value();
  CHECK_FALSE(make_bake_file({task("base.1"), child, arm}, to_registry()).ok());
}

TEST_CASE("bake file, split by platform, links a variant to the target of the same platform") {
  auto amd64 = task("child"), arm64 = task("child", "linux/arm64");
  amd64.settings.bases = arm64.settings.bases = {{"BELOW", "", "base"}};
  auto options = to_registry();
  options.split_platforms = true;
  const auto file = made({task("base"), task("base", "linux/arm64"), amd64, arm64}, options);
  CHECK(target_of(file, "child_linux-arm64")["contexts"]["shipset-variant-base"] == "target:base_linux-arm64");
  CHECK(target_of(file, "child_linux-amd64")["contexts"]["shipset-variant-base"] == "target:base_linux-amd64");
}

TEST_CASE("bake file, secrets, are names and places and never values") {
  auto one = task("cpu");
  one.settings.secrets = {{"token", "TOKEN", ""}, {"key", "", "keys/key.pem"}};
  ::setenv("TOKEN", "very-secret-value", 1);
  const auto file = made({one});
  ::unsetenv("TOKEN");
  CHECK(target_of(file, "cpu")["secret"] ==
        Json::array({{{"id", "token"}, {"env", "TOKEN"}}, {{"id", "key"}, {"src", "keys/key.pem"}}}));
  CHECK(file.json.find("very-secret-value") == std::string::npos);
}

TEST_CASE("bake file, annotations, are of the manifest; those of the index are ours") {
  auto one = task("cpu");
  one.settings.annotations = {{"a", "plain"}, {"manifest:b", "x=y"}, {"index:c", "ours"}};
  CHECK(target_of(made({one}), "cpu")["annotations"] == Json({"manifest:a=plain", "manifest:b=x=y"}));
}

TEST_CASE("bake file, SOURCE_DATE_EPOCH, is an argument where it is set or times are rewritten") {
  auto one = task("cpu");
  CHECK_FALSE(target_of(made({one}), "cpu").contains("args"));
  one.epoch_unix_s = 1'700'000'000;
  CHECK(target_of(made({one}), "cpu")["args"]["SOURCE_DATE_EPOCH"] == "1700000000");
  one.epoch_unix_s = 0;
  one.settings.rewrite_timestamp = true;
  const Json target = target_of(made({one}), "cpu");
  CHECK(target["args"]["SOURCE_DATE_EPOCH"] == "0");
  CHECK(target["output"][0]["rewrite-timestamp"] == "true");
}

TEST_CASE("bake file, attestations, are the builder's provenance in the mode asked for and no SBOM") {
  auto one = task("cpu");
  const auto attest = [&](ProvenanceMode mode) {
    one.settings.attestations.provenance = mode;
    return target_of(made({one}), "cpu")["attest"];
  };
  CHECK(attest(ProvenanceMode::max)[0] == Json({{"type", "provenance"}, {"mode", "max"}}));
  CHECK(attest(ProvenanceMode::min)[0] == Json({{"type", "provenance"}, {"mode", "min"}}));
  CHECK(attest(ProvenanceMode::none)[0] == Json({{"type", "provenance"}, {"disabled", true}}));
  CHECK(attest(ProvenanceMode::max)[1] == Json({{"type", "sbom"}, {"disabled", true}}));
}

TEST_CASE("bake file, Dockerfile and settings of a build, are written as bake reads them") {
  auto one = task("cpu");
  one.settings.context = "src/app";
  one.settings.dockerfile = "docker/Dockerfile";
  one.settings.target = "final";
  one.settings.labels = {{"org.example", "1 \"2\""}};
  one.settings.cache_from = {"type=registry,ref=registry.example/cache"};
  one.settings.cache_to = {"type=local,dest=cache,mode=max"};
  one.settings.ssh = {"default"};
  one.settings.ulimits = {"nofile=1024:1024"};
  one.settings.network = "none";
  one.settings.no_cache = one.settings.pull = true;
  one.settings.contexts = {{"assets", "assets/linux"}};
  const Json target = target_of(made({one}), "cpu");
  CHECK(target["context"] == "src/app");
  CHECK(target["dockerfile"] == "../../docker/Dockerfile");
  CHECK(target["target"] == "final");
  CHECK(target["labels"]["org.example"] == "1 \"2\"");
  CHECK(target["cache-from"] == Json({"type=registry,ref=registry.example/cache"}));
  CHECK(target["cache-to"] == Json({"type=local,dest=cache,mode=max"}));
  CHECK(target["ssh"] == Json({"default"}));
  CHECK(target["ulimits"] == Json({"nofile=1024:1024"}));
  CHECK(target["network"] == "none");
  CHECK(target["no-cache"] == true);
  CHECK(target["pull"] == true);
  CHECK(target["contexts"]["assets"] == "assets/linux");

  auto remote = task("cpu");
  remote.settings.context = "https://git.example/app.git#v1";
  remote.settings.dockerfile = "docker/Dockerfile";
  CHECK(target_of(made({remote}), "cpu")["dockerfile"] == "docker/Dockerfile");
}
