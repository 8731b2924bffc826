// Reading through mirrors: scripted ones for what real ones do not do, real ones for the whole way.
#include <mutex>

#include "catch_shim.hpp"
#include "registry_support.hpp"
#include "scripted_server_support.hpp"
#include "shipset/oci/layout.hpp"
#include "shipset/oci/transfer.hpp"
#include "shipset/registry/open.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;

namespace {
/// A registry with one image under the tag v1; `spoil` may change what it answers.
struct ImageServer {
  SmallImage image;
  std::function<std::optional<Reply>(const Request&)> spoil{};
  ScriptedServer server{[this](const Request& request) { return answer(request); }};

  explicit ImageServer(const std::string& layer) : image(layer) {}
  Reply answer(const Request& request) {
    if (spoil)
      if (auto reply = spoil(request)) return *reply;
    const auto& target = request.target;
    if (target.ends_with("/manifests/v1") || target.ends_with("/manifests/" + image.descriptor.digest.str()))
      return {200,
              {{"Content-Type", image.descriptor.media_type}, {"Docker-Content-Digest", image.descriptor.digest.str()}},
              image.manifest};
    if (target.ends_with(image.layer_descriptor.digest.str())) return {200, {}, image.layer};
    if (target.ends_with(image.config_descriptor.digest.str())) return {200, {}, image.config};
    if (target.find("/tags/list") != std::string::npos)
      return {200, {{"Content-Type", "application/json"}}, R"({"name":"app","tags":["v1"]})"};
    return Reply::error(404, "MANIFEST_UNKNOWN");
  }
  [[nodiscard]] int asked(const std::string& part) const {
    int count = 0;
    for (const auto& line : server.log()) count += line.find(part) == std::string::npos ? 0 : 1;
    return count;
  }
};

struct Notes {
  std::mutex mutex;
  std::vector<Event> events;
  EventSink sink() {
    return [this](const Event& event) {
      const std::lock_guard lock(mutex);
      events.push_back(event);
    };
  }
  [[nodiscard]] int count(EventKind kind) const {
    return static_cast<int>(std::count_if(events.begin(), events.end(), [&](const auto& e) { return e.kind == kind; }));
  }
};

Result<std::unique_ptr<oci::Store>> pull_from(Client& client, const std::string& text) {
  return open_store(Location::parse(text).value(), client, Access::pull);
}

/// Copies the image into a layout, as `copy` and `build` do.
Result<oci::TransferReport> copied(oci::Store& from, const oci::Descriptor& root) {
  auto directory = TempDirectory::create(std::filesystem::temp_directory_path(), "mirror-").value();
  oci::LayoutOptions options;
  options.create = true;
  options.read_only = false;
  SHIPSET_TRY(const auto layout, oci::LayoutStore::open((directory.path() / "layout").string(), options));
  oci::TransferOptions transfer;
  return oci::transfer(from, *layout, {root}, transfer);
}
}  // namespace

TEST_CASE("mirror, has everything, serves content and the registry itself is not asked for it") {
  ImageServer mirror(noise(300'000, 1)), origin(noise(300'000, 1));
  Notes notes;
  auto options = quick_options();
  options.mirrors = {{origin.server.host(), {mirror.server.host() + "/copies"}}};
  options.notes = notes.sink();
  Client client(options);
  const auto store = pull_from(client, origin.server.host() + "/app:v1");
  REQUIRE(store);
  CHECK((*store)->name() == origin.server.host() + "/app");
  CHECK((*store)->resolve("v1").value()->digest == mirror.image.descriptor.digest);
  CHECK((*store)->manifest(mirror.image.descriptor.digest)->bytes == mirror.image.manifest);
  CHECK(read_source(*(*store)->blob(mirror.image.layer_descriptor).value()).value() == mirror.image.layer);
  CHECK(origin.server.log().empty());
  CHECK(mirror.asked("/v2/copies/app/") == static_cast<int>(mirror.server.log().size()));
  CHECK(notes.count(EventKind::note) == 1);
  CHECK(notes.events.front().message.find("is read from the mirror " + mirror.server.host()) != std::string::npos);
}

