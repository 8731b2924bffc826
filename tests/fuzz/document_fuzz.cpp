// Manifests, indexes and image configurations: what is read is within bounds and reads the same when it is written.
#include "fuzz.hpp"
#include "shipset/oci/types.hpp"

namespace {
using namespace shipset;
using namespace shipset::oci;

std::string fault(const Descriptor& descriptor) {
  if (descriptor.digest.empty()) return "a descriptor without a digest";
  if (!Digest::parse(descriptor.digest.str())) return "a digest that is none";
  if (!descriptor.data.empty() && descriptor.data.size() != descriptor.size) return "inline data of another size";
  return {};
}

template <class Document>
std::string round_trip(std::string_view bytes, const char* name) {
  const auto document = Document::parse(bytes, "input");
  if (!document)
    return document.error().kind == ErrorKind::verify ? std::string() : std::string(name) + ": error of another kind";
  const std::string written = document->to_bytes();
  const auto again = Document::parse(written, "input");
  if (!again) return std::string(name) + " cannot be read back: " + again.error().what + ": " + again.error().why;
  return again->to_bytes() == written ? std::string() : std::string(name) + " changes with every round trip";
}

std::string check(std::string_view bytes) {
  for (auto broken : {round_trip<Manifest>(bytes, "manifest"), round_trip<Index>(bytes, "index"),
                      round_trip<ImageConfig>(bytes, "config")})
    if (!broken.empty()) return broken;
  for (const auto type : {media_type::manifest, media_type::index, media_type::docker_list}) {
    const auto below = children(type, bytes, "input");
    if (!below) continue;
    for (const auto& descriptor : *below)
      if (auto broken = fault(descriptor); !broken.empty()) return broken;
  }
  return {};
}
}  // namespace

const shipset::fuzz::Target& shipset::fuzz::target() {
  static const Target found{check,
                            {"\"mediaType\":",
                             "\"schemaVersion\":2",
                             "\"digest\":\"sha256:",
                             "\"size\":",
                             "\"layers\":[",
                             "\"manifests\":[",
                             "\"config\":{",
                             "\"platform\":{",
                             "\"annotations\":{",
                             "\"subject\":",
                             "\"data\":\"",
                             "null",
                             "-1",
                             "1e30",
                             "18446744073709551616",
                             "\\u0000",
                             "[[[[[[[[",
                             "\"rootfs\":",
                             "\"diff_ids\":",
                             "\"history\":[",
                             "{}",
                             "\"urls\":["}};
  return found;
}
