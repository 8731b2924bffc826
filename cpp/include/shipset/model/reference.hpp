// Image references with Docker's grammar and normalisation (distribution/reference), and Location: a reference, an
// OCI layout (`oci:PATH[:TAG|@DIGEST]`) or a docker-archive. Values only, thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "shipset/base/digest.hpp"

namespace shipset {

class Reference {
 public:
  Reference() = default;
  /// Normalised: `alpine` is docker.io/library/alpine. Error kind usage names the rule that is broken. Digests are of
  /// sha256, sha384 or sha512. parse(str()) and parse(familiar()) give the same value again.
  static Result<Reference> parse(std::string_view text);

  [[nodiscard]] const std::string& domain() const noexcept {
    return domain_;
  }                                                                         ///< docker.io, localhost:5000, [::1]:5000
  [[nodiscard]] const std::string& path() const noexcept { return path_; }  ///< library/alpine
  [[nodiscard]] const std::string& tag() const noexcept { return tag_; }    ///< may be empty
  [[nodiscard]] const Digest& digest() const noexcept { return digest_; }   ///< may be empty
  [[nodiscard]] std::string name() const { return domain_ + "/" + path_; }  ///< repository, normalised
  [[nodiscard]] std::string familiar_name() const;                          ///< repository as people write it
  [[nodiscard]] std::string str() const;                                    ///< normalised, with tag and digest
  [[nodiscard]] std::string familiar() const;                               ///< as people write it, with tag and digest
  /// Host that answers the API: registry-1.docker.io for docker.io, else the domain.
  [[nodiscard]] std::string api_host() const;
  /// With another tag and without the digest, which belonged to the former; error kind usage when it does not fit.
  [[nodiscard]] Result<Reference> with_tag(std::string_view tag) const;
  /// With another digest; the tag stays.
  [[nodiscard]] Reference with_digest(const Digest& digest) const;
  [[nodiscard]] Reference repository() const;  ///< without tag and digest
  /// "latest" when there is neither tag nor digest.
  [[nodiscard]] Reference or_latest() const;

  auto operator<=>(const Reference&) const = default;

 private:
  std::string domain_, path_, tag_;
  Digest digest_;
};

/// Whether the text is a valid tag: [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}. The Error (kind usage) names the first bad
/// character or length.
Result<void> check_tag(std::string_view tag);

/// Where content is: a registry reference, or a path on disk.
struct Location {
  enum class Kind : std::uint8_t { registry, layout, docker_archive };
  Kind kind = Kind::registry;
  Reference reference;  ///< kind registry
  std::string path;     ///< kinds layout and docker_archive, as given
  std::string tag;      ///< layout: tag (OCI ref.name); archive: reference text; may be empty
  Digest digest;        ///< layout: digest; may be empty

  /// `oci:PATH[:TAG|@DIGEST]`, `docker-archive:PATH[:REF]`, else a Reference. The prefix wins. A tag of a layout starts
  /// at the last colon behind the last slash; an archive's path ends at the first colon. Error kind usage.
  static Result<Location> parse(std::string_view text);
  [[nodiscard]] std::string str() const;
  bool operator==(const Location&) const = default;
};

}  // namespace shipset
