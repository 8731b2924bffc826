// Real registries behind a token server: see tests/interop/token_server.py.
#include <cstdlib>
#include <thread>

#include "catch_shim.hpp"
#include "registry_support.hpp"
#include "shipset/base/text.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;

namespace {
const std::vector<std::string> kinds{"token", "distribution-token"};

std::string token_log(const RealRegistry& server) {
  return read_file(server.directory() / "tokens.jsonl", 1 << 20).value();
}

int lines_with(const std::string& text, const std::string& part) {
  int count = 0;
  for (const auto& line : split(text, '\n')) count += line.find(part) == std::string::npos ? 0 : 1;
  return count;
}
}  // namespace

TEST_CASE("token server, push, read back and mount with two scopes, few tokens") {
  for (const auto& kind : kinds) {
    const auto server = RealRegistry::start(kind);
    if (!server) return;
    INFO(kind);
    Client client(login_options(server->host(), "tester", "right-password"));
    CHECK(client.ping(server->host()));
    auto from = client.repository(reference(server->host() + "/team/from"));
    auto to = client.repository(reference(server->host() + "/team/to"));
    const SmallImage image(noise(500'000, 1));
    REQUIRE(image.push(*from));
    REQUIRE(from->put_tag("v1", image.descriptor, image.manifest));
    CHECK(read_source(*from->blob(image.layer_descriptor).value()).value() == image.layer);
    const auto mounted = to->mount_blob(image.layer_descriptor, *from);
    INFO((mounted ? std::string() : render(mounted.error())));
    CHECK(mounted.value());
    CHECK(to->has_blob(image.layer_descriptor).value());
    CHECK(from->tags().value() == std::vector<std::string>{"v1"});
    CHECK(from->remove_tag("v1").value());
    const auto log = token_log(*server);
    CHECK(lines_with(log, R"(["repository:team/to:pull,push", "repository:team/from:pull"])") == 1);
    CHECK(lines_with(log, "\"user\"") <= 8);
    CHECK(log.find("right-password") == std::string::npos);
  }
}

TEST_CASE("token server, token dies within the run, is renewed and the work goes on") {
  for (const auto& kind : kinds) {
    ::setenv("TOKEN_LIFE_S", "2", 1);
    const auto server = RealRegistry::start(kind);
    ::unsetenv("TOKEN_LIFE_S");
    if (!server) return;
    INFO(kind);
    Client client(login_options(server->host(), "tester", "right-password"));
    auto store = client.repository(reference(server->host() + "/team/app"));
    for (unsigned round = 0; round < 3; ++round) {
      const SmallImage image(noise(100'000, round));
      const auto pushed = image.push(*store);
      INFO((pushed ? std::string() : render(pushed.error())));
      REQUIRE(pushed);
      CHECK(read_source(*store->blob(image.layer_descriptor).value()).value() == image.layer);
      std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    }
    CHECK(lines_with(token_log(*server), "team/app:pull,push") >= 2);
  }
}

TEST_CASE("token server, user who may only read, is refused clearly and reads on") {
  for (const auto& kind : kinds) {
    const auto server = RealRegistry::start(kind);
    if (!server) return;
    INFO(kind);
    const SmallImage image(noise(1000, 1));
    Client writer(login_options(server->host(), "tester", "right-password"));
    REQUIRE(image.push(*writer.repository(reference(server->host() + "/team/app"))));
    Client reader(login_options(server->host(), "reader", "reader-password"));
    auto store = reader.repository(reference(server->host() + "/team/app"));
    CHECK(read_source(*store->blob(image.layer_descriptor).value()).value() == image.layer);
    const auto refused = store->put_blob(blob_of("new"), *memory_source("new"), {}, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::auth);
    CHECK(exit_code(refused.error().kind) == 5);
    CHECK(refused.error().why.find("credentials from") != std::string::npos);
    CHECK_FALSE(refused.error().hint.empty());
    CHECK(render(refused.error()).find("reader-password") == std::string::npos);
    CHECK(store->check_writable().error().kind == ErrorKind::auth);
    CHECK(store->has_blob(image.layer_descriptor).value());
  }
}

TEST_CASE("token server, wrong password, nobody, and identity token") {
  for (const auto& kind : kinds) {
    const auto server = RealRegistry::start(kind);
    if (!server) return;
    INFO(kind);
    for (auto options : {login_options(server->host(), "tester", "wrong-password"), quick_options()}) {
      const auto pinged = Client(options).ping(server->host());
      REQUIRE_FALSE(pinged);
      CHECK(pinged.error().kind == ErrorKind::auth);
      CHECK(pinged.error().hint == "log in with `shipset login " + server->host() + "`");
      CHECK(render(pinged.error()).find("wrong-password") == std::string::npos);
    }
    auto options = quick_options();
    options.credentials->inline_config =
        R"({"auths":{")" + server->host() + R"(":{"identitytoken":"identity-of-tester"}}})";
    Client client(options);
    const SmallImage image(noise(1000, 1));
    CHECK(image.push(*client.repository(reference(server->host() + "/team/app"))));
    const auto log = token_log(*server);
    CHECK(lines_with(log, R"("user": "tester", "grant": "refresh_token")") >= 1);
    CHECK(log.find("identity-of-tester") == std::string::npos);
  }
}
