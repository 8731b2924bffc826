#include <thread>

#include "catch_shim.hpp"
#include "registry_support.hpp"
#include "scripted_server_support.hpp"
#include "shipset/base/text.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;

namespace {
/// A registry that takes uploads; what a test changes are the answers of PUT and POST.
struct UploadServer {
  std::atomic<int> posts{0}, puts{0};
  std::function<std::optional<Reply>(const Request&, int)> on_post, on_put;
  ScriptedServer server{[this](const Request& request) { return answer(request); }};
  ClientOptions options = quick_options();
  std::unique_ptr<Client> client;

  Reply answer(const Request& request) {
    if (request.method == "HEAD") return Reply::error(404, "BLOB_UNKNOWN");
    if (request.method == "GET") return Reply::error(404, "BLOB_UPLOAD_UNKNOWN");
    if (request.method == "POST") {
      const int n = ++posts;
      if (on_post)
        if (auto reply = on_post(request, n)) return *reply;
      return {202, {{"Location", "/upload/" + std::to_string(n) + "?state=secret-state"}}, {}};
    }
    const int n = ++puts;
    if (on_put)
      if (auto reply = on_put(request, n)) return *reply;
    return {201, {}, {}};
  }
  std::unique_ptr<oci::Store> store() {
    client = std::make_unique<Client>(options);
    return client->repository(reference(server.host() + "/app"));
  }
  [[nodiscard]] std::vector<Request> sent(const std::string& method) const {
    std::vector<Request> out;
    for (auto& request : server.requests())
      if (request.method == method) out.push_back(request);
    return out;
  }
};

Result<std::uint64_t> put(oci::Store& store, const std::string& bytes) {
  SHIPSET_TRY(const oci::BlobPut put, store.put_blob(blob_of(bytes), *memory_source(bytes), {}, {}));
  return put.sent;
}

/// A source that lies about its size or content, or breaks.
class OddSource final : public Source {
 public:
  OddSource(std::uint64_t size, std::string bytes, bool fails = false)
      : size_(size), bytes_(std::move(bytes)), fails_(fails) {}
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] Result<std::unique_ptr<Reader>> open(std::uint64_t) const override {
    struct OddReader final : Reader {
      std::string bytes;
      bool fails = false;
      std::size_t at = 0;
      Result<std::size_t> read(std::span<std::byte> out) override {
        if (at == bytes.size() && fails) return Error(ErrorKind::io, "cannot read the file", "Input/output error");
        const std::size_t n = std::min(out.size(), bytes.size() - at);
        std::copy_n(reinterpret_cast<const std::byte*>(bytes.data()) + at, n, out.begin());
        at += n;
        return n;
      }
    };
    auto reader = std::make_unique<OddReader>();
    reader->bytes = bytes_;
    reader->fails = fails_;
    return std::unique_ptr<Reader>(std::move(reader));
  }

 private:
  std::uint64_t size_;
  std::string bytes_;
  bool fails_;
};
}  // namespace

TEST_CASE("upload, POST and PUT, keeps the query of the Location and adds the digest") {
  UploadServer server;
  auto store = server.store();
  const std::string bytes = noise(2'500'000, 1);
  std::vector<std::uint64_t> progress;
  const auto sent = store->put_blob(blob_of(bytes), *memory_source(bytes),
                                    [&](const Event& event) { progress.push_back(event.bytes); }, {});
  CHECK(sent.value().sent == bytes.size());
  const auto puts = server.sent("PUT");
  REQUIRE(puts.size() == 1);
  CHECK(puts[0].target == "/upload/1?state=secret-state&digest=" + percent_encode(blob_of(bytes).digest.str()));
  CHECK(puts[0].body == bytes);
  CHECK(puts[0].header("content-length") == "2500000");
  CHECK(puts[0].header("expect").empty());
  CHECK(puts[0].header("content-type") == "application/octet-stream");
  REQUIRE(progress.size() >= 2);
  CHECK(progress.back() == bytes.size());
  CHECK(std::is_sorted(progress.begin(), progress.end()));
  CHECK(put(*store, "").value() == 0);
}

