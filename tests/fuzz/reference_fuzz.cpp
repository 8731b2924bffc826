// References and locations: what is accepted is within the grammar and means the same when it is written out.
#include <algorithm>

#include "fuzz.hpp"
#include "shipset/model/reference.hpp"

namespace {
using namespace shipset;

bool plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

std::string check_reference(std::string_view bytes) {
  const auto reference = Reference::parse(bytes);
  if (!reference)
    return reference.error().kind == ErrorKind::usage && plain(reference.error().what.substr(0, 1))
               ? std::string()
               : "an error of another kind";
  if (!plain(reference->str())) return "unprintable characters were accepted";
  if (reference->domain().empty() || reference->path().empty()) return "no host or no path";
  if (reference->path().find("..") != std::string::npos || reference->path().find("//") != std::string::npos)
    return "a path that climbs";
  if (reference->path().find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ?#%@:\\") != std::string::npos)
    return "a path with characters of another part";
  if (!reference->tag().empty() && !check_tag(reference->tag())) return "a tag that is none";
  for (const auto& text : {reference->str(), reference->familiar()}) {
    const auto again = Reference::parse(text);
    if (!again || !(*again == *reference)) return "another value after a round trip through " + text;
  }
  return {};
}

std::string check(std::string_view bytes) {
  if (auto broken = check_reference(bytes); !broken.empty()) return broken;
  const auto location = Location::parse(bytes);
  if (!location) return location.error().kind == ErrorKind::usage ? std::string() : "an error of another kind";
  const auto again = Location::parse(location->str());
  return again && *again == *location ? std::string() : "another location after a round trip";
}
}  // namespace

const shipset::fuzz::Target& shipset::fuzz::target() {
  static const Target found{
      check,
      {"docker.io/", "index.docker.io", "localhost", ":5000", "/", "@sha256:", "oci:", "docker-archive:", ":", "..",
       "__", "--", "[::1]", "library/", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "sha512"}};
  return found;
}
