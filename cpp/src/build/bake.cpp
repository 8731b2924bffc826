#include "shipset/build/bake.hpp"

#include <algorithm>
#include <set>

#include "buildx_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/model/matrix_json.hpp"

namespace shipset::build {

namespace fs = std::filesystem;

namespace {

std::string target_name(std::string_view variant) {
  std::string out(variant);
  for (char& c : out)
    if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-') c = '_';
  return out;
}

/// What must be equal for two platforms of a variant to be one target.
std::string likeness(const Task& task) {
  BuildSettings settings = task.settings;
  settings.native = {};
  settings.prebuilt.clear();
  settings.hardware.clear();
  std::string out = settings_json(settings);
  for (const auto& [name, place] : task.variant_places) out += "\n" + name + " " + place;
  return out;
}

/// The platforms of one variant in groups that are built alike, the largest first.
std::vector<std::vector<std::size_t>> alike(const std::vector<Task>& tasks, const std::vector<std::size_t>& of) {
  std::vector<std::pair<std::string, std::vector<std::size_t>>> groups;
  for (const std::size_t at : of) {
    const std::string key = likeness(tasks[at]);
    auto found = std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return group.first == key; });
    if (found == groups.end()) found = groups.insert(groups.end(), {key, {}});
    found->second.push_back(at);
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.second.size() > b.second.size(); });
  std::vector<std::vector<std::size_t>> out;
  for (auto& group : groups) out.push_back(std::move(group.second));
  return out;
}

class BakeWriter {
 public:
  BakeWriter(const std::vector<Task>& tasks, const BakeOptions& options) : tasks_(tasks), options_(options) {}

  Result<BakeFile> write() {
    SHIPSET_CHECK(name_targets());
    out_.begin_object().key("group").begin_object().key("default").begin_object().key("targets").begin_array();
    for (const auto& target : file_.targets) out_.value(target.name);
    out_.end_array().end_object().end_object().key("target").begin_object();
    for (auto& target : file_.targets) SHIPSET_CHECK(write_target(target));
    out_.end_object().end_object();
    file_.json = out_.take() + "\n";
    return std::move(file_);
  }

