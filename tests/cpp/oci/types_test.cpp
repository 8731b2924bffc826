#include "shipset/oci/types.hpp"

#include "catch_shim.hpp"
#include "shipset/base/json.hpp"

using namespace shipset;
using namespace shipset::oci;

namespace {

const std::string hex_a(64, 'a');

std::string descriptor_json(const std::string& more = {}) {
  return R"({"mediaType":"application/octet-stream","digest":"sha256:)" + hex_a + R"(","size":3)" + more + "}";
}

std::string manifest_json(const std::string& config, const std::string& layers, const std::string& more = {}) {
  return R"({"schemaVersion":2,"config":)" + config + R"(,"layers":)" + layers + more + "}";
}

std::string why_not(std::string_view bytes) {
  auto parsed = Manifest::parse(bytes, "manifest x");
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.error().kind == ErrorKind::verify);
  CHECK(parsed.error().what.find("manifest x") != std::string::npos);
  return parsed.error().why;
}

}  // namespace

TEST_CASE("empty descriptor, as image-spec gives it, digest size and data fit") {
  const auto empty = empty_descriptor();
  CHECK(empty.digest.str() == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  CHECK(empty.size == 2);
  JsonWriter out;
  empty.write(out);
  CHECK(out.str() ==
        R"({"mediaType":"application/vnd.oci.empty.v1+json","digest":)"
        R"("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2,"data":"e30="})");
}

TEST_CASE("attestation manifest of BuildKit, its very bytes, reads as written there") {
  const std::string bytes = R"({
  "schemaVersion": 2,
  "mediaType": "application/vnd.oci.image.manifest.v1+json",
  "artifactType": "application/vnd.docker.attestation.manifest.v1+json",
  "config": {
    "mediaType": "application/vnd.oci.empty.v1+json",
    "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "size": 2,
    "data": "e30="
  },
  "layers": [
    {
      "mediaType": "application/vnd.in-toto+json",
      "digest": "sha256:f7d4f3fbe856cb92c6bf21fb77ed51dc9370e242bfc458a0a7d54d47d781a9a2",
      "size": 269,
      "annotations": {
        "in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"
      }
    }
  ],
  "subject": {
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "digest": "sha256:)" + hex_a +
                            R"(",
    "size": 1234
  }
})";
  REQUIRE(bytes.size() == 836);
  REQUIRE(Digest::of(bytes).str() == "sha256:3b1850a715126793afe1ccabb893f400052ed22bccc4e36feb49abee18dec7c5");
  auto manifest = Manifest::parse(bytes, "manifest");
  REQUIRE(manifest.ok());
  CHECK(manifest->artifact_type == "application/vnd.docker.attestation.manifest.v1+json");
  CHECK(manifest->config == empty_descriptor());
  REQUIRE(manifest->layers.size() == 1);
  CHECK(manifest->layers[0].annotations.at("in-toto.io/predicate-type") == "https://slsa.dev/provenance/v1");
  REQUIRE(manifest->subject);
  CHECK(manifest->subject->size == 1234);

  std::string compact;
  bool inside = false;
  for (const char c : bytes) {
    if (c == '"') inside = !inside;
    if (inside || (c != ' ' && c != '\n')) compact += c;
  }
  CHECK(manifest->to_bytes() == compact);
}

TEST_CASE("descriptor, every member set, is written in the order of image-spec") {
  Descriptor all;
  all.media_type = "application/x";
  all.digest = Digest::of("abc");
  all.size = 3;
  all.urls = {"https://example.com/a"};
  all.annotations = {{"b", "2"}, {"a", "1"}};
  all.data = "abc";
  all.platform = Platform{"linux", "arm", "v7", "1.0", {"f"}};
  all.artifact_type = "application/y";
  JsonWriter out;
  all.write(out);
  CHECK(out.str() == R"({"mediaType":"application/x","digest":")" + all.digest.str() +
                         R"(","size":3,"urls":["https://example.com/a"],"annotations":{"a":"1","b":"2"},"data":"YWJj",)"
                         R"("platform":{"architecture":"arm","os":"linux","os.version":"1.0","os.features":["f"],)"
                         R"("variant":"v7"},"artifactType":"application/y"})");
  auto index = Index::parse(R"({"schemaVersion":2,"manifests":[)" + out.str() + "]}", "index");
  REQUIRE(index.ok());
  CHECK(index->manifests.at(0) == all);
}

TEST_CASE("manifest, unknown members and nulls, are tolerated") {
  auto manifest =
      Manifest::parse(manifest_json(descriptor_json(R"(,"annotations":null,"urls":null,"x-new":[1])"), "[]",
                                    R"(,"subject":null,"annotations":null,"artifactType":null,"future":{"a":[{}]})"),
                      "manifest");
  REQUIRE(manifest.ok());
  CHECK(manifest->media_type == media_type::manifest);
  CHECK(manifest->layers.empty());
}

