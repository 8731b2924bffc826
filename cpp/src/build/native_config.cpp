#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "native_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build::native {

namespace {

Error bad_value(const Task& task, const std::string& key, std::string why, std::string hint = {}) {
  return Error(ErrorKind::spec, "wrong native config." + key + " of " + task.name(), std::move(why), std::move(hint));
}

std::string_view env_key(std::string_view entry) {
  return entry.substr(0, entry.find('='));
}

/// Values of known keys change where they stand; new keys come last.
void set_env(std::vector<std::string>& env, const std::string& key, const std::string& value) {
  const std::string entry = key + "=" + value;
  for (auto& old : env)
    if (env_key(old) == key) {
      old = entry;
      return;
    }
  env.push_back(entry);
}

void add_name(std::vector<std::string>& names, std::string name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
}

bool parse_port(std::string_view text, unsigned& out) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && code == std::errc() && end == text.data() + text.size() && out >= 1 && out <= 65535;
}

/// "8080", "8080/udp" and ranges such as "8000-8003/tcp", as EXPOSE takes them.
Result<void> add_ports(const Task& task, const std::string& setting, std::vector<std::string>& ports) {
  const auto slash = setting.find('/');
  const std::string protocol = slash == std::string::npos ? "tcp" : to_lower(setting.substr(slash + 1));
  const std::string_view numbers = std::string_view(setting).substr(0, slash);
  const auto dash = numbers.find('-');
  unsigned first = 0, last = 0;
  const bool good = parse_port(numbers.substr(0, dash), first) &&
                    parse_port(dash == std::string_view::npos ? numbers : numbers.substr(dash + 1), last) &&
                    first <= last && (protocol == "tcp" || protocol == "udp" || protocol == "sctp");
  if (!good)
    return bad_value(task, "ports", "\"" + printable(setting, 80) + "\" is not a port",
                     "write \"8080\", \"8080/udp\" or \"8000-8003/tcp\"");
  for (unsigned port = first; port <= last; ++port) add_name(ports, std::to_string(port) + "/" + protocol);
  return {};
}

/// A relative directory continues the inherited one, as WORKDIR does.
std::string working_directory(const std::string& base, const std::string& setting) {
  auto path = std::filesystem::path(base.empty() ? "/" : base) / setting;
  std::string out = path.lexically_normal().string();
  while (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

std::string json_array(const std::vector<std::string>& texts) {
  JsonWriter out;
  out.begin_array();
  for (const auto& text : texts) out.value(text);
  return out.end_array().take();
}

/// Applies settings to the configuration and notes each kind of change in the history.
class Merger {
 public:
  Merger(const Task& task, oci::ImageConfig& image)
      : task_(task), image_(image), config_(image.config), settings_(task.settings.native.config) {}

  Result<void> run() {
    SHIPSET_CHECK(merge_env());
    merge_labels();
    SHIPSET_CHECK(merge_sets());
    if (settings_.user) {
      config_.user = *settings_.user;
      note("USER " + config_.user);
    }
    if (settings_.workdir) {
      config_.working_dir = working_directory(config_.working_dir, *settings_.workdir);
      note("WORKDIR " + config_.working_dir);
    }
    if (settings_.entrypoint) {
      config_.entrypoint = *settings_.entrypoint;
      // An inherited command was meant for the inherited entry point.
      config_.cmd.clear();
      note("ENTRYPOINT " + json_array(config_.entrypoint));
    }
    if (settings_.cmd) {
      config_.cmd = *settings_.cmd;
      note("CMD " + json_array(config_.cmd));
    }
    return {};
  }

 private:
  void note(std::string what) {
    oci::History entry;
    entry.created = image_.created;
    entry.created_by = "shipset native: " + std::move(what);
    entry.empty_layer = true;
    image_.history.push_back(std::move(entry));
  }

  Result<void> merge_env() {
    std::string names;
    for (const auto& [key, value] : settings_.env) {
      if (key.empty() || key.find('=') != std::string::npos || key.find('\0') != std::string::npos ||
          value.find('\0') != std::string::npos)
        return bad_value(task_, "env", "\"" + printable(key, 80) + "\" is not a name of a variable");
      set_env(config_.env, key, value);
      names += " " + key + "=" + value;
    }
    if (!names.empty()) note("ENV" + names);
    return {};
  }

  void merge_labels() {
    std::string names;
    for (const auto* labels : {&task_.settings.labels, &settings_.labels})
      for (const auto& [key, value] : *labels) {
        config_.labels.insert_or_assign(key, value);
        names += " " + key + "=" + value;
      }
    if (!names.empty()) note("LABEL" + names);
  }

  Result<void> merge_sets() {
    for (const auto& port : settings_.ports) SHIPSET_CHECK(add_ports(task_, port, config_.exposed_ports));
    if (!settings_.ports.empty()) note("EXPOSE " + join(settings_.ports, " "));
    for (const auto& volume : settings_.volumes) {
      if (volume.empty()) return bad_value(task_, "volumes", "an entry is empty");
      add_name(config_.volumes, volume);
    }
    if (!settings_.volumes.empty()) note("VOLUME " + json_array(settings_.volumes));
    return {};
  }

  const Task& task_;
  oci::ImageConfig& image_;
  oci::ContainerConfig& config_;
  const ContainerSettings& settings_;
};

/// Triggers of the base belong to Dockerfile builds: nothing here runs them, and no child inherits them.
void drop_triggers(oci::ContainerConfig& config, std::vector<std::string>& notes) {
  if (config.extra_json.empty()) return;
  auto extra = parse_json(config.extra_json, "further members of the base's config");
  if (!extra || !extra->is_object() || !extra->contains("OnBuild")) return;
  if (!(*extra)["OnBuild"].empty()) notes.push_back("the ONBUILD triggers of the base were not run");
  extra->erase("OnBuild");
  config.extra_json = extra->empty() ? std::string() : canonical_json(*extra);
}

/// Every layer of the base has an entry, so that counting entries finds the layers that follow.
void complete_history(oci::ImageConfig& image) {
  const auto filled = std::count_if(image.history.begin(), image.history.end(),
                                    [](const oci::History& entry) { return !entry.empty_layer; });
  for (auto i = static_cast<std::size_t>(filled); i < image.diff_ids.size(); ++i) {
    oci::History entry;
    entry.created_by = "layer of the base image, without history there";
    image.history.push_back(std::move(entry));
  }
}

}  // namespace

Result<oci::ImageConfig> merge_config(std::optional<oci::ImageConfig> base, const Task& task,
                                      const std::vector<PackedLayer>& layers, std::vector<std::string>& notes) {
  oci::ImageConfig image;
  if (base) image = std::move(*base);
  drop_triggers(image.config, notes);
  complete_history(image);
  const Platform wanted = task.platform.normalized();
  image.platform.os = wanted.os;
  image.platform.architecture = wanted.architecture;
  image.platform.variant = wanted.variant;
  if (!wanted.os_version.empty()) image.platform.os_version = wanted.os_version;
  if (!wanted.os_features.empty()) image.platform.os_features = wanted.os_features;
  image.created = rfc3339(task.epoch_unix_s);
  for (const auto& layer : layers) {
    image.diff_ids.push_back(layer.result.diff_id);
    oci::History entry;
    entry.created = image.created;
    entry.created_by = "shipset native: " + layer.setting.from + " -> " + layer.setting.to;
    image.history.push_back(std::move(entry));
  }
  SHIPSET_CHECK(Merger(task, image).run());
  return image;
}

}  // namespace shipset::build::native
