#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "budget_impl.hpp"
#include "formats_impl.hpp"
#include "pattern_impl.hpp"
#include "shipset/base/text.hpp"
#include "shipset/model/next_version.hpp"
#include "shipset/model/platform.hpp"
#include "shipset/model/reference.hpp"

namespace shipset::detail {

namespace {

using Found = std::optional<TextProblem>;

constexpr std::string_view lower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";

bool one_of(char c, std::initializer_list<std::string_view> sets) {
  return std::any_of(sets.begin(), sets.end(), [&](std::string_view set) { return set.find(c) != set.npos; });
}

bool all_of(std::string_view text, std::initializer_list<std::string_view> sets) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return one_of(c, sets); });
}

TextProblem problem(std::string message, std::string hint = {}) {
  return {0, std::move(message), std::move(hint)};
}

std::string quoted(std::string_view text) {
  return fmt::format("\"{}\"", printable(text, 120));
}

TextProblem from_error(const Error& error) {
  return problem(error.why.empty() ? error.what : fmt::format("{}: {}", error.what, error.why), error.hint);
}

Found check_label(std::string_view text) {
  if (text.empty()) return problem("the text is empty");
  if (text.size() > 200) return problem("the text is longer than 200 bytes");
  const bool control = std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 32; });
  if (control) return problem("the text has control characters");
  return {};
}

Found check_identifier(std::string_view text) {
  const bool good = !text.empty() && one_of(text[0], {lower, upper, "_"}) && text.back() != '-' &&
                    all_of(text, {lower, upper, digits, "_-"});
  if (good) return {};
  return problem(fmt::format("{} cannot be a name", quoted(text)),
                 "names are letters, digits, _ and -, begin with a letter or _ and do not end in -");
}

Found check_variant_name(std::string_view text) {
  if (is_variant_name(text)) return {};
  return problem(
      fmt::format("{} cannot be the name of a variant", quoted(text)),
      "names are lower-case letters, digits, \".\", \"_\" and \"-\", begin with a letter or digit and have at "
      "most 100 characters");
}

Found check_axis_value(std::string_view text) {
  if (text.size() <= 100 && all_of(text, {lower, upper, digits, "._-"})) return {};
  return problem(fmt::format("{} cannot be a value of an axis", quoted(text)),
                 "values are letters, digits, \".\", \"_\" and \"-\"");
}

Found check_suffix(std::string_view text) {
  if (text.starts_with('-'))
    return problem(fmt::format("the suffix {} begins with a dash", quoted(text)),
                   "leave the dash out: {-suffix} in a tag adds it");
  if (text.size() <= 100 && all_of(text, {lower, upper, digits, "._-"})) return {};
  return problem(fmt::format("the suffix {} has characters that no tag may have", quoted(text)),
                 "suffixes are letters, digits, \".\", \"_\" and \"-\", at most 100");
}

Found check_env_name(std::string_view text) {
  const bool good =
      !text.empty() && !one_of(text[0], {digits}) && text.size() <= 200 && all_of(text, {lower, upper, digits, "_"});
  if (good) return {};
  return problem(fmt::format("{} cannot be the name of a variable", quoted(text)),
                 "names are letters, digits and _, and do not begin with a digit");
}

Found check_secret_env(std::string_view text) {
  if (!looks_like_secret(text) && !check_env_name(text)) return {};
  return problem("`env` is not the name of an environment variable",
                 "secrets never stand in the file: write the name of the variable that holds it");
}

Found check_secret_file(std::string_view text) {
  if (text.empty()) return problem("the path is empty");
  if (!looks_like_secret(text) && text.find('\n') == text.npos) return {};
  return problem("`file` is not a path", "secrets never stand in the file: write the path of the file that holds it");
}

Found check_platform(std::string_view text) {
  if (text.find('/') == text.npos)
    return problem(fmt::format("{} is not a platform", quoted(text)), "write os/architecture, e.g. linux/amd64");
  if (auto parsed = Platform::parse(text); !parsed) return from_error(parsed.error());
  return {};
}

Found check_reference(std::string_view text) {
  if (auto parsed = Reference::parse(text); !parsed) return from_error(parsed.error());
  return {};
}

Found check_base(std::string_view text) {
  if (text.empty() || text == "scratch") return {};
  if (text.starts_with("variant:")) return check_variant_name(variant_of_base(text));
  if (text.starts_with("oci:") || text.starts_with("docker-archive:"))
    return problem(fmt::format("{} is not an image of a registry", quoted(text)),
                   "bases of a Dockerfile are references or variant:NAME; only native.base takes oci:PATH");
  return check_reference(text);
}

Found check_native_base(std::string_view text) {
  if (text == "scratch") return {};
  if (text.starts_with("variant:"))
    return problem("a native build cannot have another variant as its base",
                   "use a reference, oci:PATH[:TAG] or scratch");
  auto parsed = Location::parse(text);
  if (!parsed) return from_error(parsed.error());
  if (parsed->kind == Location::Kind::docker_archive)
    return problem("a native build cannot have a docker-archive as its base",
                   "use a reference, oci:PATH[:TAG] or scratch; shipset copy makes a layout of an archive");
  return {};
}

Found check_location(std::string_view text) {
  if (auto parsed = Location::parse(text); !parsed) return from_error(parsed.error());
  return {};
}

Found check_repository(std::string_view text) {
  auto parsed = Reference::parse(text);
  if (!parsed) return from_error(parsed.error());
  if (parsed->tag().empty() && parsed->digest().empty()) return {};
  return problem(fmt::format("{} has a tag or digest", quoted(text)),
                 "repositories stand without; `tags` says the tags");
}

