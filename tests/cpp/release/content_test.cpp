#include "shipset/release/content.hpp"

#include <nlohmann/json.hpp>

#include "release_fixture.hpp"
#include "shipset/base/json.hpp"

using namespace shipset;
using namespace shipset::release;

TEST_CASE("copy, one tag and all tags, brings everything below and keeps digests") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  const auto one = copy(at(space.layout() + ":v1.0.0"), at(space.layout("one")), false, {});
  INFO((one.ok() ? std::string() : render(one.error())));
  REQUIRE(one.ok());
  CHECK(space.tags("one").size() == 1);
  CHECK(space.tags("one").at("v1.0.0") == space.tags().at("v1.0.0"));
  const auto all = copy(at(space.layout()), at(space.layout("all")), true, {});
  REQUIRE(all.ok());
  CHECK(space.tags("all") == space.tags());
  CHECK(verify(at(space.layout("all") + ":latest-cuda"), {})->ok());
  const auto again = copy(at(space.layout()), at(space.layout("all")), true, {});
  REQUIRE(again.ok());
  CHECK(again->transfer.bytes_moved == 0);
  CHECK(again->tags_set.empty());
  CHECK(again->tags_kept.size() == 4);
}

TEST_CASE("copy, what is not there or asked wrongly, is an error and leaves nothing") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  CHECK(copy(at(space.layout() + ":nope"), at(space.layout("x")), false, {}).error().kind == ErrorKind::not_found);
  CHECK(copy(at(space.layout() + ":latest"), at(space.layout("x")), true, {}).error().kind == ErrorKind::usage);
  CHECK_FALSE(fs::exists(space.path("x")));
}

TEST_CASE("inspect, a layout and a tag, tells tags, platforms and attestations") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  const auto whole = inspect_json(at(space.layout()), {});
  REQUIRE(whole.ok());
  CHECK(parse_json(*whole, "own")->at("tags").size() == 4);
  const auto text = inspect_json(at(space.layout() + ":v1.0.0-cuda"), {});
  INFO((text.ok() ? std::string() : render(text.error())));
  REQUIRE(text.ok());
  const auto json = parse_json(*text, "own").value();
  REQUIRE(json.at("manifests").size() == 2);
  const auto& first = json.at("manifests").at(0);
  CHECK(first.at("platform") == "linux/amd64");
  CHECK(first.at("config").at("entrypoint") == Json{"/opt/run"});
  CHECK(first.at("attestations").size() == 2);
  CHECK(first.at("layers").size() == 2);
}

TEST_CASE("verify, a blob that was tampered with or an attestation that is gone, is found") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  const auto store = oci::LayoutStore::open(space.path("dist"), {});
  REQUIRE(store.ok());
  const auto index = (*store)->manifest((*store)->resolve("v1.0.0").value()->digest).value();
  const auto parsed = oci::Index::parse(index.bytes, "index").value();
  const auto image = (*store)->manifest(parsed.manifests.at(0).digest).value();
  const auto layer = oci::Manifest::parse(image.bytes, "manifest")->layers.at(0);
  const auto path = space.path("dist/blobs/sha256") / std::string(layer.digest.encoded());
  auto bytes = read_file(path, 1 << 20).value();
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  fs::remove(path);
  space.write(fs::relative(path, space.path()).string(), bytes);
  const auto proven = verify(at(space.layout() + ":v1.0.0"), {});
  REQUIRE(proven.ok());
  CHECK_FALSE(proven->ok());
  CHECK(parse_json(proven->to_json(), "own")->at("ok") == false);
}
