#include <atomic>
#include <thread>

#include "catch_shim.hpp"
#include "referrers_impl.hpp"
#include "registry_support.hpp"
#include "repository_impl.hpp"
#include "scripted_server_support.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;

namespace {
struct Artifact {
  std::string bytes;
  oci::Descriptor descriptor;
  Artifact(const oci::Descriptor& subject, const std::string& mark) {
    oci::Manifest manifest;
    manifest.artifact_type = "application/vnd.example." + mark;
    manifest.config = oci::empty_descriptor();
    manifest.layers = {oci::empty_descriptor()};
    manifest.subject = subject;
    manifest.annotations = {{"mark", mark}};
    bytes = manifest.to_bytes();
    descriptor = oci::describe(oci::media_type::manifest, bytes);
  }
};

oci::Descriptor subject_of(const std::string& bytes) {
  return oci::describe(oci::media_type::manifest, bytes);
}

/// Manifests by reference, without the referrers API.
class TagOnly {
 public:
  std::map<std::string, std::pair<std::string, std::string>> manifests;  ///< reference → type, bytes
  std::function<void(TagOnly&, const Request&)> before = [](TagOnly&, const Request&) {};
  std::vector<std::pair<std::string, std::string>> put_headers;
  bool api = false, etags = false;

  Reply operator()(const Request& request) {
    std::lock_guard lock(mutex_);
    before(*this, request);
    if (request.target.find("/referrers/") != std::string::npos)
      return api ? Reply{200, {{"Content-Type", std::string(oci::media_type::index)}}, oci::Index{}.to_bytes()}
                 : Reply{404, {}, "404 page not found"};
    const auto at = request.target.find("/manifests/");
    if (at == std::string::npos) return Reply::error(404, "UNKNOWN");
    const std::string key = request.target.substr(at + 11);
    if (request.method == "PUT") {
      const auto held = manifests.find(key);
      const std::string match = request.header("if-match");
      if (!match.empty() && (held == manifests.end() || match != tag_of(held->second.second)))
        return Reply::error(412, "PRECONDITION");
      manifests[key] = {request.header("content-type"), request.body};
      return {201, put_headers};
    }
    const auto found = manifests.find(key);
    if (found == manifests.end()) return Reply::error(404, "MANIFEST_UNKNOWN");
    if (request.method == "DELETE") return manifests.erase(found), Reply{202};
    const auto& [type, bytes] = found->second;
    Reply reply{
        200, {{"Content-Type", type}, {"Docker-Content-Digest", Digest::of(std::string_view(bytes)).str()}}, bytes};
    if (etags) reply.headers.emplace_back("ETag", tag_of(bytes));
    return reply;
  }

  std::vector<oci::Descriptor> list(const Digest& subject) {
    std::lock_guard lock(mutex_);
    const auto found = manifests.find(referrers_tag(subject));
    if (found == manifests.end()) return {};
    return oci::Index::parse(found->second.second, "list").value().manifests;
  }

 private:
  static std::string tag_of(const std::string& bytes) {
    return "\"" + Digest::of(std::string_view(bytes)).str() + "\"";
  }
  std::mutex mutex_;
};

struct Fixture {
  TagOnly registry;
  ScriptedServer server{[this](const Request& request) { return registry(request); }};
  Client client{quick_options()};
  std::unique_ptr<oci::Store> store = client.repository(reference(server.host() + "/app"));
  oci::Descriptor subject = subject_of("subject");
  Result<void> put(const Artifact& artifact) { return store->put_manifest(artifact.descriptor, artifact.bytes); }
};
}  // namespace

TEST_CASE("referrer, put where there is no API, is listed under the tag with type and annotations") {
  Fixture fixture;
  const Artifact sbom(fixture.subject, "sbom");
  REQUIRE(fixture.put(sbom));
  const auto listed = fixture.registry.list(fixture.subject.digest);
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].digest == sbom.descriptor.digest);
  CHECK(listed[0].size == sbom.bytes.size());
  CHECK(listed[0].artifact_type == "application/vnd.example.sbom");
  CHECK(listed[0].annotations == oci::Annotations{{"mark", "sbom"}});
  CHECK(fixture.store->referrers(fixture.subject.digest, {}).value().size() == 1);
  // Again, by digest and by tag: it is known to be listed.
  const auto before = fixture.server.log().size();
  REQUIRE(fixture.put(sbom));
  REQUIRE(fixture.store->put_tag("sbom", sbom.descriptor, sbom.bytes));
  CHECK(fixture.server.log().size() == before + 2);
  CHECK(fixture.registry.list(fixture.subject.digest).size() == 1);
}

TEST_CASE("referrer, attestation that an index lists, gets no tag") {
  Fixture fixture;
  Artifact attestation(fixture.subject, "sbom");
  attestation.descriptor.annotations = {{std::string(oci::reference_type_key), "attestation-manifest"},
                                        {std::string(oci::reference_digest_key), fixture.subject.digest.str()}};
  REQUIRE(fixture.put(attestation));
  CHECK(fixture.server.log().size() == 1);
  CHECK(fixture.registry.list(fixture.subject.digest).empty());
}

