#include <fmt/format.h>

#include <algorithm>

#include "shipset/base/text.hpp"
#include "shipset/model/reference.hpp"

namespace shipset {

namespace {

constexpr std::string_view layout_prefix = "oci:";
constexpr std::string_view archive_prefix = "docker-archive:";
constexpr std::size_t max_text_bytes = 8192;

Error bad_location(std::string_view text, std::string why, std::string hint = {}) {
  return Error(ErrorKind::usage, fmt::format("invalid location \"{}\"", printable(text, 200)), std::move(why),
               std::move(hint));
}

Result<Location> parse_layout(std::string_view whole, std::string_view text) {
  Location out;
  out.kind = Location::Kind::layout;
  // An @ may be part of a folder's name; only one that a known algorithm follows starts a digest.
  const std::size_t at = text.rfind('@');
  if (at != text.npos && (text.substr(at + 1).starts_with("sha256:") || text.substr(at + 1).starts_with("sha512:"))) {
    auto digest = Digest::parse(text.substr(at + 1));
    if (!digest) return bad_location(whole, digest.error().what, digest.error().hint);
    out.digest = std::move(digest).value();
    text = text.substr(0, at);
  }
  const std::size_t slash = text.rfind('/');
  const std::size_t colon = text.rfind(':');
  if (colon != text.npos && (slash == text.npos || colon > slash)) {
    out.tag = text.substr(colon + 1);
    if (auto good = check_tag(out.tag); !good) return bad_location(whole, good.error().why, good.error().hint);
    text = text.substr(0, colon);
  }
  if (text.empty()) return bad_location(whole, "it has no path", "write oci:PATH, oci:PATH:TAG or oci:PATH@DIGEST");
  out.path = text;
  return out;
}

Result<Location> parse_archive(std::string_view whole, std::string_view text) {
  Location out;
  out.kind = Location::Kind::docker_archive;
  if (const std::size_t colon = text.find(':'); colon != text.npos) {
    out.tag = text.substr(colon + 1);
    if (auto good = Reference::parse(out.tag); !good) return bad_location(whole, good.error().why, good.error().hint);
    text = text.substr(0, colon);
  }
  if (text.empty())
    return bad_location(whole, "it has no path", "write docker-archive:PATH or docker-archive:PATH:REF");
  out.path = text;
  return out;
}

}  // namespace

Result<Location> Location::parse(std::string_view text) {
  if (text.size() > max_text_bytes)
    return bad_location(text, fmt::format("it is longer than {} characters", max_text_bytes));
  if (text.find('\0') != text.npos) return bad_location(text, "it holds a zero byte");
  if (text.starts_with(layout_prefix)) return parse_layout(text, text.substr(layout_prefix.size()));
  if (text.starts_with(archive_prefix)) return parse_archive(text, text.substr(archive_prefix.size()));
  Location out;
  SHIPSET_TRY(out.reference, Reference::parse(text));
  return out;
}

std::string Location::str() const {
  if (kind == Kind::registry) {
    auto text = reference.familiar();  // which a path on Docker Hub may make look like one of the others
    return text.starts_with(layout_prefix) || text.starts_with(archive_prefix) ? reference.str() : text;
  }
  std::string out(kind == Kind::layout ? layout_prefix : archive_prefix);
  out += path;
  if (!tag.empty()) out.append(1, ':').append(tag);
  if (!digest.empty()) out.append(1, '@').append(digest.str());
  return out;
}

}  // namespace shipset
