// One client, fifty threads, real sockets: what thread and address sanitizer shall look at.
#include <atomic>
#include <mutex>
#include <thread>

#include "catch_shim.hpp"
#include "registry_support.hpp"
#include "scripted_server_support.hpp"
#include "shipset/base/text.hpp"
#include "shipset/registry/open.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;

namespace {
constexpr unsigned thread_count = 50;

/// Runs `one` in fifty threads and gives back what went wrong, one line each.
std::string in_threads(const std::function<Result<void>(unsigned)>& one) {
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::string problems;
  for (unsigned t = 0; t < thread_count; ++t)
    threads.emplace_back([&, t] {
      const auto done = one(t);
      const std::lock_guard lock(mutex);
      if (!done) problems += render(done.error()) + "\n";
    });
  for (auto& thread : threads) thread.join();
  return problems;
}

Result<void> wrong(std::string what) {
  return Error(ErrorKind::internal, std::move(what));
}

/// Pushes, reads back, lists, mounts and deletes.
Result<void> live(Client& client, const std::string& host, unsigned t) {
  SHIPSET_TRY(const auto where, Reference::parse(host + "/many/r" + std::to_string(t % 5)));
  SHIPSET_TRY(const auto elsewhere, Reference::parse(host + "/other/r" + std::to_string(t % 3)));
  const auto store = client.repository(where), other = client.repository(elsewhere);
  const SmallImage image(noise(50'000 + 997 * (t % 7), t % 20));  // several threads push the same image
  SHIPSET_CHECK(image.push(*store));
  const std::string tag = "t" + std::to_string(t);
  SHIPSET_CHECK(store->put_tag(tag, image.descriptor, image.manifest));
  SHIPSET_TRY(const auto found, store->resolve(tag));
  if (!found || found->digest != image.descriptor.digest) return wrong("another digest behind " + tag);
  SHIPSET_TRY(const auto source, store->blob(image.layer_descriptor));
  SHIPSET_TRY(const auto bytes, read_source(*source));
  if (bytes != image.layer) return wrong("other bytes");
  SHIPSET_TRY(const auto tags, store->tags());
  if (std::find(tags.begin(), tags.end(), tag) == tags.end()) return wrong(tag + " is not listed");
  SHIPSET_CHECK(other->mount_blob(image.layer_descriptor, *store));
  SHIPSET_TRY(const auto copied, other->put_blob(image.layer_descriptor, *source, {}, {}));
  (void)copied;
  SHIPSET_CHECK(client.ping(host));
  (void)client.traffic();
  return {};
}
}  // namespace

TEST_CASE("fifty threads on one client, real registry with a token server, everything arrives") {
  const auto server = RealRegistry::start("distribution-token");
  if (!server) return;
  auto options = login_options(server->host(), "tester", "right-password");
  options.stall_timeout = std::chrono::seconds(30);
  options.connect_timeout = std::chrono::seconds(30);
  Client client(options);
  CHECK(in_threads([&](unsigned t) { return live(client, server->host(), t); }) == "");
  CHECK(client.repository(reference(server->host() + "/many/r0"))->tags().value().size() == thread_count / 5);
}

TEST_CASE("fifty threads on one client, tokens die all the time, everything is answered") {
  std::atomic<unsigned> served{0};
  const SmallImage image(noise(20'000, 1));
  ScriptedServer* self = nullptr;
  ScriptedServer server([&](const Request& request) -> Reply {
    // A token counts for about forty answers; the server hands out the current one.
    const std::string token = "token-of-epoch-" + std::to_string(served.load() / 40);
    if (request.target.starts_with("/token")) return {200, {}, R"({"token":")" + token + R"("})"};
    if (request.header("authorization") != "Bearer " + token) {
      auto refused = Reply::error(401, "UNAUTHORIZED");
      refused.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"http://" + self->host() + "/token\"");
      return refused;
    }
    ++served;
    if (request.target.find("/tags/list") != std::string::npos)
      return {200, {{"Content-Type", "application/json"}}, R"({"name":"app","tags":["v1"]})"};
    if (request.target.find("/manifests/") != std::string::npos)
      return {200,
              {{"Content-Type", image.descriptor.media_type}},
              request.method == "HEAD" ? std::string() : image.manifest};
    return {200, {}, image.layer};
  });
  self = &server;
  auto options = quick_options();
  options.stall_timeout = std::chrono::seconds(30);
  Client client(options);
  const auto one = [&](unsigned t) -> Result<void> {
    SHIPSET_TRY(const auto where, Reference::parse(server.host() + "/app" + std::to_string(t % 4)));
    const auto store = client.repository(where);
    for (int round = 0; round < 4; ++round) {
      const auto listed = store->tags();
      const auto manifest = store->manifest(image.descriptor.digest);
      SHIPSET_TRY(const auto source, store->blob(image.layer_descriptor));
      const auto bytes = read_source(*source);
      // So many tokens die that one request may meet several dead ones; then it is refused, and nothing else happens.
      for (const Error* error : {listed ? nullptr : &listed.error(), manifest ? nullptr : &manifest.error(),
                                 bytes ? nullptr : &bytes.error()})
        if (error != nullptr && error->kind != ErrorKind::auth) return *error;
      if (manifest && manifest->bytes != image.manifest) return wrong("other bytes");
      if (bytes && *bytes != image.layer) return wrong("other bytes");
    }
    return {};
  };
  CHECK(in_threads(one) == "");
  CHECK(served > 100);
}

TEST_CASE("fifty threads on one client, stopped in the middle, all end") {
  ScriptedServer server([](const Request&) {
    Reply reply;
    reply.hang = true;
    return reply;
  });
  auto options = quick_options();
  options.stall_timeout = std::chrono::seconds(60);
  Client client(options);
  std::atomic<int> cancelled{0};
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    options.cancel.cancel();
  });
  in_threads([&](unsigned t) -> Result<void> {
    SHIPSET_TRY(const auto where, Reference::parse(server.host() + "/app" + std::to_string(t % 4)));
    const auto listed = client.repository(where)->tags();
    cancelled += !listed && listed.error().kind == ErrorKind::cancelled ? 1 : 0;
    return {};
  });
  stopper.join();
  CHECK(cancelled == thread_count);
}