TEST_CASE("referrer, put where the registry lists it, writes no tag") {
  const bool by_header = GENERATE(true, false);
  Fixture fixture;
  if (by_header) fixture.registry.put_headers = {{"OCI-Subject", fixture.subject.digest.str()}};
  fixture.registry.api = !by_header;
  REQUIRE(fixture.put(Artifact(fixture.subject, "a")));
  const auto first = fixture.server.log().size();
  CHECK(first == (by_header ? 1 : 2));
  REQUIRE(fixture.put(Artifact(fixture.subject, "b")));
  CHECK(fixture.server.log().size() == first + 1);
  CHECK(fixture.registry.list(fixture.subject.digest).empty());
  CHECK(fixture.client.profile(fixture.server.host()).referrers_api.value == std::optional(true));
}

TEST_CASE("referrer, list of another tool, keeps its entries and members") {
  Fixture fixture;
  fixture.registry.manifests[referrers_tag(fixture.subject.digest)] = {
      std::string(oci::media_type::index),
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","x-own":[1,2],"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:)" +
          std::string(64, 'a') + R"(","size":7,"x-mark":true}]})"};
  REQUIRE(fixture.put(Artifact(fixture.subject, "a")));
  CHECK(fixture.registry.list(fixture.subject.digest).size() == 2);
  const auto& bytes = fixture.registry.manifests[referrers_tag(fixture.subject.digest)].second;
  CHECK(bytes.find(R"("x-own":[1,2])") != std::string::npos);
  CHECK(bytes.find(R"("x-mark":true)") != std::string::npos);
}

TEST_CASE("referrer, tag that holds anything but a list, is an error and left alone") {
  Fixture fixture;
  const SmallImage image("layer");
  const std::string tag = referrers_tag(fixture.subject.digest);
  SECTION("an image") {
    fixture.registry.manifests[tag] = {std::string(oci::media_type::manifest), image.manifest};
  }
  SECTION("the subject itself, as GitLab answers") {
    fixture.registry.manifests[tag] = {std::string(oci::media_type::index), oci::Index{}.to_bytes()};
    fixture.subject = oci::describe(oci::media_type::index, oci::Index{}.to_bytes());
    fixture.registry.manifests[referrers_tag(fixture.subject.digest)] = fixture.registry.manifests[tag];
  }
  SECTION("a Docker list") {
    fixture.registry.manifests[tag] = {std::string(oci::media_type::docker_list), oci::Index{}.to_bytes()};
  }
  SECTION("damaged") {
    fixture.registry.manifests[tag] = {std::string(oci::media_type::index), "{\"manifests\":7}"};
  }
  const auto held = fixture.registry.manifests[referrers_tag(fixture.subject.digest)];
  const auto put = fixture.put(Artifact(fixture.subject, "a"));
  REQUIRE_FALSE(put);
  CHECK(exit_code(put.error().kind) != 1);
  CHECK(fixture.registry.manifests[referrers_tag(fixture.subject.digest)] == held);
}

TEST_CASE("referrer, concurrent writer wins, is added again and both stay") {
  Fixture fixture;
  fixture.registry.etags = GENERATE(false, true);
  const Artifact theirs(fixture.subject, "theirs"), ours(fixture.subject, "ours");
  std::atomic<int> races = 2;
  fixture.registry.before = [&](TagOnly& registry, const Request& request) {
    const std::string tag = referrers_tag(fixture.subject.digest);
    // Right after our write the other one, which had read before, puts its list over ours.
    if (request.method != "HEAD" || request.target.find(tag) == std::string::npos || races-- <= 0) return;
    oci::Index list;
    list.manifests = {theirs.descriptor};
    list.annotations = {{"round", std::to_string(races)}};
    registry.manifests[tag] = {std::string(oci::media_type::index), list.to_bytes()};
  };
  REQUIRE(fixture.put(ours));
  const auto listed = fixture.registry.list(fixture.subject.digest);
  CHECK(listed.size() == 2);
}

TEST_CASE("referrer, tag changed between reading and writing, the registry's If-Match is heeded") {
  Fixture fixture;
  fixture.registry.etags = true;
  const Artifact first(fixture.subject, "first"), theirs(fixture.subject, "theirs"), ours(fixture.subject, "ours");
  REQUIRE(fixture.put(first));
  std::atomic<bool> once = true;
  fixture.registry.before = [&](TagOnly& registry, const Request& request) {
    const std::string tag = referrers_tag(fixture.subject.digest);
    if (request.method != "PUT" || request.target.find(tag) == std::string::npos || !once.exchange(false)) return;
    oci::Index list;
    list.manifests = {first.descriptor, theirs.descriptor};
    registry.manifests[tag] = {std::string(oci::media_type::index), list.to_bytes()};
  };
  Client other(quick_options());  // has not written the list itself: reads it with its ETag
  REQUIRE(other.repository(reference(fixture.server.host() + "/app"))->put_manifest(ours.descriptor, ours.bytes));
  CHECK(fixture.registry.list(fixture.subject.digest).size() == 3);
}

