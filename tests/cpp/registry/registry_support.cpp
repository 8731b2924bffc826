#include "registry_support.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <random>
#include <thread>

#include "catch_shim.hpp"
#include "scripted_server_support.hpp"
#include "shipset/base/text.hpp"

namespace shipset::registry::testing {

ClientOptions quick_options() {
  static const auto state = TempDirectory::create(std::filesystem::temp_directory_path(), "registry-state-");
  REQUIRE(state);
  ClientOptions options;
  options.state_directory = state->path();
  options.credentials = CredentialSources{};
  options.hosts = HostSources{};
  options.proxy = ProxySettings{};
  options.connect_timeout = std::chrono::milliseconds(2000);
  options.stall_timeout = std::chrono::milliseconds(1500);
  options.attempts = 3;
  return options;
}

ClientOptions login_options(const std::string& host, const std::string& user, const std::string& password) {
  ClientOptions options = quick_options();
  options.credentials->inline_config =
      R"({"auths":{")" + host + R"(":{"auth":")" + base64_encode(user + ":" + password) + R"("}}})";
  return options;
}

Reference reference(const std::string& text) {
  auto parsed = Reference::parse(text);
  REQUIRE(parsed);
  return *parsed;
}

oci::Descriptor blob_of(const std::string& bytes) {
  oci::Descriptor out;
  out.media_type = "application/octet-stream";
  out.digest = Digest::of(std::string_view(bytes));
  out.size = bytes.size();
  return out;
}

Result<std::string> read_source(const Source& source, std::uint64_t offset) {
  SHIPSET_TRY(const auto reader, source.open(offset));
  return read_all(*reader, std::uint64_t(1) << 32, "content");
}

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937_64 generator(seed);
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; i += 8) {
    const auto word = generator();
    for (std::size_t j = 0; j < 8 && i + j < size; ++j) out[i + j] = static_cast<char>(word >> (8 * j));
  }
  return out;
}

SmallImage::SmallImage(const std::string& layer_bytes) : layer(layer_bytes) {
  config_descriptor = oci::describe(oci::media_type::config, config);
  layer_descriptor = oci::describe(oci::media_type::layer_gzip, layer);
  oci::Manifest document;
  document.config = config_descriptor;
  document.layers = {layer_descriptor};
  manifest = document.to_bytes();
  descriptor = oci::describe(oci::media_type::manifest, manifest);
}

Result<void> SmallImage::push(oci::Store& store) const {
  SHIPSET_CHECK(store.put_blob(config_descriptor, *memory_source(config), {}, {}));
  SHIPSET_CHECK(store.put_blob(layer_descriptor, *memory_source(layer), {}, {}));
  return store.put_manifest(descriptor, manifest);
}

namespace {
bool listens(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool ok = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return ok;
}

constexpr int not_installed = 77;
}  // namespace

std::optional<RealRegistry> RealRegistry::start(const std::string& kind) {
  auto directory = TempDirectory::create(std::filesystem::temp_directory_path(), "registry-");
  REQUIRE(directory);
  const int port = free_port();
  const std::string script = SHIPSET_SOURCE_DIR "/tests/interop/registry_serve.sh";
  const std::string place = directory->path().string(), number = std::to_string(port);
  const char* arguments[] = {script.c_str(), kind.c_str(), place.c_str(), number.c_str(), nullptr};
  pid_t pid = -1;
  REQUIRE(::posix_spawn(&pid, script.c_str(), nullptr, nullptr, const_cast<char**>(arguments), environ) == 0);
  for (int waited = 0; waited < 30'000; waited += 20) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == pid) {
      if (WIFEXITED(status) && WEXITSTATUS(status) == not_installed && std::getenv("CI") == nullptr) {
        std::cerr << "\n*** WARNING: no program for the real registry \"" << kind << "\"; its tests were NOT run ***\n";
        return std::nullopt;
      }
      FAIL("the real registry \"" << kind << "\" did not start; tests/run.sh installs what it needs");
    }
    if (listens(port)) return RealRegistry(pid, "localhost:" + number, std::move(*directory));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ::kill(pid, SIGKILL);
  FAIL("the real registry \"" << kind << "\" does not listen");
  return std::nullopt;
}

RealRegistry::RealRegistry(RealRegistry&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), host_(std::move(other.host_)), directory_(std::move(other.directory_)) {}

RealRegistry::~RealRegistry() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace shipset::registry::testing
