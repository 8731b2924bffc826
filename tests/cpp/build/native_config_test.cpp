#include "catch_shim.hpp"
#include "native_impl.hpp"

using namespace shipset;
using namespace shipset::build;
using namespace shipset::build::native;

namespace {

Task task_for(const std::string& platform) {
  Task task;
  task.variant = "cpu";
  task.platform = *Platform::parse(platform);
  task.settings.native.present = true;
  return task;
}

oci::ImageConfig base_config() {
  oci::ImageConfig base;
  base.created = "2020-01-01T00:00:00Z";
  base.author = "someone";
  base.platform = Platform{"linux", "amd64", {}, {}, {}};
  base.config.user = "1000";
  base.config.env = {"PATH=/bin", "A=1", "EMPTY="};
  base.config.entrypoint = {"/entry"};
  base.config.cmd = {"serve"};
  base.config.working_dir = "/srv";
  base.config.labels = {{"a", "1"}, {"b", "2"}};
  base.config.exposed_ports = {"80/tcp"};
  base.config.volumes = {"/data"};
  base.config.extra_json = R"({"Healthcheck":{"Test":["CMD","true"]},"OnBuild":["RUN x"]})";
  base.diff_ids = {Digest::of("base layer")};
  oci::History entry;
  entry.created_by = "base";
  base.history = {entry};
  return base;
}

PackedLayer layer(const std::string& from, const std::string& to) {
  PackedLayer out;
  out.setting.from = from;
  out.setting.to = to;
  out.result.diff_id = Digest::of(from);
  return out;
}

oci::ImageConfig merge(std::optional<oci::ImageConfig> base, const Task& task,
                       const std::vector<PackedLayer>& layers = {}) {
  std::vector<std::string> notes;
  auto merged = merge_config(std::move(base), task, layers, notes);
  INFO((merged ? std::string() : render(merged.error())));
  REQUIRE(merged.ok());
  return std::move(*merged);
}

}  // namespace

TEST_CASE("config, nothing set, keeps the base and takes the epoch") {
  auto task = task_for("linux/amd64");
  std::vector<std::string> notes;
  const auto merged = *merge_config(base_config(), task, {}, notes);
  const auto base = base_config();
  CHECK(merged.created == "1970-01-01T00:00:00Z");
  CHECK(merged.author == "someone");
  CHECK(merged.config.env == base.config.env);
  CHECK(merged.config.entrypoint == base.config.entrypoint);
  CHECK(merged.config.cmd == base.config.cmd);
  CHECK(merged.config.user == "1000");
  CHECK(merged.config.extra_json == R"({"Healthcheck":{"Test":["CMD","true"]}})");
  CHECK(merged.history == base.history);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("ONBUILD") != std::string::npos);
}

TEST_CASE("config, env, known keys change in place and new ones come last") {
  auto task = task_for("linux/amd64");
  task.settings.native.config.env = {{"NEW", "x=y"}, {"A", "2"}, {"NEW", "z"}, {"EMPTY", ""}};
  CHECK(merge(base_config(), task).config.env == std::vector<std::string>{"PATH=/bin", "A=2", "EMPTY=", "NEW=z"});
  for (const std::string bad : {"", "A=B"}) {
    task.settings.native.config.env = {{bad, "x"}};
    std::vector<std::string> notes;
    auto merged = merge_config(base_config(), task, {}, notes);
    REQUIRE_FALSE(merged.ok());
    CHECK(merged.error().kind == ErrorKind::spec);
  }
}

TEST_CASE("config, entry point set, resets the inherited command unless a command is set") {
  auto task = task_for("linux/amd64");
  task.settings.native.config.entrypoint = {{"/mine"}};
  auto merged = merge(base_config(), task);
  CHECK(merged.config.entrypoint == std::vector<std::string>{"/mine"});
  CHECK(merged.config.cmd.empty());
  task.settings.native.config.cmd = {{"run", "it"}};
  CHECK(merge(base_config(), task).config.cmd == std::vector<std::string>{"run", "it"});
  task.settings.native.config.entrypoint.reset();
  merged = merge(base_config(), task);
  CHECK(merged.config.entrypoint == std::vector<std::string>{"/entry"});
  CHECK(merged.config.cmd == std::vector<std::string>{"run", "it"});
  task.settings.native.config.cmd = std::vector<std::string>();
  CHECK(merge(base_config(), task).config.cmd.empty());
}

