#include "cataloguers_impl.hpp"
#include "catch_shim.hpp"
#include "image_support.hpp"
#include "layer_scan_impl.hpp"

using namespace shipset;
using namespace shipset::attest;
using namespace shipset::attest::testing;

namespace {

LayerFacts scan(const std::vector<File>& files) {
  const auto blob = memory_source(tar_of(files));
  auto facts = scan_layer(*blob, default_cataloguers(), CancelToken{});
  if (!facts) FAIL(render(facts.error()));
  return std::move(*facts);
}

/// Fails after a part of the content, as a broken link does.
class BrokenSource final : public Source {
 public:
  explicit BrokenSource(std::string bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  [[nodiscard]] Result<std::unique_ptr<Reader>> open(std::uint64_t) const override {
    return std::unique_ptr<Reader>(std::make_unique<Broken>(bytes_));
  }

 private:
  class Broken final : public Reader {
   public:
    explicit Broken(std::string_view bytes) : bytes_(bytes) {}
    Result<std::size_t> read(std::span<std::byte> buffer) override {
      if (bytes_.empty()) return Error(ErrorKind::network, "connection lost");
      const auto count = std::min(buffer.size(), bytes_.size());
      std::copy_n(as_bytes(bytes_).begin(), count, buffer.begin());
      bytes_.remove_prefix(count);
      return count;
    }

   private:
    std::string_view bytes_;
  };
  std::string bytes_;
};

}  // namespace

TEST_CASE("layer, whiteouts, are no files and aufs' own entries are nothing") {
  const auto facts = scan({{"etc/.wh.conf", ""}, {"var/.wh..wh..opq", ""}, {".wh..wh.plnk", ""}, {".wh..wh.aufs", ""}});
  CHECK(facts.paths.hides("etc/conf"));
  CHECK(facts.paths.hides("var/x"));
  CHECK_FALSE(facts.paths.hides("etc/.wh.conf"));
  CHECK_FALSE(facts.paths.hides(".wh.plnk"));
  CHECK_FALSE(facts.paths.hides("plnk"));
  CHECK(facts.files.empty());
}

TEST_CASE("layer, links and empty files with telling names, tell nothing") {
  const auto facts = scan({symbolic_link("a.dist-info/METADATA", "b"),
                           {"b.dist-info/METADATA", ""},
                           {"other", "x"},
                           hard_link("c.dist-info/METADATA", "other")});
  CHECK(facts.files.empty());
  CHECK(facts.complete);
}

TEST_CASE("layer, the store fails in the middle, is an error and no note") {
  const auto bytes = tar_of({{"a", std::string(10'000, 'x')}});
  const BrokenSource source(bytes.substr(0, 6000));
  const auto facts = scan_layer(source, default_cataloguers(), CancelToken{});
  REQUIRE_FALSE(facts.ok());
  CHECK(facts.error().kind == ErrorKind::network);
}

TEST_CASE("layer, weight, covers what it keeps") {
  const auto facts = scan({{"lib/apk/db/installed", "P:a\nV:1\nL:MIT\n"}});
  REQUIRE(facts.files.size() == 1);
  CHECK(facts.weight() > sizeof(Fact));
}
