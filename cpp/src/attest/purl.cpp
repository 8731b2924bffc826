#include "shipset/attest/purl.hpp"

#include "shipset/base/text.hpp"
#include "shipset/model/reference.hpp"

namespace shipset::attest {

namespace {

std::string encode(std::string_view text) {
  return percent_encode(text, ":");
}

std::string encode_segments(std::string_view text) {
  std::string out;
  for (const auto& segment : split(text, '/')) {
    if (segment.empty()) continue;
    if (!out.empty()) out += '/';
    out += encode(segment);
  }
  return out;
}

}  // namespace

std::string Purl::str() const {
  std::string out = "pkg:" + type + "/";
  if (!space.empty()) out += encode_segments(space) + "/";
  out += encode(name);
  if (!version.empty()) out.append("@").append(encode(version));
  std::string_view separator = "?";
  for (const auto& [key, value] : qualifiers) {
    if (value.empty()) continue;
    out.append(separator).append(key).append("=").append(encode(value));
    separator = "&";
  }
  return out;
}

Result<std::string> image_purl(std::string_view reference, std::string_view platform) {
  SHIPSET_TRY(const Reference parsed, Reference::parse(reference));
  const Reference image = parsed.or_latest();
  const std::string name = image.familiar_name();
  Purl purl{.type = "docker", .space = {}, .name = name, .version = image.tag(), .qualifiers = {}};
  if (const auto slash = name.rfind('/'); slash != std::string::npos) {
    purl.space = name.substr(0, slash);
    purl.name = name.substr(slash + 1);
  }
  if (!image.digest().empty()) purl.qualifiers.emplace("digest", image.digest().str());
  if (!platform.empty()) purl.qualifiers.emplace("platform", platform);
  return purl.str();
}

std::string oci_purl(std::string_view repository, std::string_view digest, std::string_view architecture) {
  const auto slash = repository.rfind('/');
  Purl purl{.type = "oci",
            .space = {},
            .name = to_lower(slash == std::string_view::npos ? repository : repository.substr(slash + 1)),
            .version = std::string(digest),
            .qualifiers = {{"arch", std::string(architecture)}}};
  if (slash != std::string_view::npos) purl.qualifiers.emplace("repository_url", repository);
  return purl.str();
}

}  // namespace shipset::attest
