// Against registries that people run; started by the tests, see tests/interop/registry_serve.sh.
#include <mutex>
#include <thread>

#include "catch_shim.hpp"
#include "registry_support.hpp"
#include "shipset/registry/open.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;

namespace {
struct Knows {
  bool mount = true;
};

/// The life of an image in a repository: push, look, read back, tag, list, mount, delete.
void exercise(ClientOptions options, const std::string& host, const Knows& knows) {
  Client client(std::move(options));
  auto store = client.repository(reference(host + "/team/app"));
  CHECK(store->tags().value().empty());
  CHECK_FALSE(store->resolve("v1").value().has_value());
  {
    const auto writable = store->check_writable();
    INFO((writable ? std::string() : render(writable.error())));
    REQUIRE(writable);
  }
  const SmallImage image(noise(3'000'000, 7));
  CHECK_FALSE(store->has_blob(image.layer_descriptor).value());
  CHECK_FALSE(store->has_manifest(image.descriptor.digest).value());
  const auto pushed = image.push(*store);
  INFO((pushed ? std::string() : render(pushed.error())));
  REQUIRE(pushed);
  CHECK(store->has_blob(image.layer_descriptor).value());
  CHECK(store->has_manifest(image.descriptor.digest).value());
  CHECK(store->put_blob(image.layer_descriptor, *memory_source(image.layer), {}, {}).value().sent == 0);

  const auto read_back = store->manifest(image.descriptor.digest);
  REQUIRE(read_back);
  CHECK(read_back->bytes == image.manifest);
  CHECK(read_back->descriptor == image.descriptor);
  CHECK(read_source(*store->blob(image.layer_descriptor).value()).value() == image.layer);
  CHECK(read_source(*store->blob(image.layer_descriptor).value(), 2'999'000).value() == image.layer.substr(2'999'000));

  REQUIRE(store->put_tag("v1", image.descriptor, image.manifest));
  REQUIRE(store->put_tag("latest", image.descriptor, image.manifest));
  CHECK(store->resolve("v1").value()->digest == image.descriptor.digest);
  CHECK(store->resolve("v1").value()->size == image.manifest.size());
  CHECK(store->tags().value() == std::vector<std::string>{"latest", "v1"});
  CHECK(registry::resolve(*store, Location::parse(host + "/team/app").value()).value().digest ==
        image.descriptor.digest);
  CHECK(registry::resolve(*store, Location::parse(host + "/team/app:nope").value()).error().kind ==
        ErrorKind::not_found);
  CHECK(store->manifest(Digest::of(std::string_view("nothing"))).error().kind == ErrorKind::not_found);

  auto other = client.repository(reference(host + "/team/other"));
  CHECK(other->mount_blob(image.layer_descriptor, *store).value() == knows.mount);
  CHECK((!knows.mount || other->has_blob(image.layer_descriptor).value()));
  const auto absent = blob_of("never pushed anywhere");
  CHECK_FALSE(other->mount_blob(absent, *store).value());
  CHECK(other->put_blob(absent, *memory_source("never pushed anywhere"), {}, {}).value().sent == absent.size);

  // The same digest keeps its other tag, also where a registry deletes by digest only.
  CHECK(store->remove_tag("latest").value());
  CHECK_FALSE(store->resolve("latest").value().has_value());
  CHECK(store->remove_tag("latest").value());
  REQUIRE(store->resolve("v1").value().has_value());
  CHECK(store->resolve("v1").value()->digest == image.descriptor.digest);
  CHECK(store->referrers(image.descriptor.digest, "").value().empty());
  CHECK(client.ping(host));
}
}  // namespace

TEST_CASE("docker-registry, plain HTTP on loopback, whole life of an image") {
  const auto server = RealRegistry::start("plain");
  if (server) exercise(quick_options(), server->host(), {});
}

TEST_CASE("crane's registry, whole life of an image") {
  const auto server = RealRegistry::start("crane");
  if (server) exercise(quick_options(), server->host(), {.mount = false});
}

