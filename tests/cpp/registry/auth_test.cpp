// Authorization against a scripted registry that is its own token server.
#include <atomic>
#include <thread>

#include "auth_impl.hpp"
#include "catch_shim.hpp"
#include "registry_support.hpp"
#include "scripted_server_support.hpp"
#include "shipset/base/text.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;

namespace {
/// A registry whose repositories want the current token; /token hands it out.
struct TokenRegistry {
  std::atomic<int> generation{1};
  std::atomic<int> token_requests{0};
  std::atomic<int> token_delay_ms{0};
  std::string realm_override;
  std::function<Reply(const Request&)> on_token;
  ScriptedServer server{[this](const Request& request) { return answer(request); }};

  [[nodiscard]] std::string token() const { return "token-number-" + std::to_string(generation.load()); }
  Reply answer(const Request& request) {
    if (request.target.starts_with("/token")) {
      ++token_requests;
      if (on_token) return on_token(request);
      return {200,
              {},
              R"({"token":"wrong-one","access_token":")" + token() + R"(","expires_in":300})",
              {},
              std::string::npos,
              token_delay_ms,
              false};
    }
    if (request.header("authorization") == "Bearer " + token())
      return {200, {{"Content-Type", "application/json"}}, R"({"name":"app","tags":["v1"]})"};
    const std::string realm = realm_override.empty() ? "http://" + server.host() + "/token?keep=1" : realm_override;
    auto refused = Reply::error(401, "UNAUTHORIZED");
    refused.headers.emplace_back("WWW-Authenticate",
                                 "Bearer realm=\"" + realm + "\",service=\"svc\",scope=\"repository:app:pull\"");
    return refused;
  }
  [[nodiscard]] std::string host() const { return server.host(); }
};

std::string last_token_target(const TokenRegistry& registry) {
  std::string out;
  for (const auto& request : registry.server.requests())
    if (request.target.starts_with("/token")) out = request.target;
  return out;
}
}  // namespace

TEST_CASE("bearer, anonymous, token is fetched once and used again") {
  TokenRegistry registry;
  Client client(quick_options());
  auto store = client.repository(reference(registry.host() + "/app"));
  CHECK(store->tags().value() == std::vector<std::string>{"v1"});
  CHECK(store->tags().value() == std::vector<std::string>{"v1"});
  CHECK(registry.token_requests == 1);
  const auto target = last_token_target(registry);
  CHECK(target.find("keep=1&service=svc&scope=repository%3Aapp%3Apull") != std::string::npos);
  CHECK(registry.server.log().size() == 4);  // 401, token, list, list
}

TEST_CASE("bearer, login, password goes to the token server and only there") {
  TokenRegistry registry;
  Client client(login_options(registry.host(), "user", "pass:word"));
  auto store = client.repository(reference(registry.host() + "/app"));
  CHECK(store->tags());
  const std::string basic = "Basic " + base64_encode("user:pass:word");
  for (const auto& request : registry.server.requests())
    CHECK((request.header("authorization") == basic) == request.target.starts_with("/token"));
  CHECK(last_token_target(registry).find("account=user") != std::string::npos);
}

TEST_CASE("bearer, token dies early, is fetched again and the request repeated") {
  TokenRegistry registry;
  Client client(quick_options());
  auto store = client.repository(reference(registry.host() + "/app"));
  REQUIRE(store->tags());
  ++registry.generation;
  CHECK(store->tags());
  CHECK(registry.token_requests == 2);
}

TEST_CASE("bearer, fresh token refused, is an error of kind auth without a loop") {
  TokenRegistry registry;
  registry.on_token = [](const Request&) { return Reply{200, {}, R"({"token":"useless-token"})"}; };
  Client client(quick_options());
  const auto listed = client.repository(reference(registry.host() + "/app"))->tags();
  REQUIRE_FALSE(listed);
  CHECK(listed.error().kind == ErrorKind::auth);
  CHECK(listed.error().hint == "log in with `shipset login " + registry.host() + "`");
  CHECK(listed.error().why.find("no credentials were found") != std::string::npos);
  CHECK(render(listed.error()).find("useless-token") == std::string::npos);
  CHECK(registry.server.log().size() <= 4);
}

