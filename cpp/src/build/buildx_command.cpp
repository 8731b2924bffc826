// The buildx program and its builders.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "buildx_impl.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/process.hpp"
#include "shipset/base/text.hpp"

namespace shipset::build::buildx {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds call_limit{120};

bool is_program(const fs::path& path) {
  std::error_code code;
  const auto status = fs::status(path, code);
  return !code && fs::is_regular_file(status) && (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
}

bool on_path(const std::string& program) {
  const char* const path = std::getenv("PATH");
  const auto folders = split(path == nullptr ? "" : path, ':');
  return std::any_of(folders.begin(), folders.end(), [&](const std::string& folder) {
    return is_program((folder.empty() ? fs::path(".") : fs::path(folder)) / program);
  });
}

/// Where docker looks for its plugins.
bool docker_has_buildx() {
  std::vector<fs::path> folders{"/usr/local/lib/docker", "/usr/local/libexec/docker", "/usr/lib/docker",
                                "/usr/libexec/docker", "/opt/homebrew/lib/docker"};
  if (const char* config = std::getenv("DOCKER_CONFIG"); config != nullptr && *config != '\0')
    folders.insert(folders.begin(), config);
  else if (const char* home = std::getenv("HOME"); home != nullptr)
    folders.insert(folders.begin(), fs::path(home) / ".docker");
  return std::any_of(folders.begin(), folders.end(),
                     [](const fs::path& folder) { return is_program(folder / "cli-plugins" / "docker-buildx"); });
}

Result<ProcessOutcome> call(std::vector<std::string> argv, const std::string& directory, const CancelToken& cancel) {
  ProcessSpec spec;
  spec.argv = std::move(argv);
  spec.directory = directory;
  spec.env = environment();
  spec.timeout = call_limit;
  SHIPSET_TRY(auto outcome, run_process(spec, cancel));
  SHIPSET_CHECK(cancel.check());
  return outcome;
}

/// Settings that stand for one builder, as text.
std::string text_of(const BuilderSettings& settings) {
  JsonWriter out;
  out.begin_array().value(settings.driver).value(settings.endpoint);
  for (const auto& [key, value] : settings.options) out.value(key).value(value);
  for (const auto& node : settings.nodes) {
    out.begin_array().value(node.name).value(node.endpoint).value(join(node.platforms, ","));
    for (const auto& [key, value] : node.options) out.value(key).value(value);
    out.end_array();
  }
  out.end_array();
  return out.take();
}

std::string name_of(const BuilderSettings& settings) {
  if (settings.driver == "cloud" && settings.nodes.empty()) {
    // buildx gives a cloud builder this name and no other.
    std::string name = "cloud-" + settings.endpoint;
    std::replace(name.begin(), name.end(), '/', '-');
    return name;
  }
  return "shipset-" + std::string(Digest::of(text_of(settings)).brief());
}

void add_options(std::vector<std::string>& argv, const OrderedMap& options, const std::string& directory) {
  for (const auto& [key, value] : options) {
    const bool file = key == "cacert" || key == "cert" || key == "key";
    const bool relative = file && !value.empty() && fs::path(value).is_relative();
    argv.emplace_back("--driver-opt");
    argv.push_back(key + "=" +
                   (relative ? fs::absolute(fs::path(directory) / value).lexically_normal().string() : value));
  }
}

std::vector<std::string> create_call(const std::vector<std::string>& buildx, const BuilderSettings& settings,
                                     const BuilderNode& node, bool append, const std::string& directory) {
  auto argv = buildx;
  argv.emplace_back("create");
  if (settings.driver != "cloud" || !settings.nodes.empty()) argv.insert(argv.end(), {"--name", name_of(settings)});
  if (append) argv.emplace_back("--append");
  argv.insert(argv.end(), {"--driver", settings.driver});
  if (!node.name.empty()) argv.insert(argv.end(), {"--node", node.name});
  if (!node.platforms.empty()) argv.insert(argv.end(), {"--platform", join(node.platforms, ",")});
  add_options(argv, settings.options, directory);
  add_options(argv, node.options, directory);
  if (!node.endpoint.empty()) argv.push_back(node.endpoint);
  return argv;
}

}  // namespace

std::map<std::string, std::string> environment() {
  return {{"BUILDX_NO_DEFAULT_ATTESTATIONS", "1"},
          {"BUILDX_METADATA_PROVENANCE", "disabled"},
          {"BUILDX_METADATA_WARNINGS", "0"},
          // The release file is what the user wrote; bake's own question before it reads folders has nobody to answer.
          {"BUILDX_BAKE_ENTITLEMENTS_FS", "0"}};
}

Result<std::vector<std::string>> find_buildx() {
  if (on_path("docker") && docker_has_buildx()) return std::vector<std::string>{"docker", "buildx"};
  for (const char* name : {"buildx", "docker-buildx"})
    if (on_path(name)) return std::vector<std::string>{name};
  return Error(ErrorKind::build, "cannot build with the backend buildx",
               "neither docker with its buildx plugin nor buildx is installed",
               "install docker-buildx-plugin, or put buildx " + std::string(oldest_buildx) +
                   " or newer into PATH; --backend native builds without it where the release file says how")
      .with("fault", "buildx-missing");
}

std::string version_of(const std::vector<std::string>& buildx, const CancelToken& cancel) {
  auto argv = buildx;
  argv.emplace_back("version");
  const auto told = call(argv, {}, cancel);
  return told && told->exit_code == 0 ? printable(trim(told->out.substr(0, told->out.find('\n'))), 200) : std::string();
}

std::size_t count_nodes(std::string_view inspected) {
  // The builder's own lines come first, those of each node behind `Nodes:`.
  std::size_t out = 0;
  bool nodes = false;
  for (const auto& line : split(inspected, '\n')) {
    if (line.starts_with("Nodes:")) nodes = true;
    if (nodes && line.starts_with("Name:")) ++out;
  }
  return std::max<std::size_t>(1, out);
}

Result<ReadyBuilder> ready_builder(const std::vector<std::string>& buildx, const BuilderSettings& settings,
                                   const std::string& directory, const CancelToken& cancel) {
  const bool described = !settings.driver.empty();
  const std::string name = described && settings.name.empty() ? name_of(settings) : settings.name;
  auto inspect = buildx;
  inspect.emplace_back("inspect");
  if (!name.empty()) inspect.push_back(name);
  SHIPSET_TRY(const auto known, call(inspect, directory, cancel));
  if (known.exit_code == 0 || !described) return ReadyBuilder{name, count_nodes(known.out)};
  std::vector<BuilderNode> nodes = settings.nodes;
  if (nodes.empty()) nodes.push_back({{}, settings.endpoint, {}, {}});
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    auto argv = create_call(buildx, settings, nodes[i], i > 0, directory);
    if (!settings.name.empty())
      if (const auto at = std::find(argv.begin(), argv.end(), "--name"); at != argv.end()) *(at + 1) = name;
    SHIPSET_TRY(const auto made, call(argv, directory, cancel));
    if (made.exit_code == 0) continue;
    Error error = name_fault("builder " + name, made.err, name);
    error.what = "cannot make the builder " + name + " with driver " + settings.driver;
    return error;
  }
  // A driver may have made more nodes of one endpoint, as the cloud's does.
  SHIPSET_TRY(const auto made, call(inspect, directory, cancel));
  return ReadyBuilder{name, std::max(nodes.size(), count_nodes(made.out))};
}

}  // namespace shipset::build::buildx