TEST_CASE("mirror, what it does not have, comes from the next place") {
  ImageServer mirror(noise(1000, 1)), origin(noise(1000, 2));
  auto options = quick_options();
  options.mirrors = {{origin.server.host(), {mirror.server.host()}}};
  Client client(options);
  const auto store = pull_from(client, origin.server.host() + "/app").value();
  CHECK(store->manifest(origin.image.descriptor.digest)->bytes == origin.image.manifest);
  CHECK(read_source(*store->blob(origin.image.layer_descriptor).value()).value() == origin.image.layer);
  CHECK_FALSE(store->resolve("v2").value().has_value());
  CHECK(store->has_blob(origin.image.layer_descriptor).value());
  CHECK(store->resolve("v1").value()->digest == mirror.image.descriptor.digest);
  CHECK(mirror.asked("/manifests/v2") > 0);
  CHECK(origin.asked("/manifests/v2") > 0);
}

TEST_CASE("mirror, lists, referrers, reads for certainty and writes go to the registry itself") {
  ImageServer mirror(noise(1000, 1)), origin(noise(1000, 2));
  auto options = quick_options();
  options.mirrors = {{origin.server.host(), {mirror.server.host()}}};
  Client client(options);
  const auto pulling = pull_from(client, origin.server.host() + "/app").value();
  CHECK(pulling->tags().value() == std::vector<std::string>{"v1"});
  CHECK(pulling->referrers(origin.image.descriptor.digest, "").ok());
  CHECK(pulling->put_manifest(origin.image.descriptor, origin.image.manifest).ok());
  CHECK(origin.asked("PUT /v2/app/manifests/") == 1);
  const auto location = Location::parse(origin.server.host() + "/app").value();
  CHECK(open_store(location, client, Access::read).value()->resolve("v1").value()->digest ==
        origin.image.descriptor.digest);
  CHECK(open_store(location, client, Access::write).value()->resolve("v1").value()->digest ==
        origin.image.descriptor.digest);
  CHECK(mirror.server.log().empty());
}

TEST_CASE("registry itself unreachable, its mirror tells the referrers, with a warning; tags are an error") {
  ImageServer mirror(noise(1000, 1));
  mirror.spoil = [](const Request& request) -> std::optional<Reply> {
    if (request.target.find("/referrers/") == std::string::npos) return std::nullopt;
    return Reply{
        200, {{"Content-Type", "application/vnd.oci.image.index.v1+json"}}, R"({"schemaVersion":2,"manifests":[]})"};
  };
  Notes notes;
  auto options = quick_options();
  options.attempts = 1;
  const std::string gone = "127.0.0.1:" + std::to_string(free_port());
  options.mirrors = {{gone, {mirror.server.host()}}};
  options.notes = notes.sink();
  Client client(options);
  const auto store = pull_from(client, gone + "/app").value();
  CHECK(store->referrers(mirror.image.descriptor.digest, "").value().empty());
  CHECK(store->referrers(mirror.image.descriptor.digest, "").ok());
  CHECK(notes.count(EventKind::warning) == 1);
  CHECK(store->tags().error().kind == ErrorKind::network);
}

TEST_CASE("mirror, unreachable, is told once and left out") {
  ImageServer origin(noise(1000, 1));
  Notes notes;
  auto options = quick_options();
  options.attempts = 1;
  options.mirrors = {{origin.server.host(), {"127.0.0.1:" + std::to_string(free_port())}}};
  options.notes = notes.sink();
  Client client(options);
  const auto store = pull_from(client, origin.server.host() + "/app").value();
  CHECK(store->resolve("v1").value()->digest == origin.image.descriptor.digest);
  CHECK(read_source(*store->blob(origin.image.layer_descriptor).value()).value() == origin.image.layer);
  CHECK(notes.count(EventKind::warning) == 1);
  CHECK(notes.count(EventKind::note) == 0);
}