TEST_CASE("upload, broken or failing registry, begins anew with a fresh Location") {
  const std::string bytes = noise(700'000, 2);
  for (const int how : {0, 1, 2, 3}) {
    UploadServer server;
    server.on_put = [&](const Request&, int n) -> std::optional<Reply> {
      if (n > 1) return std::nullopt;
      if (how == 0) return Reply{0, {}, {}, "garbage\r\n\r\n"};
      if (how == 1) return Reply::error(503, "UNAVAILABLE");
      if (how == 2) return Reply::error(404, "BLOB_UPLOAD_UNKNOWN");
      return Reply{0, {}, {}, "HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\nabc"};
    };
    auto store = server.store();
    const auto sent = put(*store, bytes);
    INFO("way " << how << (sent ? std::string() : render(sent.error())));
    if (how == 0) {
      CHECK_FALSE(sent);  // not HTTP: no reason to believe in a second try
      continue;
    }
    REQUIRE(sent);
    const auto puts = server.sent("PUT");
    REQUIRE(puts.size() == 2);
    CHECK(puts[1].target.starts_with("/upload/2?"));
    CHECK(puts[1].body == bytes);
    CHECK(server.client->traffic().retries == 1);
  }
}

TEST_CASE("upload, connection closed in the middle of the body, begins anew") {
  UploadServer server;
  const std::string bytes = noise(8'000'000, 3);
  std::atomic<bool> cut{true};
  server.server.body_limit = 1'000'000;
  server.on_put = [&](const Request&, int) -> std::optional<Reply> {
    if (!cut.exchange(false)) return std::nullopt;
    server.server.body_limit = std::string::npos;
    Reply gone;
    gone.close = true;
    return gone;
  };
  auto store = server.store();
  const auto sent = put(*store, bytes);
  INFO((sent ? std::string() : render(sent.error())));
  REQUIRE(sent);
  CHECK(server.sent("PUT").back().body == bytes);
  CHECK(server.sent("PUT").back().target.starts_with("/upload/2?"));
}

TEST_CASE("upload, refused, says which object, status and code, and not where it went") {
  UploadServer server;
  server.on_put = [](const Request&, int) { return Reply::error(400, "DIGEST_INVALID", "did not match"); };
  auto store = server.store();
  const auto sent = put(*store, "some bytes");
  REQUIRE_FALSE(sent);
  CHECK(sent.error().kind == ErrorKind::registry);
  CHECK(sent.error().context.at("code") == "DIGEST_INVALID");
  CHECK(sent.error().context.at("status") == "400");
  CHECK(sent.error().context.at("digest") == blob_of("some bytes").digest.str());
  CHECK(render(sent.error()).find("secret-state") == std::string::npos);
  CHECK(server.puts == 2);
}

TEST_CASE("upload, no rights, is an error of kind auth at once") {
  for (const int status : {401, 403}) {
    UploadServer server;
    server.on_post = [&](const Request&, int) { return Reply::error(status, "DENIED", "requested access is denied"); };
    auto store = server.store();
    CHECK(put(*store, "x").error().kind == ErrorKind::auth);
    CHECK(store->check_writable().error().kind == ErrorKind::auth);
    CHECK(server.sent("PUT").empty());
  }
}

TEST_CASE("upload, refusal before the body was read, is seen") {
  UploadServer server;
  server.server.body_limit = 100'000;
  server.on_put = [](const Request&, int) {
    return Reply{0, {}, {}, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"};
  };
  auto store = server.store();
  const auto sent = put(*store, noise(20'000'000, 9));
  REQUIRE_FALSE(sent);
  CHECK((sent.error().kind == ErrorKind::registry || sent.error().kind == ErrorKind::network));
}

TEST_CASE("upload, content that is not its digest, never completes") {
  const std::string right = noise(900'000, 4);
  std::string wrong = right;
  wrong.back() = static_cast<char>(wrong.back() ^ 1);
  const auto blob = blob_of(right);
  for (const OddSource& source : {OddSource(right.size(), wrong), OddSource(right.size(), right.substr(1)),
                                  OddSource(right.size(), right + "x"), OddSource(right.size() + 1, right)}) {
    UploadServer server;
    auto store = server.store();
    const auto sent = store->put_blob(blob, source, {}, {});
    REQUIRE_FALSE(sent);
    CHECK(sent.error().kind == ErrorKind::verify);
    CHECK(sent.error().context.at("digest") == blob.digest.str());
    CHECK(server.sent("PUT").empty());  // the server logs a request when its body is complete
  }
  UploadServer server;
  auto store = server.store();
  CHECK(store->put_blob(blob, OddSource(right.size(), right.substr(0, 1000), true), {}, {}).error().kind ==
        ErrorKind::io);
}

TEST_CASE("upload, registry says that it stored something else, is an error of kind verify") {
  UploadServer server;
  server.on_put = [](const Request&, int) {
    return Reply{201, {{"Docker-Content-Digest", Digest::of(std::string_view("other")).str()}}, {}};
  };
  auto store = server.store();
  CHECK(put(*store, "mine").error().kind == ErrorKind::verify);
}

TEST_CASE("upload, registry without single PUT, gets PATCH and PUT") {
  UploadServer server;
  std::string patched;
  server.on_put = [&](const Request& request, int) -> std::optional<Reply> {
    if (request.method == "PATCH") {
      patched = request.body;
      return Reply{202, {{"Location", "/upload/after-patch?s=2"}}, {}};
    }
    return patched.empty() ? Reply::error(405, "UNSUPPORTED") : Reply{201, {}, {}};
  };
  auto store = server.store();
  const std::string bytes = noise(400'000, 5);
  const auto blob = store->put_blob(blob_of(bytes), *memory_source(bytes), {}, {});
  REQUIRE(blob);
  CHECK(blob->sent == 2 * bytes.size());  // the refused body had gone out too
  CHECK(blob->again == bytes.size());
  CHECK(patched == bytes);
  CHECK(server.sent("PATCH")[0].header("content-range") == "0-399999");
  CHECK(server.sent("PUT").back().target.starts_with("/upload/after-patch?s=2&digest="));
  CHECK(put(*store, bytes + "more").value() == bytes.size() + 4);  // what was learnt is kept: no second refusal
}

TEST_CASE("upload, Location elsewhere, does not carry the login, and an unusable one is refused") {
  ScriptedServer elsewhere([](const Request&) { return Reply{201, {}, {}}; });
  UploadServer server;
  server.options = login_options(server.server.host(), "user", "password");
  server.on_post = [&](const Request& request, int) -> std::optional<Reply> {
    if (request.header("authorization").empty()) {
      auto refused = Reply::error(401, "UNAUTHORIZED");
      refused.headers.emplace_back("WWW-Authenticate", "Basic realm=\"x\"");
      return refused;
    }
    return Reply{202, {{"Location", "http://" + elsewhere.host() + "/up?sig=1"}}, {}};
  };
  auto store = server.store();
  CHECK(put(*store, "bytes").ok());
  REQUIRE_FALSE(elsewhere.requests().empty());
  CHECK(elsewhere.requests()[0].header("authorization").empty());
  for (const char* location : {"", "ftp://x/y", "http://user:pw@127.0.0.1/"}) {
    UploadServer odd;
    odd.on_post = [&](const Request&, int) { return Reply{202, {{"Location", location}}, {}}; };
    auto other = odd.store();
    CHECK(put(*other, "bytes").error().kind == ErrorKind::registry);
  }
}

TEST_CASE("upload, mount from the same repository, replaces the question once it is known to work") {
  UploadServer server;
  std::set<std::string> stored;
  server.on_post = [&](const Request& request, int) -> std::optional<Reply> {
    const auto at = request.target.find("mount=");
    if (at == std::string::npos) return std::nullopt;
    const auto digest = request.target.substr(at + 6, request.target.find('&') - at - 6);
    if (stored.contains(digest)) return Reply{201, {}, {}};
    return std::nullopt;
  };
  server.on_put = [&](const Request& request, int) -> std::optional<Reply> {
    stored.insert(request.target.substr(request.target.find("digest=") + 7));
    return std::nullopt;
  };
  auto store = server.store();
  CHECK(put(*store, "first").value() == 5);
  CHECK(put(*store, "second").value() == 6);
  CHECK(put(*store, "second").value() == 0);
  CHECK(server.sent("HEAD").empty());
  CHECK(server.posts == 4);  // first; the one that finds out; second; second again
}

TEST_CASE("upload, mount check not known yet, asks before it sends much") {
  UploadServer server;
  auto store = server.store();
  const std::string small = noise(1000, 1), large(33u << 20, 'x');
  CHECK(put(*store, large).value() == large.size());
  CHECK(server.sent("HEAD").size() == 1);
  auto other = server.client->repository(reference(server.server.host() + "/other"));
  CHECK(put(*other, small).value() == small.size());
  CHECK(server.sent("HEAD").size() == 2);  // by now it is known that this registry does not check
}

TEST_CASE("mount, granted, refused, or answered with an upload that is then used") {
  UploadServer server;
  std::atomic<int> answer{201};
  server.on_post = [&](const Request& request, int n) -> std::optional<Reply> {
    if (request.target.find("from=other") == std::string::npos) return std::nullopt;
    if (answer == 202) return Reply{202, {{"Location", "/upload/mounted" + std::to_string(n)}}, {}};
    if (answer == 201) return Reply{201, {}, {}};
    return Reply::error(answer, "X");
  };
  auto store = server.store();
  auto other = server.client->repository(reference(server.server.host() + "/other"));
  CHECK(store->mount_blob(blob_of("b"), *other).value());
  for (const int status : {400, 401, 403, 404, 405}) {
    answer = status;
    CHECK_FALSE(store->mount_blob(blob_of("b"), *other).value());
  }
  answer = 202;
  CHECK_FALSE(store->mount_blob(blob_of("b"), *other).value());
  const int before = server.posts;
  CHECK(put(*store, "b").ok());
  CHECK(server.sent("PUT")[0].target.starts_with("/upload/mounted"));
  CHECK(server.posts == before + 1);  // the one that finds out about mounts, none to open an upload
  Client stranger(quick_options());
  auto far = stranger.repository(reference(server.server.host() + "/other"));
  CHECK_FALSE(store->mount_blob(blob_of("b"), *far).value());
  CHECK_FALSE(store->mount_blob(blob_of("b"), *store).value());
}

TEST_CASE("manifest, lag of a blob, is waited out; lasting refusal is an error") {
  const SmallImage image("layer");
  std::atomic<int> puts{0}, failures{1};
  ScriptedServer server([&](const Request&) {
    if (++puts <= failures) return Reply::error(400, "MANIFEST_BLOB_UNKNOWN");
    return Reply{201, {{"Docker-Content-Digest", image.descriptor.digest.str()}}, {}};
  });
  Client client(quick_options());
  auto store = client.repository(reference(server.host() + "/app"));
  CHECK(store->put_manifest(image.descriptor, image.manifest));
  CHECK(puts == 2);
  failures = 100;
  CHECK(store->put_tag("v1", image.descriptor, image.manifest).error().context.at("tag") == "v1");
  CHECK(store->put_manifest(image.descriptor, image.manifest + " ").error().kind == ErrorKind::verify);
  CHECK(server.requests()[0].header("content-type") == std::string(oci::media_type::manifest));
}

TEST_CASE("tag, removal, in all the ways registries answer") {
  const SmallImage image("layer");
  const auto removed = [&](int status, bool still_there) {
    ScriptedServer server([&](const Request& request) {
      if (request.method == "DELETE") return status == 202 ? Reply{202, {}, {}} : Reply::error(status, "X");
      if (!still_there) return Reply::error(404, "MANIFEST_UNKNOWN");
      return Reply{200,
                   {{"Content-Type", std::string(oci::media_type::manifest)},
                    {"Docker-Content-Digest", image.descriptor.digest.str()}},
                   image.manifest};
    });
    Client client(quick_options());
    return client.repository(reference(server.host() + "/app"))->remove_tag("v1");
  };
  CHECK(removed(202, false).value());
  CHECK(removed(404, false).value());
  CHECK_FALSE(removed(404, true).value());
  CHECK_FALSE(removed(405, true).value());
  CHECK_FALSE(removed(400, true).value());
  CHECK(removed(403, true).error().kind == ErrorKind::auth);
}