TEST_CASE("docker-registry with htpasswd, right and wrong password") {
  const auto server = RealRegistry::start("htpasswd");
  if (!server) return;
  exercise(login_options(server->host(), "tester", "right-password"), server->host(), {});
  for (auto options : {login_options(server->host(), "tester", "wrong-password"), quick_options()}) {
    Client client(std::move(options));
    const auto pinged = client.ping(server->host());
    REQUIRE_FALSE(pinged);
    CHECK(pinged.error().kind == ErrorKind::auth);
    CHECK(exit_code(pinged.error().kind) == 5);
    CHECK(pinged.error().hint == "log in with `shipset login " + server->host() + "`");
    auto store = client.repository(reference(server->host() + "/team/app"));
    CHECK(store->resolve("v1").error().kind == ErrorKind::auth);
    CHECK(store->check_writable().error().kind == ErrorKind::auth);
    CHECK(render(store->tags().error()).find("wrong-password") == std::string::npos);
  }
}

TEST_CASE("docker-registry with TLS on loopback, needs its CA or an explicit permission") {
  const auto server = RealRegistry::start("tls");
  if (!server) return;
  SECTION("CA given") {
    auto options = quick_options();
    options.ca_file = server->directory() / "ca.pem";
    exercise(options, server->host(), {});
  }
  SECTION("check switched off for the host") {
    auto options = quick_options();
    options.insecure_tls = {server->host()};
    exercise(options, server->host(), {});
  }
  SECTION("unknown CA") {
    Client client(quick_options());
    const auto pinged = client.ping(server->host());
    REQUIRE_FALSE(pinged);
    CHECK(pinged.error().kind == ErrorKind::network);
    CHECK(pinged.error().hint.find("CA bundle") != std::string::npos);
    const auto found = client.repository(reference(server->host() + "/a"))->resolve("v1");
    REQUIRE_FALSE(found);
    CHECK(found.error().kind == ErrorKind::network);
  }
}

TEST_CASE("docker-registry, manifest whose layer is missing, says which code") {
  const auto server = RealRegistry::start("plain");
  if (!server) return;
  Client client(quick_options());
  auto store = client.repository(reference(server->host() + "/app"));
  const SmallImage image("a layer that nobody pushed");
  const auto refused = store->put_manifest(image.descriptor, image.manifest);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::registry);
  CHECK(refused.error().context.at("code") == "MANIFEST_BLOB_UNKNOWN");
  CHECK(refused.error().context.at("digest") == image.descriptor.digest.str());
  CHECK(refused.error().context.at("store") == server->host() + "/app");
}

TEST_CASE("one client, 16 threads push and read at once, everything arrives") {
  const auto server = RealRegistry::start("plain");
  if (!server) return;
  Client client(quick_options());
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::string problems;
  const auto one_thread = [&](unsigned t) -> Result<void> {
    SHIPSET_TRY(const auto where, Reference::parse(server->host() + "/many/r" + std::to_string(t % 4)));
    auto store = client.repository(where);
    for (unsigned round = 0; round < 4; ++round) {
      const SmallImage image(noise(400'000 + 1000 * t, t * 10 + round));
      SHIPSET_CHECK(image.push(*store));
      SHIPSET_CHECK(store->put_tag("t" + std::to_string(t), image.descriptor, image.manifest));
      SHIPSET_TRY(const auto source, store->blob(image.layer_descriptor));
      SHIPSET_CHECK(read_source(*source));
    }
    return {};
  };
  for (unsigned t = 0; t < 16; ++t)
    threads.emplace_back([&, t] {
      const auto done = one_thread(t);
      const std::lock_guard lock(mutex);
      if (!done) problems += render(done.error()) + "\n";
    });
  for (auto& thread : threads) thread.join();
  CHECK(problems == "");
  CHECK(client.repository(reference(server->host() + "/many/r0"))->tags().value().size() == 4);
}

TEST_CASE("copy inside one registry, more streams than connections, does not wait for itself") {
  const auto server = RealRegistry::start("plain");
  if (!server) return;
  auto options = quick_options();
  options.connections_per_host = 2;
  Client client(options);
  auto from = client.repository(reference(server->host() + "/from"));
  auto to = client.repository(reference(server->host() + "/to"));
  std::vector<oci::Descriptor> blobs;
  for (unsigned i = 0; i < 8; ++i) {
    const auto bytes = noise(3'000'000, 100 + i);
    blobs.push_back(blob_of(bytes));
    REQUIRE(from->put_blob(blobs.back(), *memory_source(bytes), {}, {}));
  }
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (const auto& blob : blobs)
    threads.emplace_back([&, blob] {
      const auto source = from->blob(blob);
      right += source && to->put_blob(blob, **source, {}, {}).ok() ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  CHECK(right == 8);
}
