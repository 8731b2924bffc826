#include "shipset/model/platform.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>
#include <vector>

#include "shipset/base/text.hpp"

namespace shipset {

namespace {

#if defined(__APPLE__)
constexpr std::string_view host_os = "darwin";
#elif defined(_WIN32)
constexpr std::string_view host_os = "windows";
#elif defined(__FreeBSD__)
constexpr std::string_view host_os = "freebsd";
#else
constexpr std::string_view host_os = "linux";
#endif

#if defined(__x86_64__) || defined(_M_X64)
constexpr std::string_view host_architecture = "amd64";
#elif defined(__aarch64__) || defined(_M_ARM64)
constexpr std::string_view host_architecture = "arm64";
#elif defined(__arm__)
constexpr std::string_view host_architecture = "arm";
#elif defined(__i386__)
constexpr std::string_view host_architecture = "386";
#elif defined(__powerpc64__)
constexpr std::string_view host_architecture = "ppc64le";
#elif defined(__s390x__)
constexpr std::string_view host_architecture = "s390x";
#elif defined(__riscv)
constexpr std::string_view host_architecture = "riscv64";
#elif defined(__loongarch__)
constexpr std::string_view host_architecture = "loong64";
#else
constexpr std::string_view host_architecture = "unknown";
#endif

constexpr std::array<std::string_view, 17> known_os = {
    "aix",   "android", "darwin", "dragonfly", "freebsd", "hurd",    "illumos", "ios", "js",
    "linux", "nacl",    "netbsd", "openbsd",   "plan9",   "solaris", "windows", "zos"};
constexpr std::array<std::string_view, 25> known_architectures = {
    "386",     "amd64", "amd64p32", "arm",    "armbe",    "arm64",     "arm64be",     "ppc64", "ppc64le",
    "loong64", "mips",  "mipsle",   "mips64", "mips64le", "mips64p32", "mips64p32le", "ppc",   "riscv",
    "riscv64", "s390",  "s390x",    "sparc",  "sparc64",  "wasm",      "unknown"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool consists_of(std::string_view text, std::string_view also) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return is_alnum(c) || also.find(c) != also.npos; });
}

std::string normal_os(std::string_view os) {
  std::string lower = to_lower(os);
  if (lower.empty()) return std::string(host_os);
  return lower == "macos" ? "darwin" : lower;
}

// Aliases of architecture and variant (containerd/platforms, database.go).
std::pair<std::string, std::string> normal_architecture(std::string_view architecture, std::string_view variant) {
  std::string arch = to_lower(architecture), v = to_lower(variant);
  if (arch == "i386") return {"386", ""};
  if (arch == "x86_64" || arch == "x86-64" || arch == "amd64") return {"amd64", v == "v1" ? "" : v};
  if (arch == "aarch64" || arch == "arm64") {
    if (v == "8" || v == "v8" || v == "v8.0") v.clear();
    if (v == "9" || v == "9.0" || v == "v9.0") v = "v9";
    return {"arm64", v};
  }
  if (arch == "armhf") return {"arm", "v7"};
  if (arch == "armel") return {"arm", "v6"};
  if (arch == "arm") {
    if (v.empty() || v == "7") v = "v7";
    if (v == "5" || v == "6" || v == "8") v = fmt::format("v{}", v);
  }
  return {arch, v};
}

Error bad_platform(std::string_view text, std::string why) {
  return Error(ErrorKind::usage, fmt::format("invalid platform \"{}\"", printable(text, 100)), std::move(why),
               "write os/architecture[/variant], for example linux/amd64 or linux/arm/v7");
}

bool percent_decode(std::string_view text, std::string& out) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
    } else if (i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2])) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      return false;
    }
  }
  return true;
}

// `os`, `os(version)`, `os(version+feature+…)`.
Result<void> parse_os(std::string_view whole, std::string_view part, Platform& out) {
  const std::size_t open = part.find('(');
  const std::string_view name = part.substr(0, open);
  if (name.empty() || !consists_of(name, "_-"))
    return bad_platform(whole, "the operating system is letters, digits, _ and -");
  out.os = name;
  if (open == part.npos) return {};
  if (part.back() != ')') return bad_platform(whole, "\"(\" without \")\" after the operating system");
  const std::string_view inside = part.substr(open + 1, part.size() - open - 2);
  const auto pieces = split(inside, '+');
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    std::string decoded;
    if (!consists_of(pieces[i], "_.%-") || (i > 0 && pieces[i].empty()) || !percent_decode(pieces[i], decoded))
      return bad_platform(whole, "a version or feature of the operating system is malformed");
    if (i == 0) {
      out.os_version = decoded;
    } else {
      out.os_features.push_back(decoded);
    }
  }
  std::sort(out.os_features.begin(), out.os_features.end());
  return {};
}

