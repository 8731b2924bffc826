#include <algorithm>
#include <fstream>

#include "buildx_progress_impl.hpp"
#include "catch_shim.hpp"
#include "shipset/base/file.hpp"
#include "shipset/base/secret.hpp"
#include "shipset/base/text.hpp"

using namespace shipset;
using namespace shipset::build;
using namespace shipset::build::buildx;

namespace {

const std::filesystem::path recorded = std::filesystem::path(SHIPSET_SOURCE_DIR) / "tests/fixtures/rawjson";

using Targets = std::map<std::string, std::string>;

/// A Progress with all that it tells.
struct Watched {
  explicit Watched(Targets subjects)
      : folder(std::move(TempDirectory::create(std::filesystem::temp_directory_path(), "progress-")).value()),
        progress(
            std::move(subjects), [this](const Event& event) { events.push_back(event); }, folder.path()) {}

  void play(const std::string& file) {
    std::ifstream in(recorded / file);
    REQUIRE(in.good());
    for (std::string line; std::getline(in, line);) progress.line(line);
    progress.end();
  }
  [[nodiscard]] std::size_t count(EventKind kind, const std::string& subject) const {
    return static_cast<std::size_t>(std::count_if(events.begin(), events.end(), [&](const Event& event) {
      return event.kind == kind && event.subject == subject;
    }));
  }
  [[nodiscard]] std::string log(const std::string& target) const {
    return read_file(folder.path() / (target + ".log"), 1u << 20).value();
  }

  TempDirectory folder;
  std::vector<Event> events;
  Progress progress;
};

std::string vertex(const std::string& digest, const std::string& name, const std::string& more) {
  return R"({"vertexes":[{"digest":")" + digest + R"(","name":")" + name + "\"" + (more.empty() ? "" : ",") + more +
         "}]}";
}
const std::string started = R"("started":"2026-01-02T03:04:05.5Z")";
const std::string completed = R"("completed":"2026-01-02T03:04:07.75Z")";

std::string printed(const std::string& digest, const std::string& text) {
  return R"({"logs":[{"vertex":")" + digest + R"(","stream":1,"data":")" + base64_encode(text) + "\"}]}";
}

}  // namespace

TEST_CASE("progress, four targets of which three fail, tells each what is its") {
  Watched seen(
      {{"one", "one"}, {"two", "two/linux/amd64"}, {"three", "three/linux/amd64"}, {"good", "good/linux/amd64"}});
  seen.play("several.jsonl");
  const auto& one = seen.progress.of("one");
  CHECK(one.error == "process \"/bin/sh -c echo before; exit 1\" did not complete successfully: exit code: 1");
  CHECK(one.failed_step == "[two 1/1] RUN echo before; exit 1");  // as BuildKit calls it, for both targets
  CHECK(one.failed_platform.empty());
  CHECK(one.cancelled);  // its other platform
  CHECK(one.place.empty());
  CHECK(one.last_lines == std::deque<std::string>{"before"});
  CHECK(seen.progress.of("two").failed_step == one.failed_step);
  CHECK(seen.progress.of("two").place.empty());
  const auto& three = seen.progress.of("three");
  CHECK(three.failed_step == "[three 2/2] COPY nothing /x");
  CHECK(split(three.place, '\n').front() == "Dockerfile:13");
  CHECK(three.place.find("13 | >>> COPY nothing /x") != std::string::npos);
  const auto& good = seen.progress.of("good");
  CHECK(good.error.empty());
  CHECK_FALSE(good.cancelled);
  CHECK(good.steps.total == 4);
  CHECK(good.duration().count() > 1000);
  CHECK(seen.count(EventKind::step_failed, "two/linux/amd64") == 1);
  CHECK(seen.count(EventKind::step_failed, "good/linux/amd64") == 0);
  CHECK(seen.count(EventKind::step_failed, "one") == 1);
  CHECK(seen.count(EventKind::step_failed, "one/linux/arm64") == 0);
  CHECK(seen.log("good").find("[good 1/1] RUN echo good\n  good\n[good 1/1] RUN echo good: done after ") !=
        std::string::npos);
  CHECK(seen.log("three").find("ERROR: failed to calculate checksum") != std::string::npos);
  CHECK(seen.log("one").find("linux/arm64 [one 1/1] RUN echo before; exit 1") != std::string::npos);
  REQUIRE(seen.progress.warnings().size() == 1);
  CHECK(seen.progress.warnings()[0].line == 17);
  CHECK(seen.progress.warnings()[0].targets.contains("good"));
  CHECK(seen.progress.warnings()[0].text.starts_with("JSONArgsRecommended: JSON arguments recommended for CMD"));
}

