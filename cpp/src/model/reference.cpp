// Grammar and normalisation as in distribution/reference, with hand-written scanners: no locale, no back-tracking.
#include "shipset/model/reference.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "shipset/base/text.hpp"

namespace shipset {

namespace {

constexpr std::string_view hub = "docker.io";
constexpr std::string_view old_hub = "index.docker.io";
constexpr std::string_view official = "library/";
constexpr std::size_t max_path_bytes = 255;
constexpr std::size_t max_tag_bytes = 128;
constexpr std::size_t max_text_bytes = 4096;

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
  return is_lower(c) || is_upper(c) || is_digit(c);
}
bool is_lower_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}
bool is_hex(char c) {
  return is_lower_hex(c) || (c >= 'A' && c <= 'F');
}
bool has_upper(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_upper);
}

std::string shown(char c) {
  return c > ' ' && c < '\x7f' ? fmt::format("\"{}\"", c)
                               : fmt::format("byte 0x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
}

bool is_bare_identifier(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), is_lower_hex);
}

// Whether the part before the first slash names a registry and not the first part of a path on Docker Hub.
bool looks_like_domain(std::string_view part) {
  return part == "localhost" || part.find_first_of(".:") != part.npos || has_upper(part);
}

std::string check_host_name(std::string_view host) {
  for (const auto& component : split(host, '.')) {
    if (component.empty()) return "the registry host has an empty part";
    for (const char c : component)
      if (!is_alnum(c) && c != '-') return fmt::format("{} is not allowed in a registry host", shown(c));
    if (component.front() == '-' || component.back() == '-')
      return "a part of the registry host starts or ends with a dash";
  }
  return {};
}

// Why the text is no `host[:port]` or `[ipv6][:port]`; empty when it is one.
std::string check_domain(std::string_view domain) {
  std::string_view host = domain, port;
  if (domain.starts_with('[')) {
    const std::size_t close = domain.find(']');
    if (close == domain.npos) return "the IPv6 address has no closing bracket";
    host = domain.substr(1, close - 1);
    port = domain.substr(close + 1);
    if (host.empty() || !std::all_of(host.begin(), host.end(), [](char c) { return is_hex(c) || c == ':'; }))
      return "the IPv6 address may hold hex digits and colons only";
  } else {
    const std::size_t colon = std::min(domain.find(':'), domain.size());
    host = domain.substr(0, colon);
    port = domain.substr(colon);
    if (auto why = check_host_name(host); !why.empty()) return why;
  }
  if (port.empty()) return {};
  if (port.size() < 2 || port[0] != ':' || !std::all_of(port.begin() + 1, port.end(), is_digit))
    return "the port of the registry is not a number";
  return {};
}

// [a-z0-9]+ joined by one '.', one or two '_', or any number of '-'.
std::string check_path_component(std::string_view text) {
  if (text.empty()) return "the repository has an empty part";
  std::size_t i = 0;
  while (true) {
    const std::size_t word = i;
    while (i < text.size() && (is_lower(text[i]) || is_digit(text[i]))) ++i;
    if (i == text.size() && i > word) return {};
    if (i == text.size() || (i == word && i == 0 && std::string_view("._-").find(text[i]) != std::string_view::npos))
      return "a part of the repository starts or ends with a separator";
    const std::size_t run = i;
    while (i < text.size() && text[i] == text[run]) ++i;
    const std::size_t length = i - run;
    const char c = text[run];
    if (c != '.' && c != '_' && c != '-') return fmt::format("{} is not allowed in a repository", shown(c));
    if (run == word || (c == '.' && length > 1) || (c == '_' && length > 2))
      return "separators in a repository are one dot, one or two underscores, or dashes";
  }
}

std::string check_path(std::string_view path) {
  if (path.size() > max_path_bytes)
    return fmt::format("the repository has {} characters, {} are allowed", path.size(), max_path_bytes);
  for (const auto& component : split(path, '/'))
    if (auto why = check_path_component(component); !why.empty()) return why;
  return {};
}

std::string check_tag_text(std::string_view tag) {
  if (tag.empty()) return "the tag is empty";
  for (std::size_t i = 0; i < tag.size(); ++i) {
    const char c = tag[i];
    if (is_alnum(c) || c == '_') continue;
    if (c != '.' && c != '-') return fmt::format("{} is not allowed in a tag", shown(c));
    if (i == 0) return fmt::format("a tag cannot start with {}", shown(c));
  }
  if (tag.size() > max_tag_bytes)
    return fmt::format("the tag has {} characters, {} are allowed", tag.size(), max_tag_bytes);
  return {};
}

