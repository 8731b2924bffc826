// A small release in a folder of its own: two variants with one file each, two platforms, into OCI layouts.
#pragma once

#include <algorithm>
#include <filesystem>
#include <set>

#include "catch_shim.hpp"
#include "shipset/base/file.hpp"
#include "shipset/oci/layout.hpp"
#include "shipset/release/content.hpp"
#include "shipset/release/release.hpp"

namespace shipset::release {

namespace fs = std::filesystem;

inline constexpr const char* two_variants = R"(
[release]
name = "app"
version = "{inputs.version}"
repositories = ["acme/app"]
[inputs.version]
default = "v1.0.0"
[build]
backend = "native"
platforms = ["linux/amd64", "linux/arm64"]
[build.native]
layers = [{ from = "files/common", to = "/" }, { from = "files/{variant}", to = "/opt" }]
config = { entrypoint = ["/opt/run"], env = { MODE = "{variant}" } }
[tags]
rules = [
  { tag = "{version}{-suffix}" },
  { tag = "latest{-suffix}", moves = "forward" },
]
[[variant]]
name = "cpu"
suffix = ""
[[variant]]
name = "cuda"
)";

class Workspace {
 public:
  explicit Workspace(std::string text = two_variants)
      : folder_(TempDirectory::create(fs::temp_directory_path()).value()) {
    write("files/common/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    write("files/cpu/run", "#!/bin/sh\necho cpu\n");
    write("files/cuda/run", "#!/bin/sh\necho cuda\n");
    write("shipset.toml", text);
  }
  [[nodiscard]] fs::path path(const std::string& name = {}) const { return folder_.path() / name; }
  [[nodiscard]] std::string layout(const std::string& name = "dist") const { return "oci:" + path(name).string(); }
  void write(const std::string& name, std::string_view text) const {
    fs::create_directories(path(name).parent_path());
    REQUIRE(write_file_atomic(path(name), text).ok());
  }

  [[nodiscard]] Matrix matrix(const InputValues& inputs = {}) const {
    auto spec = ReleaseSpec::load(path("shipset.toml"));
    INFO((spec.ok() ? std::string() : render(spec.error())));
    REQUIRE(spec.ok());
    auto made = spec->matrix(inputs);
    INFO((made.ok() ? std::string() : render(made.error())));
    REQUIRE(made.ok());
    return *made;
  }
  [[nodiscard]] Result<Plan> plan(const InputValues& inputs = {}, Options options = {}) const {
    if (options.destination.empty()) options.destination = layout();
    return make_plan(matrix(inputs), options);
  }
  [[nodiscard]] Outcome release(const InputValues& inputs = {}, Options options = {}) const {
    auto made = plan(inputs, std::move(options));
    INFO((made.ok() ? std::string() : render(made.error())));
    REQUIRE(made.ok());
    return execute(*made, Goal::release);
  }
  /// tag → digest of a layout; empty when there is none.
  [[nodiscard]] std::map<std::string, std::string> tags(const std::string& name = "dist") const {
    std::map<std::string, std::string> out;
    if (!fs::exists(path(name) / "oci-layout")) return out;
    auto store = oci::LayoutStore::open(path(name), {});
    REQUIRE(store.ok());
    const auto names = (*store)->tags();
    REQUIRE(names.ok());
    for (const auto& tag : *names) out[tag] = (*store)->resolve(tag)->value().digest.str();
    return out;
  }
  /// Of the run's own, nothing but journals with their frozen plans may be left beside the results; of a release that
  /// failed also what the next attempt takes up.
  [[nodiscard]] bool clean() const {
    if (!fs::exists(path(".shipset"))) return true;
    for (const auto& release : fs::directory_iterator(path(".shipset"))) {
      const std::string name = release.path().filename().string();
      if (name == ".gitignore" || name == "seed") continue;
      if (!fs::exists(release.path() / "journal")) return false;
      for (const auto& file : fs::directory_iterator(release.path()))
        if (!std::set<std::string>{"journal", "plan.json", "release.toml", "lock"}.contains(file.path().filename()))
          return false;
    }
    return true;
  }

 private:
  TempDirectory folder_;
};

inline Location at(const std::string& text) {
  return Location::parse(text).value();
}

inline std::unique_ptr<oci::LayoutStore> open_layout(const Workspace& space, const std::string& name = "dist",
                                                     bool write = false) {
  oci::LayoutOptions options;
  options.read_only = !write;
  return oci::LayoutStore::open(space.path(name), options).value();
}

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline std::set<std::string> public_tags(const Workspace& space) {
  std::set<std::string> out;
  for (const auto& [tag, digest] : space.tags())
    if (!tag.starts_with("_shipset.")) out.insert(tag);
  return out;
}

}  // namespace shipset::release