Found check_hardware(std::string_view text) {
  std::size_t parts = 0;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(" :: ", start), text.size());
    if (trim(text.substr(start, end - start)).empty()) return problem("a part of the hardware property is empty");
    ++parts;
    start = end == text.size() ? text.size() + 1 : end + 4;
  }
  if (parts == 3) return {};
  return problem(fmt::format("{} is not a hardware property", quoted(text)),
                 "write vendor :: property :: value, e.g. nvidia :: cuda_version_lower_bound :: 12.9");
}

Found check_owner(std::string_view text) {
  const auto number = [](std::string_view part) {
    std::uint32_t id = 0;
    const auto [end, code] = std::from_chars(part.data(), part.data() + part.size(), id);
    return !part.empty() && code == std::errc() && end == part.data() + part.size();
  };
  const std::size_t colon = text.find(':');
  if (number(text.substr(0, colon)) && (colon == text.npos || number(text.substr(colon + 1)))) return {};
  return problem(fmt::format("{} is not an owner", quoted(text)), "write numbers, UID or UID:GID, e.g. 1000:1000");
}

Found check_mode(std::string_view text) {
  const bool good =
      text.size() >= 3 && text.size() <= 5 && all_of(text, {"01234567"}) && (text.size() < 5 || text[0] == '0');
  if (good) return {};
  return problem(fmt::format("{} is not a file mode", quoted(text)), "write octal digits, e.g. \"0755\"");
}

Found check_port(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view number = text.substr(0, slash);
  const std::string_view protocol = slash == text.npos ? "tcp" : text.substr(slash + 1);
  int port = 0;
  const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), port);
  const bool good = code == std::errc() && end == number.data() + number.size() && port > 0 && port < 65536 &&
                    (protocol == "tcp" || protocol == "udp" || protocol == "sctp");
  if (good) return {};
  return problem(fmt::format("{} is not a port", quoted(text)), "write NUMBER or NUMBER/tcp, /udp, /sctp");
}

Found check_absolute_path(std::string_view text) {
  if (!text.starts_with('/'))
    return problem(fmt::format("{} is not an absolute path", quoted(text)), "paths in an image begin with /");
  for (const auto& part : split(text, '/'))
    if (part == "..") return problem(fmt::format("{} leads out of its folder", quoted(text)), "write it without ..");
  if (text.find('\0') != text.npos) return problem("the path has a zero byte");
  return {};
}

Found check_tag_text(std::string_view text) {
  if (auto good = check_tag(text); !good) return from_error(good.error());
  return {};
}

Found check_pattern(std::string_view text) {
  if (auto parsed = Pattern::parse(text); !parsed) {
    auto found = from_error(parsed.error());
    found.message = fmt::format("the pattern cannot be read: {}", found.message);
    const auto offset = parsed.error().context.find("offset");
    if (offset != parsed.error().context.end()) found.offset = std::strtoul(offset->second.c_str(), nullptr, 10);
    return found;
  }
  return {};
}

Found check_version(std::string_view text) {
  if (!text.starts_with(automatic_prefix)) return check_label(text);
  if (const auto step = parse_version_step(text.substr(automatic_prefix.size())); !step)
    return from_error(step.error());
  return {};
}

template <class T>
Found check_parsed(const Result<T>& parsed) {
  if (!parsed) return from_error(parsed.error());
  return {};
}

}  // namespace

bool is_variant_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 100 && one_of(text[0], {lower, digits}) &&
         all_of(text, {lower, digits, "._-"});
}

std::string_view variant_of_base(std::string_view base) noexcept {
  constexpr std::string_view prefix = "variant:";
  return base.starts_with(prefix) ? base.substr(prefix.size()) : std::string_view();
}

bool looks_like_secret(std::string_view text) noexcept {
  constexpr std::string_view prefixes[] = {"ghp_",      "gho_",      "ghs_",    "ghu_",      "github_pat_", "glpat-",
                                           "dckr_pat_", "dckr_oat_", "xoxb-",   "xoxp-",     "AKIA",        "hf_",
                                           "pypi-AgE",  "npm_",      "sk-ant-", "-----BEGIN"};
  return text.size() >= 16 && std::any_of(std::begin(prefixes), std::end(prefixes),
                                          [&](std::string_view prefix) { return text.starts_with(prefix); });
}

std::optional<TextProblem> check_format(Format format, std::string_view text) {
  switch (format) {
    case Format::none:
    case Format::unset:
      return {};
    case Format::not_empty:
      return text.empty() ? Found(problem("the text is empty")) : Found();
    case Format::label:
      return check_label(text);
    case Format::identifier:
      return check_identifier(text);
    case Format::variant_name:
      return check_variant_name(text);
    case Format::axis_value:
      return check_axis_value(text);
    case Format::suffix:
      return check_suffix(text);
    case Format::env_name:
      return check_env_name(text);
    case Format::secret_env:
      return check_secret_env(text);
    case Format::secret_file:
      return check_secret_file(text);
    case Format::platform:
      return check_platform(text);
    case Format::base:
      return check_base(text);
    case Format::native_base:
      return check_native_base(text);
    case Format::repository:
      return check_repository(text);
    case Format::location:
      return check_location(text);
    case Format::hardware:
      return check_hardware(text);
    case Format::tag:
      return check_tag_text(text);
    case Format::owner:
      return check_owner(text);
    case Format::mode:
      return check_mode(text);
    case Format::port:
      return check_port(text);
    case Format::absolute_path:
      return check_absolute_path(text);
    case Format::pattern:
      return check_pattern(text);
    case Format::size:
      return check_parsed(parse_size(text));
    case Format::percent:
      return check_parsed(parse_percent(text));
    case Format::version:
      return check_version(text);
  }
  return {};
}

}  // namespace shipset::detail
