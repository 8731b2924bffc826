#include "catch_shim.hpp"
#include "shipset/release/set.hpp"

using namespace shipset;
using namespace shipset::release;

namespace {

SetVariant variant(const std::string& name, const std::vector<std::string>& hardware,
                   const std::vector<std::string>& platforms = {"linux/amd64"}) {
  SetVariant out;
  out.name = name;
  out.hardware = hardware;
  for (const auto& text : platforms) {
    SetImage image;
    image.platform = Platform::parse(text).value();
    image.hardware = hardware;
    out.images.push_back(image);
  }
  return out;
}

SetManifest set_of(std::vector<SetVariant> variants) {
  SetManifest set;
  set.name = "app";
  set.version = "1.0.0";
  set.variants = std::move(variants);
  return set;
}

/// Name of the chosen variant; "" when none fits.
std::string chosen(const SetManifest& set, const std::vector<std::string>& machine, const std::string& platform = {}) {
  std::vector<HardwareFact> facts;
  for (const auto& text : machine) facts.push_back(HardwareFact::parse(text).value());
  std::optional<Platform> wanted;
  if (!platform.empty()) wanted = Platform::parse(platform).value();
  const auto choice = choose_variant(set, facts, wanted);
  return choice ? set.variants[choice->variant].name : std::string();
}

const std::string bound = "nvidia :: cuda_version_lower_bound :: ";

}  // namespace

TEST_CASE("choose variant, a lower bound, holds for versions that are not below it") {
  const auto set = set_of({variant("cuda", {bound + "12.9"})});
  CHECK(chosen(set, {"nvidia :: cuda_version :: 12.9"}) == "cuda");
  CHECK(chosen(set, {"nvidia :: cuda_version :: 12.10"}) == "cuda");
  CHECK(chosen(set, {"nvidia :: cuda_version :: 12.9.0"}) == "cuda");
  CHECK(chosen(set, {"NVIDIA::CUDA_Version::13"}) == "cuda");
  CHECK(chosen(set, {"nvidia :: cuda_version :: 12.8.9"}).empty());
  CHECK(chosen(set, {"nvidia :: cuda_version :: new"}).empty());
  CHECK(chosen(set, {"amd :: cuda_version :: 13.0"}).empty());
  CHECK(chosen(set, {}).empty());
}

TEST_CASE("choose variant, an upper bound, excludes itself") {
  const auto set = set_of({variant("cuda", {bound + "12", "nvidia :: cuda_version_upper_bound :: 13"})});
  CHECK(chosen(set, {"nvidia :: cuda_version :: 12.99"}) == "cuda");
  CHECK(chosen(set, {"nvidia :: cuda_version :: 13.0"}).empty());
  CHECK(chosen(set, {"nvidia :: cuda_version :: 13"}).empty());
}

TEST_CASE("choose variant, other properties, hold by equality with one of several values") {
  const auto set = set_of({variant("rocm", {"amd :: gfx_arch :: gfx90a", "amd :: gfx_arch :: gfx1100"})});
  CHECK(chosen(set, {"amd :: gfx_arch :: gfx1100"}) == "rocm");
  CHECK(chosen(set, {"amd :: gfx_arch :: gfx906", "amd :: gfx_arch :: gfx90a"}) == "rocm");
  CHECK(chosen(set, {"amd :: gfx_arch :: gfx906"}).empty());
}

TEST_CASE("choose variant, several that fit, takes the most specific") {
  const auto set = set_of({variant("cpu", {}), variant("cuda12", {bound + "12.4"}), variant("cuda13", {bound + "13.0"}),
                           variant("cuda-sm90", {bound + "12.4", "nvidia :: sm_arch :: 90"}), variant("late", {})});
  CHECK(chosen(set, {}) == "cpu");
  CHECK(chosen(set, {"nvidia :: cuda_version :: 12.6"}) == "cuda12");
  CHECK(chosen(set, {"nvidia :: cuda_version :: 13.1"}) == "cuda13");
  CHECK(chosen(set, {"nvidia :: cuda_version :: 13.1", "nvidia :: sm_arch :: 90"}) == "cuda-sm90");
  CHECK(chosen(set, {"nvidia :: cuda_version :: 11.8"}) == "cpu");
}

TEST_CASE("choose variant, a platform is asked for, passes over variants without it") {
  const auto set =
      set_of({variant("cpu", {}, {"linux/amd64", "linux/arm64"}), variant("cuda", {bound + "12.9"}, {"linux/amd64"})});
  CHECK(chosen(set, {"nvidia :: cuda_version :: 13.0"}, "linux/amd64") == "cuda");
  CHECK(chosen(set, {"nvidia :: cuda_version :: 13.0"}, "linux/arm64/v8") == "cpu");
  CHECK(chosen(set, {}, "linux/s390x").empty());
}

TEST_CASE("choose variant, nothing fits, tells why each was refused") {
  const auto set =
      set_of({variant("cuda", {bound + "12.9"}), variant("odd", {"no property"}), variant("arm", {}, {"linux/arm64"})});
  const auto choice =
      choose_variant(set, {HardwareFact{"nvidia", "cuda_version", "12.2"}}, Platform::parse("linux/amd64").value());
  REQUIRE_FALSE(choice.ok());
  CHECK(choice.error().kind == ErrorKind::not_found);
  const std::string& why = choice.error().why;
  CHECK(why.find("cuda: it needs nvidia :: cuda_version at least 12.9; the machine has 12.2") != std::string::npos);
  CHECK(why.find("odd: it asks for \"no property\", which is no property") != std::string::npos);
  CHECK(why.find("arm: it is not there for linux/amd64, only for linux/arm64") != std::string::npos);
  CHECK(choose_variant(set_of({}), {}, std::nullopt).error().why == "the set has no variant");
}

TEST_CASE("choose variant, what was not taken, is told with the reason") {
  const auto set = set_of({variant("cpu", {}), variant("cuda", {bound + "12.9"}), variant("rocm", {"amd :: a :: b"})});
  const auto choice = choose_variant(set, {HardwareFact{"nvidia", "cuda_version", "12.9"}}, std::nullopt);
  REQUIRE(choice.ok());
  REQUIRE(choice->refused.size() == 2);
  CHECK(choice->refused.at(0) == RefusedVariant{"cpu", "it fits, but cuda asks for more"});
  CHECK(choice->refused.at(1).why == "it needs amd :: a b; the machine has none");
  CHECK(choice->why.find("12.9") != std::string::npos);
}

TEST_CASE("hardware fact, not three parts, is a usage error") {
  for (const std::string text : {"", "nvidia", "nvidia :: cuda", "a :: b :: c :: d", " :: b :: c", "a :: :: c"})
    CHECK(HardwareFact::parse(text).error().kind == ErrorKind::usage);
  CHECK(HardwareFact::parse(" a::b  ::c d ").value() == HardwareFact{"a", "b", "c d"});
}
