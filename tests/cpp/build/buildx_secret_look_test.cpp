#include "buildx_impl.hpp"
#include "catch_shim.hpp"

using shipset::build::buildx::secret_look;

TEST_CASE("secret look, values and names that give themselves away, are found and never repeated") {
  const std::pair<std::string, std::string> found[] = {
      {"ANY", "ghp_0123456789abcdefghij"},
      {"ANY", "github_pat_0123456789abcdef"},
      {"ANY", "AKIAIOSFODNN7EXAMPLE"},
      {"ANY", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"},
      {"ANY", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk"},
      {"PIP_INDEX_URL", "https://user:hunter2@pypi.example/simple"},
      {"NPM_TOKEN", "anything"},
      {"db_password", "anything"},
      {"AWS_SECRET_ACCESS_KEY", "anything"},
      {"MY_API_KEY", "anything"},
  };
  for (const auto& [name, value] : found) {
    INFO(name << "=" << value);
    const std::string look = secret_look(name, value);
    CHECK_FALSE(look.empty());
    CHECK(look.find(value) == std::string::npos);
    CHECK(look.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("secret look, what releases really pass, is left alone") {
  const std::pair<std::string, std::string> harmless[] = {
      {"LLAMA_SERVER_VERSION", "latest"},
      {"BASE_IMAGE", "nvidia/cuda:12.9.0-runtime-ubuntu24.04"},
      {"VLLM_PYTHON_TAG", "cp38-abi3"},
      {"PIP_INDEX_URL", "https://pypi.example/simple"},
      {"GIT_URL", "git@github.com:owner/project.git"},
      {"TOKENIZERS_PARALLELISM", "false"},
      {"TOKENS", "128"},
      {"GIT_COMMIT", "0123456789abcdef0123456789abcdef01234567"},
      {"NPM_TOKEN", ""},
      {"PREFIX", "ghp_"},
      {"EMAIL", "https://example.org/?to=a@example.org"},
  };
  for (const auto& [name, value] : harmless) {
    INFO(name << "=" << value);
    CHECK(secret_look(name, value).empty());
  }
}
