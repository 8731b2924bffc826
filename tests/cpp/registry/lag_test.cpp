// Registries that do not show at once what they took, and refuse to take again what they hold; and pulls that go on
// though the registry changes its manners in the middle.
#include "catch_shim.hpp"
#include "recent_puts_impl.hpp"
#include "registry_support.hpp"
#include "scripted_server_support.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;

namespace {
const SmallImage image("layer"), other("other layer");

Reply shown(const SmallImage& what) {
  return {200,
          {{"Content-Type", std::string(oci::media_type::manifest)},
           {"Docker-Content-Digest", what.descriptor.digest.str()}},
          what.manifest};
}
}  // namespace

TEST_CASE("recent puts, found for a while, forgotten with their digest") {
  RecentPuts puts;
  const auto now = RecentPuts::Clock::now();
  const auto digest = image.descriptor.digest;
  puts.remember("h/a", "v1", digest, now);
  puts.remember("h/a", "v2", other.descriptor.digest, now);
  CHECK(puts.find("h/a", "v1", now + std::chrono::seconds(9)) == digest);
  CHECK_FALSE(puts.find("h/a", "v1", now + std::chrono::seconds(11)));
  CHECK_FALSE(puts.find("h/b", "v1", now));
  puts.forget("h/a", digest.str());
  CHECK_FALSE(puts.find("h/a", "v1", now));
  CHECK(puts.find("h/a", "v2", now));
  for (int i = 0; i < 5000; ++i) puts.remember("h/a", std::to_string(i), digest, now + std::chrono::minutes(i));
  CHECK_FALSE(puts.find("h/a", "17", now + std::chrono::minutes(5000)));
}

TEST_CASE("manifest, not shown at once after our own put, is asked for again; without a put, it is not") {
  std::atomic<int> looks{0}, lag{2};
  std::atomic<bool> stale{false};
  ScriptedServer server([&](const Request& request) {
    if (request.method == "PUT") return Reply{201, {}, {}};
    if (++looks <= lag) return stale ? shown(other) : Reply::error(404, "MANIFEST_UNKNOWN");
    return shown(image);
  });
  Client client(quick_options());
  auto store = client.repository(reference(server.host() + "/app"));
  lag = 100;
  CHECK_FALSE(store->resolve("v1").value());
  CHECK(looks == 1);
  CHECK(store->put_tag("v1", image.descriptor, image.manifest));
  for (const bool old : {false, true}) {
    stale = old;
    lag = looks + 2;
    CHECK(store->resolve("v1").value()->digest == image.descriptor.digest);
  }
  stale = false;
  lag = looks + 2;
  CHECK(store->has_manifest(image.descriptor.digest).value());
  lag = looks + 2;
  CHECK(store->manifest(image.descriptor.digest).value().bytes == image.manifest);
  lag = 1000;
  CHECK_FALSE(store->resolve("v1").value());  // what it shows in the end is the truth
  CHECK(store->manifest(image.descriptor.digest).error().kind == ErrorKind::not_found);
  stale = true;
  CHECK(store->resolve("v1").value()->digest == other.descriptor.digest);
}

TEST_CASE("tag, removed by us, is not waited for") {
  std::atomic<int> looks{0};
  ScriptedServer server([&](const Request& request) {
    if (request.method == "PUT") return Reply{201, {}, {}};
    if (request.method == "DELETE") return Reply{202, {}, {}};
    ++looks;
    return Reply::error(404, "MANIFEST_UNKNOWN");
  });
  Client client(quick_options());
  auto store = client.repository(reference(server.host() + "/app"));
  CHECK(store->put_tag("v1", image.descriptor, image.manifest));
  CHECK(store->remove_tag("v1").value());
  CHECK_FALSE(store->resolve("v1").value());
  CHECK(looks == 1);
}

TEST_CASE("manifest, refused because it is there, is there; because another is, is an error") {
  for (const int status : {400, 403, 409, 412})
    for (const bool same : {true, false}) {
      INFO(status << " " << same);
      ScriptedServer server([&](const Request& request) {
        if (request.method == "PUT") return Reply::error(status, "TAG_INVALID", "the tag is immutable");
        return shown(same ? image : other);
      });
      Client client(quick_options());
      auto store = client.repository(reference(server.host() + "/app"));
      const auto put = store->put_tag("v1", image.descriptor, image.manifest);
      CHECK(put.ok() == same);
      if (!put) CHECK(put.error().why.find("immutable") != std::string::npos);
      if (!put) CHECK((put.error().kind == ErrorKind::auth) == (status == 403));
    }
}

TEST_CASE(
    "pull, broken, whose registry then ignores the range, breaks again and has another size, is right or refused") {
  const std::string bytes = noise(3'000'000, 81);
  for (const int how : {0, 1, 2}) {
    INFO("way " << how);
    std::atomic<int> gets{0};
    ScriptedServer server([&](const Request& request) {
      const int n = ++gets;
      Reply reply{200, {}, bytes};
      const auto range = request.header("range");
      if (n == 1) reply.cut_after = 1'000'000;
      if (n > 1 && how == 0 && n == 2) reply.cut_after = 400'000;  // in the part that is read over
      if (n > 1 && how == 1) return Reply{416, {}, {}};
      if (n > 1 && how == 2) {
        const auto from = std::stoul(range.substr(6));
        return Reply{
            206, {{"Content-Range", "bytes " + std::to_string(from) + "-2999999/2999998"}}, bytes.substr(from)};
      }
      return reply;
    });
    Client client(quick_options());
    auto store = client.repository(reference(server.host() + "/app"));
    const auto read = read_source(*store->blob(blob_of(bytes)).value());
    if (how == 0) CHECK((read && *read == bytes));
    if (how != 0) REQUIRE_FALSE(read);
    if (how == 2) CHECK(read.error().kind == ErrorKind::verify);
    if (how != 0) {
      CHECK(read.error().context.at("store") == server.host() + "/app");
      CHECK(read.error().context.at("digest") == blob_of(bytes).digest.str());
      CHECK(gets < 10);
    }
  }
}
