// Resolved settings: what one platform image of one variant is built from, with every template and condition
// evaluated and inheritance applied. Plain data; the model makes it, everything later reads it.
// product.md §3 "Inheritance", "Native builds", "Prebuilt".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shipset/base/compress.hpp"
#include "shipset/model/platform.hpp"

namespace shipset {

/// Name → value in the order of the file.
using OrderedMap = std::vector<std::pair<std::string, std::string>>;

/// A base image of a Dockerfile build. With `variant`, the image is another variant of the same release.
struct BaseImage {
  std::string arg = "BASE_IMAGE";  ///< build argument that carries it
  std::string image;               ///< reference as written; empty when variant is set
  std::string variant;             ///< from "variant:NAME"
  bool operator==(const BaseImage&) const = default;
};

struct NativeLayer {
  std::string from;      ///< path relative to the release file's folder: directory, file, or .tar[.gz|.zst]
  std::string to = "/";  ///< directory in the image that a directory's content or a tar's entries go to;
                         ///< for a file: target path, or directory when it ends in "/"
  std::string owner;     ///< "uid[:gid]" numeric; empty = 0:0 (a tar keeps its own)
  std::string mode;  ///< octal for files, e.g. "0755"; empty = the file's permission bits & 0755-style normalisation
  bool operator==(const NativeLayer&) const = default;
};

/// Container configuration as the file states it; unset members inherit from the base image.
struct ContainerSettings {
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> cmd;
  OrderedMap env;
  std::optional<std::string> user;
  std::optional<std::string> workdir;
  OrderedMap labels;
  std::vector<std::string> ports;    ///< "8080/tcp"
  std::vector<std::string> volumes;  ///< "/data"
  bool operator==(const ContainerSettings&) const = default;
};

struct NativeSettings {
  bool present = false;          ///< a [build.native] section applies
  std::string base = "scratch";  ///< reference, `oci:PATH[:TAG]` (relative to the release file), or scratch
  std::vector<NativeLayer> layers;
  Compression compression = Compression::gzip;
  ContainerSettings config;
  bool operator==(const NativeSettings&) const = default;
};

struct SecretSetting {
  std::string id;
  std::string env;   ///< name of the environment variable, or
  std::string file;  ///< path
  bool operator==(const SecretSetting&) const = default;
};

enum class SbomFormat : std::uint8_t { none, spdx };
enum class ProvenanceMode : std::uint8_t { none, min, max };
enum class AttestationForm : std::uint8_t { oci_artifact, legacy };
std::string_view to_string(SbomFormat format) noexcept;     ///< "none", "spdx"
std::string_view to_string(ProvenanceMode mode) noexcept;   ///< "none", "min", "max"
std::string_view to_string(AttestationForm form) noexcept;  ///< "oci-artifact", "legacy"

struct AttestationSettings {
  SbomFormat sbom = SbomFormat::spdx;
  ProvenanceMode provenance = ProvenanceMode::max;
  AttestationForm form = AttestationForm::oci_artifact;
  bool in_index = true, as_referrer = false, as_file = false;  ///< `store`
  bool operator==(const AttestationSettings&) const = default;
};

/// One machine of a described builder.
struct BuilderNode {
  std::string name, endpoint;
  std::vector<std::string> platforms;  ///< that it builds; empty = those that it tells itself
  OrderedMap options;
  bool operator==(const BuilderNode&) const = default;
};

/// Builder of the `buildx` backend: by name, or described by driver and endpoint or by driver and nodes.
struct BuilderSettings {
  std::string name, driver, endpoint;
  OrderedMap options;
  std::vector<BuilderNode> nodes = {};
  bool operator==(const BuilderSettings&) const = default;
};

struct BuildSettings {
  std::string backend = "buildx";  ///< buildx | native | prebuilt
  BuilderSettings builder;
  std::string dockerfile = "Dockerfile";
  std::string context = ".";
  std::string target;
  std::vector<BaseImage> bases;  ///< `base` first, then `bases` in file order
  OrderedMap args;
  OrderedMap labels;
  OrderedMap annotations;  ///< keys may start with "index:" or "manifest:" (default manifest)
  std::vector<std::string> cache_from, cache_to;
  std::vector<SecretSetting> secrets;
  std::vector<std::string> ssh;
  OrderedMap contexts;  ///< extra build contexts
  std::string network;
  std::vector<std::string> ulimits;
  bool no_cache = false, pull = false;
  bool rewrite_timestamp = false;              ///< files in layers get SOURCE_DATE_EPOCH as their time, too
  std::string output = "registry";             ///< registry: the builder pushes by digest; layout: through this machine
  std::vector<std::string> allow_secret_args;  ///< build arguments that may look like secrets
  AttestationSettings attestations;
  std::vector<std::string> hardware;  ///< "vendor :: property :: value"
  NativeSettings native;
  std::string prebuilt;  ///< Location text; empty = none
  bool operator==(const BuildSettings&) const = default;
};

}  // namespace shipset
