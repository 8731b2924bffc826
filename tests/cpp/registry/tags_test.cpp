// Several tags in one request, and tags that move only while they hold what was seen.
#include <algorithm>

#include "catch_shim.hpp"
#include "registry_support.hpp"
#include "repository_impl.hpp"
#include "scripted_server_support.hpp"
#include "shipset/base/text.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;

namespace {
const SmallImage image("layer"), other("other layer");

/// A repository whose registry is known to compare tags, or to take several at once.
struct Place {
  explicit Place(const ScriptedServer& server)
      : core(std::make_shared<Client::Core>(quick_options())), store(core, {server.host(), server.host(), "app"}, {}) {}
  std::shared_ptr<Client::Core> core;
  RepositoryStore store;
};

std::vector<oci::TagSet> tags(int count) {
  std::vector<oci::TagSet> out;
  for (int i = 0; i < count; ++i) out.push_back({"t" + std::to_string(i), std::nullopt});
  return out;
}

struct Seen {
  std::mutex mutex;
  std::vector<std::string> puts;
  void add(const Request& request) {
    const std::lock_guard lock(mutex);
    puts.push_back(request.target.substr(request.target.rfind('/') + 1));
  }
  std::size_t together() {
    const std::lock_guard lock(mutex);
    return static_cast<std::size_t>(
        std::count_if(puts.begin(), puts.end(), [](const auto& put) { return put.find("?tag=") != put.npos; }));
  }
};
}  // namespace

TEST_CASE("several tags, all taken, are one request for each ten") {
  Seen seen;
  ScriptedServer server([&](const Request& request) {
    seen.add(request);
    Reply reply{201, {}, {}};
    for (const auto& part : split(request.target.substr(request.target.find('?') + 1), '&'))
      reply.headers.emplace_back("OCI-Tag", part.substr(part.find('=') + 1));
    return reply;
  });
  Place place(server);
  REQUIRE(place.store.put_tags(tags(12), image.descriptor, image.manifest).ok());
  CHECK(seen.puts.size() == 2);
  CHECK(seen.together() == 2);
}

TEST_CASE("several tags, some taken, none taken, too many, or not understood, are set one by one") {
  for (const std::string what : {"some", "none", "414", "431", "400", "405"}) {
    INFO(what);
    Seen seen;
    ScriptedServer server([&](const Request& request) {
      seen.add(request);
      if (request.target.find("?tag=") == std::string::npos || what == "none") return Reply{201, {}, {}};
      if (what == "some") return Reply{201, {{"OCI-Tag", "t1, t2"}}, {}};
      return Reply::error(std::stoi(what), "UNSUPPORTED");
    });
    Place place(server);
    REQUIRE(place.store.put_tags(tags(4), image.descriptor, image.manifest).ok());
    const std::size_t single = seen.puts.size() - seen.together();
    CHECK(single == (what == "some" ? 2 : 4));
    const std::size_t before = seen.together();
    CHECK(before == (what == "414" || what == "431" ? 2 : 1));
    REQUIRE(place.store.put_tags(tags(4), image.descriptor, image.manifest).ok());
    if (what == "none" || what == "405") CHECK(seen.together() == before);  // learnt
  }
}

TEST_CASE("several tags, the registry fails, is an error and not a try with each") {
  Seen seen;
  ScriptedServer server([&](const Request& request) {
    seen.add(request);
    return Reply::error(503, "UNAVAILABLE");
  });
  Place place(server);
  CHECK_FALSE(place.store.put_tags(tags(4), image.descriptor, image.manifest).ok());
  CHECK(seen.puts.size() == seen.together());
}

TEST_CASE("tag of a registry that compares, moved by someone else, is TagMoved with what it holds") {
  std::mutex mutex;
  std::vector<std::string> conditions;
  ScriptedServer server([&](const Request& request) {
    if (request.method == "HEAD")
      return Reply{200,
                   {{"Content-Type", std::string(oci::media_type::manifest)},
                    {"Content-Length", std::to_string(other.manifest.size())},
                    {"Docker-Content-Digest", other.descriptor.digest.str()}},
                   {}};
    const std::lock_guard lock(mutex);
    for (const std::string name : {"if-match", "if-none-match"})
      if (const auto value = request.header(name); !value.empty()) conditions.push_back(name + " " + value);
    return Reply::error(412, "MANIFEST_INVALID");
  });
  Place place(server);
  place.core->profiles.learn(server.host(), &Profile::if_match, true);
  const auto moved = place.store.put_tags({{"latest", image.descriptor.digest}}, image.descriptor, image.manifest);
  REQUIRE_FALSE(moved.ok());
  CHECK(moved.error().kind == ErrorKind::tag_moved);
  CHECK(moved.error().context.at("found") == other.descriptor.digest.str());
  CHECK(moved.error().context.at("expected") == image.descriptor.digest.str());
  // The answer to the first try was lost, and the tag holds what we put.
  CHECK(place.store.put_tags({{"new", std::nullopt}}, other.descriptor, other.manifest).ok());
  CHECK(conditions ==
        std::vector<std::string>{"if-match \"" + image.descriptor.digest.str() + "\"", "if-none-match *"});
}