TEST_CASE("manifest, wrong members, the error names the place") {
  const auto good = descriptor_json();
  CHECK(why_not(R"({"config":{},"layers":[]})") == "schemaVersion: is missing");
  CHECK(why_not(R"({"schemaVersion":1,"config":{},"layers":[]})") == "schemaVersion: must be 2");
  CHECK(why_not(R"({"schemaVersion":2,"layers":[]})") == "config: is missing");
  CHECK(why_not(R"({"schemaVersion":2,"config":)" + good + "}") == "layers: is missing");
  CHECK(why_not(manifest_json("[]", "[]")) == "config: must be an object");
  CHECK(why_not(manifest_json(good, "{}")) == "layers: must be an array");
  CHECK(why_not(manifest_json(good, "[" + good + ",7]")) == "layers[1]: must be an object");
  CHECK(why_not(manifest_json(good, "[]", R"(,"manifests":[])")).rfind("manifests: ", 0) == 0);
  CHECK(why_not(manifest_json(good, "[]", R"(,"annotations":{"a":1})")).rfind("annotations: ", 0) == 0);
  CHECK(why_not(manifest_json(good, "[]", R"(,"mediaType":"application/vnd.oci.image.index.v1+json")"))
            .rfind("mediaType: ", 0) == 0);
  CHECK(why_not(manifest_json(R"({"digest":"sha256:aa","size":1})", "[]")) == "config.mediaType: is missing");
  CHECK(why_not(manifest_json(R"({"mediaType":"no type","digest":"sha256:aa","size":1})", "[]"))
            .rfind("config.mediaType: ", 0) == 0);
  CHECK(why_not(manifest_json(R"({"mediaType":"a/b","digest":"sha256:../../etc/passwd","size":1})", "[]"))
            .rfind("config.digest: ", 0) == 0);
}

TEST_CASE("descriptor, hostile sizes, are refused") {
  for (const char* size : {"-1", "1.5", "\"3\"", "9223372036854775808", "1e3", "null", "true"}) {
    INFO(size);
    CHECK(why_not(manifest_json(R"({"mediaType":"a/b","digest":"sha256:)" + hex_a + R"(","size":)" + size + "}", "[]"))
              .rfind("config.size: ", 0) == 0);
  }
}

TEST_CASE("descriptor, inline data that does not fit, is refused") {
  const std::string head =
      R"({"mediaType":"a/b","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":)";
  CHECK(Manifest::parse(manifest_json(head + R"(2,"data":"e30="})", "[]"), "m").ok());
  CHECK(why_not(manifest_json(head + R"(2,"data":"e3w="})", "[]")).find("digest") != std::string::npos);
  CHECK(why_not(manifest_json(head + R"(3,"data":"e30="})", "[]")).find("size") != std::string::npos);
  CHECK(why_not(manifest_json(head + R"(2,"data":"%%%%"})", "[]")).find("base64") != std::string::npos);
}

TEST_CASE("manifest, a member twice, is refused") {
  CHECK(why_not(manifest_json(descriptor_json(), "[]", R"(,"layers":[])")).find("twice") != std::string::npos);
}

TEST_CASE("manifest, 10 MB of nested JSON, is refused at once") {
  std::string deep(10u << 20, '[');
  CHECK_FALSE(Manifest::parse(deep, "m").ok());
  std::string within_size = R"({"schemaVersion":2,"config":)" + std::string(3u << 20, '[');
  CHECK(why_not(within_size).size() < 500);
  CHECK_FALSE(Index::parse("\xEF\xBB\xBF{}", "i").ok());
  CHECK_FALSE(Index::parse("", "i").ok());
}

TEST_CASE("index, a document that is also a manifest, is refused") {
  CHECK_FALSE(Index::parse(R"({"schemaVersion":2,"manifests":[],"config":{}})", "i").ok());
  CHECK_FALSE(Index::parse(R"({"schemaVersion":2,"manifests":[],"layers":[]})", "i").ok());
  CHECK(Index::parse(R"({"schemaVersion":2,"manifests":null})", "i").ok());
}

TEST_CASE("children, of manifest and index, are config with layers or manifests; the subject is none") {
  auto below = children(
      media_type::docker_manifest,
      manifest_json(descriptor_json(), "[" + descriptor_json() + "]", R"(,"subject":)" + descriptor_json()), "m");
  REQUIRE(below.ok());
  CHECK(below->size() == 2);
  CHECK_FALSE(children("application/json", "{}", "m").ok());
}

TEST_CASE("attestation descriptor, only the known annotation value, counts") {
  Descriptor d;
  CHECK_FALSE(is_attestation(d));
  d.annotations[std::string(reference_type_key)] = "something-else";
  CHECK_FALSE(is_attestation(d));
  d.annotations[std::string(reference_type_key)] = "attestation-manifest";
  CHECK(is_attestation(d));
}
