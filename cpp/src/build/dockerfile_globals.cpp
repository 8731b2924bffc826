// What FROM lines see: the platform arguments and the ARGs before the first FROM.
#include <fmt/format.h>

#include "dockerfile_uses_impl.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build::dockerfile {

Result<Globals> global_values(const FileStages& file, const std::string& name, char escape,
                              const DockerfileQuery& query, const std::string& target, Budget& budget) {
  const Platform builder = query.build_platform.normalized(), wanted = query.platform.normalized();
  const std::pair<const char*, std::string> automatic[] = {
      {"BUILDPLATFORM", builder.str()},
      {"BUILDOS", builder.os},
      {"BUILDOSVERSION", builder.os_version},
      {"BUILDARCH", builder.architecture},
      {"BUILDVARIANT", builder.variant},
      {"TARGETPLATFORM", wanted.full_str()},
      {"TARGETOS", wanted.os},
      {"TARGETOSVERSION", wanted.os_version},
      {"TARGETARCH", wanted.architecture},
      {"TARGETVARIANT", wanted.variant},
      {"TARGETSTAGE", target.empty() ? "default" : target},
  };
  Variables given;
  for (const auto& [key, value] : query.args) given.insert_or_assign(key, value);
  Globals out;
  for (const auto& [key, value] : automatic) {
    const auto found = given.find(key);
    out.values.insert_or_assign(key, found == given.end() ? value : found->second);
    if (found == given.end() && std::string_view(key).starts_with("BUILD")) out.of_builder.insert(key);
  }
  for (const auto& arg : file.global_args) {
    if (const auto found = given.find(arg.name); found != given.end()) {
      out.values.insert_or_assign(arg.name, found->second);
      out.of_builder.erase(arg.name);
      continue;
    }
    if (!arg.value) continue;
    auto expanded = expand(*arg.value, out.values, escape, budget);
    if (!expanded)
      return file_error(name, arg.line,
                        fmt::format("the value of ARG {} cannot be read: {}", printable(arg.name, 80),
                                    printable(expanded.error().what)));
    bool from_builder = false;
    for (const auto& each : expanded->matched) from_builder = from_builder || out.of_builder.contains(each);
    if (from_builder)
      out.of_builder.insert(arg.name);
    else
      out.of_builder.erase(arg.name);
    out.values.insert_or_assign(arg.name, std::move(expanded->text));
  }
  return out;
}

}  // namespace shipset::build::dockerfile
