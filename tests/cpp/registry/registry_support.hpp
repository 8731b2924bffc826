// What the registry tests share: quick options, references, blobs, and real registries started for a test.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "shipset/base/file.hpp"
#include "shipset/registry/client.hpp"

namespace shipset::registry::testing {

/// Options that look at no file of this machine and fail fast.
ClientOptions quick_options();
/// Options with one login, as an `auths` entry.
ClientOptions login_options(const std::string& host, const std::string& user, const std::string& password);
Reference reference(const std::string& text);
oci::Descriptor blob_of(const std::string& bytes);
Result<std::string> read_source(const Source& source, std::uint64_t offset = 0);
/// Bytes that do not compress and differ by seed.
std::string noise(std::size_t size, unsigned seed);

/// The smallest image: pushes config and one layer, returns its manifest.
struct SmallImage {
  std::string config{R"({"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}})"};
  std::string layer, manifest;
  oci::Descriptor config_descriptor, layer_descriptor, descriptor;
  explicit SmallImage(const std::string& layer_bytes);
  Result<void> push(oci::Store& store) const;
};

/// tests/interop/registry_serve.sh in a process of its own, ended with the object.
class RealRegistry {
 public:
  /// nullopt when the program is missing: a loud warning, or a failed test where CI is set.
  static std::optional<RealRegistry> start(const std::string& kind);
  RealRegistry(RealRegistry&& other) noexcept;
  RealRegistry& operator=(RealRegistry&&) = delete;
  ~RealRegistry();
  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] std::filesystem::path directory() const { return directory_.path(); }

 private:
  RealRegistry(pid_t pid, std::string host, TempDirectory directory)
      : pid_(pid), host_(std::move(host)), directory_(std::move(directory)) {}
  pid_t pid_;
  std::string host_;
  TempDirectory directory_;
};

}  // namespace shipset::registry::testing
