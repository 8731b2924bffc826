// Stops, stalls, limits and memory of the transport.
#include <sys/resource.h>

#include <fstream>
#include <thread>

#include "catch_shim.hpp"
#include "loop_impl.hpp"
#include "registry_support.hpp"
#include "scripted_server_support.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;
using Clock = std::chrono::steady_clock;

namespace {
/// The promise is one second; a loaded machine with a sanitizer gets some more.
constexpr auto stop_limit = std::chrono::milliseconds(3000);
Reply hanging() {
  Reply out;
  out.hang = true;
  return out;
}

/// Calls `work` and stops it after 200 ms; returns how long it took after that.
template <class Work>
std::chrono::milliseconds time_to_stop(const CancelToken& token, Work work) {
  Clock::time_point stopped;
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    stopped = Clock::now();
    token.cancel();
  });
  work();
  const auto ended = Clock::now();
  later.join();
  return std::chrono::duration_cast<std::chrono::milliseconds>(ended - stopped);
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

/// Zeros without end in memory, and their digest.
class Zeros final : public Source {
 public:
  explicit Zeros(std::uint64_t size) : size_(size) {}
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] Result<std::unique_ptr<Reader>> open(std::uint64_t offset) const override {
    struct ZeroReader final : Reader {
      std::uint64_t left = 0;
      Result<std::size_t> read(std::span<std::byte> out) override {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left));
        std::fill_n(out.begin(), n, std::byte{0});
        left -= n;
        return n;
      }
    };
    auto reader = std::make_unique<ZeroReader>();
    reader->left = size_ - offset;
    return std::unique_ptr<Reader>(std::move(reader));
  }
  [[nodiscard]] oci::Descriptor descriptor() const {
    Hasher hasher;
    const std::string piece(1 << 20, '\0');
    for (std::uint64_t done = 0; done < size_; done += piece.size())
      hasher.update(std::string_view(piece).substr(0, static_cast<std::size_t>(size_ - done)));
    oci::Descriptor out;
    out.digest = hasher.finish();
    out.size = size_;
    return out;
  }

 private:
  std::uint64_t size_;
};
}  // namespace

TEST_CASE("stop, registry that never answers, ends within a second everywhere") {
  ScriptedServer server([](const Request&) { return hanging(); });
  auto options = quick_options();
  options.stall_timeout = std::chrono::seconds(60);
  Client client(options);
  const CancelToken token;
  auto store = client.repository(reference(server.host() + "/app"), token);
  std::optional<Error> error;
  const auto keep = [&](auto result) {
    if (!result) error = std::move(result).error();
  };
  std::function<void()> work;
  SECTION("resolve") {
    work = [&] { keep(store->resolve("v1")); };
  }
  SECTION("tags") {
    work = [&] { keep(store->tags()); };
  }
  SECTION("blob") {
    work = [&] { keep(read_source(*store->blob(blob_of("x")).value())); };
  }
  SECTION("put_blob") {
    work = [&] { keep(store->put_blob(blob_of("x"), *memory_source("x"), {}, {})); };
  }
  SECTION("put_blob by its own token") {
    work = [&] {
      keep(client.repository(reference(server.host() + "/b"))->put_blob(blob_of("x"), *memory_source("x"), {}, token));
    };
  }
  SECTION("put_manifest") {
    work = [&] {
      const SmallImage image("x");
      keep(store->put_manifest(image.descriptor, image.manifest));
    };
  }
  SECTION("check_writable") {
    work = [&] { keep(store->check_writable()); };
  }
  SECTION("ping") {
    work = [&] { keep(client.ping(server.host(), token)); };
  }
  CHECK(time_to_stop(token, work) < stop_limit);
  REQUIRE(error);
  CHECK(error->kind == ErrorKind::cancelled);
  CHECK(exit_code(error->kind) == 130);
}

TEST_CASE("stop, whole client, also while a name is looked up") {
  auto options = quick_options();
  options.connect_timeout = std::chrono::seconds(60);
  Client client(options);
  auto store = client.repository(reference("no-such-host.invalid/app"));
  const auto took = time_to_stop(options.cancel, [&] { CHECK_FALSE(store->resolve("v1").ok()); });
  CHECK(took < stop_limit);
}

TEST_CASE("stop, upload into a registry that does not read, ends within a second") {
  ScriptedServer server([](const Request& request) {
    if (request.method == "POST") return Reply{202, {{"Location", "/up"}}, {}};
    return request.method == "PUT" ? hanging() : Reply::error(404, "X");
  });
  server.body_limit = 1000;
  auto options = quick_options();
  options.stall_timeout = std::chrono::seconds(60);
  Client client(options);
  auto store = client.repository(reference(server.host() + "/app"));
  const Zeros zeros(64 << 20);
  const auto blob = zeros.descriptor();
  const CancelToken token;
  std::optional<Result<oci::BlobPut>> sent;
  CHECK(time_to_stop(token, [&] { sent = store->put_blob(blob, zeros, {}, token); }) < std::chrono::milliseconds(1000));
  REQUIRE_FALSE(*sent);
  CHECK(sent->error().kind == ErrorKind::cancelled);
}