TEST_CASE("config, user workdir labels ports and volumes, merge as in a Dockerfile") {
  auto task = task_for("linux/amd64");
  auto& config = task.settings.native.config;
  config.user = "0:0";
  config.workdir = "app/../run/";
  config.labels = {{"b", "3"}, {"c", "4"}};
  task.settings.labels = {{"b", "from the build"}, {"d", "5"}};
  config.ports = {"8080", "53/UDP", "80/tcp", "9000-9002"};
  config.volumes = {"/data", "/models"};
  auto merged = merge(base_config(), task);
  CHECK(merged.config.user == "0:0");
  CHECK(merged.config.working_dir == "/srv/run");
  CHECK(merged.config.labels == std::map<std::string, std::string>{{"a", "1"}, {"b", "3"}, {"c", "4"}, {"d", "5"}});
  CHECK(merged.config.exposed_ports ==
        std::vector<std::string>{"80/tcp", "8080/tcp", "53/udp", "9000/tcp", "9001/tcp", "9002/tcp"});
  CHECK(merged.config.volumes == std::vector<std::string>{"/data", "/models"});
  config.workdir = "/abs";
  CHECK(merge(base_config(), task).config.working_dir == "/abs");
  config.workdir = "rel";
  CHECK(merge(std::nullopt, task).config.working_dir == "/rel");
}

TEST_CASE("config, ports that are none, are refused") {
  auto task = task_for("linux/amd64");
  for (const std::string bad : {"", "0", "65536", "http", "80/icmp", "90-80", "80-", "-80", "80/", "8 0"}) {
    INFO(bad);
    task.settings.native.config.ports = {bad};
    std::vector<std::string> notes;
    auto merged = merge_config(std::nullopt, task, {}, notes);
    REQUIRE_FALSE(merged.ok());
    CHECK(merged.error().kind == ErrorKind::spec);
  }
  task.settings.native.config.ports.clear();
  task.settings.native.config.volumes = {""};
  std::vector<std::string> notes;
  CHECK_FALSE(merge_config(std::nullopt, task, {}, notes).ok());
}

TEST_CASE("config, history, one entry a layer and empty ones for settings") {
  auto task = task_for("linux/arm64");
  task.epoch_unix_s = 1'700'000'000;
  task.settings.native.config.cmd = {{"a", "b\"c"}};
  auto base = base_config();
  base.history.clear();
  const auto merged = merge(base, task, {layer("bin", "/app/"), layer("models", "/models")});
  CHECK(merged.created == "2023-11-14T22:13:20Z");
  REQUIRE(merged.history.size() == 4);
  CHECK_FALSE(merged.history[0].empty_layer);
  CHECK(merged.history[1].created_by == "shipset native: bin -> /app/");
  CHECK(merged.history[1].created == merged.created);
  CHECK(merged.history[2].created_by == "shipset native: models -> /models");
  CHECK(merged.history[3].created_by == R"(shipset native: CMD ["a","b\"c"])");
  CHECK(merged.history[3].empty_layer);
  CHECK(merged.diff_ids == std::vector<Digest>{Digest::of("base layer"), Digest::of("bin"), Digest::of("models")});
}

TEST_CASE("config, platform, is the task's in canonical form") {
  CHECK(merge(std::nullopt, task_for("linux/arm64/v8")).platform == Platform{"linux", "arm64", {}, {}, {}});
  CHECK(merge(std::nullopt, task_for("linux/arm")).platform == Platform{"linux", "arm", "v7", {}, {}});
  auto windows = base_config();
  windows.platform = Platform{"windows", "amd64", {}, "10.0.1", {"win32k"}};
  CHECK(merge(windows, task_for("windows/amd64")).platform == windows.platform);
}
