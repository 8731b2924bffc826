// The call as C++ has it. Equality with the action is tested on its executed examples in
// tests/python/test_metadata_vectors.py; here are the parts that Python fills in, and limits.
#include "shipset/tags/metadata.hpp"

#include "catch_shim.hpp"
#include "shipset/base/text.hpp"

using namespace shipset;
using namespace shipset::tags;

namespace {

MetadataRequest request_for(std::string ref, std::vector<std::string> rules) {
  MetadataRequest request;
  request.event.ref = std::move(ref);
  request.event.sha = "3f9c1b7e2d4a5068b1c2d3e4f5061728394a5b6c";
  request.event.event_name = "push";
  request.event.default_branch = "main";
  request.now_unix_ms = 1'773'043'507'042;
  request.tags = std::move(rules);
  return request;
}

std::string joined(const MetadataRequest& request) {
  const auto found = metadata_tags(request);
  return found ? join(found->tags, " ") : "refused, " + render(found.error());
}

}  // namespace

TEST_CASE("metadata_tags gives tags image by image in the order of priorities") {
  auto request = request_for("refs/tags/v2.3.4", {"type=sha", "type=semver,pattern={{major}}.{{minor}}"});
  request.images = {"ghcr.io/acme/a", "acme/b"};
  request.flavor = {"suffix=-cuda,onlatest=true"};
  CHECK(joined(request) ==
        "ghcr.io/acme/a:2.3-cuda ghcr.io/acme/a:sha-3f9c1b7-cuda ghcr.io/acme/a:latest-cuda "
        "acme/b:2.3-cuda acme/b:sha-3f9c1b7-cuda acme/b:latest-cuda");
  const auto found = metadata_tags(request);
  REQUIRE(found.ok());
  CHECK(found->version == "2.3-cuda");
  CHECK(found->latest);
}

TEST_CASE("metadata_tags asks the caller for time zones and refuses without one") {
  auto request = request_for("refs/heads/main", {"type=raw,value={{date 'HHmm' tz='Asia/Tokyo'}}"});
  CHECK_THAT(joined(request), Catch::Matchers::Contains("Asia/Tokyo is not known"));
  std::string asked;
  request.zone = [&](const std::string& name, std::int64_t) {
    asked = name;
    return std::optional(ZoneOffset{9 * 3600, "JST"});
  };
  CHECK(joined(request) == "1705");
  CHECK(asked == "Asia/Tokyo");
}

TEST_CASE("metadata_tags without a rule that applies gives no version and no latest") {
  auto request = request_for("refs/heads/main", {"type=ref,event=tag"});
  request.flavor = {"latest=true"};
  const auto found = metadata_tags(request);
  REQUIRE(found.ok());
  CHECK(found->tags.empty());
  CHECK_FALSE(found->version.has_value());
  CHECK_FALSE(found->latest);
}

TEST_CASE("metadata_tags stops patterns that take too long") {
  const auto request = request_for("refs/tags/" + std::string(4000, 'a') + "!", {"type=match,pattern=(a+)+$"});
  CHECK_THAT(joined(request), Catch::Matchers::Contains("matching takes too long"));
}

TEST_CASE("metadata_tags refuses events that are too long or no UTF-8") {
  CHECK_THAT(joined(request_for(std::string(5000, 'a'), {})), Catch::Matchers::Contains("the event cannot be used"));
  CHECK_THAT(joined(request_for("refs/heads/\xff", {})), Catch::Matchers::Contains("the event cannot be used"));
  CHECK_THAT(joined(request_for("refs/heads/main", {"type=raw,value=\xff"})), Catch::Matchers::Contains("no UTF-8"));
}

TEST_CASE("metadata_tags refuses expressions that grow without end") {
  std::string rule = "type=raw,value=";
  for (int i = 0; i < 1000; ++i) rule += "{{branch}}";
  CHECK_THAT(joined(request_for("refs/heads/" + std::string(4000, 'b'), {rule})), Catch::Matchers::Contains("64 KiB"));
}

TEST_CASE("metadata_tags names the tag that would come twice") {
  auto request = request_for("refs/heads/main", {"type=raw,value=latest"});
  request.flavor = {"latest=true"};
  CHECK_THAT(joined(request), Catch::Matchers::Contains("the tag latest would be set twice"));
}
