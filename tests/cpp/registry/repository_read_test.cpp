#include "catch_shim.hpp"
#include "registry_support.hpp"
#include "scripted_server_support.hpp"
#include "shipset/base/text.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;

namespace {
const std::string oci_type{oci::media_type::manifest};

Reply document(const std::string& body, const std::string& type = oci_type, bool digest = true) {
  Reply out{200, {{"Content-Type", type}}, body};
  if (digest) out.headers.emplace_back("Docker-Content-Digest", Digest::of(std::string_view(body)).str());
  return out;
}

struct Setup {
  ScriptedServer server;
  Client client{quick_options()};
  std::unique_ptr<oci::Store> store;
  explicit Setup(ScriptedServer::Handler handler)
      : server(std::move(handler)), store(client.repository(reference(server.host() + "/app"))) {}
};
}  // namespace

TEST_CASE("resolve, HEAD with everything, is one request") {
  const SmallImage image("layer");
  Setup setup([&](const Request&) { return document(image.manifest); });
  CHECK(setup.store->resolve("v1").value() == image.descriptor);
  CHECK(setup.server.log() == std::vector<std::string>{"HEAD /v2/app/manifests/v1"});
  const auto accept = setup.server.requests()[0].header("accept");
  CHECK(accept.find(std::string(oci::media_type::docker_list)) != std::string::npos);
  CHECK(setup.server.requests()[0].header("user-agent").starts_with("shipset/"));
}

TEST_CASE("resolve, digest missing or HEAD refused, reads and computes") {
  const SmallImage image("layer");
  for (const int head_status : {200, 405, 403, 400}) {
    Setup setup([&](const Request& request) {
      if (request.method == "HEAD" && head_status != 200) return Reply::error(head_status, "UNSUPPORTED");
      return document(image.manifest, oci_type, false);
    });
    const auto found = setup.store->resolve("v1");
    REQUIRE(found);
    CHECK(found.value() == image.descriptor);
    CHECK(setup.server.log().back() == "GET /v2/app/manifests/v1");
  }
}

TEST_CASE("resolve, no such tag, is sure only when a registry says so") {
  Setup known([](const Request&) { return Reply::error(404, "MANIFEST_UNKNOWN"); });
  CHECK_FALSE(known.store->resolve("v1").value().has_value());
  CHECK(known.server.log().size() == 1);
  Setup page([](const Request&) { return Reply{404, {{"Content-Type", "text/html"}}, "<html>not here</html>"}; });
  const auto looked = page.store->resolve("v1");
  REQUIRE_FALSE(looked);
  CHECK(looked.error().kind == ErrorKind::registry);
  for (const int status : {401, 403, 500}) {
    Setup refused([&](const Request&) { return Reply::error(status, "DENIED"); });
    CHECK_FALSE(refused.store->resolve("v1").ok());
  }
  CHECK(known.store->resolve("no good").error().kind == ErrorKind::usage);
}

TEST_CASE("manifest, other bytes than its digest, is refused") {
  const SmallImage image("layer");
  Setup setup([&](const Request&) { return document(image.manifest + " "); });
  const auto read = setup.store->manifest(image.descriptor.digest);
  REQUIRE_FALSE(read);
  CHECK(read.error().kind == ErrorKind::verify);
  CHECK(exit_code(read.error().kind) == 7);
  CHECK(read.error().context.at("digest") == image.descriptor.digest.str());
  // A registry whose header lies about what it sends by tag.
  Setup lying([&](const Request& request) {
    Reply reply = document(image.manifest, oci_type, false);
    if (request.method == "GET")
      reply.headers.emplace_back("Docker-Content-Digest", Digest::of(std::string_view("other")).str());
    return reply;
  });
  CHECK(lying.store->resolve("v1").error().kind == ErrorKind::verify);
}

TEST_CASE("manifest, type given in the document only, is read") {
  const SmallImage image("layer");
  for (const char* type : {"text/plain", "application/json", "application/octet-stream"}) {
    Setup setup([&](const Request&) { return document(image.manifest, type); });
    CHECK(setup.store->manifest(image.descriptor.digest)->descriptor.media_type == oci_type);
  }
  Setup charset([&](const Request&) { return document(image.manifest, oci_type + "; charset=utf-8"); });
  CHECK(charset.store->manifest(image.descriptor.digest)->descriptor.media_type == oci_type);
}

