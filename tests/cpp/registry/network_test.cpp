// TLS as people have it, proxies, and where a registry may not send us; on real sockets.
#include <cstdlib>
#include <fstream>

#include "auth_impl.hpp"
#include "catch_shim.hpp"
#include "loop_impl.hpp"
#include "registry_support.hpp"
#include "scripted_server_support.hpp"
#include "shipset/base/text.hpp"
#include "tls_fault_impl.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;

namespace {
Error ping_error(const ClientOptions& options, const std::string& host) {
  const auto pinged = Client(options).ping(host);
  REQUIRE_FALSE(pinged);
  INFO(render(pinged.error()));
  CHECK(pinged.error().kind == ErrorKind::network);
  return pinged.error();
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct SetVariable {
  std::string name;
  std::optional<std::string> old;
  SetVariable(std::string variable, const std::string& value) : name(std::move(variable)) {
    if (const char* before = std::getenv(name.c_str())) old = before;
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~SetVariable() {
    if (old)
      ::setenv(name.c_str(), old->c_str(), 1);
    else
      ::unsetenv(name.c_str());
  }
  SetVariable(const SetVariable&) = delete;
  SetVariable& operator=(const SetVariable&) = delete;
};

/// A folder like certs.d with links to the files of a registry for one host.
struct Certificates {
  TempDirectory directory = TempDirectory::create(std::filesystem::temp_directory_path(), "certs-").value();
  void add(const std::string& host, const std::string& name, const std::filesystem::path& file) const {
    std::filesystem::create_directories(directory.path() / host);
    std::filesystem::create_symlink(file, directory.path() / host / name);
  }
};
}  // namespace

TEST_CASE("certificate, has run out, says so") {
  const auto server = RealRegistry::start("tls-expired");
  if (!server) return;
  auto options = quick_options();
  options.ca_file = server->directory() / "ca.pem";
  const auto error = ping_error(options, server->host());
  CHECK(holds(error.why, "expired"));
  CHECK(holds(error.hint, "has run out"));
  options.insecure_tls = {server->host()};
  CHECK(Client(options).ping(server->host()));
}

TEST_CASE("certificate, of another name, says so") {
  const auto server = RealRegistry::start("tls-wrong-name");
  if (!server) return;
  auto options = quick_options();
  options.ca_file = server->directory() / "ca.pem";
  CHECK(holds(ping_error(options, server->host()).hint, "is for another name"));
}

TEST_CASE("certificate, of an unknown CA, can be trusted by file, by SSL_CERT_FILE, by SSL_CERT_DIR or by certs.d") {
  const auto server = RealRegistry::start("tls");
  if (!server) return;
  const auto ca = server->directory() / "ca.pem";
  auto options = quick_options();
  const auto error = ping_error(options, server->host());
  CHECK(holds(error.hint, "--ca-file"));
  CHECK(holds(error.hint, "certs.d/" + server->host() + "/ca.crt"));
  SECTION("SSL_CERT_FILE") {
    const SetVariable variable("SSL_CERT_FILE", ca);
    CHECK(Client(options).ping(server->host()));
  }
  SECTION("SSL_CERT_FILE that is not there") {
    const SetVariable variable("SSL_CERT_FILE", "/not/there.pem");
    const auto missing = ping_error(options, server->host());
    CHECK(holds(missing.why, "/not/there.pem"));
    CHECK(holds(missing.hint, "SSL_CERT_FILE"));
  }
  SECTION("SSL_CERT_DIR") {
    const Certificates folder;
    folder.add("hashed", "ca.pem", ca);
    const std::string place = folder.directory.path() / "hashed";
    REQUIRE(std::system(("openssl rehash " + place).c_str()) == 0);
    const SetVariable variable("SSL_CERT_DIR", "/not/there:" + place);
    CHECK(Client(options).ping(server->host()));
  }
  SECTION("certs.d, for this host") {
    const Certificates folder;
    folder.add(server->host(), "ca.crt", ca);
    options.hosts->certificate_folders = {folder.directory.path()};
    CHECK(Client(options).ping(server->host()));
    Client client(options);
    const SmallImage image(noise(100'000, 1));
    CHECK(image.push(*client.repository(reference(server->host() + "/app"))));
  }
  SECTION("certs.d, for another host, is of no use") {
    const Certificates folder;
    folder.add("localhost:1", "ca.crt", ca);
    folder.add("localhost", "ca.crt", ca);
    options.hosts->certificate_folders = {folder.directory.path()};
    ping_error(options, server->host());
  }
  SECTION("certs.d, broken, names the folder") {
    const Certificates folder;
    folder.add(server->host(), "me.cert", ca);
    options.hosts->certificate_folders = {folder.directory.path()};
    const auto pinged = Client(options).ping(server->host());
    REQUIRE_FALSE(pinged);
    CHECK(pinged.error().kind == ErrorKind::io);
    CHECK(holds(pinged.error().what, server->host()));
  }
}

TEST_CASE("client certificate, wanted by the registry, comes from certs.d or an option") {
  const auto server = RealRegistry::start("tls-client");
  if (!server) return;
  auto options = quick_options();
  options.ca_file = server->directory() / "ca.pem";
  const std::string cert = server->directory() / "client.pem", key = server->directory() / "client.key";
  const auto error = ping_error(options, server->host());
  CHECK(holds(error.hint, "--client-cert"));
  SECTION("option") {
    options.client_certificates = {{server->host(), {cert, key}}};
    Client client(options);
    const SmallImage image(noise(100'000, 1));
    auto store = client.repository(reference(server->host() + "/app"));
    REQUIRE(image.push(*store));
    CHECK(read_source(*store->blob(image.layer_descriptor).value()).value() == image.layer);
  }
  SECTION("certs.d") {
    const Certificates folder;
    folder.add(server->host(), "client.cert", cert);
    folder.add(server->host(), "client.key", key);
    options.hosts->certificate_folders = {folder.directory.path()};
    CHECK(Client(options).ping(server->host()));
  }
  SECTION("for another host, is not shown") {
    options.client_certificates = {{"localhost:1", {cert, key}}};
    ping_error(options, server->host());
  }
  SECTION("key of another certificate, or no file, says so") {
    options.client_certificates = {{server->host(), {cert, server->directory() / "server.key"}}};
    CHECK(holds(ping_error(options, server->host()).hint, "belong together"));
    options.client_certificates = {{server->host(), {"/not/there.pem", key}}};
    CHECK(holds(ping_error(options, server->host()).hint, "readable"));
  }
}

TEST_CASE("registries.conf, insecure host, goes by unchecked TLS or by plain HTTP") {
  for (const char* kind : {"tls", "plain"}) {
    const auto server = RealRegistry::start(kind);
    if (!server) return;
    auto options = quick_options();
    const auto folder = TempDirectory::create(std::filesystem::temp_directory_path(), "conf-").value();
    const auto file = (folder.path() / "registries.conf").string();
    REQUIRE(write_file_atomic(file, "[[registry]]\nlocation = \"" + server->host() + "\"\ninsecure = true\n"));
    options.hosts->registries_files = {file};
    CHECK(Client(options).ping(server->host()));
  }
}

TEST_CASE("registries.conf, insecure host without TLS, is reached by plain HTTP after one try; another host is not") {
  ScriptedServer proxy([](const Request& request) {
    if (request.method == "CONNECT") {
      Reply reply;
      reply.raw = "HTTP/1.1 200 OK\r\n\r\nthis is no TLS";
      return reply;
    }
    return Reply{200, {{"Content-Type", "application/json"}}, "{}"};
  });
  const auto folder = TempDirectory::create(std::filesystem::temp_directory_path(), "conf-").value();
  const auto file = (folder.path() / "registries.conf").string();
  REQUIRE(write_file_atomic(file, "[[registry]]\nlocation = \"reg.test:5000\"\ninsecure = true\n"));
  auto options = quick_options();
  options.attempts = 1;
  options.hosts->registries_files = {file};
  options.proxy = ProxySettings{"http://" + proxy.host(), "http://" + proxy.host(), {}, {}};
  Client client(options);
  CHECK(client.ping("reg.test:5000"));
  CHECK(client.ping("reg.test:5000"));
  CHECK(proxy.log() == std::vector<std::string>{"CONNECT reg.test:5000", "GET http://reg.test:5000/v2/",
                                                "GET http://reg.test:5000/v2/"});
  ping_error(options, "other.test:5000");
  CHECK(proxy.log().back() == "CONNECT other.test:5000");
}

TEST_CASE("plain HTTP through a proxy, asks it for the whole address, with its login and without ours in sight") {
  ScriptedServer proxy([](const Request& request) {
    if (request.header("proxy-authorization") != "Basic " + base64_encode("me:proxy-secret"))
      return Reply{407, {{"Proxy-Authenticate", "Basic realm=\"p\""}}, "who are you, user proxy-secret?"};
    return Reply{200, {{"Content-Type", "application/json"}}, "{}"};
  });
  auto options = quick_options();
  options.plain_http = {"reg.test:5000"};
  options.proxy->http = "http://me:proxy-secret@" + proxy.host();
  CHECK(Client(options).ping("reg.test:5000"));
  for (const auto& line : proxy.log()) CHECK(line == "GET http://reg.test:5000/v2/");
  options.proxy->http = "http://me:wrong-secret@" + proxy.host();
  const auto refused = Client(options).ping("reg.test:5000");
  REQUIRE_FALSE(refused);
  CHECK_FALSE(holds(render(refused.error()), "wrong-secret"));
  CHECK(holds(render(refused.error()), "407"));
}

TEST_CASE("HTTPS through a proxy, refused by it, is the proxy's refusal") {
  std::atomic<int> status{407};
  ScriptedServer proxy([&](const Request&) {
    return Reply{status, {{"Proxy-Authenticate", "Basic realm=\"p\""}}, {}};
  });
  auto options = quick_options();
  options.attempts = 1;
  options.proxy->https = "me:proxy%2Dsecret@" + proxy.host();
  const auto wanted = ping_error(options, "reg.test");
  CHECK(holds(wanted.why, "the proxy http://" + proxy.host() + " wants a login"));
  CHECK(holds(wanted.hint, "HTTPS_PROXY"));
  CHECK_FALSE(holds(render(wanted), "secret"));
  CHECK(proxy.log().front() == "CONNECT reg.test:443");
  status = 403;
  CHECK(holds(ping_error(options, "reg.test").why, "refused with HTTP 403"));
  options.proxy->https = "http://127.0.0.1:" + std::to_string(free_port());
  CHECK(holds(ping_error(options, "reg.test").why, "through the proxy"));
  options.proxy->https = "http://user:proxy-secret@no-such-proxy.invalid:1";
  const auto unknown = ping_error(options, "reg.test");
  CHECK(holds(unknown.why, "no-such-proxy.invalid"));
  CHECK_FALSE(holds(render(unknown), "secret"));
}

TEST_CASE("proxy, shown without its login") {
  CHECK(shown_proxy("http://u:p@host:1") == "the proxy http://host:1");
  CHECK(shown_proxy("u:p@host:1") == "the proxy http://host:1");
  CHECK(shown_proxy("socks5h://u:p@host") == "the proxy socks5h://host");
  CHECK(shown_proxy("::::") == "the proxy");
}

TEST_CASE("redirect of a public registry, to this machine in any spelling, is refused before anything is sent") {
  ScriptedServer here([](const Request&) { return Reply{200, {}, "not for you"}; });
  const std::string port = here.host().substr(here.host().find(':'));
  for (const std::string target : {"localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]",
                                   "[::1]", "0.0.0.0", "[::]", "a.localhost", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
                                   "[2002:7f00:1::]", "169.254.169.254", "[fe80::1]", "LOCALHOST."}) {
    // The registry counts as public by its name; the test plays the proxy through which it is reached.
    ScriptedServer registry([&](const Request&) {
      return Reply{307, {{"Location", "http://" + target + port + "/secret"}}, {}};
    });
    auto options = quick_options();
    options.attempts = 1;
    options.plain_http = {"reg.test:5000"};
    options.proxy->http = "http://" + registry.host();
    Client client(options);
    const auto found = client.repository(reference("reg.test:5000/app"))->resolve("v1");
    INFO(target);
    REQUIRE_FALSE(found);
    CHECK(found.error().kind == ErrorKind::registry);
    CHECK(holds(found.error().why, "local address"));
    CHECK(here.log().empty());
  }
}

TEST_CASE("upload location of a public registry, on this machine, is refused") {
  ScriptedServer here([](const Request&) { return Reply{201, {}, {}}; });
  ScriptedServer registry([&](const Request& request) {
    if (request.method == "POST") return Reply{202, {{"Location", "http://" + here.host() + "/upload?state=x"}}, {}};
    return Reply::error(404, "BLOB_UNKNOWN");
  });
  auto options = quick_options();
  options.attempts = 1;
  options.plain_http = {"reg.test:5000"};
  options.proxy->http = "http://" + registry.host();
  Client client(options);
  const auto put = client.repository(reference("reg.test:5000/app"))
                       ->put_blob(blob_of("content"), *memory_source("content"), {}, {});
  REQUIRE_FALSE(put);
  CHECK(put.error().kind == ErrorKind::registry);
  CHECK_FALSE(holds(render(put.error()), "state=x"));
  CHECK(here.log().empty());
}

TEST_CASE("name that leads to this machine, where that is forbidden, is refused before the request") {
  ScriptedServer here([](const Request&) { return Reply{200, {}, "not for you"}; });
  Loop loop(LoopOptions{});
  HttpRequest request;
  request.url = "http://localhost" + here.host().substr(here.host().find(':')) + "/secret";
  request.forbid_local_peer = true;
  auto exchange = loop.start(request);
  const auto outcome = exchange->finish({});
  CHECK(outcome.failure.kind == FailureKind::local_peer);
  CHECK(here.log().empty());
  request.forbid_local_peer = false;
  auto allowed = loop.start(request);
  CHECK(allowed->finish({}).response.status == 200);
}

TEST_CASE("token server of a public registry, must not be this machine by address or by name") {
  std::vector<HttpRequest> seen;
  Authenticator authenticator(CredentialSources{},
                              [&](const HttpRequest& request, const Stop&) -> Result<HttpResponse> {
                                seen.push_back(request);
                                HttpResponse out;
                                out.status = 200;
                                out.body = R"({"token":"given-token"})";
                                return out;
                              });
  AuthTarget target{"reg.example", "app", *Url::parse("https://reg.example/v2/"), {"repository:app:pull"}};
  const auto with_realm = [&](const std::string& realm) {
    REQUIRE(authenticator.challenged(target, {{"bearer", {{"realm", realm}}}}, {}).value());
    return authenticator.authorize(target, Authenticator::Clock::now(), {}).ok();
  };
  CHECK_FALSE(with_realm("https://[::ffff:169.254.169.254]/token"));
  CHECK_FALSE(with_realm("https://0x7f000001/token"));
  CHECK(seen.empty());
  CHECK(with_realm("https://auth.example/token"));
  CHECK(seen.back().forbid_local_peer);
  CHECK(with_realm("https://reg.example/token"));
  CHECK_FALSE(seen.back().forbid_local_peer);
}
