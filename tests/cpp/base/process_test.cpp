#include "shipset/base/process.hpp"

#include <thread>

#include "catch_shim.hpp"

using namespace shipset;
using std::chrono::milliseconds;

namespace {
ProcessOutcome shell(const std::string& script, ProcessSpec spec = {}, const CancelToken& cancel = {}) {
  spec.argv = {"sh", "-c", script};
  auto ran = run_process(spec, cancel);
  REQUIRE(ran.ok());
  return *ran;
}
}  // namespace

TEST_CASE("process, output and exit code, come back apart") {
  const auto ran = shell("echo out; echo err >&2; exit 3");
  CHECK(ran.exit_code == 3);
  CHECK(ran.out == "out\n");
  CHECK(ran.err == "err\n");
  CHECK_FALSE(ran.timed_out);
}

TEST_CASE("process, a megabyte of input, is taken whole and a closed input is no failure") {
  ProcessSpec spec;
  spec.input = std::string(1'000'000, 'x');
  CHECK(shell("wc -c", spec).out.find("1000000") != std::string::npos);
  CHECK(shell("exec true", spec).exit_code == 0);
}

TEST_CASE("process, lines as they come, with the last one unfinished") {
  std::vector<std::string> lines;
  ProcessSpec spec;
  spec.on_line = [&](std::string_view line, bool is_stderr) {
    lines.push_back((is_stderr ? "e:" : "o:") + std::string(line));
  };
  shell("printf 'a\\nb'", spec);
  CHECK(lines == std::vector<std::string>{"o:a", "o:b"});
}

TEST_CASE("process, environment and folder, as asked") {
  ProcessSpec spec;
  spec.env = {{"SHIPSET_X", "1 2"}};
  spec.unset_env = {"HOME"};
  spec.directory = "/";
  CHECK(shell("echo \"$SHIPSET_X|${HOME-none}|$PWD\"", spec).out == "1 2|none|/\n");
}

TEST_CASE("process, over its time limit, ends with everything it started") {
  ProcessSpec spec;
  spec.timeout = milliseconds(200);
  const auto begin = std::chrono::steady_clock::now();
  const auto ran = shell("trap '' TERM; sleep 60 & sleep 60", spec);
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(ran.timed_out);
  CHECK(ran.exit_code >= 128);
  CHECK(took < std::chrono::seconds(8));
}

TEST_CASE("process, a stop, ends it within its grace") {
  CancelToken cancel;
  std::thread later([cancel] {
    std::this_thread::sleep_for(milliseconds(100));
    cancel.cancel();
  });
  const auto begin = std::chrono::steady_clock::now();
  const auto ran = shell("sleep 60", {}, cancel);
  later.join();
  CHECK(ran.cancelled);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
}

TEST_CASE("process, endless output, keeps the last bytes only") {
  ProcessSpec spec;
  spec.output_limit = 1000;
  const auto ran = shell("yes x | head -c 5000000; echo end", spec);
  CHECK(ran.out.size() <= 1000);
  CHECK(ran.out.ends_with("end\n"));
}

TEST_CASE("process, a missing program or an empty command, is an error that says so") {
  ProcessSpec spec;
  spec.argv = {"shipset-no-such-program"};
  const auto ran = run_process(spec);
  REQUIRE_FALSE(ran.ok());
  CHECK(ran.error().kind == ErrorKind::io);
  CHECK(ran.error().what.find("shipset-no-such-program") != std::string::npos);
  CHECK(run_process({}).error().kind == ErrorKind::usage);
}
