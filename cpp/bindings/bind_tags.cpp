// The dialect of docker/metadata-action: texts in, tags out. The value types are in metadata.py.
#include "errors.hpp"
#include "shipset/tags/metadata.hpp"

namespace shipset::bindings {

namespace {

using MetadataParts = std::tuple<std::vector<std::string>, std::optional<std::string>, std::vector<std::string>, bool,
                                 std::vector<std::string>>;

// `zone(name, unix_ms)` gives seconds east of UTC and the abbreviation, or None.
tags::ZoneLookup zone_lookup(const py::function& zone) {
  return [zone](const std::string& name, std::int64_t unix_ms) -> std::optional<tags::ZoneOffset> {
    const py::object answer = zone(name, unix_ms);
    if (answer.is_none()) return std::nullopt;
    const auto [east_s, abbreviation] = answer.cast<std::pair<std::int32_t, std::string>>();
    return tags::ZoneOffset{east_s, abbreviation};
  };
}

Result<MetadataParts> metadata_tags(std::vector<std::string> images, std::vector<std::string> rules,
                                    std::vector<std::string> flavor, std::map<std::string, std::string> event,
                                    std::string short_sha_length, std::int64_t now_unix_ms, std::int64_t commit_unix_ms,
                                    const py::function& zone) {
  const tags::MetadataRequest request{
      std::move(images),
      std::move(rules),
      std::move(flavor),
      {event["ref"], event["sha"], event["event_name"], event["default_branch"], event["base_ref"]},
      std::move(short_sha_length),
      now_unix_ms,
      commit_unix_ms,
      zone_lookup(zone)};
  SHIPSET_TRY(auto found, tags::metadata_tags(request));
  return MetadataParts{std::move(found.tags), std::move(found.version), std::move(found.partial), found.latest,
                       std::move(found.warnings)};
}

}  // namespace

void bind_tags(py::module_& module) {
  module.def("metadata_tags", &metadata_tags, py::kw_only(), py::arg("images"), py::arg("tags"), py::arg("flavor"),
             py::arg("event"), py::arg("short_sha_length"), py::arg("now_unix_ms"), py::arg("commit_unix_ms"),
             py::arg("zone"), "Tags, version, partial versions, latest, warnings.");
}

}  // namespace shipset::bindings
