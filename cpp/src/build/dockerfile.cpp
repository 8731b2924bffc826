#include "shipset/build/dockerfile.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "dockerfile_data_impl.hpp"
#include "dockerfile_uses_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build {

using namespace dockerfile;

Result<Dockerfile> Dockerfile::parse(std::string_view text, const std::string& name) {
  auto data = std::make_shared<Data>();
  SHIPSET_TRY(data->content, read_file_content(text, name));
  SHIPSET_TRY(data->stages, read_stages(data->content, name));
  data->text = text;
  data->name = name;
  return Dockerfile(std::move(data));
}

std::vector<std::string> Dockerfile::stages() const {
  std::vector<std::string> out;
  for (const auto& each : data_->stages.stages)
    out.push_back(each.name.empty() ? std::to_string(out.size()) : each.name);
  return out;
}

bool Dockerfile::has_target(std::string_view target) const {
  const auto name = to_lower(target);
  const auto& stages = data_->stages.stages;
  return !name.empty() &&
         std::any_of(stages.begin(), stages.end(), [&](const auto& each) { return each.name == name; });
}

Result<DockerfileUses> Dockerfile::uses(const DockerfileQuery& query) const {
  if (query.target.empty() || has_target(query.target))
    return find_uses(data_->stages, data_->name, data_->content.escape, query);
  constexpr std::size_t shown = 20;
  auto names = stages();
  const auto near = nearest_name(to_lower(query.target), names);
  const bool number = std::find(names.begin(), names.end(), query.target) != names.end();
  if (names.size() > shown) names.resize(shown), names.push_back("…");
  std::string hint;
  if (number)
    hint = "BuildKit takes names alone: write FROM … AS NAME, and NAME as the target";
  else if (!near.empty())
    hint = fmt::format("did you mean {}?", near);
  return Error(ErrorKind::spec,
               fmt::format("the Dockerfile \"{}\" has no stage \"{}\"", printable(data_->name, 200),
                           printable(query.target, 80)),
               fmt::format("its stages are {}", join(names, ", ")), std::move(hint))
      .with("missing_target", printable(query.target, 80));
}

std::string Dockerfile::line(int number) const {
  const auto& starts = data_->content.line_starts;
  if (number < 1 || static_cast<std::size_t>(number) > starts.size()) return {};
  const std::size_t begin = starts[static_cast<std::size_t>(number) - 1];
  std::string out = data_->text.substr(begin, data_->text.find('\n', begin) - begin);
  while (out.ends_with('\r')) out.pop_back();
  return out;
}

std::optional<std::string> Dockerfile::syntax() const {
  return data_->content.syntax;
}

bool is_predefined_arg(std::string_view name) {
  constexpr std::string_view proxies[] = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"};
  constexpr std::string_view others[] = {"SOURCE_DATE_EPOCH", "TARGETPLATFORM", "TARGETOS",    "TARGETOSVERSION",
                                         "TARGETARCH",        "TARGETVARIANT",  "TARGETSTAGE", "BUILDPLATFORM",
                                         "BUILDOS",           "BUILDOSVERSION", "BUILDARCH",   "BUILDVARIANT"};
  const auto lower = to_lower(name);
  return name.starts_with("BUILDKIT_") ||
         std::find(std::begin(proxies), std::end(proxies), lower) != std::end(proxies) ||
         std::find(std::begin(others), std::end(others), name) != std::end(others);
}

}  // namespace shipset::build