TEST_CASE("progress, one target alone, has no prefix but its platforms") {
  Watched seen(Targets{{"one", "one"}});
  seen.play("single.jsonl");
  const auto& told = seen.progress.of("one");
  CHECK(told.steps.total == 8);
  CHECK(told.steps.cached == 2);            // the base was there
  CHECK(told.steps.transferred_bytes > 0);  // the context
  CHECK(seen.count(EventKind::step_log, "one/linux/amd64") == 1);
  CHECK(seen.count(EventKind::step_log, "one/linux/arm64") == 1);
  CHECK(seen.log("one").find("linux/arm64 [2/4] RUN echo for arm64; sleep 0.3\n") != std::string::npos);
  const auto run = std::find_if(seen.events.begin(), seen.events.end(), [](const Event& event) {
    return event.kind == EventKind::step_finished && event.message.starts_with("[2/4] RUN");
  });
  REQUIRE(run != seen.events.end());
  CHECK(run->fields[0] == std::pair<std::string, std::string>("cached", "false"));
  CHECK(std::stoll(run->fields[1].second) >= 300);
}

TEST_CASE("progress, the same build again, is told as cached") {
  Watched seen(Targets{{"one", "one"}});
  seen.play("cached.jsonl");
  const auto& steps = seen.progress.of("one").steps;
  CHECK(steps.total == 8);
  CHECK(steps.cached >= 6);
  CHECK(seen.log("one").find("[3/4] WORKDIR /app: cached\n") != std::string::npos);
}

TEST_CASE("progress, a step that ended and then fails, has failed") {
  Watched seen(Targets{{"one", "one"}});
  seen.progress.line(vertex("a", "[1/1] FROM x", started + "," + completed));
  seen.progress.line(vertex("a", "[1/1] FROM x", R"("started":"2026-01-02T03:04:08Z")"));
  seen.progress.line(vertex("a", "[1/1] FROM x",
                            R"("started":"2026-01-02T03:04:08Z","completed":"2026-01-02T03:04:09Z","error":"gone")"));
  seen.progress.end();
  CHECK(seen.progress.of("one").error == "gone");
  CHECK(seen.count(EventKind::step_failed, "one") == 1);
}

TEST_CASE("progress, a target with others that it needs, is not mistaken for them") {
  Watched seen(Targets{{"two", "two"}});
  seen.progress.line(vertex("d", "[one internal] load build definition from Dockerfile", started));
  seen.progress.line(vertex("d", "[two internal] load build definition from Dockerfile", started));
  seen.progress.line(vertex("a", "[one 1/1] RUN of one", started + "," + completed + R"(,"error":"bad")"));
  seen.progress.line(vertex("b", "[two 1/1] RUN of two", started));
  seen.progress.end();
  CHECK(seen.progress.of("two").error.empty());
  CHECK(seen.progress.of("two").steps.total == 1);
}

TEST_CASE("progress, a secret in pieces and in colours, is never shown") {
  const Secret secret("hunter2-of-the-build");
  Watched seen(Targets{{"one", "one"}});
  seen.progress.line(vertex("a", "[1/1] RUN x", started));
  seen.progress.line(printed("a", "token: hunter2-of"));
  seen.progress.line(printed("a", "-the-build\n"));
  seen.progress.line(printed("a", "hunter2\x1b[31m-of-the-\x1b[0mbuild\n"));
  seen.progress.line(printed("a", std::string(1990, 'x') + "hunter2-of-the-build and more"));
  seen.progress.line(vertex("a", "[1/1] RUN x", started + "," + completed + R"(,"error":"hunter2-of-the-build")"));
  seen.progress.end();
  std::string all = seen.log("one") + seen.progress.of("one").error;
  for (const auto& event : seen.events) all += event.message + "\n";
  CHECK(all.find("hunter2") == std::string::npos);
  CHECK(all.find("token: ***\n") != std::string::npos);
}

