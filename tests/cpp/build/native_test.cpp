#include <set>
#include <thread>

#include "oci/store_fixture.hpp"
#include "shipset/build/builder.hpp"
#include "shipset/oci/validate.hpp"

using namespace shipset;
using namespace shipset::build;
using namespace shipset::oci::test;

namespace {

/// Every base is in one memory store.
class Bases final : public BaseResolver {
 public:
  Result<PinnedBase> pin(const std::string& reference, const Platform& platform, const std::string&) override {
    const auto it = images.find(reference);
    if (it == images.end()) return Error(ErrorKind::not_found, reference + " does not exist");
    return pin_base(store, it->second, reference, platform);
  }
  Result<oci::Store*> open(const std::string&, const std::string&) override { return static_cast<oci::Store*>(&store); }
  MemoryStore store;
  std::map<std::string, oci::Descriptor> images;
};

struct World {
  Scratch scratch;
  Bases bases;
  std::unique_ptr<oci::LayoutStore> work = new_layout(scratch / "work");
  std::vector<Event> events;
  std::mutex mutex;
  BuildContext context;
  std::unique_ptr<Builder> builder = must(make_builder("native"));

  World() {
    fs::create_directories(scratch / "src/app");
    write_text(scratch / "src/app/server", "program");
    write_text(scratch / "src/app/readme", "text");
    write_text(scratch / "src/config.json", "{}");
    context.work = work.get();
    context.events = [this](const Event& event) {
      const std::lock_guard lock(mutex);
      events.push_back(event);
    };
  }
  Task task(const std::string& variant, const std::string& platform) {
    Task out;
    out.variant = variant;
    out.platform = must(Platform::parse(platform));
    out.directory = (scratch / "src").string();
    out.settings.native.present = true;
    out.settings.native.layers = {{"app", "/app", "10:20", "0755"}, {"config.json", "/etc/app.json", "", ""}};
    out.settings.native.config.entrypoint = {{"/app/server"}};
    return out;
  }
  void prepare(std::vector<Task>& tasks) {
    for (auto& each : tasks) must(builder->prepare(each, bases, {}));
  }
  std::vector<Outcome> build(const std::vector<Task>& tasks) {
    std::vector<Outcome> out(tasks.size());
    std::vector<int> calls(tasks.size(), 0);
    builder->build(tasks, bases, context, [&](Outcome outcome) {
      ++calls[outcome.task];
      out[outcome.task] = std::move(outcome);
    });
    for (const int count : calls) CHECK(count == 1);
    return out;
  }
  BuiltImage build_one(Task each) {
    std::vector<Task> tasks{std::move(each)};
    prepare(tasks);
    auto outcomes = build(tasks);
    INFO((outcomes[0].result ? std::string() : render(outcomes[0].result.error())));
    REQUIRE(outcomes[0].result.ok());
    return *outcomes[0].result;
  }
  std::size_t count(EventKind kind) const {
    std::size_t out = 0;
    for (const auto& event : events) out += event.kind == kind;
    return out;
  }
};

oci::ImageConfig config_of(oci::Store& store, const oci::Descriptor& manifest) {
  const auto parsed = must(oci::Manifest::parse(must(store.manifest(manifest.digest)).bytes, "manifest"));
  const auto source = must(store.blob(parsed.config));
  const auto reader = must(source->open());
  return must(oci::ImageConfig::parse(must(read_all(*reader, 1u << 20, "config")), "config"));
}

}  // namespace

TEST_CASE("native build, from scratch, gives a valid image with layers in order") {
  World world;
  auto task = world.task("cpu", "linux/arm64");
  task.settings.annotations = {{"plain", "1"}, {"manifest:mine", "2"}, {"index:theirs", "3"}};
  const auto built = world.build_one(task);
  CHECK(must(oci::validate(*world.work, built.manifest, {}, {})).findings.empty());
  CHECK(built.manifest.platform == Platform{"linux", "arm64", {}, {}, {}});
  REQUIRE(built.layers.size() == 2);
  CHECK(built.layers[0].from == "app");
  const auto manifest = must(oci::Manifest::parse(must(world.work->manifest(built.manifest.digest)).bytes, "m"));
  CHECK(manifest.annotations == oci::Annotations{{"mine", "2"}, {"plain", "1"}});
  CHECK(manifest.layers.size() == 2);
  CHECK(built.bytes == manifest.layers[0].size + manifest.layers[1].size);
  CHECK(config_of(*world.work, built.manifest).config.entrypoint == std::vector<std::string>{"/app/server"});
  CHECK(world.count(EventKind::task_started) == 1);
  CHECK(world.count(EventKind::task_finished) == 1);
  CHECK(world.events.front().subject == "cpu/linux/arm64");
}

