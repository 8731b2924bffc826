#include "shipset/release/compare.hpp"

#include <nlohmann/json.hpp>

#include "release_fixture.hpp"
#include "shipset/base/json.hpp"

using namespace shipset;
using namespace shipset::release;

TEST_CASE("diff, two variants of one release, shares platforms and tells what differs") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  const auto text = diff_json(at(space.layout() + ":v1.0.0"), at(space.layout() + ":v1.0.0-cuda"), {}, {});
  INFO((text.ok() ? std::string() : render(text.error())));
  REQUIRE(text.ok());
  const auto json = parse_json(*text, "own").value();
  CHECK(json.at("equal") == false);
  CHECK(json.at("schema_version") == 1);
  std::size_t compared = 0;
  for (const auto& platform : json.at("platforms"))
    if (platform.at("status") == "changed") compared += platform.at("layers").contains("shared") ? 1 : 0;
  CHECK(compared > 0);
  const auto same = diff_json(at(space.layout() + ":v1.0.0"), at(space.layout() + ":latest"), {}, {});
  REQUIRE(same.ok());
  CHECK(parse_json(*same, "own")->at("equal") == true);
}

TEST_CASE("diff, a whole layout with itself and a tag that is gone, is equal and an error") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  const auto whole = diff_json(at(space.layout()), at(space.layout()), {}, {});
  REQUIRE(whole.ok());
  const auto json = parse_json(*whole, "own").value();
  CHECK(json.at("tags").size() == 4);
  CHECK(json.at("equal") == true);
  CHECK(diff_json(at(space.layout() + ":gone"), at(space.layout() + ":latest"), {}, {}).error().kind ==
        ErrorKind::not_found);
  CHECK(diff_json(at(space.layout() + ":latest"), at(space.layout() + ":latest"), {"linux/riscv64", true}, {})
            .error()
            .kind == ErrorKind::usage);
}

TEST_CASE("sbom, attested ones, are given for each platform or for one") {
  const Workspace space;
  REQUIRE_FALSE(space.release().error);
  const auto all = sboms(at(space.layout() + ":v1.0.0-cuda"), "", {});
  INFO((all.ok() ? std::string() : render(all.error())));
  REQUIRE(all.ok());
  REQUIRE(all->size() == 2);
  for (const auto& sbom : *all) {
    CHECK(sbom.source == "attestation");
    CHECK(parse_json(sbom.document, "own")->at("spdxVersion") == "SPDX-2.3");
  }
  const auto one = sboms(at(space.layout() + ":v1.0.0-cuda"), all->front().platform, {});
  REQUIRE(one.ok());
  CHECK(one->size() == 1);
  CHECK(one->front().document == all->front().document);
}