TEST_CASE("referrer, somebody else always wins, ends with an error after some rounds") {
  Fixture fixture;
  std::atomic<int> round = 0;
  fixture.registry.before = [&](TagOnly& registry, const Request& request) {
    const std::string tag = referrers_tag(fixture.subject.digest);
    if (request.method != "HEAD") return;
    oci::Index list;
    list.annotations = {{"round", std::to_string(++round)}};
    registry.manifests[tag] = {std::string(oci::media_type::index), list.to_bytes()};
  };
  CancelToken stop;
  std::thread stopper([&] {  // ten rounds of back-off take longer than a test should
    while (round < 3) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stop.cancel();
  });
  auto store = fixture.client.repository(reference(fixture.server.host() + "/app"), stop);
  const Artifact ours(fixture.subject, "ours");
  const auto put = store->put_manifest(ours.descriptor, ours.bytes);
  stopper.join();
  REQUIRE_FALSE(put);
  CHECK(put.error().kind == ErrorKind::cancelled);
}

TEST_CASE("referrers, many at once, all are listed and writes are shared") {
  Fixture fixture;
  constexpr int count = 24;
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int i = 0; i < count; ++i)
    threads.emplace_back([&, i] {
      if (!fixture.put(Artifact(fixture.subject, "a" + std::to_string(i)))) ++failed;
    });
  for (auto& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(fixture.registry.list(fixture.subject.digest).size() == count);
  int writes = 0;
  for (const auto& line : fixture.server.log())
    if (line.starts_with("PUT") && line.find(referrers_tag(fixture.subject.digest)) != std::string::npos) ++writes;
  CHECK(writes < count);
}

TEST_CASE("referrers, one after another, cost a look, a write and a look each") {
  Fixture fixture;
  REQUIRE(fixture.put(Artifact(fixture.subject, "a")));
  const auto before = fixture.server.log().size();
  REQUIRE(fixture.put(Artifact(fixture.subject, "b")));
  const auto log = fixture.server.log();
  const std::string list = "/v2/app/manifests/" + referrers_tag(fixture.subject.digest);
  REQUIRE(log.size() == before + 4);
  CHECK(log[before + 1] == "HEAD " + list);
  CHECK(log[before + 2] == "PUT " + list);
  CHECK(log[before + 3] == "HEAD " + list);
}

TEST_CASE("referrer, deleted by us, its entry goes too") {
  Fixture fixture;
  const Artifact one(fixture.subject, "one"), two(fixture.subject, "two");
  REQUIRE(fixture.put(one));
  REQUIRE(fixture.put(two));
  auto& repository = dynamic_cast<RepositoryStore&>(*fixture.store);
  CHECK(repository.remove_manifest(one.descriptor).value());
  const auto left = fixture.registry.list(fixture.subject.digest);
  REQUIRE(left.size() == 1);
  CHECK(left[0].digest == two.descriptor.digest);
  CHECK(repository.remove_manifest(one.descriptor).value());  // gone already
  REQUIRE(fixture.put(one));                                  // and may come back
  CHECK(fixture.registry.list(fixture.subject.digest).size() == 2);
}

TEST_CASE("referrers tag, any digest, fits the schema") {
  CHECK(referrers_tag(Digest::of(std::string_view("x"))) ==
        "sha256-" + std::string(Digest::of(std::string_view("x")).encoded()));
  const auto odd = Digest::parse("sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564").value();
  CHECK(referrers_tag(odd) == "sha256-b64u-LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564");
  const auto long_one = Digest::parse("sha512:" + std::string(128, 'a')).value();
  CHECK(referrers_tag(long_one) == "sha512-" + std::string(64, 'a'));
}

TEST_CASE("referrers, real registries, are listed after they were put") {
  const std::string kind = GENERATE("plain", "distribution", "crane");
  const auto registry = RealRegistry::start(kind);
  if (!registry) return;
  INFO(kind);
  Client client(quick_options());
  auto store = client.repository(reference(registry->host() + "/app"));
  const SmallImage image(noise(1000, 7));
  REQUIRE(image.push(*store));
  const auto empty = oci::empty_descriptor();
  REQUIRE(store->put_blob(empty, *memory_source("{}"), {}, {}));
  const Artifact one(image.descriptor, "one"), two(image.descriptor, "two");
  REQUIRE(store->put_manifest(one.descriptor, one.bytes));
  REQUIRE(store->put_manifest(two.descriptor, two.bytes));
  CHECK(store->referrers(image.descriptor.digest, {}).value().size() == 2);
  const auto only = store->referrers(image.descriptor.digest, "application/vnd.example.two").value();
  REQUIRE(only.size() == 1);
  CHECK(only[0].digest == two.descriptor.digest);
  // None of them has the API; crane's says so with an error document, the others with a bare 404.
  CHECK(client.profile(registry->host()).referrers_api.value == std::optional(false));
  CHECK(store->resolve(referrers_tag(image.descriptor.digest)).value().has_value());
  auto& repository = dynamic_cast<RepositoryStore&>(*store);
  CHECK(repository.remove_manifest(one.descriptor).value());
  CHECK(repository.remove_manifest(two.descriptor).value());
  CHECK(store->referrers(image.descriptor.digest, {}).value().empty());
}
