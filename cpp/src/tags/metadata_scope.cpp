#include <fmt/format.h>

#include "metadata_scope_impl.hpp"
#include "moment_impl.hpp"
#include "script_text_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::tags::detail {

namespace {

std::string below(std::string_view ref, std::string_view folder) {
  return ref.starts_with(folder) ? std::string(ref.substr(folder.size())) : std::string();
}

constexpr std::string_view heads = "refs/heads/";

}  // namespace

Result<std::optional<TemplateScope::Value>> MetadataScope::value(std::string_view name) const {
  const auto boolean = [](bool is) { return std::optional(Value(is ? "true" : "false")); };
  if (name == "date" || name == "commit_date")
    return Error(ErrorKind::usage, fmt::format("{{{{{}}}}} has no format", name), "",
                 fmt::format("write {{{{{} 'YYYYMMDD'}}}}", name));
  if (dates_only_) return std::optional<Value>();
  const std::string& ref = request_.event.ref;
  if (name == "branch") return std::optional(Value(below(ref, heads)));
  if (name == "tag") return std::optional(Value(below(ref, "refs/tags/")));
  if (name == "base_ref") return std::optional(Value(base_ref()));
  if (name == "is_default_branch") return boolean(is_default_branch());
  if (name == "is_not_default_branch") return boolean(!is_default_branch());
  if (name != "sha") return std::optional<Value>();
  SHIPSET_TRY(auto sha, short_sha());
  return std::optional(Value(std::move(sha)));
}

Result<std::optional<std::string>> MetadataScope::call(const TemplateCall& call) const {
  if (call.name != "date" && call.name != "commit_date") return std::optional<std::string>();
  if (call.arguments.size() != 1)
    return Error(ErrorKind::usage, fmt::format("{{{{{} …}}}} cannot be used", call.name), "it takes one format",
                 fmt::format("write {{{{{} 'YYYYMMDD'}}}}", call.name));
  const std::int64_t unix_ms = call.name == "date" ? request_.now_unix_ms : request_.commit_unix_ms;
  ZoneOffset zone{0, "UTC"};
  for (const auto& [key, wanted] : call.options) {
    if (key != "tz")
      return Error(ErrorKind::usage, fmt::format("{{{{{} …}}}} cannot be used", call.name),
                   fmt::format("the option {} is not known", printable(key, 40)), "tz='Europe/Berlin' is");
    if (wanted == "UTC") continue;
    const auto found = request_.zone ? request_.zone(wanted, unix_ms) : std::nullopt;
    if (!found)
      return Error(ErrorKind::usage, fmt::format("{{{{{} …}}}} cannot be used", call.name),
                   fmt::format("the time zone {} is not known", printable(wanted, 60)),
                   "use a name of the tz database, as Europe/Berlin; it must be installed here");
    zone = *found;
  }
  SHIPSET_TRY(auto text, format_moment(unix_ms, zone, call.arguments[0]));
  return std::optional(std::move(text));
}

Result<std::string> MetadataScope::short_sha() const {
  constexpr double usual = 7;
  const std::string& sha = request_.event.sha;
  const auto length =
      request_.short_sha_length.empty() ? std::optional(usual) : script_number(request_.short_sha_length);
  if (!length)
    return Error(ErrorKind::usage, "DOCKER_METADATA_SHORT_SHA_LENGTH cannot be used",
                 fmt::format("{} is no number", printable(request_.short_sha_length, 40)));
  if (*length >= static_cast<double>(sha.size())) return sha;
  return sha.substr(0, *length > 0 ? static_cast<std::size_t>(*length) : 0);
}

bool MetadataScope::is_default_branch() const {
  const MetadataEvent& event = request_.event;
  const std::string branch = event.ref.starts_with(heads) ? below(event.ref, heads) : event.ref;
  if (branch.empty()) return false;
  if (branch == event.default_branch) return true;
  // Events that always run on the last commit of the default branch.
  for (const std::string_view word : {"create", "discussion", "issues", "schedule"})
    if (event.event_name.find(word) != event.event_name.npos) return true;
  return false;
}

std::string MetadataScope::base_ref() const {
  const std::string& base = request_.event.base_ref;
  if (request_.event.ref.starts_with("refs/tags/")) return base.starts_with(heads) ? below(base, heads) : base;
  return request_.event.ref.starts_with("refs/pull/") ? base : std::string();
}

}  // namespace shipset::tags::detail
