// Uploads that break and go on: against registries that people run, through a proxy that cuts connections.
#include <sys/stat.h>

#include "catch_shim.hpp"
#include "cut_proxy_support.hpp"
#include "registry_support.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;
namespace fs = std::filesystem;

namespace {
constexpr std::uint64_t mib = 1u << 20;
/// What ring, sockets and proxy may hold at most when a connection is cut.
constexpr std::uint64_t in_flight = 12 * mib;

/// Puts 48 MiB through a proxy that cuts at `cut_at` bytes, and reads them back.
oci::BlobPut put_with_cut(const RealRegistry& server, CutProxy& proxy, ClientOptions options = quick_options()) {
  const std::string bytes = noise(48 * mib, 21);
  Client client(std::move(options));
  auto store = client.repository(reference(proxy.host() + "/team/app"));
  const auto put = store->put_blob(blob_of(bytes), *memory_source(bytes), {}, {});
  INFO((put ? std::string() : render(put.error())));
  REQUIRE(put);
  Client reader(quick_options());
  auto direct = reader.repository(reference(server.host() + "/team/app"));
  CHECK(read_source(*direct->blob(blob_of(bytes)).value()).value() == bytes);
  return *put;
}
}  // namespace

TEST_CASE("upload, connection cut, on a registry that keeps what arrived, goes on at its byte") {
  const auto server = RealRegistry::start("distribution");
  if (!server) return;
  CutProxy proxy(server->host());
  proxy.cut_at = 30 * mib;
  const auto put = put_with_cut(*server, proxy);
  CHECK(proxy.cuts() == 1);
  CHECK(put.kept > 30 * mib - in_flight);
  CHECK(put.kept <= 30 * mib + (64u << 10));
  CHECK(put.again <= in_flight);
  CHECK(put.sent == 48 * mib + put.again);
  CHECK(proxy.to_server() - 48 * mib <= in_flight);
}

TEST_CASE("upload, connection cut again and again, more often than the attempts, still arrives") {
  const auto server = RealRegistry::start("distribution");
  if (!server) return;
  CutProxy proxy(server->host());
  proxy.cut_at = 5 * mib;
  proxy.cut_every = 11 * mib;
  auto options = quick_options();
  options.attempts = 2;
  const auto put = put_with_cut(*server, proxy, options);
  CHECK(proxy.cuts() >= 3);
  CHECK(put.kept > 20 * mib);
}

TEST_CASE("upload, connection cut between chunks' bodies, goes on with chunks") {
  const auto server = RealRegistry::start("distribution");
  if (!server) return;
  CutProxy proxy(server->host());
  proxy.cut_at = 30 * mib;
  auto options = quick_options();
  options.chunk_bytes = 4 * mib;
  const auto put = put_with_cut(*server, proxy, options);
  CHECK(proxy.cuts() == 1);
  CHECK(put.kept > 24 * mib);
  CHECK(put.again <= 4 * mib);
}

TEST_CASE("upload, connection cut, on a registry that forgets broken uploads, sends that blob again and says so") {
  for (const std::string kind : {"plain", "crane"}) {
    INFO(kind);
    const auto server = RealRegistry::start(kind);
    if (!server) continue;
    CutProxy proxy(server->host());
    proxy.cut_at = 30 * mib;
    const auto put = put_with_cut(*server, proxy);
    CHECK(proxy.cuts() == 1);
    CHECK(put.kept == 0);
    CHECK(put.again >= 29 * mib);
    CHECK(put.again <= 30 * mib + in_flight);
    CHECK(put.sent == 48 * mib + put.again);
  }
}

TEST_CASE("upload in chunks, on every registry, arrives") {
  for (const std::string kind : {"plain", "distribution", "crane"}) {
    INFO(kind);
    const auto server = RealRegistry::start(kind);
    if (!server) continue;
    auto options = quick_options();
    options.chunk_bytes = 1 * mib;
    Client client(options);
    auto store = client.repository(reference(server->host() + "/team/app"));
    const std::string bytes = noise(5 * mib + 123, 22);
    const auto put = store->put_blob(blob_of(bytes), *memory_source(bytes), {}, {});
    INFO((put ? std::string() : render(put.error())));
    REQUIRE(put);
    CHECK(put->sent == bytes.size());
    CHECK(put->again == 0);
    CHECK(read_source(*store->blob(blob_of(bytes)).value()).value() == bytes);
  }
}
