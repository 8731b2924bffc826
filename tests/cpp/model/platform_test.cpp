#include "shipset/model/platform.hpp"

#include "catch_shim.hpp"

using namespace shipset;

namespace {

Platform parsed(std::string_view text) {
  INFO(text);
  auto out = Platform::parse(text);
  REQUIRE(out.ok());
  return *out;
}

}  // namespace

TEST_CASE("platform, as written, keeps its parts after aliases") {
  struct Row {
    std::string_view text, str, normal;
  };
  const Row rows[] = {
      {"linux/amd64", "linux/amd64", "linux/amd64"},
      {"linux/x86_64", "linux/amd64", "linux/amd64"},
      {"linux/x86-64", "linux/amd64", "linux/amd64"},
      {"Linux/AMD64", "linux/amd64", "linux/amd64"},
      {"linux/amd64/v1", "linux/amd64", "linux/amd64"},
      {"linux/amd64/v3", "linux/amd64/v3", "linux/amd64/v3"},
      {"linux/i386", "linux/386", "linux/386"},
      {"linux/arm64", "linux/arm64", "linux/arm64"},
      {"linux/arm64/v8", "linux/arm64/v8", "linux/arm64"},
      {"linux/arm64/8", "linux/arm64/v8", "linux/arm64"},
      {"linux/aarch64", "linux/arm64", "linux/arm64"},
      {"linux/arm64/9.0", "linux/arm64/v9", "linux/arm64/v9"},
      {"linux/arm", "linux/arm", "linux/arm/v7"},
      {"linux/arm/v7", "linux/arm/v7", "linux/arm/v7"},
      {"linux/arm/6", "linux/arm/v6", "linux/arm/v6"},
      {"linux/armhf", "linux/arm", "linux/arm/v7"},
      {"linux/armel", "linux/arm/v6", "linux/arm/v6"},
      {"macos/arm64", "darwin/arm64", "darwin/arm64"},
      {"linux/riscv64", "linux/riscv64", "linux/riscv64"},
      {"plan/strange.arch", "plan/strange.arch", "plan/strange.arch"},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    CHECK(parsed(row.text).str() == row.str);
    CHECK(parsed(row.text).normalized().str() == row.normal);
    CHECK(parsed(parsed(row.text).str()) == parsed(row.text));
  }
}

TEST_CASE("platform, one part, is completed by this machine") {
  const auto only_os = parsed("linux");
  CHECK(only_os.os == "linux");
  CHECK_FALSE(only_os.architecture.empty());
  const auto only_architecture = parsed("s390x");
  CHECK(only_architecture.architecture == "s390x");
  CHECK_FALSE(only_architecture.os.empty());
  CHECK(parsed("armel").variant == "v6");
  CHECK_FALSE(Platform::parse("toaster").ok());
}

TEST_CASE("platform, version and features of the operating system, parse and print") {
  const auto windows = parsed("windows(10.0.17763+win32k)/amd64");
  CHECK(windows.os == "windows");
  CHECK(windows.os_version == "10.0.17763");
  CHECK(windows.os_features == std::vector<std::string>{"win32k"});
  CHECK(windows.str() == "windows/amd64");
  CHECK(windows.full_str() == "windows(10.0.17763+win32k)/amd64");
  CHECK(parsed("windows(a%2Bb)/amd64").os_version == "a+b");
  CHECK(parsed(parsed("windows(a%2Bb)/amd64").full_str()) == parsed("windows(a%2Bb)/amd64"));
  CHECK(parsed("linux(+gpu)/arm/v6").full_str() == "linux(+gpu)/arm/v6");
  CHECK_FALSE(windows.matches(parsed("windows/amd64")));
  CHECK(windows.file_name() == "windows-amd64-10.0.17763-win32k");
}

TEST_CASE("platform, malformed text, is refused") {
  for (const std::string_view text :
       {"", "/", "linux/", "/amd64", "linux/amd64/v1/x", "linux/*", "*", "linux/amd 64", "linux(/amd64",
        "linux(1/amd64", "linux(1+)/amd64", "linux(%zz)/amd64", "linux)/amd64", "li\nux/amd64", "linux/arm/"}) {
    INFO(text);
    const auto out = Platform::parse(text);
    REQUIRE_FALSE(out.ok());
    CHECK(out.error().kind == ErrorKind::usage);
    CHECK_FALSE(out.error().why.empty());
  }
  CHECK_FALSE(Platform::parse("linux/" + std::string(300, 'a')).ok());
}

TEST_CASE("platform, spellings of one, match each other") {
  CHECK(parsed("linux/arm64/v8").matches(parsed("linux/arm64")));
  CHECK(parsed("linux/arm").matches(parsed("linux/arm/v7")));
  CHECK_FALSE(parsed("linux/arm/v6").matches(parsed("linux/arm/v7")));
  CHECK_FALSE(parsed("linux/amd64").matches(parsed("linux/arm64")));
  CHECK_FALSE(parsed("linux/amd64").matches(parsed("darwin/amd64")));
  CHECK(parsed("unknown/unknown").unknown());
  CHECK_FALSE(parsed("linux/amd64").unknown());
}

TEST_CASE("platform, machine and file name, are those of uname and paths") {
  CHECK(parsed("linux/amd64").machine() == "x86_64");
  CHECK(parsed("linux/arm64/v8").machine() == "aarch64");
  CHECK(parsed("linux/arm").machine() == "armv7l");
  CHECK(parsed("linux/arm/v6").machine() == "armv6l");
  CHECK(parsed("linux/386").machine() == "i686");
  CHECK(parsed("linux/ppc64le").machine() == "ppc64le");
  CHECK(parsed("linux/s390x").machine() == "s390x");
  CHECK(parsed("linux/arm64").file_name() == "linux-arm64");
  CHECK(parsed("linux/arm/v7").file_name() == "linux-arm-v7");
}
