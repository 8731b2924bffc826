#include "gates_fixture.hpp"
#include "shipset/base/text.hpp"

using namespace shipset;
using namespace shipset::release;

TEST_CASE("size budget, images over it, stops the release and lists each with its numbers") {
  const Workspace space(
      with("[[gate]]\nname = \"size\"\nat = \"staged\"\nvariants = [\"cuda\"]\nbudget = { image = "
           "\"200 B\", layer = \"100 B\" }\n"));
  space.write("files/cpu/run", std::string(5000, 'x'));
  std::string noise;
  for (int i = 0; i < 300; ++i) noise += Digest::of(std::to_string(i)).encoded();
  space.write("files/cuda/run", noise);
  const auto outcome = space.release();
  REQUIRE(outcome.error);
  CHECK(outcome.error->kind == ErrorKind::gate);
  CHECK(has(outcome.error->what, "the gate \"size\" said no"));
  CHECK(has(outcome.error->why, "cuda linux/amd64: image "));
  CHECK(has(outcome.error->why, ", budget 200 B"));
  CHECK(has(outcome.error->why, "cuda linux/arm64: largest layer "));
  CHECK_FALSE(has(outcome.error->why, "cpu "));
  CHECK(public_tags(space).empty());
  const auto& gate = gate_of(outcome, "size");
  REQUIRE(gate.measured.size() == 2);
  CHECK(gate.measured[0].image_bytes > gate.measured[0].layer_bytes);
  CHECK(gate.measured[0].image_bytes == outcome.report.variants[1].images[0].bytes);
  CHECK(gate.measured[0].over.size() == 2);
  CHECK_FALSE(gate.measured[0].former_bytes);
}

TEST_CASE("size budget, at its very limit, passes, and one byte less does not") {
  const Workspace space;
  const auto built = space.release();
  REQUIRE_FALSE(built.error);
  std::uint64_t most = 0;
  for (const auto& variant : built.report.variants)
    for (const auto& image : variant.images) most = std::max(most, image.bytes);
  const auto budget = [&](std::uint64_t bytes) {
    space.write("shipset.toml", with("[[gate]]\nname = \"size\"\nat = \"staged\"\nbudget = { image = \"" +
                                     std::to_string(bytes) + " B\" }\n"));
    return space.release({{"version", "v1.1.0"}});
  };
  const auto over = budget(most - 1);
  REQUIRE(over.error);
  CHECK(has(over.error->why, std::to_string(most) + " bytes, budget " + std::to_string(most - 1) + " bytes") ==
        (human_bytes(most) == human_bytes(most - 1)));
  CHECK_FALSE(budget(most).error);
}

TEST_CASE("size budget, growth over the last release, is measured against the most specific tag") {
  const std::string rules =
      "[[gate]]\nname = \"size\"\nat = \"staged\"\nvariants = [\"cuda\"]\nbudget = { growth = \"10%\" }\n";
  const Workspace space(with(rules));
  const auto content = [](std::size_t lines) {
    std::string out;
    for (std::size_t i = 0; i < lines; ++i) out += Digest::of(std::to_string(i)).encoded();
    return out;
  };
  space.write("files/cuda/run", content(1000));
  const auto first = space.release();
  REQUIRE_FALSE(first.error);
  CHECK(gate_of(first, "size").notes ==
        std::vector<std::string>{"no growth was measured: there is no former release of cuda"});
  space.write("files/cuda/run", content(1050));
  const auto second = space.release({{"version", "v1.0.1"}});
  INFO((second.error ? render(*second.error) : std::string()));
  REQUIRE_FALSE(second.error);
  CHECK(gate_of(second, "size").measured[0].compared_with == space.layout() + ":latest-cuda");
  CHECK(gate_of(second, "size").measured[0].former_bytes == first.report.variants[1].images[0].bytes);
  space.write("files/cuda/run", content(1300));
  const auto third = space.release({{"version", "v1.0.2"}});
  REQUIRE(third.error);
  CHECK(has(third.error->why, "cuda linux/amd64: grew by 2"));
  CHECK(has(third.error->why, "%, budget 10 % ("));
  CHECK(has(third.error->why, " in " + space.layout() + ":latest-cuda, now "));
  CHECK(space.tags().count("v1.0.2") == 0);
}

TEST_CASE("size budget, growth where no tag moves, is measured against the highest version below") {
  std::string text = with("[[gate]]\nname = \"size\"\nat = \"staged\"\nbudget = { growth_bytes = \"1 KiB\" }\n");
  const auto forward = text.find("  { tag = \"latest");
  text.erase(forward, text.find('\n', forward) + 1 - forward);
  const Workspace space(text);
  REQUIRE_FALSE(space.release({{"version", "v1.9.0"}}).error);
  REQUIRE_FALSE(space.release({{"version", "v1.10.0"}}).error);
  REQUIRE_FALSE(space.release({{"version", "v1.11.0-rc1"}}).error);
  REQUIRE_FALSE(space.release({{"version", "v3.0.0"}}).error);
  const auto outcome = space.release({{"version", "v2.0.0"}});
  REQUIRE_FALSE(outcome.error);
  const auto& measured = gate_of(outcome, "size").measured;
  REQUIRE(measured.size() == 4);
  CHECK(measured[0].compared_with == space.layout() + ":v1.10.0");
  CHECK(measured[2].compared_with == space.layout() + ":v1.10.0-cuda");
}
