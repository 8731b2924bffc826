#include <atomic>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>

#include "gates_fixture.hpp"
#include "shipset/base/json.hpp"
#include "shipset/base/text.hpp"

using namespace shipset;
using namespace shipset::release;

TEST_CASE("staged gate, its command, sees every image and index by digest") {
  const Workspace space(with(staged_gate("env > seen", "variants = [\"cuda\"]\n")));
  const auto outcome = space.release();
  REQUIRE_FALSE(outcome.error);
  const auto seen = read_file(space.path("seen"), 1u << 20).value();
  CHECK(has(seen, "SHIPSET_VARIANTS=cuda\n"));
  CHECK(has(seen, "SHIPSET_INDEX_CUDA=oci:"));
  CHECK(has(seen, "@" + outcome.report.variants[1].index->digest.str() + "\n"));
  CHECK_FALSE(has(seen, "SHIPSET_IMAGE_CPU"));
  CHECK_FALSE(has(seen, "SHIPSET_INDEX_CPU"));
  const auto at = seen.find("SHIPSET_IMAGES=") + 15;
  const auto images = parse_json(seen.substr(at, seen.find('\n', at) - at), "images").value();
  REQUIRE(images.size() == 2);
  CHECK(images[1]["platform"] == "linux/arm64");
  CHECK(has(seen, "SHIPSET_IMAGE_CUDA_LINUX_ARM64=" + images[1]["image"].get<std::string>() + "\n"));
  CHECK(gate_of(outcome, "look").judged.size() == 2);
}

TEST_CASE("staged gate, of variants that a destination has, does not run again") {
  const Workspace space(with(staged_gate("echo run >> runs")));
  REQUIRE_FALSE(space.release().error);
  REQUIRE_FALSE(space.release().error);
  CHECK(read_file(space.path("runs"), 100).value() == "run\n");
}

TEST_CASE("staged gate, of what was staged and never promoted, runs again") {
  const Workspace space(with(staged_gate("echo run >> runs; test -e fine")));
  REQUIRE(space.release().error);
  REQUIRE(space.release().error);
  space.write("fine", "");
  REQUIRE_FALSE(space.release().error);
  CHECK(read_file(space.path("runs"), 100).value() == "run\nrun\nrun\n");
}

TEST_CASE("gate, that prints 100 MB, costs a bounded log, few events and little memory") {
  const Workspace space(with(staged_gate(
      "echo first; yes 0123456789012345678901234567890123456789 | head -c 100000000; echo; echo last; exit 3")));
  auto plan = space.plan();
  REQUIRE(plan.ok());
  std::atomic<std::size_t> notes = 0;
  const auto outcome = execute(*plan, Goal::release, [&](const Event& event) {
    if (event.kind == EventKind::note && event.subject == "look") ++notes;
  });
  REQUIRE(outcome.error);
  const auto& gate = gate_of(outcome, "look");
  const auto log = log_of(space, gate);
  CHECK(log.size() < (5u << 20));
  CHECK(has(log, "first\n0123"));
  CHECK(has(log, "# 9"));
  CHECK(has(log, "of the output are left out here"));
  CHECK(has(log, "\nlast\n# it ended with exit code 3"));
  CHECK(gate.detail.ends_with("\nlast"));
  CHECK(gate.detail.size() < 2000);
  CHECK(notes < 1100);
}

TEST_CASE("gate, a line without end, is cut and costs bounded memory") {
  const Workspace space(with(staged_gate("head -c 30000000 /dev/zero | tr '\\0' x; echo; echo last; exit 1")));
  const auto outcome = space.release();
  REQUIRE(outcome.error);
  const auto log = log_of(space, gate_of(outcome, "look"));
  CHECK(log.size() < (2u << 20));
  CHECK(has(log, "(the line goes on)\n"));
  CHECK(gate_of(outcome, "look").detail.ends_with("…\nlast"));
}

TEST_CASE("gate, that ignores SIGTERM beyond its time, is killed and says so") {
  const Workspace space(with(staged_gate("trap '' TERM; echo begun; while true; do sleep 1; done", "timeout_s = 1\n")));
  const auto outcome = space.release();
  REQUIRE(outcome.error);
  CHECK(has(outcome.error->why, "it took longer than 1 s\nbegun"));
  CHECK(gate_of(outcome, "look").status == Status::failed);
  CHECK(has(log_of(space, gate_of(outcome, "look")), "# it took longer than 1 s"));
  CHECK(public_tags(space).empty());
}

TEST_CASE("gate, secrets in its output, reach neither log nor report nor events") {
  const std::string secret = "hunter2-token-value-4711";
  REQUIRE(::setenv("SHIPSET_TEST_TOKEN", secret.c_str(), 1) == 0);
  const std::string straddling =
      "head -c 1048570 /dev/zero | tr '\\0' x; printf %s \"$SHIPSET_TEST_TOKEN\"; head -c 9000 "
      "/dev/zero | tr '\\0' y; echo; ";
  const Workspace space(with(staged_gate(
      straddling + "echo plain $SHIPSET_TEST_TOKEN; printf %s \"user:$SHIPSET_TEST_TOKEN\" | base64; exit 1")));
  auto plan = space.plan();
  REQUIRE(plan.ok());
  std::mutex mutex;
  std::string told;
  const auto outcome = execute(*plan, Goal::release, [&](const Event& event) {
    const std::lock_guard lock(mutex);
    told += event.message + "\n";
  });
  ::unsetenv("SHIPSET_TEST_TOKEN");
  REQUIRE(outcome.error);
  const auto log = log_of(space, gate_of(outcome, "look"));
  CHECK(has(log, "plain ***\n"));
  for (const auto& text : {log, outcome.report.to_json(), told, render(*outcome.error)}) {
    CHECK_FALSE(has(text, secret));
    CHECK_FALSE(has(text, secret.substr(0, 12)));
    CHECK_FALSE(has(text, secret.substr(12)));
    CHECK_FALSE(has(text, base64_encode("user:" + secret).substr(8, 20)));
  }
}

TEST_CASE("gate, a name that is no file name, has a log of its own") {
  const Workspace space(two_variants + std::string("[[gate]]\nname = \"a/../b c\"\nat = \"staged\"\nrun = [\"echo\", "
                                                   "\"1\"]\n[[gate]]\nname = \"a/../b-c\"\nat = \"staged\"\nrun = "
                                                   "[\"echo\", \"2\"]\n"));
  const auto outcome = space.release();
  REQUIRE_FALSE(outcome.error);
  const auto& gates = outcome.report.gates;
  CHECK(gates[0].log != gates[1].log);
  CHECK(has(log_of(space, gates[0]), "\n1\n"));
  CHECK(has(log_of(space, gates[1]), "\n2\n"));
  CHECK(fs::path(gates[0].log).parent_path() == fs::path(".shipset") / outcome.report.id / "logs");
}

TEST_CASE("gate, whose program is not there, says so") {
  const Workspace space(with("[[gate]]\nname = \"x\"\nat = \"before-build\"\nrun = [\"no-such-program-of-ours\"]\n"));
  const auto outcome = space.release();
  REQUIRE(outcome.error);
  CHECK(has(render(*outcome.error), "the gate \"x\" could not run"));
  CHECK(has(outcome.error->hint, "install no-such-program-of-ours"));
}
