#include "buildx_impl.hpp"
#include "catch_shim.hpp"
#include "shipset/base/file.hpp"

using namespace shipset;
using namespace shipset::build;
using namespace shipset::build::buildx;

namespace {

std::string fault_of(const std::string& said) {
  const Error error = name_fault("cpu/linux/amd64", said, "farm");
  CHECK_FALSE(error.what.empty());
  CHECK(error.context.at("builder") == "farm");
  return error.context.at("fault");
}

}  // namespace

// The texts are those of buildx 0.12 to 0.38 and BuildKit 0.34, as they came.
TEST_CASE("faults, what builders say, get their names") {
  const std::pair<std::string, std::string> said[] = {
      {"ERROR: no builder \"nope\" found", "builder-missing"},
      {"WARNING: x\nERROR: failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is "
       "correct and if the daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory",
       "builder-unreachable"},
      {"ERROR: target a: failed to receive status: closing transport due to: connection error: desc = \"error reading "
       "from server: EOF\", received prior goaway: code: NO_ERROR, debug data: \"graceful_stop\"",
       "builder-unreachable"},
      {"context deadline exceeded", "builder-unreachable"},
      {"ERROR: Multi-platform build is not supported for the docker driver.\nSwitch to a different driver, or turn on "
       "the containerd image store, and try again.",
       "wrong-driver"},
      {"ERROR: Attestation is not supported for the docker driver.", "wrong-driver"},
      {"ERROR: docker exporter is not currently supported for docker driver", "wrong-driver"},
      {"/tmp/x/bake.json:31,17-18: Unsuitable value type; Unsuitable value: element 0: string required, and 3 other "
       "diagnostic(s)",
       "buildx-too-old"},
      {"unknown flag: --metadata-file\nSee 'buildx --help'.", "buildx-too-old"},
      {"write /root/snapshots/7/fs/Dockerfile: no space left on device", "disk-full"},
      {"process \"/bin/sh -c x\" did not complete successfully: exit code: 137", "out-of-memory"},
      {"exec /program: exec format error\nprocess \"/program\" did not complete successfully: exit code: 1",
       "no-emulation"},
      {"failed to push 127.0.0.1:1/x: unexpected status from HEAD request to http://127.0.0.1:1/v2/x/blobs/sha256:0: "
       "401 Unauthorized",
       "push-unauthorized"},
      {"failed to push 127.0.0.1:1/x: failed to do request: Head \"http://127.0.0.1:1/v2/x/blobs/sha256:5\": dial tcp "
       "127.0.0.1:1: connect: connection refused",
       "push-failed"},
      {"unexpected status from HEAD request to http://127.0.0.1:1/v2/x/manifests/sha256:7: 401 Unauthorized",
       "base-unauthorized"},
      {"failed to resolve source metadata for docker.io/library/x:1: docker.io/library/x:1: not found", "base-missing"},
      {"failed to resolve source metadata for docker.io/library/x:1: no match for platform in manifest: not found",
       "base-platform"},
      {"ERROR: failed to solve: target stage \"abd\" could not be found (did you mean abc?)", "no-target"},
      {"ERROR: failed to solve: dockerfile parse error on line 2: unknown instruction: RUNN (did you mean RUN?)",
       "dockerfile"},
      {"failed to calculate checksum of ref a1::b2: \"/nothing\": not found", "context"},
      {"ERROR: failed to stat nofile: stat nofile: no such file or directory", "secret-missing"},
      {"secret token: not found", "secret-missing"},
      {"process \"/bin/sh -c false\" did not complete successfully: exit code: 1", "step-failed"},
      {"something new", "unknown"},
  };
  for (const auto& [text, name] : said) {
    INFO(text);
    CHECK(fault_of(text) == name);
  }
}

TEST_CASE("faults, a file whose name speaks of secrets, lacks no secret") {
  CHECK(fault_of("failed to calculate checksum of ref a::b: \"/my secret file\": not found") == "context");
}

TEST_CASE("faults, who passed an error on, is left out of the reason") {
  const auto why = [](const std::string& said) { return name_fault("x", said, {}).why; };
  CHECK(why("ERROR: target cpu: failed to solve: failed to compute cache key: failed to calculate checksum of ref "
            "a1::b2: \"/nothing\": not found") == "failed to calculate checksum: \"/nothing\": not found");
  CHECK(why("rpc error: code = Unavailable desc = connection refused") == "connection refused");
  CHECK(why("process \"/bin/sh -c echo \\\"a\\\"; exit 7\" did not complete successfully: exit code: 7") ==
        "its command ended with exit code 7");
  CHECK(why("ERROR: first\nERROR: second\nafter") == "second");
  CHECK(why("") == "buildx told no reason, and no digest");
}

TEST_CASE("faults, hostile text, is short and harmless") {
  const std::string long_text =
      "ERROR: \x1b[31mred\x07 of ref of ref : rpc error: code = rpc error: code = " + std::string(1u << 20, 'x');
  const Error error = name_fault("x", long_text, {});
  CHECK(error.why.size() < 1200);
  CHECK(error.why.find('\x1b') == std::string::npos);
  CHECK(name_fault("x", std::string("\0\0ERROR:", 8), {}).context.at("fault") == "unknown");
}

TEST_CASE("faults, about the builder, name it and not an image") {
  CHECK(name_fault("cpu", "no builder \"farm\" found", "farm").what == "there is no builder farm");
  CHECK(name_fault("cpu", "dial unix /x: connect: no such file", "").what == "the default builder cannot be reached");
}

TEST_CASE("faults, a step that failed, is shown with its place, its last lines and its log") {
  const auto folder = TempDirectory::create(std::filesystem::temp_directory_path(), "faults-");
  REQUIRE(folder.ok());
  REQUIRE(write_file_atomic(folder->path() / "Dockerfile", "FROM scratch AS a\nRUN one\nFROM scratch\nRUN one\n"));
  Task task;
  task.variant = "cpu";
  task.directory = folder->path().string();
  task.settings.dockerfile = "Dockerfile";
  task.settings.context = ".";
  TargetProgress told;
  told.failed_step = "[a 1/1] RUN one";
  told.error = "process \"one\" did not complete successfully: exit code: 1";
  told.last_lines = {"write /x: No space left on device", "gave up"};
  told.steps.log = "/logs/cpu.log";
  told.first_ns = 1;
  const Error error = target_fault(task, "cpu", told, {}, "farm");
  CHECK(error.context.at("fault") == "disk-full");
  CHECK(error.context.at("line") == "4");  // the other stage is not needed, though the step is called after it
  CHECK(error.why.find("Dockerfile:4\n") != std::string::npos);
  CHECK(error.why.find("4 | >>> RUN one\n") != std::string::npos);
  CHECK(error.why.ends_with("| write /x: No space left on device\n| gave up\nlog: /logs/cpu.log"));
}

TEST_CASE("faults, a secret of the release file that is nowhere, is told without looking for it in the builder") {
  Task task;
  task.variant = "cpu";
  task.directory = "/nowhere";
  SecretSetting secret;
  secret.id = "token";
  secret.env = "SHIPSET_TEST_NOT_SET";
  task.settings.secrets = {secret};
  const auto lacking = check_secrets(task);
  REQUIRE_FALSE(lacking.ok());
  CHECK(lacking.error().context.at("fault") == "secret-missing");
  CHECK(lacking.error().why == "the environment variable SHIPSET_TEST_NOT_SET is not set");
  task.settings.secrets[0].env = "PATH";
  CHECK(check_secrets(task).ok());
}
