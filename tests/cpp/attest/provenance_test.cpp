#include "shipset/attest/provenance.hpp"

#include <nlohmann/json.hpp>

#include "catch_shim.hpp"

using namespace shipset;
using namespace shipset::attest;
using nlohmann::json;

namespace {

ProvenanceInput example() {
  ProvenanceInput in;
  in.build_type = build_type_native;
  in.builder_id = builder_id_local;
  in.release_name = "model-runner";
  in.version = "v1.0.0";
  in.variant = "cuda";
  in.platform = "linux/amd64";
  in.backend = "native";
  in.release_file = Digest::of(std::string_view("file"));
  in.inputs = {{"release_tag", "v1.0.0"}, {"push_latest", "true"}};
  in.arguments = {{"B", "2"}, {"A", "1"}};
  in.labels = {{"l", "x"}};
  in.secret_ids = {"token", "key", "token"};
  in.source_uri = "https://user:hunter2@example.com/o/r.git#refs/heads/main";
  in.source_commit = std::string(40, 'c');
  in.build_key = "sha256:key";
  in.settings_json = R"({ "b": 1, "a": [true] })";
  in.dependencies = {{"pkg:docker/alpine@3?platform=linux%2Famd64", "sha256", std::string(64, 'b')}};
  in.layers = {{"files/app", Digest::of(std::string_view("layer"))}};
  return in;
}

}  // namespace

TEST_CASE("provenance, mode max, holds everything at its SLSA place") {
  const auto p = json::parse(provenance_predicate(example(), true));
  const auto& definition = p["buildDefinition"];
  CHECK(definition["buildType"] == "urn:shipset:build:native:v1");
  const auto& external = definition["externalParameters"];
  CHECK(external["release"]["name"] == "model-runner");
  CHECK(external["release"]["file"]["digest"]["sha256"] == Digest::of(std::string_view("file")).encoded());
  CHECK(external["inputs"] == json{{"release_tag", "v1.0.0"}, {"push_latest", "true"}});
  CHECK(external["arguments"] == json{{"A", "1"}, {"B", "2"}});
  CHECK(external["labels"]["l"] == "x");
  CHECK(external["secrets"] == json::parse(R"([{"id":"key"},{"id":"token"}])"));
  CHECK(external["source"]["digest"]["sha1"] == std::string(40, 'c'));
  const auto& internal = definition["internalParameters"];
  CHECK(internal["settings"] == json{{"a", {true}}, {"b", 1}});
  CHECK(internal["layers"][0]["from"] == "files/app");
  CHECK(internal["buildKey"] == "sha256:key");
  const auto& dependencies = definition["resolvedDependencies"];
  REQUIRE(dependencies.size() == 2);
  CHECK(dependencies[1]["uri"] == "pkg:docker/alpine@3?platform=linux%2Famd64");
  CHECK(p["runDetails"]["builder"]["id"] == builder_id_local);
  CHECK(p["runDetails"]["metadata"]["shipset_mode"] == "max");
}

TEST_CASE("provenance, mode min, leaves out arguments, labels, secrets, settings and layers") {
  const auto text = provenance_predicate(example(), false);
  const auto p = json::parse(text);
  const auto& external = p["buildDefinition"]["externalParameters"];
  for (const auto* name : {"arguments", "labels", "secrets"}) CHECK_FALSE(external.contains(name));
  for (const auto* name : {"settings", "layers"})
    CHECK_FALSE(p["buildDefinition"]["internalParameters"].contains(name));
  CHECK(external["inputs"]["push_latest"] == "true");
  CHECK(p["buildDefinition"]["resolvedDependencies"].size() == 2);
}

TEST_CASE("provenance, credentials in URLs, are nowhere in it") {
  auto in = example();
  in.dependencies.push_back({"https://token@example.com/a@b", "sha256", ""});
  in.dependencies.push_back({"ssh://git@[::1]:22/x", "sha1", ""});
  const auto text = provenance_predicate(in, true);
  CHECK(text.find("hunter2") == std::string::npos);
  CHECK(text.find("token@") == std::string::npos);
  CHECK(text.find("https://example.com/o/r.git#refs/heads/main") != std::string::npos);
  CHECK(text.find("https://example.com/a@b") != std::string::npos);
  CHECK(text.find("ssh://[::1]:22/x") != std::string::npos);
}

TEST_CASE("provenance, same release with values in another order, has the same bytes and no clock") {
  auto other = example();
  std::swap(other.inputs[0], other.inputs[1]);
  std::swap(other.arguments[0], other.arguments[1]);
  other.settings_json = R"({"a":[true],"b":1})";
  const auto text = provenance_predicate(example(), true);
  CHECK(text == provenance_predicate(other, true));
  for (const auto* clock : {"startedOn", "finishedOn", "invocation"}) CHECK(text.find(clock) == std::string::npos);
}

TEST_CASE("provenance, nothing known, is still a predicate with the members that SLSA demands") {
  const auto p = json::parse(provenance_predicate({}, true));
  CHECK(p["buildDefinition"].contains("externalParameters"));
  CHECK(p["runDetails"]["builder"].contains("id"));
  CHECK_FALSE(p["buildDefinition"].contains("resolvedDependencies"));
}

TEST_CASE("provenance, settings that are no JSON, stay text and break nothing") {
  auto in = example();
  in.settings_json = "}, \"evil\": {";
  const auto p = json::parse(provenance_predicate(in, true));
  CHECK(p["buildDefinition"]["internalParameters"]["settings"] == in.settings_json);
}