TEST_CASE("manifest, web page, old schema, rubbish or too much of it, is an error of kind registry") {
  std::string nested(100'000, '[');
  for (const std::string& body :
       {std::string("<html><body>login</body></html>"), std::string("7"), std::string(""), nested,
        std::string(R"({"schemaVersion":1,"fsLayers":[]})"), std::string(5 << 20, ' ')}) {
    Setup setup([&](const Request&) { return document(body, "application/json"); });
    const auto read = setup.store->manifest(Digest::of(std::string_view(body)));
    REQUIRE_FALSE(read);
    CHECK(read.error().kind == ErrorKind::registry);
    CHECK(exit_code(read.error().kind) == 5);
  }
}

TEST_CASE("blob, existence, in all the ways registries answer") {
  const std::string bytes(1000, 'b');
  const auto blob = blob_of(bytes);
  const auto asked = [&](Reply head, Reply get = Reply::error(404, "BLOB_UNKNOWN")) {
    Setup setup([&](const Request& request) { return request.method == "HEAD" ? head : get; });
    return setup.store->has_blob(blob);
  };
  CHECK(asked({200, {}, bytes}).value());
  CHECK_FALSE(asked({200, {{"Content-Length", "999"}}, {}}).value());
  CHECK_FALSE(asked(Reply::error(404, "BLOB_UNKNOWN")).value());
  CHECK(asked(Reply::error(405, "UNSUPPORTED"), {206, {{"Content-Range", "bytes 0-0/1000"}}, "b"}).value());
  CHECK(asked(Reply::error(405, "UNSUPPORTED"), {200, {}, bytes}).value());
  CHECK_FALSE(asked(Reply::error(405, "UNSUPPORTED")).value());
  CHECK(
      asked({200, {{"Content-Type", "text/html"}}, "<html>"}, {200, {{"Content-Type", "text/html"}}, "<html>"}).ok() ==
      false);
  CHECK(asked(Reply::error(401, "UNAUTHORIZED")).error().kind == ErrorKind::auth);
  CHECK(asked(Reply::error(403, "DENIED"), Reply::error(403, "DENIED")).error().kind == ErrorKind::auth);
}

TEST_CASE("blob, broken in the middle, goes on with Range and verifies the whole") {
  const std::string bytes = noise(3'000'000, 3);
  std::atomic<int> gets{0};
  Setup setup([&](const Request& request) {
    const auto range = request.header("range");
    if (++gets == 1) return Reply{200, {}, bytes, {}, 1'000'000};
    const auto from = range.empty() ? 0 : std::stoul(range.substr(range.find('=') + 1));
    return Reply{206,
                 {{"Content-Range", "bytes " + std::to_string(from) + "-2999999/3000000"}},
                 bytes.substr(from),
                 {},
                 gets == 2 ? std::size_t(500'000) : std::string::npos};
  });
  CHECK(read_source(*setup.store->blob(blob_of(bytes)).value()).value() == bytes);
  CHECK(gets == 3);
  CHECK(setup.server.requests()[1].header("range").starts_with("bytes=1"));
  CHECK(setup.client.traffic().retries == 2);
}

TEST_CASE("blob, registry without Range, is read again from the start and skipped") {
  const std::string bytes = noise(300'000, 4);
  for (const int status : {200, 416}) {
    std::atomic<int> gets{0};
    Setup setup([&](const Request& request) {
      if (++gets == 1) return Reply{200, {}, bytes, {}, 100'000};
      if (status == 416 && !request.header("range").empty()) return Reply::error(416, "BLOB_UNKNOWN");
      return Reply{200, {}, bytes};
    });
    CHECK(read_source(*setup.store->blob(blob_of(bytes)).value()).value() == bytes);
    CHECK(read_source(*setup.store->blob(blob_of(bytes)).value(), 250'000).value() == bytes.substr(250'000));
  }
}

TEST_CASE("blob, wrong content, length or range, is never given out as right") {
  const std::string bytes = noise(100'000, 5);
  const auto read_with = [&](const Reply& reply, std::uint64_t offset = 0) {
    Setup setup([&](const Request&) { return reply; });
    return read_source(*setup.store->blob(blob_of(bytes)).value(), offset);
  };
  std::string changed = bytes;
  changed[50'000] ^= 1;
  CHECK(read_with({200, {}, changed}).error().kind == ErrorKind::verify);
  CHECK(read_with({200, {}, bytes + "x"}).error().kind == ErrorKind::verify);
  CHECK(read_with({200, {}, bytes.substr(1)}).error().kind == ErrorKind::verify);
  CHECK(read_with({200, {{"Content-Type", "text/html"}}, "<html>"}).error().kind == ErrorKind::registry);
  CHECK(read_with({206, {{"Content-Range", "bytes 5-99999/100000"}}, bytes.substr(5)}, 10).error().kind ==
        ErrorKind::registry);
  CHECK(read_with(Reply::error(404, "BLOB_UNKNOWN")).error().kind == ErrorKind::not_found);
  CHECK(read_with({200, {}, bytes, {}, 1000}).error().kind == ErrorKind::network);
  // Without a length, the end of the connection could be the end of the blob; the digest decides.
  CHECK(read_with({200, {}, {}, "HTTP/1.0 200 OK\r\n\r\n" + changed}).error().kind == ErrorKind::verify);
  CHECK(read_with({200, {}, {}, "HTTP/1.0 200 OK\r\n\r\n" + bytes}).value() == bytes);
}

TEST_CASE("redirect, to another origin, does not carry the login") {
  const std::string bytes = noise(50'000, 6);
  ScriptedServer storage([&](const Request& request) {
    if (!request.header("authorization").empty()) return Reply::error(400, "SECRET_LEAKED");
    return Reply{200, {}, bytes};
  });
  ScriptedServer registry([&](const Request& request) {
    if (request.header("authorization").empty()) {
      auto refused = Reply::error(401, "UNAUTHORIZED");
      refused.headers.emplace_back("WWW-Authenticate", "Basic realm=\"x\"");
      return refused;
    }
    return Reply{307, {{"Location", "http://" + storage.host() + "/blob?signature=secret-signature"}}, {}};
  });
  Client client(login_options(registry.host(), "user", "password"));
  auto store = client.repository(reference(registry.host() + "/app"));
  CHECK(read_source(*store->blob(blob_of(bytes)).value()).value() == bytes);
  CHECK(store->has_blob(blob_of(bytes)).value());
  CHECK(storage.requests()[0].header("authorization").empty());
}

TEST_CASE("redirect, in a circle or to nonsense, ends with an error that keeps the query secret") {
  for (const std::string target :
       {"/v2/app/blobs/again?signature=secret-signature", "ftp://x/?signature=secret-signature", ""}) {
    Setup setup([&](const Request&) { return Reply{307, {{"Location", target}}, {}}; });
    const auto read = read_source(*setup.store->blob(blob_of("x")).value());
    REQUIRE_FALSE(read);
    CHECK(read.error().kind == ErrorKind::registry);
    CHECK(render(read.error()).find("secret-signature") == std::string::npos);
    CHECK(setup.server.log().size() <= 6);
  }
}

TEST_CASE("ping, registry, web page and closed port") {
  ScriptedServer fine([](const Request&) { return Reply{200, {}, "{}"}; });
  ScriptedServer page([](const Request&) { return Reply{200, {{"Content-Type", "text/html"}}, "<html>hello</html>"}; });
  Client client(quick_options());
  CHECK(client.ping(fine.host()));
  CHECK(exit_code(client.ping(page.host()).error().kind) == 5);
  const auto closed = client.ping("127.0.0.1:" + std::to_string(free_port()));
  CHECK(exit_code(closed.error().kind) == 6);
  CHECK(closed.error().hint.find("check that a registry is running") == 0);
  CHECK(client.ping("no host").error().kind == ErrorKind::usage);
}