TEST_CASE("stall, no byte for too long, is a network error after the allowed attempts") {
  ScriptedServer server([](const Request&) { return hanging(); });
  auto options = quick_options();
  options.stall_timeout = std::chrono::milliseconds(300);
  options.attempts = 2;
  Client client(options);
  const auto found = client.repository(reference(server.host() + "/app"))->resolve("v1");
  REQUIRE_FALSE(found);
  CHECK(found.error().kind == ErrorKind::network);
  CHECK(client.traffic().retries == 1);
}

TEST_CASE("header, too long or too many, is refused") {
  for (const int count : {1, 500}) {
    ScriptedServer server([&](const Request&) {
      Reply out{200, {}, "{}"};
      for (int i = 0; i < count; ++i)
        out.headers.emplace_back("X-" + std::to_string(i), std::string(count == 1 ? 80'000 : 10, 'x'));
      return out;
    });
    Client client(quick_options());
    const auto pinged = client.ping(server.host());
    REQUIRE_FALSE(pinged);
    CHECK(pinged.error().kind == ErrorKind::registry);
  }
}

TEST_CASE("answers, not HTTP at all, are errors") {
  for (const char* raw : {"SSH-2.0-OpenSSH_9\r\n", "\x15\x03\x01\x00\x02\x02\x50", "HTTP/1.1 999999999999 x\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"}) {
    ScriptedServer server([&](const Request&) { return Reply{0, {}, {}, raw}; });
    Client client(quick_options());
    const auto found =
        client.repository(reference(server.host() + "/app"))->manifest(Digest::of(std::string_view("x")));
    REQUIRE_FALSE(found);
    CHECK((exit_code(found.error().kind) == 5 || exit_code(found.error().kind) == 6));
  }
}

TEST_CASE("connections, many requests one after another, use one connection") {
  ScriptedServer server([](const Request&) { return Reply{200, {}, "{}"}; });
  Client client(quick_options());
  for (int i = 0; i < 20; ++i) CHECK(client.ping(server.host()));
  CHECK(server.connections() == 1);
  CHECK(client.traffic().requests == 20);
}

TEST_CASE("connections, many threads, stay below the cap") {
  std::atomic<int> now{0}, most{0};
  ScriptedServer server([&](const Request&) {
    const int here = ++now;
    for (int seen = most; here > seen && !most.compare_exchange_weak(seen, here);) {
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    --now;
    return Reply{200, {}, "{}"};
  });
  auto options = quick_options();
  options.connections_per_host = 3;
  Client client(options);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 3; ++i) right += client.ping(server.host()).ok() ? 1 : 0;
    });
  for (auto& thread : threads) thread.join();
  CHECK(right == 48);
  CHECK(most <= 3);
  CHECK(server.connections() <= 6);
}

TEST_CASE("memory, large upload and slow reader, stays bounded") {
  constexpr std::uint64_t size = 400u << 20;
  const Zeros zeros(size);
  const auto blob = zeros.descriptor();
  const auto server = RealRegistry::start("plain");
  if (!server) return;
  Client client(quick_options());
  auto store = client.repository(reference(server->host() + "/big"));
  [[maybe_unused]] const auto before = resident_bytes();
  std::uint64_t most = 0;
  const auto sent = store->put_blob(blob, zeros, [&](const Event&) { most = std::max(most, resident_bytes()); }, {});
  REQUIRE(sent);
  const auto source = store->blob(blob);
  REQUIRE(source);
  const auto reader = (*source)->open();
  REQUIRE(reader);
  std::vector<std::byte> piece(64 << 10);
  std::uint64_t read = 0;
  for (int i = 0;; ++i) {
    const auto n = (*reader)->read(piece);
    REQUIRE(n);
    if (*n == 0) break;
    read += *n;
    if (i % 512 == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // the registry is faster than we are
      most = std::max(most, resident_bytes());
    }
  }
  CHECK(read == size);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(most - std::min(most, before) < (24u << 20));
#endif
}

TEST_CASE("end of a client, with a reader half way, is clean") {
  const std::string bytes = noise(8'000'000, 11);
  ScriptedServer server([&](const Request&) { return Reply{200, {}, bytes}; });
  std::unique_ptr<Reader> reader;
  {
    Client client(quick_options());
    auto source = client.repository(reference(server.host() + "/app"))->blob(blob_of(bytes));
    reader = std::move((*source)->open().value());
    std::vector<std::byte> piece(1000);
    CHECK(reader->read(piece).value() > 0);
  }
  std::vector<std::byte> piece(1000);
  CHECK(reader->read(piece).value() > 0);  // the reader keeps what it needs alive
}