TEST_CASE("progress, lines of terminals, become lines of a log") {
  Watched seen(Targets{{"one", "one"}});
  seen.progress.line(vertex("a", "[1/1] RUN x", started));
  seen.progress.line(printed("a", "10 %\r20 %\r100 %\r\nwindows\r\n\x1b[1;32mgreen\x1b[0m\ta\x07\n"));
  seen.progress.line(printed("a", std::string(1u << 20, 'y') + "\nlast"));
  seen.progress.end();
  const std::string log = seen.log("one");
  CHECK(log.find("  100 %\n  windows\n  green    a") != std::string::npos);
  CHECK(log.find('\x07') == std::string::npos);
  CHECK(log.ends_with("  last\n"));
  CHECK(log.size() < 100'000);
}

TEST_CASE("progress, step of an imported cache, counts once although its content is fetched after that is said") {
  Watched seen(Targets{{"one", "one"}});
  seen.progress.line(vertex("a", "[2/2] RUN x", started + R"(,"cached":true)"));
  seen.progress.line(vertex("a", "[2/2] RUN x", R"("started":"2026-01-02T03:04:06Z")"));
  seen.progress.line(
      vertex("a", "[2/2] RUN x", R"("started":"2026-01-02T03:04:06Z","completed":"2026-01-02T03:04:07Z")"));
  seen.progress.line(vertex("a", "[2/2] RUN x", started + "," + completed + R"(,"cached":true)"));
  seen.progress.end();
  CHECK(seen.progress.of("one").steps.total == 1);
  CHECK(seen.progress.of("one").steps.cached == 1);
  CHECK(seen.log("one").find("RUN x: cached\n") != std::string::npos);
}

TEST_CASE("progress, hostile lines, change nothing") {
  Watched seen(Targets{{"one", "one"}, {"two", "two"}});
  const std::string deep(100'000, '[');
  for (const auto& line :
       {std::string("{"), std::string("{}"), std::string("\0{", 2), std::string("{\"vertexes\":") + deep,
        std::string(R"({"vertexes":1,"statuses":"x","logs":{"a":1},"warnings":[1,"x",null,{}]})"),
        std::string(R"({"vertexes":[1,"x",null,[],{}],"statuses":[1,null,[]],"logs":[7,[]]})"),
        std::string(R"({"vertexes":[{"digest":7,"name":[],"started":{},"cached":"yes","error":9}]})"),
        std::string(R"({"statuses":[{"vertex":"nobody","id":"sha256:1","current":18446744073709551615}]})"),
        std::string(R"({"logs":[{"vertex":"nobody","data":"eA=="},{"vertex":"a","data":"%%%"}]})"),
        std::string(R"({"warnings":[{"vertex":"nobody","short":"eA==","range":[{"start":{"line":-1}}]}]})"),
        vertex("a", "[one 1/1] RUN x", R"("started":"0000-99-99T99:99:99Z","completed":"yesterday")"),
        vertex("b", "[nobody 1/1] RUN x", started + "," + completed + R"(,"error":"x")"),
        std::string("-----\nno place:\n:7\nERROR: target nobody: x")})
    seen.progress.line(line);
  seen.progress.end();
  CHECK(seen.progress.of("one").error.empty());
  CHECK(seen.progress.of("two").steps == BuildSteps{0, 0, 0, (seen.folder.path() / "two.log").string()});
  CHECK(seen.events.empty());
}

TEST_CASE("progress, time that runs backwards, is no time") {
  Watched seen(Targets{{"one", "one"}});
  seen.progress.line(vertex("a", "[1/1] RUN x", R"("started":"2100-01-01T00:00:00Z")"));
  seen.progress.line(
      vertex("a", "[1/1] RUN x", R"("started":"2100-01-01T00:00:00Z","completed":"1970-01-01T00:00:01Z")"));
  seen.progress.end();
  CHECK(seen.progress.of("one").duration().count() == 0);
  REQUIRE(seen.events.size() == 2);
  CHECK(seen.events[1].fields[1].second == "0");
}

TEST_CASE("progress, text without end, is kept in part") {
  Watched seen(Targets{{"one", "one"}});
  for (int i = 0; i < 1000; ++i) seen.progress.line(std::string(1000, 'x'));
  CHECK(seen.progress.text().size() <= 128u << 10);
}

TEST_CASE("progress, no targets at all, is survived") {
  Watched seen(Targets{});
  seen.play("several.jsonl");
  CHECK(seen.events.empty());
}
