#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "parse_impl.hpp"

namespace shipset::oci {

using detail::Members;

namespace {

constexpr std::array<std::string_view, 9> known_members{"User",    "ExposedPorts", "Env",    "Entrypoint", "Cmd",
                                                        "Volumes", "WorkingDir",   "Labels", "StopSignal"};

Result<ContainerConfig> read_container(const Members& members) {
  ContainerConfig out;
  SHIPSET_TRY(out.user, members.text("User"));
  SHIPSET_TRY(out.exposed_ports, members.names("ExposedPorts"));
  SHIPSET_TRY(out.env, members.texts("Env"));
  SHIPSET_TRY(out.entrypoint, members.texts("Entrypoint"));
  SHIPSET_TRY(out.cmd, members.texts("Cmd"));
  SHIPSET_TRY(out.volumes, members.names("Volumes"));
  SHIPSET_TRY(out.working_dir, members.text("WorkingDir"));
  SHIPSET_TRY(out.labels, members.text_map("Labels"));
  SHIPSET_TRY(out.stop_signal, members.text("StopSignal"));
  Json extra = Json::object();
  for (auto it = members.json().begin(); it != members.json().end(); ++it)
    if (!it->is_null() && std::find(known_members.begin(), known_members.end(), it.key()) == known_members.end())
      extra[it.key()] = *it;
  if (!extra.empty()) out.extra_json = canonical_json(extra);
  return out;
}

Result<std::vector<Digest>> read_diff_ids(const Members& rootfs) {
  SHIPSET_TRY(auto type, rootfs.required_text("type"));
  if (type != "layers") return rootfs.error("type", "must be \"layers\"");
  SHIPSET_TRY(auto texts, rootfs.texts("diff_ids"));
  std::vector<Digest> out;
  out.reserve(texts.size());
  for (const auto& text : texts) {
    auto digest = Digest::parse(text);
    if (!digest) return rootfs.error("diff_ids[" + std::to_string(out.size()) + "]", digest.error().what);
    out.push_back(std::move(*digest));
  }
  return out;
}

Result<std::vector<History>> read_history(const Members& members) {
  std::vector<History> out;
  SHIPSET_TRY(const Json* list, members.array("history"));
  if (!list) return out;
  for (const auto& value : *list) {
    auto place = "history[" + std::to_string(out.size()) + "]";
    SHIPSET_TRY(auto entry, Members::of(value, members.document(), std::move(place)));
    History history;
    SHIPSET_TRY(history.created, entry.text("created"));
    SHIPSET_TRY(history.created_by, entry.text("created_by"));
    SHIPSET_TRY(history.author, entry.text("author"));
    SHIPSET_TRY(history.comment, entry.text("comment"));
    SHIPSET_TRY(history.empty_layer, entry.flag("empty_layer"));
    out.push_back(std::move(history));
  }
  return out;
}

void write_text(JsonWriter& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out.member(name, text);
}

void write_texts(JsonWriter& out, std::string_view name, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  out.key(name).begin_array();
  for (const auto& text : texts) out.value(text);
  out.end_array();
}

void write_names(JsonWriter& out, std::string_view name, std::vector<std::string> names) {
  if (names.empty()) return;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  out.key(name).begin_object();
  for (const auto& entry : names) out.key(entry).begin_object().end_object();
  out.end_object();
}

/// Members of an object text, spliced behind those that were written already. The text came from canonical_json, or
/// from a caller who promised an object; anything else is left out.
void write_extra(JsonWriter& out, const std::string& extra_json) {
  if (extra_json.empty()) return;
  auto extra = parse_json(extra_json, "further members of an image config");
  if (!extra || !extra->is_object()) return;
  for (auto it = extra->begin(); it != extra->end(); ++it)
    if (std::find(known_members.begin(), known_members.end(), it.key()) == known_members.end())
      out.key(it.key()).raw(canonical_json(*it));
}

void write_container(JsonWriter& out, const ContainerConfig& config) {
  out.begin_object();
  write_text(out, "User", config.user);
  write_names(out, "ExposedPorts", config.exposed_ports);
  write_texts(out, "Env", config.env);
  write_texts(out, "Entrypoint", config.entrypoint);
  write_texts(out, "Cmd", config.cmd);
  write_names(out, "Volumes", config.volumes);
  write_text(out, "WorkingDir", config.working_dir);
  if (!config.labels.empty()) {
    out.key("Labels").begin_object();
    for (const auto& [name, value] : config.labels) out.member(name, value);
    out.end_object();
  }
  write_text(out, "StopSignal", config.stop_signal);
  write_extra(out, config.extra_json);
  out.end_object();
}

}  // namespace

void detail::write_platform(JsonWriter& out, const Platform& platform) {
  out.member("architecture", platform.architecture).member("os", platform.os);
  write_text(out, "os.version", platform.os_version);
  write_texts(out, "os.features", platform.os_features);
  write_text(out, "variant", platform.variant);
}

Result<ImageConfig> ImageConfig::parse(std::string_view bytes, std::string_view object) {
  SHIPSET_TRY(auto json, parse_json(bytes, object));
  SHIPSET_TRY(auto members, Members::of(json, object));
  ImageConfig out;
  SHIPSET_TRY(out.created, members.text("created"));
  SHIPSET_TRY(out.author, members.text("author"));
  SHIPSET_TRY(out.platform, detail::parse_platform(members));
  if (out.platform.architecture.empty()) return members.error("architecture", "is missing");
  if (out.platform.os.empty()) return members.error("os", "is missing");
  SHIPSET_TRY(auto container, members.object("config"));
  SHIPSET_TRY(out.config, read_container(container));
  if (!members.find("rootfs")) return members.error("rootfs", "is missing");
  SHIPSET_TRY(auto rootfs, members.object("rootfs"));
  SHIPSET_TRY(out.diff_ids, read_diff_ids(rootfs));
  SHIPSET_TRY(out.history, read_history(members));
  return out;
}

std::string ImageConfig::to_bytes() const {
  JsonWriter out;
  out.begin_object();
  write_text(out, "created", created);
  write_text(out, "author", author);
  detail::write_platform(out, platform);
  out.key("config");
  write_container(out, config);
  out.key("rootfs").begin_object().member("type", "layers").key("diff_ids").begin_array();
  for (const auto& diff_id : diff_ids) out.value(diff_id.str());
  out.end_array().end_object();
  if (!history.empty()) {
    out.key("history").begin_array();
    for (const auto& entry : history) {
      out.begin_object();
      write_text(out, "created", entry.created);
      write_text(out, "created_by", entry.created_by);
      write_text(out, "author", entry.author);
      write_text(out, "comment", entry.comment);
      if (entry.empty_layer) out.member("empty_layer", true);
      out.end_object();
    }
    out.end_array();
  }
  return out.end_object().take();
}

}  // namespace shipset::oci
