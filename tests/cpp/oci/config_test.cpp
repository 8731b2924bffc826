#include "catch_shim.hpp"
#include "shipset/oci/types.hpp"

using namespace shipset;
using namespace shipset::oci;

TEST_CASE("legacy attestation config, specification vector, gives its bytes") {
  ImageConfig config;
  config.platform.os = config.platform.architecture = "unknown";
  config.diff_ids = {Digest::from_hex("f7d4f3fbe856cb92c6bf21fb77ed51dc9370e242bfc458a0a7d54d47d781a9a2")};
  const auto bytes = config.to_bytes();
  CHECK(bytes.size() == 167);
  CHECK(Digest::of(bytes).str() == "sha256:679e704d95dc1da2cc116fb9dbafdae4239fe792cc0cebc8344d1698db8957d5");
}

TEST_CASE("image config, what Docker writes, is kept over reading and writing") {
  const std::string bytes =
      R"({"created":"2024-01-02T03:04:05.678Z","author":"me","architecture":"arm","os":"linux","os.version":"10",)"
      R"("os.features":["f"],"variant":"v7","config":{"User":"1000:1000","ExposedPorts":{"80/tcp":{},"90/udp":{}},)"
      R"("Env":["PATH=/bin","A=b=c"],"Entrypoint":["/run"],"Cmd":["-v"],"Volumes":{"/data":{}},"WorkingDir":"/w",)"
      R"("Labels":{"a":"1"},"StopSignal":"SIGINT","Healthcheck":{"Interval":30000000000,"Test":["CMD","true"]},)"
      R"("OnBuild":["RUN x"],"Shell":["/bin/bash","-c"]},"rootfs":{"type":"layers","diff_ids":["sha256:)" +
      std::string(64, 'b') +
      R"("]},"history":[{"created":"2024-01-02T03:04:05Z","created_by":"RUN","comment":"c"},{"author":"x","empty_layer":true}]})";
  auto config = ImageConfig::parse(bytes, "config");
  REQUIRE(config.ok());
  CHECK(config->created == "2024-01-02T03:04:05.678Z");
  CHECK(config->platform.variant == "v7");
  CHECK(config->config.env == std::vector<std::string>{"PATH=/bin", "A=b=c"});
  CHECK(config->config.extra_json.find("Healthcheck") != std::string::npos);
  CHECK(config->history.at(1).empty_layer);
  CHECK(config->to_bytes() == bytes);
}

TEST_CASE("image config, nulls everywhere they are allowed, reads as empty") {
  auto config = ImageConfig::parse(
      R"({"created":null,"architecture":"amd64","os":"linux","config":{"User":null,"ExposedPorts":null,"Env":null,)"
      R"("Entrypoint":null,"Cmd":null,"Volumes":null,"Labels":null,"OnBuild":null,"Image":""},"rootfs":)"
      R"({"type":"layers","diff_ids":null},"history":null,"docker_version":"24"})",
      "config");
  REQUIRE(config.ok());
  CHECK(config->created.empty());
  CHECK(config->config.extra_json == R"({"Image":""})");
  CHECK(config->diff_ids.empty());
  CHECK(
      ImageConfig::parse(R"({"architecture":"a","os":"o","config":null,"rootfs":{"type":"layers","diff_ids":[]}})", "c")
          .ok());
}

TEST_CASE("image config, wrong members, the error names the place") {
  const auto why = [](const std::string& bytes) {
    auto config = ImageConfig::parse(bytes, "config");
    REQUIRE_FALSE(config.ok());
    CHECK(config.error().kind == ErrorKind::verify);
    return config.error().why;
  };
  CHECK(why(R"({"os":"linux","rootfs":{"type":"layers"}})") == "architecture: is missing");
  CHECK(why(R"({"architecture":"a","rootfs":{"type":"layers"}})") == "os: is missing");
  CHECK(why(R"({"architecture":"a","os":"o"})") == "rootfs: is missing");
  CHECK(why(R"({"architecture":"a","os":"o","rootfs":{"type":"other"}})") == "rootfs.type: must be \"layers\"");
  CHECK(why(R"({"architecture":"a","os":"o","rootfs":{"type":"layers","diff_ids":["x"]}})")
            .rfind("rootfs.diff_ids[0]: ", 0) == 0);
  CHECK(why(R"({"architecture":"a","os":"o","rootfs":{"type":"layers"},"config":{"Env":"A=b"}})") ==
        "config.Env: must be an array");
  CHECK(why(R"({"architecture":"a","os":"o","rootfs":{"type":"layers"},"history":[{"empty_layer":1}]})") ==
        "history[0].empty_layer: must be true or false");
}

TEST_CASE("image config, sets given in any order or twice, are written sorted and once") {
  ImageConfig config;
  config.platform.os = "linux";
  config.platform.architecture = "amd64";
  config.config.exposed_ports = {"90/udp", "80/tcp", "90/udp"};
  config.config.extra_json = R"({"User":"root","Shell":["sh"]})";
  CHECK(config.to_bytes() ==
        R"({"architecture":"amd64","os":"linux","config":{"ExposedPorts":{"80/tcp":{},"90/udp":{}},"Shell":["sh"]},)"
        R"("rootfs":{"type":"layers","diff_ids":[]}})");
}
