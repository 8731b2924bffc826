// Registries that keep, forget, lie about or refuse parts of an upload: a scripted one that keeps what arrives, and
// one rule that each test breaks.
#include <ctime>

#include "catch_shim.hpp"
#include "registry_support.hpp"
#include "scripted_server_support.hpp"
#include "shipset/base/text.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;

namespace {
class KeepingServer {
 public:
  using Hook = std::function<std::optional<Reply>(const Request&, KeepingServer&)>;
  explicit KeepingServer(Hook hook = {}) : hook_(std::move(hook)) { options.attempts = 4; }

  std::string held;              ///< of the one upload that is open
  std::set<std::string> stored;  ///< digests
  int uploads = 0, answers = 0;
  ClientOptions options = quick_options();
  std::vector<Event> events;
  ScriptedServer server{[this](const Request& request) { return answer(request); }};

  Reply answer(const Request& request) {
    if (hook_)
      if (auto reply = hook_(request, *this)) return *reply;
    return right(request);
  }
  /// As distribution does it.
  Reply right(const Request& request) {
    const auto complete =
        request.header("content-length").empty() || request.body.size() == std::stoul(request.header("content-length"));
    if (request.method == "HEAD")
      return stored.contains(request.target.substr(request.target.rfind('/') + 1))
                 ? Reply{200, {{"Content-Length", std::to_string(held.size())}}, {}}
                 : Reply::error(404, "BLOB_UNKNOWN");
    if (request.target.find("mount=") != std::string::npos) return Reply::error(405, "UNSUPPORTED");
    if (request.method == "POST") {
      held.clear();
      ++uploads;
      return {202, {{"Location", next()}}, {}};
    }
    if (!request.target.starts_with(current_)) return Reply::error(404, "BLOB_UPLOAD_UNKNOWN");
    if (request.method == "GET") return {204, {{"Location", next()}, {"Range", range()}}, {}};
    if (request.method == "PATCH" && !request.header("content-range").starts_with(std::to_string(held.size()) + "-"))
      return {416, {{"Location", next()}, {"Range", range()}}, {}};
    held += request.body;
    if (!complete) return closed();
    if (request.method == "PATCH") return {202, {{"Location", next()}, {"Range", range()}}, {}};
    const auto digest = Digest::of(held).str();
    if (request.target.find(percent_encode(digest)) == std::string::npos) return Reply::error(400, "DIGEST_INVALID");
    stored.insert(digest);
    return {201, {{"Docker-Content-Digest", digest}}, {}};
  }
  static Reply closed() {
    Reply out;
    out.close = true;
    return out;
  }
  /// Every answer names a new place, and only the last one is good.
  std::string next() {
    current_ = "/upload/" + std::to_string(uploads) + "?state=secret" + std::to_string(++answers) + "x";
    return current_;
  }
  [[nodiscard]] std::string range() const { return "0-" + std::to_string(held.empty() ? 0 : held.size() - 1); }

  Result<oci::BlobPut> put(const std::string& bytes) {
    if (!client_) client_ = std::make_unique<Client>(options);
    const auto repository = client_->repository(reference(server.host() + "/app"));
    auto out = repository->put_blob(blob_of(bytes), *memory_source(bytes),
                                    [this](const Event& event) { events.push_back(event); }, {});
    for (const auto& event : events) CHECK(event.message.find("secret") == std::string::npos);
    if (!out) {
      CHECK(render(out.error()).find("secret") == std::string::npos);
      CHECK(out.error().context.at("digest") == blob_of(bytes).digest.str());
    }
    return out;
  }
  /// What was asked from the opening of the first upload on, apart from questions about mounts.
  [[nodiscard]] std::vector<std::string> methods() const {
    std::vector<std::string> out;
    for (const auto& request : server.requests()) {
      const bool opens = request.method == "POST" && request.target.find("mount=") == std::string::npos;
      if (opens || (!out.empty() && request.target.find("mount=") == std::string::npos)) out.push_back(request.method);
    }
    return out;
  }
  [[nodiscard]] std::vector<std::string> ranges() const {
    std::vector<std::string> out;
    for (const auto& request : server.requests())
      if (request.method == "PATCH") out.push_back(request.header("content-range"));
    return out;
  }