TEST_CASE("mirror, sends a manifest with another digest, is refused and the next is tried") {
  ImageServer bad(noise(1000, 1)), good(noise(1000, 1)), origin(noise(1000, 1));
  bad.spoil = [&](const Request& request) -> std::optional<Reply> {
    if (request.target.find("/manifests/sha256:") == std::string::npos) return std::nullopt;
    return Reply{200, {{"Content-Type", bad.image.descriptor.media_type}}, bad.image.manifest + " "};
  };
  Notes notes;
  auto options = quick_options();
  options.mirrors = {{origin.server.host(), {bad.server.host(), good.server.host()}}};
  options.notes = notes.sink();
  Client client(options);
  const auto store = pull_from(client, origin.server.host() + "/app").value();
  CHECK(store->manifest(origin.image.descriptor.digest)->bytes == origin.image.manifest);
  CHECK(good.asked("/manifests/") == 1);
  CHECK(origin.server.log().empty());
  REQUIRE(notes.count(EventKind::warning) == 1);
  CHECK(notes.events.front().message.find("sent wrong content") != std::string::npos);
  CHECK(store->resolve("v1").ok());
  CHECK(bad.asked("/manifests/v1") == 0);  // not asked again
}

TEST_CASE("mirror, sends wrong bytes for a blob, small or large, the copy ends right") {
  for (const std::size_t size : {std::size_t(1000), std::size_t(3'000'000), std::size_t(20'000'000)}) {
    ImageServer bad(noise(size, 3)), origin(noise(size, 3));
    bad.spoil = [&](const Request& request) -> std::optional<Reply> {
      if (!request.target.ends_with(bad.image.layer_descriptor.digest.str())) return std::nullopt;
      std::string wrong = bad.image.layer;
      wrong[size / 2] = static_cast<char>(wrong[size / 2] + 1);
      return Reply{200, {}, wrong};
    };
    auto options = quick_options();
    options.mirrors = {{origin.server.host(), {bad.server.host()}}};
    Client client(options);
    const auto store = pull_from(client, origin.server.host() + "/app").value();
    const auto done = copied(*store, origin.image.descriptor);
    INFO((done ? std::string() : render(done.error())));
    CHECK(done);
    CHECK(origin.asked(origin.image.layer_descriptor.digest.str()) == 1);
  }
}

TEST_CASE("mirror, breaks in the middle of a blob for good, the next place goes on") {
  ImageServer bad(noise(3'000'000, 4)), origin(noise(3'000'000, 4));
  bad.spoil = [&](const Request& request) -> std::optional<Reply> {
    if (!request.target.ends_with(bad.image.layer_descriptor.digest.str())) return std::nullopt;
    Reply reply{200, {}, bad.image.layer};
    reply.cut_after = 1'000'000;
    if (!request.header("range").empty()) return Reply::error(403, "DENIED");
    return reply;
  };
  auto options = quick_options();
  options.mirrors = {{origin.server.host(), {bad.server.host()}}};
  Client client(options);
  const auto store = pull_from(client, origin.server.host() + "/app").value();
  const auto done = copied(*store, origin.image.descriptor);
  INFO((done ? std::string() : render(done.error())));
  CHECK(done);
}

TEST_CASE("mirror of registries.conf, by digest only, is not asked for tags") {
  ImageServer mirror(noise(1000, 1)), origin(noise(1000, 1));
  const auto folder = TempDirectory::create(std::filesystem::temp_directory_path(), "mirror-").value();
  const auto file = (folder.path() / "registries.conf").string();
  REQUIRE(write_file_atomic(file, "[[registry]]\nlocation = \"" + origin.server.host() +
                                      "\"\n[[registry.mirror]]\nlocation = \"" + mirror.server.host() +
                                      "\"\npull-from-mirror = \"digest-only\"\n"));
  auto options = quick_options();
  options.hosts->registries_files = {file};
  Client client(options);
  const auto store = pull_from(client, origin.server.host() + "/app").value();
  CHECK(store->resolve("v1").value().has_value());
  CHECK(mirror.server.log().empty());
  CHECK(store->manifest(mirror.image.descriptor.digest).ok());
  CHECK(mirror.asked("/manifests/sha256:") == 1);
}

TEST_CASE("mirrored source, blob of the same registry, is still mounted") {
  const auto server = RealRegistry::start("plain");
  if (!server) return;
  ImageServer mirror(noise(1000, 9));
  auto options = quick_options();
  options.mirrors = {{server->host(), {mirror.server.host()}}};
  Client client(options);
  const SmallImage image(noise(1000, 9));
  auto original = client.repository(reference(server->host() + "/from"));
  REQUIRE(image.push(*original));
  const auto source = pull_from(client, server->host() + "/from").value();
  auto to = client.repository(reference(server->host() + "/to"));
  CHECK(to->mount_blob(image.layer_descriptor, *source).value());
}