// The algorithms that Docker's grammar accepts, with the number of their hex digits.
std::string read_digest(std::string_view text, Digest& out) {
  constexpr std::pair<std::string_view, std::size_t> algorithms[] = {{"sha256", 64}, {"sha384", 96}, {"sha512", 128}};
  const std::size_t colon = std::min(text.find(':'), text.size());
  for (const auto& [name, length] : algorithms) {
    if (text.substr(0, colon) != name) continue;
    const std::string_view encoded = text.substr(std::min(colon + 1, text.size()));
    if (encoded.size() != length || !std::all_of(encoded.begin(), encoded.end(), is_lower_hex))
      return fmt::format("a {} digest has {} lower-case hex digits", name, length);
    auto digest = Digest::parse(text);
    if (!digest) return digest.error().what;
    out = std::move(digest).value();
    return {};
  }
  return "the digest is not of sha256, sha384 or sha512";
}

Error bad_reference(std::string_view text, std::string why, std::string hint = {}) {
  return Error(ErrorKind::usage, fmt::format("invalid reference \"{}\"", printable(text, 200)), std::move(why),
               std::move(hint));
}

}  // namespace

Result<void> check_tag(std::string_view tag) {
  if (auto why = check_tag_text(tag); !why.empty())
    return Error(
        ErrorKind::usage, fmt::format("invalid tag \"{}\"", printable(tag, 200)), std::move(why),
        "tags are letters, digits, _, . and -, start with a letter, digit or _, and have at most 128 characters");
  return {};
}

Result<Reference> Reference::parse(std::string_view text) {
  if (text.empty()) return bad_reference(text, "it is empty", "write for example alpine:3 or ghcr.io/owner/image");
  if (text.size() > max_text_bytes)
    return bad_reference(text, fmt::format("it is longer than {} characters", max_text_bytes));
  if (is_bare_identifier(text))
    return bad_reference(text, "64 hex digits alone are an image id, not a name", "write NAME@sha256:DIGITS");
  if (text.find("://") != text.npos)
    return bad_reference(text, "a reference has no URL scheme", "write the host without https://");

  Reference out;
  std::string_view rest = text;
  const std::size_t slash = text.find('/');
  if (slash != text.npos && looks_like_domain(text.substr(0, slash))) {
    out.domain_ = text.substr(0, slash);
    rest = text.substr(slash + 1);
    if (out.domain_ == old_hub) out.domain_ = hub;
    if (auto why = check_domain(out.domain_); !why.empty()) return bad_reference(text, std::move(why));
  } else {
    out.domain_ = hub;
  }

  if (const std::size_t at = rest.find('@'); at != rest.npos) {
    if (auto why = read_digest(rest.substr(at + 1), out.digest_); !why.empty())
      return bad_reference(text, std::move(why));
    rest = rest.substr(0, at);
  }
  if (const std::size_t colon = rest.find(':'); colon != rest.npos) {
    out.tag_ = rest.substr(colon + 1);
    if (auto why = check_tag_text(out.tag_); !why.empty()) return bad_reference(text, std::move(why));
    rest = rest.substr(0, colon);
  }
  if (has_upper(rest)) return bad_reference(text, "a repository must be lower case", "write it in lower case");
  if (out.domain_ == hub && rest.find('/') == rest.npos) out.path_ = official;
  out.path_ += rest;
  if (auto why = rest.empty() ? std::string("it has no repository") : check_path(out.path_); !why.empty())
    return bad_reference(text, std::move(why));
  return out;
}

std::string Reference::familiar_name() const {
  if (domain_ != hub) return name();
  std::string_view path = path_;
  if (path.starts_with(official) && path.find('/', official.size()) == path.npos) path.remove_prefix(official.size());
  // A short form that would be read as something else is no form of this reference.
  const std::size_t slash = path.find('/');
  if (slash == path.npos ? is_bare_identifier(path) : looks_like_domain(path.substr(0, slash))) return name();
  return std::string(path);
}

namespace {

std::string with_suffixes(std::string name, const std::string& tag, const Digest& digest) {
  if (!tag.empty()) name.append(1, ':').append(tag);
  if (!digest.empty()) name.append(1, '@').append(digest.str());
  return name;
}

}  // namespace

std::string Reference::str() const {
  return with_suffixes(name(), tag_, digest_);
}

std::string Reference::familiar() const {
  return with_suffixes(familiar_name(), tag_, digest_);
}

std::string Reference::api_host() const {
  return domain_ == hub ? "registry-1.docker.io" : domain_;
}

Result<Reference> Reference::with_tag(std::string_view tag) const {
  SHIPSET_CHECK(check_tag(tag));
  Reference out = repository();
  out.tag_ = tag;
  return out;
}

Reference Reference::with_digest(const Digest& digest) const {
  Reference out = *this;
  out.digest_ = digest;
  return out;
}

Reference Reference::repository() const {
  Reference out;
  out.domain_ = domain_;
  out.path_ = path_;
  return out;
}

Reference Reference::or_latest() const {
  Reference out = *this;
  if (tag_.empty() && digest_.empty()) out.tag_ = "latest";
  return out;
}

}  // namespace shipset