Result<Platform> complete(std::string_view text, Platform platform) {
  if (const std::string os = normal_os(platform.os); contains(known_os, os)) {
    platform.os = os;
    platform.architecture = host_architecture;
    return platform;
  }
  auto [architecture, variant] = normal_architecture(platform.os, "");
  if (!contains(known_architectures, architecture) || !platform.os_version.empty() || !platform.os_features.empty())
    return bad_platform(text, "it is neither a known operating system nor a known architecture");
  platform.os = host_os;
  platform.architecture = architecture;
  platform.variant = architecture == "arm" && variant == "v7" ? "" : variant;
  return platform;
}

}  // namespace

Result<Platform> Platform::parse(std::string_view text) {
  if (text.empty()) return bad_platform(text, "it is empty");
  if (text.size() > 255) return bad_platform(text, "it is longer than 255 characters");
  if (text.find('*') != text.npos) return bad_platform(text, "wildcards are not allowed");
  const auto parts = split(text, '/');
  if (parts.size() > 3) return bad_platform(text, "it has more than three parts");
  for (std::size_t i = 1; i < parts.size(); ++i)
    if (parts[i].empty() || !consists_of(parts[i], "_.-"))
      return bad_platform(text, "architecture and variant are letters, digits, _, . and -");

  Platform out;
  SHIPSET_CHECK(parse_os(text, parts[0], out));
  if (parts.size() == 1) return complete(text, std::move(out));
  out.os = normal_os(out.os);
  std::tie(out.architecture, out.variant) = normal_architecture(parts[1], parts.size() == 3 ? parts[2] : "");
  // As written: two parts stay two parts, three stay three.
  if (parts.size() == 2 && out.architecture == "arm" && out.variant == "v7") out.variant.clear();
  if (parts.size() == 3 && out.architecture == "arm64" && out.variant.empty()) out.variant = "v8";
  return out;
}

std::string Platform::str() const {
  std::string out = os.empty() ? "unknown" : os;
  for (const auto* part : {&architecture, &variant}) {
    if (part->empty()) continue;
    out += '/';
    out += *part;
  }
  return out;
}

std::string Platform::full_str() const {
  if (os_version.empty() && os_features.empty()) return str();
  const auto encoded = [](std::string_view text) { return percent_encode(text, "_.-"); };
  std::string inside = encoded(os_version);
  for (const auto& feature : os_features) inside += fmt::format("+{}", encoded(feature));
  std::string out = str();
  return out.insert(os.empty() ? 7 : os.size(), fmt::format("({})", inside));
}

Platform Platform::normalized() const {
  Platform out = *this;
  out.os = normal_os(os);
  std::tie(out.architecture, out.variant) = normal_architecture(architecture, variant);
  std::sort(out.os_features.begin(), out.os_features.end());
  return out;
}

std::string Platform::machine() const {
  const Platform p = normalized();
  constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"amd64", "x86_64"},      {"386", "i686"},    {"arm64", "aarch64"},
      {"mips64le", "mips64"},   {"mipsle", "mips"}, {"loong64", "loongarch64"},
      {"arm64be", "aarch64_be"}};
  for (const auto& [architecture_name, machine_name] : names)
    if (p.architecture == architecture_name) return std::string(machine_name);
  if (p.architecture != "arm") return p.architecture;
  if (p.variant == "v5") return "armv5tel";
  return fmt::format("arm{}l", p.variant);
}

std::string Platform::file_name() const {
  std::string out = os.empty() ? "unknown" : os;
  const auto add = [&](std::string_view part) {
    if (part.empty()) return;
    out += '-';
    for (const char c : part) out += is_alnum(c) || c == '_' || c == '.' || c == '-' ? c : '_';
  };
  add(architecture);
  add(variant);
  add(os_version);
  for (const auto& feature : os_features) add(feature);
  return out;
}

bool Platform::matches(const Platform& other) const {
  return normalized() == other.normalized();
}

}  // namespace shipset