 private:
  Result<void> name_targets() {
    std::vector<std::pair<std::string, std::vector<std::size_t>>> variants;
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      const auto at = std::find_if(variants.begin(), variants.end(),
                                   [&](const auto& variant) { return variant.first == tasks_[i].variant; });
      (at == variants.end() ? variants.insert(variants.end(), {tasks_[i].variant, {}}) : at)->second.push_back(i);
    }
    std::map<std::string, std::string> taken;
    for (const auto& [variant, of] : variants) {
      bool common = true;
      for (auto& group : alike(tasks_, of)) {
        // A builder of several nodes exports no layout of several platforms.
        if (group.size() > 1 && (options_.split_platforms || !place_of(tasks_[group.front()]))) common = false;
        // Of several settings the most common one is the variant's; the platforms of the others are targets each.
        if (common) {
          SHIPSET_CHECK(add(target_name(variant), variant, std::move(group), taken));
        } else {
          for (const std::size_t at : group)
            SHIPSET_CHECK(add(target_name(variant) + "_" + tasks_[at].platform.file_name(), variant, {at}, taken));
        }
        common = false;
      }
    }
    return {};
  }

  Result<void> add(const std::string& name, const std::string& variant, std::vector<std::size_t> tasks,
                   std::map<std::string, std::string>& taken) {
    const auto [at, fresh] = taken.emplace(name, variant);
    if (!fresh)
      return Error(ErrorKind::spec, "two build targets would be called " + name,
                   "variants " + at->second + " and " + variant + " differ only in characters that bake does not know",
                   "rename one of them");
    file_.targets.push_back({name, std::move(tasks), {}});
    return {};
  }

  void texts(std::string_view key, const std::vector<std::string>& list) {
    if (list.empty()) return;
    out_.key(key).begin_array();
    for (const auto& text : list) out_.value(text);
    out_.end_array();
  }

  void pairs(std::string_view key, const OrderedMap& map) {
    if (map.empty()) return;
    out_.key(key).begin_object();
    for (const auto& [name, value] : map) out_.member(name, value);
    out_.end_object();
  }

  Result<void> write_target(BakeTarget& target) {
    const Task& task = tasks_[target.tasks.front()];
    const BuildSettings& settings = task.settings;
    out_.key(target.name).begin_object().member("context", settings.context);
    out_.member("dockerfile", dockerfile_of(task));
    if (!settings.target.empty()) out_.member("target", settings.target);
    pairs("args", arguments(task));
    pairs("labels", settings.labels);
    write_annotations(settings);
    SHIPSET_CHECK(write_contexts(target));
    out_.key("platforms").begin_array();
    for (const std::size_t at : target.tasks) out_.value(tasks_[at].platform.str());
    out_.end_array();
    texts("cache-from", settings.cache_from);
    texts("cache-to", settings.cache_to);
    write_secrets(settings);
    texts("ssh", settings.ssh);
    texts("ulimits", settings.ulimits);
    if (!settings.network.empty()) out_.member("network", settings.network);
    if (settings.no_cache) out_.member("no-cache", true);
    if (settings.pull) out_.member("pull", true);
    write_attest(settings);
    write_output(target);
    out_.end_object();
    return {};
  }

  /// Bake looks for a local Dockerfile below the context.
  static std::string dockerfile_of(const Task& task) {
    const BuildSettings& settings = task.settings;
    if (buildx::is_remote(settings.context) || fs::path(settings.dockerfile).is_absolute()) return settings.dockerfile;
    if (fs::path(settings.context).is_absolute())
      return fs::absolute(fs::path(task.directory) / settings.dockerfile).lexically_normal().string();
    return fs::path(settings.dockerfile).lexically_relative(settings.context).lexically_normal().string();
  }

  static OrderedMap arguments(const Task& task) {
    OrderedMap out = buildx::build_arguments(task);
    if (task.epoch_unix_s != 0 || task.settings.rewrite_timestamp)
      out.emplace_back("SOURCE_DATE_EPOCH", std::to_string(task.epoch_unix_s));
    return out;
  }

  void write_annotations(const BuildSettings& settings) {
    std::vector<std::string> list;
    for (const auto& [key, value] : settings.annotations) {
      if (key.starts_with("index:")) continue;  // ours to write: the index is assembled after the build
      list.push_back((key.starts_with("manifest:") ? key : "manifest:" + key) + "=" + value);
    }
    texts("annotations", list);
  }

  Result<void> write_contexts(const BakeTarget& target) {
    std::map<std::string, std::string> contexts;
    for (const std::size_t at : target.tasks)
      for (const auto& base : tasks_[at].bases)
        if (const auto context = buildx::pinned_context(base)) contexts.emplace(context->first, context->second);
    const Task& task = tasks_[target.tasks.front()];
    for (const auto& base : task.settings.bases) {
      if (base.variant.empty()) continue;
      const std::string name = buildx::variant_stage(base.variant);
      if (const auto place = task.variant_places.find(base.variant); place != task.variant_places.end())
        contexts.insert_or_assign(name, place->second);
      else
        SHIPSET_CHECK(link_variant(target, base.variant, name, contexts));
    }
    for (const auto& [name, place] : task.settings.contexts) contexts.insert_or_assign(name, place);
    pairs("contexts", OrderedMap(contexts.begin(), contexts.end()));
    return {};
  }

  /// The target of the variant that is built in the same file for these platforms.
  Result<void> link_variant(const BakeTarget& target, const std::string& variant, const std::string& name,
                            std::map<std::string, std::string>& contexts) {
    for (const auto& other : file_.targets) {
      if (tasks_[other.tasks.front()].variant != variant) continue;
      const bool all = std::all_of(target.tasks.begin(), target.tasks.end(), [&](std::size_t at) {
        return std::any_of(other.tasks.begin(), other.tasks.end(),
                           [&](std::size_t below) { return tasks_[below].platform == tasks_[at].platform; });
      });
      if (!all) continue;
      contexts.insert_or_assign(name, "target:" + other.name);
      return {};
    }
    const Task& task = tasks_[target.tasks.front()];
    return Error(ErrorKind::spec, "cannot build " + task.variant + " on variant " + variant,
                 "no one target of " + variant + " has all platforms of " + target.name,
                 "give both variants the same platforms and platform settings");
  }

  void write_secrets(const BuildSettings& settings) {
    if (settings.secrets.empty()) return;
    out_.key("secret").begin_array();
    for (const auto& secret : settings.secrets) {
      out_.begin_object().member("id", secret.id);
      if (secret.env.empty())
        out_.member("src", secret.file);
      else
        out_.member("env", secret.env);
      out_.end_object();
    }
    out_.end_array();
  }

  /// SBOMs are shipset's own: BuildKit's generator is an image of another registry.
  void write_attest(const BuildSettings& settings) {
    const auto mode = settings.attestations.provenance;
    out_.key("attest").begin_array().begin_object().member("type", "provenance");
    if (mode == ProvenanceMode::none)
      out_.member("disabled", true);
    else
      out_.member("mode", to_string(mode));
    out_.end_object().begin_object().member("type", "sbom").member("disabled", true).end_object().end_array();
  }

  [[nodiscard]] std::optional<PushPlace> place_of(const Task& task) const {
    return options_.place && task.settings.output == "registry" ? options_.place(task) : std::nullopt;
  }

  void write_output(BakeTarget& target) {
    const Task& task = tasks_[target.tasks.front()];
    const auto place = place_of(task);
    out_.key("output").begin_array().begin_object();
    if (place) {
      out_.member("type", "image").member("name", place->repository).member("push", "true");
      out_.member("push-by-digest", "true").member("name-canonical", "true");
      if (place->insecure) out_.member("registry.insecure", "true");
    } else {
      target.layout = (options_.layouts / target.name).string();
      out_.member("type", "oci").member("dest", target.layout).member("tar", "false");
    }
    // What is repacked must have OCI types, whatever the builder's version prefers.
    out_.member("oci-mediatypes", "true");
    if (task.settings.rewrite_timestamp) out_.member("rewrite-timestamp", "true");
    out_.end_object().end_array();
  }

  const std::vector<Task>& tasks_;
  const BakeOptions& options_;
  BakeFile file_;
  JsonWriter out_{true};
};

}  // namespace

Result<BakeFile> make_bake_file(const std::vector<Task>& tasks, const BakeOptions& options) {
  return BakeWriter(tasks, options).write();
}

}  // namespace shipset::build