TEST_CASE("native build, same input elsewhere and later, same digest") {
  World first, second;
  for (const auto& entry : fs::recursive_directory_iterator(second.scratch / "src"))
    if (entry.is_regular_file())
      fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(99));
  std::vector<Task> a{first.task("cpu", "linux/amd64")}, b{second.task("cpu", "linux/amd64")};
  first.prepare(a);
  second.prepare(b);
  CHECK(a[0].source == b[0].source);
  CHECK(first.build_one(a[0]).manifest.digest == second.build_one(b[0]).manifest.digest);
  write_text(second.scratch / "src/config.json", "{ }");
  second.builder = must(make_builder("native"));
  second.prepare(b);
  CHECK(a[0].source != b[0].source);
}

TEST_CASE("native build, on a base with Docker's types, takes its layers over as they are") {
  World world;
  const auto image = put_image(world.bases.store, "linux/amd64", "base content");
  auto manifest = must(oci::Manifest::parse(must(world.bases.store.manifest(image.manifest.digest)).bytes, "m"));
  manifest.media_type = oci::media_type::docker_manifest;
  manifest.config.media_type = oci::media_type::docker_config;
  manifest.layers[0].media_type = oci::media_type::docker_layer;
  const auto bytes = manifest.to_bytes();
  const auto docker = oci::describe(oci::media_type::docker_manifest, bytes);
  must(world.bases.store.put_manifest(docker, bytes));
  world.bases.images["base:1"] = docker;
  auto task = world.task("cpu", "linux/amd64");
  task.settings.native.base = "base:1";
  const auto built = world.build_one(task);
  const auto result = must(oci::Manifest::parse(must(world.work->manifest(built.manifest.digest)).bytes, "m"));
  REQUIRE(result.layers.size() == 3);
  CHECK(result.media_type == oci::media_type::manifest);
  CHECK(result.config.media_type == oci::media_type::config);
  CHECK(result.layers[0].digest == image.layer.digest);
  CHECK(result.layers[0].media_type == oci::media_type::layer_gzip);
  CHECK(must(oci::validate(*world.work, built.manifest, {}, {})).findings.empty());
  CHECK(config_of(*world.work, built.manifest).history.size() == 4);
}

TEST_CASE("native build, base without the platform, fails in prepare and names variant and platforms") {
  World world;
  const auto image = put_image(world.bases.store, "linux/amd64", "base").manifest;
  world.bases.images["base:1"] = put_index(world.bases.store, {image});
  auto task = world.task("cpu", "linux/arm64");
  task.settings.native.base = "base:1";
  auto prepared = world.builder->prepare(task, world.bases, {});
  REQUIRE_FALSE(prepared.ok());
  CHECK(prepared.error().kind == ErrorKind::spec);
  CHECK(exit_code(prepared.error().kind) == 2);
  CHECK(prepared.error().why.find("linux/amd64") != std::string::npos);
  CHECK(prepared.error().context.at("variant") == "cpu");
  CHECK(prepared.error().context.at("platform") == "linux/arm64");
}

TEST_CASE("native build, shared layers of many tasks, are packed once and all images hold") {
  World world;
  std::vector<Task> tasks;
  for (const char* variant : {"a", "b", "c", "d"})
    for (const char* platform : {"linux/amd64", "linux/arm64"}) tasks.push_back(world.task(variant, platform));
  world.context.parallel = 4;
  world.prepare(tasks);
  const auto outcomes = world.build(tasks);
  std::set<std::string> manifests;
  for (const auto& outcome : outcomes) {
    REQUIRE(outcome.result.ok());
    manifests.insert(outcome.result->manifest.digest.str());
  }
  CHECK(manifests.size() == 2);
  // Two layers, two configs, two manifests.
  CHECK(must(world.work->collect_garbage(true)).removed_blobs == 6);
}

