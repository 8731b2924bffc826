#include "catch_shim.hpp"
#include "matrix_fixture.hpp"
#include "shipset/tags/table.hpp"

using namespace shipset;
using namespace shipset::tags;

namespace {

std::string outputs(const Matrix& matrix) {
  const auto table = make_table(matrix, true);
  REQUIRE(table.ok());
  return github_outputs(matrix, *table);
}

}  // namespace

TEST_CASE("github outputs, latest and all variants, list every variant in file order") {
  const std::string expected =
      "cpu<<EOF\ndocker/model-runner:v1.0.0\ndocker/model-runner:latest\nEOF\n"
      "cuda<<EOF\ndocker/model-runner:v1.0.0-cuda\ndocker/model-runner:latest-cuda\nEOF\n"
      "vllm-cuda<<EOF\ndocker/model-runner:v1.0.0-vllm-cuda\ndocker/model-runner:latest-vllm-cuda\nEOF\n"
      "sglang-cuda<<EOF\ndocker/model-runner:v1.0.0-sglang-cuda\ndocker/model-runner:latest-sglang-cuda\nEOF\n"
      "rocm<<EOF\ndocker/model-runner:v1.0.0-rocm\ndocker/model-runner:latest-rocm\nEOF\n"
      "musa<<EOF\ndocker/model-runner:v1.0.0-musa\ndocker/model-runner:latest-musa\nEOF\n"
      "cann<<EOF\ndocker/model-runner:v1.0.0-cann\ndocker/model-runner:latest-cann\nEOF\n";
  CHECK(outputs(model_runner("v1.0.0", true, true)) == expected);
  CHECK(outputs(model_runner("v1.0.0", true, false)) == expected);
}

TEST_CASE("github outputs, without latest, still list seven variants") {
  const std::string expected =
      "cpu<<EOF\ndocker/model-runner:EOF\nEOF\n"
      "cuda<<EOF\ndocker/model-runner:EOF-cuda\nEOF\n"
      "vllm-cuda<<EOF\ndocker/model-runner:EOF-vllm-cuda\nEOF\n"
      "sglang-cuda<<EOF\ndocker/model-runner:EOF-sglang-cuda\nEOF\n"
      "rocm<<EOF\ndocker/model-runner:EOF-rocm\nEOF\n"
      "musa<<EOF\ndocker/model-runner:EOF-musa\nEOF\n"
      "cann<<EOF\ndocker/model-runner:EOF-cann\nEOF\n";
  CHECK(outputs(model_runner("EOF", false, true)) == expected);
  CHECK(outputs(model_runner("EOF", false, false)) == expected);
}

TEST_CASE("github outputs, several repositories, go repository by repository") {
  auto matrix = model_runner("v1", true, false);
  matrix.variants.resize(1);
  matrix.variants[0].repositories = {"docker.io/library/app", "ghcr.io/o/app"};
  CHECK(outputs(matrix) == "cpu<<EOF\napp:v1\napp:latest\nghcr.io/o/app:v1\nghcr.io/o/app:latest\nEOF\n");
}

TEST_CASE("github outputs, variant without tags, has an empty value") {
  auto matrix = model_runner("v1", false, false);
  matrix.variants.resize(2);
  matrix.variants[0].tags.clear();
  auto platform = tag_rule("{version}-arm", "v1-arm", "{version}-arm");
  platform.platforms = {*Platform::parse("linux/arm64")};
  matrix.variants[1].tags.push_back(platform);
  CHECK(outputs(matrix) == "cpu<<EOF\nEOF\ncuda<<EOF\ndocker/model-runner:v1-cuda\nEOF\n");
}