 private:
  Hook hook_;
  std::string current_ = "/none";
  std::unique_ptr<Client> client_;
};

using Methods = std::vector<std::string>;
const std::string bytes = noise(900'000, 71);

/// Breaks the first body off after `at` bytes.
void break_first_body(KeepingServer& server, std::size_t at) {
  server.server.body_limit = at;
}
KeepingServer::Hook then_whole(const std::function<std::optional<Reply>(const Request&, KeepingServer&)>& more = {}) {
  return [more](const Request& request, KeepingServer& server) -> std::optional<Reply> {
    if (request.method == "PUT" && server.server.body_limit != std::string::npos) {
      Request cut = request;  // the server reads in pieces and so a little more
      cut.body.resize(std::min(cut.body.size(), server.server.body_limit.exchange(std::string::npos)));
      return server.right(cut);
    }
    return more ? more(request, server) : std::nullopt;
  };
}
}  // namespace

TEST_CASE("broken body, kept by the registry, goes on with the next byte and the newest Location") {
  KeepingServer server(then_whole());
  break_first_body(server, 400'000);
  const auto put = server.put(bytes);
  INFO((put ? std::string() : render(put.error())));
  REQUIRE(put);
  auto methods = server.methods();
  if (methods.at(2) == "HEAD") methods.erase(methods.begin() + 2);  // where the whole body was on its way already
  CHECK(methods == Methods{"POST", "PUT", "GET", "PATCH", "PUT"});
  CHECK(server.ranges() == std::vector<std::string>{"400000-899999"});
  CHECK(put->kept == 400'000);
  CHECK(put->sent == 900'000 - 400'000 + 400'000 + put->again);
  CHECK(server.stored.size() == 1);
}

TEST_CASE("broken body, registry that says 0-0, holds one byte or none, begins anew") {
  KeepingServer server(then_whole([](const Request& request, KeepingServer& self) -> std::optional<Reply> {
    if (request.method == "GET") return Reply{204, {{"Location", self.next()}, {"Range", "0-0"}}, {}};
    return std::nullopt;
  }));
  break_first_body(server, 400'000);
  const auto put = server.put(bytes);
  REQUIRE(put);
  CHECK(put->kept == 0);
  CHECK(put->again >= 400'000);
  CHECK(server.uploads == 2);
  CHECK(server.ranges().empty());
}

TEST_CASE("broken body, registry that forgot, cannot tell or claims what was never sent, begins anew") {
  for (const int how : {0, 1, 2, 3, 4, 5, 6}) {
    INFO("way " << how);
    KeepingServer server(then_whole([how](const Request& request, KeepingServer& self) -> std::optional<Reply> {
      if (request.method != "GET") return std::nullopt;
      const auto says = [&](const std::string& range) {
        return Reply{204, {{"Range", range}, {"Location", self.next()}}, {}};
      };
      if (how == 0) return Reply::error(404, "BLOB_UPLOAD_UNKNOWN");
      if (how == 1) return Reply::error(400, "UNSUPPORTED");
      if (how == 2) return Reply{204, {}, {}};
      if (how == 3) return says("0-898999");
      if (how == 4) return says("100-200000");
      if (how == 5) return says("0-18446744073709551615");
      return Reply{200, {{"Content-Type", "text/html"}, {"Range", "0-1000"}}, "<html>"};
    }));
    break_first_body(server, 200'000);
    const auto put = server.put(bytes);
    REQUIRE(put);
    CHECK(put->kept == 0);
    CHECK(server.uploads == 2);
    CHECK(server.stored.size() == 1);
  }
}

TEST_CASE("range refused, registry that tells where it stands, is followed; one that refuses always, is an error") {
  {
    int refusals = 0;
    KeepingServer server(then_whole([&](const Request& request, KeepingServer& self) -> std::optional<Reply> {
      if (request.method != "PATCH" || refusals++ > 0) return std::nullopt;
      self.held.resize(300'000);  // it had not stored all that it had named
      return self.right(request);
    }));
    break_first_body(server, 400'000);
    const auto put = server.put(bytes);
    REQUIRE(put);
    CHECK(server.ranges() == std::vector<std::string>{"400000-899999", "300000-899999"});
    CHECK(put->kept == 300'000);
    CHECK(put->again >= 100'000);
  }
  KeepingServer never(then_whole([](const Request& request, KeepingServer& self) -> std::optional<Reply> {
    if (request.method != "PATCH" && request.method != "PUT") return std::nullopt;
    return Reply{416, {{"Location", self.next()}}, {}};
  }));
  break_first_body(never, 400'000);
  const auto put = never.put(bytes);
  REQUIRE_FALSE(put);
  CHECK(put.error().context.at("status") == "416");
  CHECK(never.methods().size() < 20);
}

TEST_CASE("chunks, 201 or 204 in place of 202, no Range, and a minimum length, arrive") {
  for (const int status : {200, 201, 202, 204}) {
    KeepingServer server([status](const Request& request, KeepingServer& self) -> std::optional<Reply> {
      if (request.method == "POST") {
        auto reply = self.right(request);
        reply.headers.emplace_back("OCI-Chunk-Min-Length", "250000");
        return reply;
      }
      if (request.method != "PATCH") return std::nullopt;
      const auto reply = self.right(request);
      return Reply{status, {reply.headers[0]}, {}};
    });
    server.options.chunk_bytes = 100'000;
    const auto put = server.put(bytes);
    REQUIRE(put);
    CHECK(put->sent == bytes.size());
    CHECK(server.ranges() == std::vector<std::string>{"0-249999", "250000-499999", "500000-749999", "750000-899999"});
  }
}

TEST_CASE("chunks, Range that stays at the first one, is asked about and not believed") {
  KeepingServer server([](const Request& request, KeepingServer& self) -> std::optional<Reply> {
    if (request.method != "PATCH" && request.method != "GET") return std::nullopt;
    auto reply = self.right(request);
    if (reply.status < 300) reply.headers.back().second = "0-299999";
    return reply;
  });
  server.options.chunk_bytes = 300'000;
  const auto put = server.put(bytes);
  REQUIRE(put);
  CHECK(put->again == 0);
  CHECK(server.ranges() == std::vector<std::string>{"0-299999", "300000-599999", "600000-899999"});
}

TEST_CASE("chunk, of which the registry took a part, goes on behind that part") {
  bool cut = false;
  KeepingServer server([&](const Request& request, KeepingServer& self) -> std::optional<Reply> {
    if (request.method != "PATCH" || std::exchange(cut, true)) return std::nullopt;
    self.held += request.body.substr(0, 123'456);
    return Reply{202, {{"Location", self.next()}, {"Range", self.range()}}, {}};
  });
  server.options.chunk_bytes = 300'000;
  const auto put = server.put(bytes);
  REQUIRE(put);
  CHECK(server.ranges().at(1) == "123456-423455");
  CHECK(put->again == 300'000 - 123'456);
}

TEST_CASE("body too large for the registry, is told and sent in pieces, the next one at once") {
  const std::string big = noise(20u << 20, 72);
  KeepingServer server([](const Request& request, KeepingServer&) -> std::optional<Reply> {
    if (request.body.size() <= 5u << 20) return std::nullopt;
    return Reply{413, {{"Content-Type", "text/html"}}, "<html>too large</html>"};
  });
  const auto put = server.put(big);
  INFO((put ? std::string() : render(put.error())));
  REQUIRE(put);
  CHECK(server.ranges().back() == "16777216-20971519");
  int told = 0;
  for (const auto& event : server.events)
    told += event.message.find("refuses a request of") != std::string::npos ? 1 : 0;
  CHECK(told >= 1);
  const auto before = server.methods().size();
  REQUIRE(server.put(noise(6u << 20, 73)));
  const auto methods = server.methods();
  CHECK(std::count(methods.begin() + static_cast<std::ptrdiff_t>(before), methods.end(), "PATCH") == 2);
}

TEST_CASE("body of every size too large, is an error that says so, soon") {
  KeepingServer server([](const Request& request, KeepingServer&) -> std::optional<Reply> {
    if (request.body.empty()) return std::nullopt;
    return Reply::error(413, "SIZE_INVALID", "limit is 1000 bytes");
  });
  const auto put = server.put(noise(3u << 20, 74));
  REQUIRE_FALSE(put);
  CHECK(put.error().context.at("status") == "413");
  CHECK(put.error().hint.find("limits the size") != std::string::npos);
  CHECK(server.methods().size() < 20);
}

TEST_CASE("connection lost after the last byte, blob that is there, is not sent again") {
  KeepingServer server([](const Request& request, KeepingServer& self) -> std::optional<Reply> {
    if (request.method != "PUT" || !self.stored.empty()) return std::nullopt;
    self.right(request);
    return KeepingServer::closed();
  });
  const auto put = server.put(bytes);
  REQUIRE(put);
  CHECK(put->sent == bytes.size());
  CHECK(server.methods() == Methods{"POST", "PUT", "HEAD"});
}

TEST_CASE("upload, refused though the blob is there, is done; refused and not there, is the refusal") {
  for (const int status : {403, 404, 409, 412, 202}) {
    INFO(status);
    for (const bool there : {true, false}) {
      KeepingServer server([&](const Request& request, KeepingServer& self) -> std::optional<Reply> {
        if (request.method != "PUT") return std::nullopt;
        if (there) self.right(request);
        if (status == 202) return Reply{202, {}, {}};
        return Reply::error(status, status == 404 ? "BLOB_UPLOAD_UNKNOWN" : "DENIED", "it is immutable");
      });
      const auto put = server.put(bytes);
      CHECK(put.ok() == there);
      if (!put && status == 403) CHECK(put.error().kind == ErrorKind::auth);
      if (!put && status != 202) CHECK(put.error().why.find("it is immutable") != std::string::npos);
      CHECK(server.methods().size() < 16);
    }
  }
}

TEST_CASE("busy registry, Retry-After as date with a web page, is waited for; more patience than we have, is told") {
  KeepingServer server([](const Request& request, KeepingServer& self) -> std::optional<Reply> {
    if (request.method != "PUT" || self.answers > 1) return std::nullopt;
    self.next();
    return Reply{429, {{"Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"}, {"Content-Type", "text/html"}}, "<html>slow"};
  });
  CHECK(server.put(bytes));
  for (const int status : {429, 503}) {
    KeepingServer busy([&](const Request& request, KeepingServer&) -> std::optional<Reply> {
      if (request.method != "PUT") return std::nullopt;
      return Reply{status, {{"Retry-After", "7300"}, {"Content-Type", "text/html"}}, "<html>maintenance</html>"};
    });
    const auto put = busy.put(bytes);
    REQUIRE_FALSE(put);
    CHECK(put.error().why.find("it asks to wait 3 hours") != std::string::npos);
    CHECK(put.error().hint.find("is the address of a registry") == std::string::npos);
    CHECK(put.error().context.at("retry_after") == "7300");
    CHECK(busy.methods() == Methods{"POST", "PUT"});
  }
}

TEST_CASE("busy registry, all requests of an upload share one budget") {
  KeepingServer server([&](const Request&, KeepingServer&) -> std::optional<Reply> {
    return Reply::error(503, "UNAVAILABLE", "try later");
  });
  server.options.attempts = 3;
  CHECK_FALSE(server.put(bytes));
  CHECK(server.server.requests().size() == 3);
}

TEST_CASE("upload, broken while it goes on, goes on again") {
  int bodies = 0;
  KeepingServer server([&](const Request& request, KeepingServer& self) -> std::optional<Reply> {
    if (request.method != "PUT" && request.method != "PATCH") return std::nullopt;
    Request cut = request;
    cut.body.resize(std::min(cut.body.size(), self.server.body_limit.load()));
    self.server.body_limit = ++bodies < 3 ? 250'000 : std::string::npos;
    return self.right(cut);
  });
  server.server.body_limit = 250'000;
  const auto put = server.put(bytes);
  REQUIRE(put);
  CHECK(server.ranges() == std::vector<std::string>{"250000-899999", "500000-899999", "750000-899999"});
  CHECK(put->kept == 750'000);
  CHECK(server.uploads == 1);
}