TEST_CASE("native build, one of several fails, the others are built unless fail_fast is set") {
  for (const bool fail_fast : {false, true}) {
    World world;
    std::vector<Task> tasks;
    for (int i = 0; i < 5; ++i) tasks.push_back(world.task("v" + std::to_string(i), "linux/amd64"));
    world.prepare(tasks);
    tasks[1].settings.native.layers[0].from = "missing";
    world.context.fail_fast = fail_fast;
    world.context.parallel = 1;
    const auto outcomes = world.build(tasks);
    CHECK(outcomes[0].result.ok());
    REQUIRE_FALSE(outcomes[1].result.ok());
    CHECK(exit_code(outcomes[1].result.error().kind) == 3);
    CHECK(outcomes[1].result.error().context.at("variant") == "v1");
    CHECK(world.count(EventKind::task_failed) == 1);
    for (std::size_t i = 2; i < 5; ++i) {
      CHECK(outcomes[i].result.ok() == !fail_fast);
      if (!fail_fast) continue;
      CHECK(outcomes[i].result.error().kind == ErrorKind::cancelled);
      CHECK(outcomes[i].result.error().context.at("state") == "not started");
    }
  }
}

TEST_CASE("native build, stopped, ends within a second and reports every task") {
  World world;
  {
    std::ofstream big(world.scratch / "src/app/big", std::ios::binary);
    std::string block(1u << 20, '\0');
    std::uint32_t state = 1;
    for (auto& c : block) c = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
    for (int i = 0; i < 200; ++i) big.write(block.data(), static_cast<std::streamsize>(block.size()));
  }
  std::vector<Task> tasks{world.task("a", "linux/amd64"), world.task("b", "linux/amd64"),
                          world.task("c", "linux/amd64")};
  std::chrono::steady_clock::time_point stopped;
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stopped = std::chrono::steady_clock::now();
    world.context.cancel.cancel();
  });
  std::vector<Outcome> outcomes(3);
  world.builder->build(tasks, world.bases, world.context,
                       [&](Outcome outcome) { outcomes[outcome.task] = std::move(outcome); });
  const auto ended = std::chrono::steady_clock::now();
  stopper.join();
  // A second is promised; a busy machine gets another one.
  CHECK(ended - stopped < std::chrono::seconds(2));
  for (const auto& outcome : outcomes) {
    REQUIRE_FALSE(outcome.result.ok());
    CHECK(outcome.result.error().kind == ErrorKind::cancelled);
  }
}

TEST_CASE("native build, settings that cannot be, are errors of the release file") {
  World world;
  const auto fails = [&](const std::function<void(Task&)>& change) {
    auto task = world.task("cpu", "linux/amd64");
    change(task);
    auto prepared = world.builder->prepare(task, world.bases, {});
    REQUIRE_FALSE(prepared.ok());
    CHECK(prepared.error().context.at("variant") == "cpu");
    return prepared.error().kind;
  };
  CHECK(fails([](Task& task) { task.settings.native.present = false; }) == ErrorKind::spec);
  for (const std::string owner : {"root", "1:", ":1", "1:2:3", "-1", "4294967296", "0x1"})
    CHECK(fails([&](Task& task) { task.settings.native.layers[0].owner = owner; }) == ErrorKind::spec);
  for (const std::string mode : {"rwx", "0999", "17777", "-1"})
    CHECK(fails([&](Task& task) { task.settings.native.layers[0].mode = mode; }) == ErrorKind::spec);
  CHECK(fails([](Task& task) { task.settings.native.layers[0].from = "missing"; }) == ErrorKind::io);
  CHECK(fails([](Task& task) { task.settings.native.base = "missing:1"; }) == ErrorKind::not_found);

  auto empty = world.task("cpu", "linux/amd64");
  empty.settings.native.layers.clear();
  const auto outcomes = world.build({empty});
  REQUIRE_FALSE(outcomes[0].result.ok());
  CHECK(outcomes[0].result.error().kind == ErrorKind::spec);
}
