#include <atomic>
#include <thread>

#include "catch_shim.hpp"
#include "image_support.hpp"
#include "layer_cache_impl.hpp"

using namespace shipset;
using namespace shipset::attest;
using namespace shipset::attest::testing;

namespace {

Digest key(int number) {
  return Digest::of(std::string_view(std::to_string(number)));
}

LayerFacts facts_with(std::size_t paths) {
  LayerFacts out;
  for (std::size_t i = 0; i < paths; ++i) out.paths.add(std::to_string(i), false);
  out.paths.seal();
  return out;
}

}  // namespace

TEST_CASE("layer cache, two images on one base, reads the base once") {
  const auto base = tar_of({{"site/a-1.dist-info/METADATA", "Name: a\nVersion: 1\n"}});
  const auto one = tar_of({{"one", "1"}}), two = tar_of({{".wh.site", ""}});
  MemoryStore store;
  LayerCache cache;
  const CatalogueOptions options{2, &cache, {}};
  const auto first = catalogue_image(store, store.add_image({base, one}), options);
  const auto second = catalogue_image(store, store.add_image({base, two}), options);
  REQUIRE((first.ok() && second.ok()));
  CHECK(first->packages.size() == 1);
  CHECK(second->packages.empty());
  CHECK(store.opened[Digest::of(std::string_view(base))] == 1);
}

TEST_CASE("layer cache, same layer wanted by many threads at once, is read once") {
  LayerCache cache;
  std::atomic<int> scans{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      const auto facts = cache.impl().get(key(1), [&]() -> Result<LayerFacts> {
        ++scans;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return facts_with(1);
      });
      if (!facts || !*facts) scans += 100;
    });
  for (auto& thread : threads) thread.join();
  CHECK(scans == 1);
}

TEST_CASE("layer cache, failed reading, is not kept") {
  LayerCache cache;
  const auto failed =
      cache.impl().get(key(1), []() -> Result<LayerFacts> { return Error(ErrorKind::network, "link down"); });
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().kind == ErrorKind::network);
  CHECK(cache.impl().get(key(1), []() -> Result<LayerFacts> { return facts_with(1); }).ok());
}

TEST_CASE("layer cache, first reader fails while a second waits, keeps what the second read") {
  LayerCache cache;
  std::atomic<bool> first_started{false};
  std::thread first([&] {
    const auto failed = cache.impl().get(key(1), [&]() -> Result<LayerFacts> {
      first_started = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      return Error(ErrorKind::network, "link down");
    });
    if (failed.ok()) first_started = false;
  });
  while (!first_started) std::this_thread::yield();
  int scans = 0;
  const auto scan = [&]() -> Result<LayerFacts> {
    ++scans;
    return facts_with(1);
  };
  CHECK(cache.impl().get(key(1), scan).ok());
  first.join();
  CHECK(first_started);
  CHECK(cache.impl().get(key(1), scan).ok());
  CHECK(scans == 1);
}

TEST_CASE("layer cache, over its limit, drops what was not used for longest") {
  LayerCache cache(3 * facts_with(10'000).weight());
  int scans = 0;
  const auto get = [&](int number) {
    return cache.impl().get(key(number), [&]() -> Result<LayerFacts> {
      ++scans;
      return facts_with(10'000);
    });
  };
  for (const int number : {1, 2, 3, 1, 4}) REQUIRE(get(number).ok());  // 4 drives out 2
  CHECK(scans == 4);
  REQUIRE(get(1).ok());
  CHECK(scans == 4);
  REQUIRE(get(2).ok());
  CHECK(scans == 5);
}

TEST_CASE("layer cache, facts larger than all of it, are given and not kept") {
  LayerCache cache(1);
  CHECK(cache.impl().get(key(1), []() -> Result<LayerFacts> { return facts_with(100); }).ok());
}