TEST_CASE("bearer, wrong password at the token server, names the source of the credentials") {
  TokenRegistry registry;
  registry.on_token = [](const Request&) {
    return Reply::error(401, "UNAUTHORIZED", "incorrect username or password");
  };
  Client client(login_options(registry.host(), "user", "wrong-password"));
  const auto listed = client.repository(reference(registry.host() + "/app"))->tags();
  REQUIRE_FALSE(listed);
  CHECK(listed.error().kind == ErrorKind::auth);
  CHECK(listed.error().why.find("DOCKER_AUTH_CONFIG") != std::string::npos);
  CHECK(render(listed.error()).find("wrong-password") == std::string::npos);
}

TEST_CASE("bearer, 16 threads at once, one token request") {
  TokenRegistry registry;
  registry.token_delay_ms = 200;
  Client client(quick_options());
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([&] {
      auto store = client.repository(Reference::parse(registry.host() + "/app").value());
      right += store->tags().ok() ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  CHECK(right == 16);
  CHECK(registry.token_requests == 1);
}

TEST_CASE("identity token, is exchanged by POST") {
  TokenRegistry registry;
  registry.on_token = [&](const Request& request) {
    const bool ok = request.method == "POST" && request.header("authorization").empty() &&
                    request.body.find("grant_type=refresh_token") == 0 &&
                    request.body.find("refresh_token=my%2Frefresh") != std::string::npos &&
                    request.body.find("service=svc") != std::string::npos &&
                    request.body.find("scope=repository%3Aapp%3Apull") != std::string::npos;
    return ok ? Reply{200, {}, R"({"access_token":")" + registry.token() + R"("})"} : Reply::error(400, "BAD");
  };
  auto options = quick_options();
  options.credentials->inline_config = R"({"auths":{")" + registry.host() + R"(":{"identitytoken":"my/refresh"}}})";
  Client client(options);
  CHECK(client.repository(reference(registry.host() + "/app"))->tags());
}

TEST_CASE("registry token, is sent as it is") {
  TokenRegistry registry;
  auto options = quick_options();
  options.credentials->inline_config =
      R"({"auths":{")" + registry.host() + R"(":{"registrytoken":")" + registry.token() + R"("}}})";
  Client client(options);
  CHECK(client.repository(reference(registry.host() + "/app"))->tags());
  CHECK(registry.token_requests == 0);
}

TEST_CASE("token server, without GET, is asked by POST with the password") {
  TokenRegistry registry;
  registry.on_token = [&](const Request& request) {
    if (request.method == "GET") return Reply::error(405, "UNSUPPORTED");
    return request.body.find("grant_type=password&username=user&password=secret%20word") == 0
               ? Reply{200, {}, R"({"token":")" + registry.token() + R"("})"}
               : Reply::error(401, "UNAUTHORIZED");
  };
  Client client(login_options(registry.host(), "user", "secret word"));
  CHECK(client.repository(reference(registry.host() + "/app"))->tags());
}

TEST_CASE("token server, unusable answers, are errors of kind registry") {
  for (const std::string& body :
       {std::string("<html>"), std::string("{}"), std::string("[]"), std::string(R"({"token":""})"),
        std::string(R"({"token":"a\r\nX-Evil: 1"})"), std::string(R"({"token":7})"), std::string(300'000, 'x'),
        R"({"token":")" + std::string(70'000, 'x') + R"("})"}) {
    TokenRegistry registry;
    registry.on_token = [&](const Request&) { return Reply{200, {}, body}; };
    Client client(quick_options());
    const auto listed = client.repository(reference(registry.host() + "/app"))->tags();
    REQUIRE_FALSE(listed);
    CHECK(listed.error().kind == ErrorKind::registry);
    for (const auto& request : registry.server.requests()) CHECK(request.header("x-evil").empty());
  }
}

TEST_CASE("realm, not a web address, is refused before anything is sent") {
  for (const char* realm : {"ftp://x/y", "", "nonsense", "http://user:pw@127.0.0.1/token"}) {
    TokenRegistry registry;
    registry.realm_override = realm;
    if (*realm == '\0') registry.realm_override = " ";
    Client client(quick_options());
    const auto listed = client.repository(reference(registry.host() + "/app"))->tags();
    REQUIRE_FALSE(listed);
    CHECK(listed.error().kind == ErrorKind::registry);
  }
}

TEST_CASE("realm, plain HTTP or local, is refused for a registry elsewhere") {
  int fetched = 0;
  Authenticator authenticator(CredentialSources{}, [&](const HttpRequest&, const Stop&) -> Result<HttpResponse> {
    ++fetched;
    HttpResponse out;
    out.status = 200;
    out.body = R"({"token":"given-token"})";
    return out;
  });
  AuthTarget target{"reg.example", "app", *Url::parse("https://reg.example/v2/"), {"repository:app:pull"}};
  const auto with_realm = [&](const std::string& realm) {
    REQUIRE(authenticator.challenged(target, {{"bearer", {{"realm", realm}}}}, {}).value());
    return authenticator.authorize(target, Authenticator::Clock::now(), {});
  };
  for (const char* realm : {"http://auth.example/token", "https://127.0.0.1/token", "https://169.254.169.254/token",
                            "https://localhost/token"}) {
    const auto got = with_realm(realm);
    REQUIRE_FALSE(got);
    CHECK(got.error().kind == ErrorKind::registry);
  }
  CHECK(fetched == 0);
  CHECK(with_realm("https://auth.example/token")->header == "Bearer given-token");
  CHECK(fetched == 1);
}

TEST_CASE("basic, refused password, is not sent again and again") {
  ScriptedServer server([](const Request&) {
    auto refused = Reply::error(401, "UNAUTHORIZED");
    refused.headers.emplace_back("WWW-Authenticate", "Basic realm=\"x\"");
    return refused;
  });
  Client client(login_options(server.host(), "user", "wrong-password"));
  const auto pinged = client.ping(server.host());
  REQUIRE_FALSE(pinged);
  CHECK(pinged.error().kind == ErrorKind::auth);
  CHECK(server.log().size() == 2);
  Client anonymous(quick_options());
  CHECK(anonymous.ping(server.host()).error().kind == ErrorKind::auth);
}

TEST_CASE("401 without a challenge, the ping tells what is wanted") {
  ScriptedServer server([](const Request& request) {
    if (request.header("authorization") == "Basic " + base64_encode("u:password"))
      return Reply{200, {}, R"({"tags":[]})"};
    auto refused = Reply::error(401, "UNAUTHORIZED");
    if (request.target == "/v2/") refused.headers.emplace_back("WWW-Authenticate", "Basic realm=\"x\"");
    return refused;
  });
  Client client(login_options(server.host(), "u", "password"));
  CHECK(client.repository(reference(server.host() + "/app"))->tags());
}

TEST_CASE("mount, one token for both repositories, destination first") {
  TokenRegistry registry;
  Client client(quick_options());
  auto to = client.repository(reference(registry.host() + "/to"));
  auto from = client.repository(reference(registry.host() + "/from"));
  CHECK_FALSE(to->mount_blob(blob_of("x"), *from).value());
  const auto target = last_token_target(registry);
  const auto first = target.find("scope=repository%3Ato%3Apull%2Cpush");
  const auto second = target.find("scope=repository%3Afrom%3Apull");
  REQUIRE(first != std::string::npos);
  REQUIRE(second != std::string::npos);
  CHECK(first < second);
}
