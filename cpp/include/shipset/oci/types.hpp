// OCI image-spec 1.1 documents as values: descriptor, manifest, index, config. Bytes decide identity: parse() is a
// view for checks, to_bytes() writes canonical bytes (compact, field order of image-spec). Bytes that came from
// elsewhere are pushed as they came. Values only, thread-safe. specs §2.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shipset/base/digest.hpp"
#include "shipset/model/platform.hpp"

namespace shipset {
class JsonWriter;
}

namespace shipset::oci {

namespace media_type {
inline constexpr std::string_view manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view config = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view layer_tar = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view layer_gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view layer_zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view empty = "application/vnd.oci.empty.v1+json";
inline constexpr std::string_view in_toto = "application/vnd.in-toto+json";
inline constexpr std::string_view docker_manifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view docker_list = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view docker_layer = "application/vnd.docker.image.rootfs.diff.tar.gzip";
}  // namespace media_type

bool is_index(std::string_view type) noexcept;     ///< OCI index or Docker manifest list
bool is_manifest(std::string_view type) noexcept;  ///< OCI or Docker image manifest

using Annotations = std::map<std::string, std::string>;

inline constexpr std::size_t max_manifest_bytes = 4u << 20;

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;  ///< bytes
  std::vector<std::string> urls;
  Annotations annotations;
  std::string data;  ///< decoded inline content; empty = none
  std::optional<Platform> platform;
  std::string artifact_type;
  void write(JsonWriter& out) const;
  bool operator==(const Descriptor&) const = default;
};

struct Manifest {
  std::string media_type{media_type::manifest};
  std::string artifact_type;
  Descriptor config;
  std::vector<Descriptor> layers;
  std::optional<Descriptor> subject;
  Annotations annotations;
  /// Error kind verify names `object` and the member.
  static Result<Manifest> parse(std::string_view bytes, std::string_view object);
  [[nodiscard]] std::string to_bytes() const;
};

struct Index {
  std::string media_type{media_type::index};
  std::string artifact_type;
  std::vector<Descriptor> manifests;
  std::optional<Descriptor> subject;
  Annotations annotations;
  static Result<Index> parse(std::string_view bytes, std::string_view object);
  [[nodiscard]] std::string to_bytes() const;
};

struct History {
  std::string created, created_by, author, comment;
  bool empty_layer = false;
  bool operator==(const History&) const = default;
};

struct ContainerConfig {
  std::string user;
  std::vector<std::string> exposed_ports;
  std::vector<std::string> env;  ///< K=V in order
  std::vector<std::string> entrypoint, cmd;
  std::vector<std::string> volumes;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::string extra_json;  ///< other members as a JSON object text (Healthcheck, Shell, …); "" = none
};

struct ImageConfig {
  std::string created, author;
  Platform platform;
  ContainerConfig config;
  std::vector<Digest> diff_ids;
  std::vector<History> history;
  static Result<ImageConfig> parse(std::string_view bytes, std::string_view object);
  [[nodiscard]] std::string to_bytes() const;
};

/// Media type, digest, size of bytes.
Descriptor describe(std::string_view media_type, std::string_view bytes);
/// The descriptor of `{}` (specs §0.1), with inline data.
Descriptor empty_descriptor();

/// Attestation descriptors of an index (annotation vnd.docker.reference.type): true for those.
bool is_attestation(const Descriptor& descriptor);
inline constexpr std::string_view reference_digest_key = "vnd.docker.reference.digest";
inline constexpr std::string_view reference_type_key = "vnd.docker.reference.type";
inline constexpr std::string_view ref_name_key = "org.opencontainers.image.ref.name";
/// Annotation of every variant index: the build key (product.md §4, promise 3).
inline constexpr std::string_view build_key_annotation = "io.shipset.build-key";

/// What a manifest or index refers to: config, layers or manifests; subject is not among them.
Result<std::vector<Descriptor>> children(std::string_view media_type, std::string_view bytes, std::string_view object);

}  // namespace shipset::oci
