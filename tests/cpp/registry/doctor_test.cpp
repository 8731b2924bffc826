#include "shipset/registry/doctor.hpp"

#include <cstdlib>

#include "catch_shim.hpp"
#include "registry_support.hpp"
#include "scripted_server_support.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;

namespace {
DoctorReport look(const std::string& place, bool write = false, ClientOptions options = quick_options()) {
  Client client(std::move(options));
  auto report = diagnose(client, place, {write});
  if (!report) FAIL(render(report.error()));
  return std::move(*report);
}

const Finding& find(const DoctorReport& report, const std::string& name) {
  for (const auto& finding : report.findings)
    if (finding.name == name) return finding;
  static const Finding none{"(missing)", "(missing)", Verdict::unknown, {}, {}};
  return none;
}

std::string shown(const DoctorReport& report) {
  std::string out;
  for (const auto& f : report.findings)
    out += f.name + ": " + f.result + " [" + std::string(to_string(f.verdict)) + "] " + f.explanation + " | " +
           f.advice + "\n";
  return out;
}

Reply html() {
  return {200, {{"Content-Type", "text/html"}}, "<html>hello</html>"};
}

std::vector<std::string> tags_at(const std::string& host) {
  Client client(quick_options());
  return client.repository(reference(host + "/app"))->tags().value();
}
}  // namespace

TEST_CASE("doctor, real registries, tells their true profiles and leaves nothing") {
  struct Truth {
    std::string kind;
    BrokenUpload broken;
    bool mount_check, anonymous, delete_tag;
  };
  const Truth truth = GENERATE(Truth{"plain", BrokenUpload::forgets, true, false, false},
                               Truth{"distribution", BrokenUpload::keeps, true, false, true},
                               Truth{"crane", BrokenUpload::unaskable, false, false, true});
  const auto registry = RealRegistry::start(truth.kind);
  if (!registry) return;
  const auto before = look(registry->host() + "/app");
  INFO(truth.kind << "\n" << shown(before));
  CHECK(before.usable());
  CHECK(find(before, "push").verdict == Verdict::good);
  CHECK(find(before, "mounts").result == "not tried");
  CHECK_FALSE(before.profile.empty_config.value);
  const auto report = look(registry->host() + "/app", true);
  INFO(shown(report));
  CHECK(report.usable());
  CHECK(report.left.empty());
  const Profile& profile = report.profile;
  CHECK(profile.chunked_upload.value == std::optional(true));
  CHECK(profile.chunked_upload.how == Learnt::by_probe);
  CHECK(profile.broken_upload.value == std::optional(truth.broken));
  CHECK(profile.referrers_api.value == std::optional(false));
  CHECK(profile.mount_check.value == std::optional(truth.mount_check));
  CHECK(profile.anonymous_mount.value == std::optional(truth.anonymous));
  CHECK(profile.empty_config.value == std::optional(true));
  CHECK(profile.multi_tag.value == std::optional(false));
  CHECK(profile.delete_tag.value == std::optional(truth.delete_tag));
  CHECK(profile.delete_digest.value == std::optional(true));
  CHECK(tags_at(registry->host()).empty());
}

TEST_CASE("doctor, repository with an image, tries mounts without writing") {
  const auto registry = RealRegistry::start("plain");
  if (!registry) return;
  Client client(quick_options());
  auto store = client.repository(reference(registry->host() + "/app"));
  const SmallImage image(noise(1000, 3));
  REQUIRE(image.push(*store));
  REQUIRE(store->put_tag("v1", image.descriptor, image.manifest));
  const auto report = look(registry->host() + "/app");
  INFO(shown(report));
  CHECK(find(report, "mount check").result == "answered");
  CHECK(tags_at(registry->host()) == std::vector<std::string>{"v1"});
}

TEST_CASE("doctor, login, is told by source and user name, and refused ones end it") {
  const auto registry = RealRegistry::start("htpasswd");
  if (!registry) return;
  const auto right =
      look(registry->host() + "/app", false, login_options(registry->host(), "tester", "right-password"));
  CHECK(right.usable());
  CHECK(find(right, "credentials").result == "user tester");
  CHECK(find(right, "credentials").explanation.find("DOCKER_AUTH_CONFIG") != std::string::npos);
  CHECK(find(right, "login").result == "accepted");
  CHECK(right.to_json().find("right-password") == std::string::npos);
  const auto wrong =
      look(registry->host() + "/app", false, login_options(registry->host(), "tester", "wrong-password"));
  REQUIRE_FALSE(wrong.usable());
  CHECK(exit_code(wrong.problem->kind) == 5);
  CHECK(find(wrong, "login").result == "refused");
  CHECK(find(wrong, "push").name == "(missing)");
  CHECK((shown(wrong) + wrong.to_json() + render(*wrong.problem)).find("wrong-password") == std::string::npos);
  const auto none = look(registry->host());
  CHECK(find(none, "login").result == "wanted");
  CHECK(find(none, "login").advice.find("shipset login") != std::string::npos);
  CHECK(exit_code(none.problem->kind) == 5);
}

TEST_CASE("doctor, certificate that nobody vouches for, says so") {
  const auto registry = RealRegistry::start("tls");
  if (!registry) return;
  const auto report = look(registry->host());
  INFO(shown(report));
  REQUIRE_FALSE(report.usable());
  CHECK(exit_code(report.problem->kind) == 6);
  CHECK(find(report, "connection").result == "certificate not accepted");
  CHECK_FALSE(find(report, "connection").advice.empty());
  auto trusting = quick_options();
  trusting.ca_file = (registry->directory() / "ca.pem").string();
  const auto trusted = look(registry->host(), false, trusting);
  CHECK(trusted.usable());
  CHECK(find(trusted, "connection").result == "HTTPS");
  auto careless = quick_options();
  careless.insecure_tls = {registry->host()};
  CHECK(find(look(registry->host(), false, careless), "connection").verdict == Verdict::warning);
}

TEST_CASE("doctor, nothing listens or the name is unknown, is a network problem") {
  const auto closed = look("127.0.0.1:" + std::to_string(free_port()) + "/app");
  REQUIRE_FALSE(closed.usable());
  CHECK(exit_code(closed.problem->kind) == 6);
  CHECK(find(closed, "connection").result == "no connection");
  CHECK(find(closed, "api").name == "(missing)");
}

TEST_CASE("doctor, web page or other service in place of a registry, is refused") {
  ScriptedServer page([](const Request&) { return html(); });
  const auto report = look(page.host() + "/app");
  REQUIRE_FALSE(report.usable());
  CHECK(exit_code(report.problem->kind) == 5);
  CHECK(find(report, "api").result == "not a registry");
  ScriptedServer other([](const Request&) { return Reply{404, {}, "no such page"}; });
  CHECK(find(look(other.host()), "api").result == "not a registry");
}

TEST_CASE("doctor, repository that must be created first, gives the way to create it") {
  ScriptedServer server([](const Request& request) {
    if (request.target == "/v2/") return Reply{200};
    return Reply::error(404, "NAME_UNKNOWN", "The repository does not exist in the registry");
  });
  const auto report = look(server.host() + "/team/app", true);
  REQUIRE_FALSE(report.usable());
  CHECK(exit_code(report.problem->kind) == 5);
  CHECK(find(report, "pull").result == "nothing there");
  CHECK(find(report, "push").result == "no such repository");
  CHECK(find(report, "push").advice.find("create the repository") != std::string::npos);
  for (const auto& line : server.log()) CHECK(line.find("PUT") == std::string::npos);
}

TEST_CASE("doctor, rights, are judged each by its own answer") {
  int status = 403;
  ScriptedServer server([&](const Request& request) {
    if (request.target == "/v2/")
      return Reply{200, {{"RateLimit-Limit", "100;w=60"}, {"RateLimit-Remaining", "3;w=60"}}};
    if (request.method == "GET") return Reply{200, {}, R"({"tags":[]})"};
    if (request.method == "DELETE") return Reply::error(status, status == 404 ? "MANIFEST_UNKNOWN" : "DENIED");
    return Reply::error(403, "DENIED", "quota");
  });
  const auto refused = look(server.host() + "/app");
  CHECK(find(refused, "pull").result == "allowed");
  CHECK(find(refused, "push").result == "refused");
  CHECK(find(refused, "delete by tag").result == "no right");
  CHECK(find(refused, "rate limit").verdict == Verdict::warning);
  CHECK(find(refused, "rate limit").result == "100 requests in 60 s");
  REQUIRE_FALSE(refused.usable());
  CHECK(refused.problem->kind == ErrorKind::auth);
  status = 405;
  CHECK(find(look(server.host() + "/app"), "delete by digest").result == "not offered");
  status = 404;
  CHECK(find(look(server.host() + "/app"), "delete by digest").result == "allowed");
}

TEST_CASE("doctor, registry that deletes nothing, what stays is named") {
  std::mutex mutex;
  std::map<std::string, std::string> held;
  ScriptedServer server([&](const Request& request) {
    std::lock_guard lock(mutex);
    if (request.target == "/v2/") return Reply{200};
    if (request.target.find("/blobs/uploads/") != std::string::npos) {
      if (request.method == "POST") return Reply{202, {{"Location", "/v2/app/blobs/uploads/1"}}};
      return Reply{request.method == "PUT" ? 201 : request.method == "PATCH" ? 405 : 204};
    }
    const auto at = request.target.find("/manifests/");
    if (at == std::string::npos)
      return request.target.find("tags/list") != std::string::npos ? Reply{200, {}, R"({"tags":null})"}
                                                                   : Reply::error(404, "BLOB_UNKNOWN");
    const std::string key = request.target.substr(at + 11, request.target.find('?') - at - 11);
    if (request.method == "DELETE") return Reply::error(405, "UNSUPPORTED");
    if (request.method == "PUT") {
      held[key] = held[Digest::of(std::string_view(request.body)).str()] = request.body;
      return Reply{201};
    }
    const auto found = held.find(key);
    if (found == held.end()) return Reply::error(404, "MANIFEST_UNKNOWN");
    return Reply{200, {{"Content-Type", std::string(oci::media_type::manifest)}}, found->second};
  });
  const auto report = look(server.host() + "/app", true);
  INFO(shown(report));
  CHECK(find(report, "removing").result == "nothing");
  CHECK(find(report, "chunked upload").result == "not taken");
  REQUIRE(report.left.size() == 2);
  CHECK(report.left[0].find("/app:_shipset.doctor.") != std::string::npos);
  CHECK(find(report, "left behind").verdict == Verdict::warning);
  CHECK(report.profile.delete_tag.value == std::optional(false));
  CHECK(report.profile.delete_digest.value == std::optional(false));
}

TEST_CASE("doctor, registry that refuses empty configs, is told and the other trials go on") {
  ScriptedServer server([&](const Request& request) {
    if (request.target == "/v2/") return Reply{200};
    if (request.target.find("/blobs/uploads/") != std::string::npos) {
      if (request.method == "POST") return Reply{202, {{"Location", "/v2/app/blobs/uploads/1"}}};
      return Reply{request.method == "PUT" ? 201 : 404};
    }
    if (request.method == "PUT" && request.body.find("vnd.oci.empty") < request.body.find("layers"))
      return Reply::error(400, "MANIFEST_INVALID", "config media type is not allowed");
    if (request.method == "PUT" && request.target.find("?tag=") != std::string::npos)
      return Reply{201, {{"OCI-Tag", "x"}}};
    if (request.method == "PUT") return Reply{201};
    if (request.target.find("tags/list") != std::string::npos) return Reply{200, {}, R"({"tags":[]})"};
    return Reply::error(404, "MANIFEST_UNKNOWN");
  });
  const auto report = look(server.host() + "/app", true);
  INFO(shown(report));
  CHECK(find(report, "empty config").result == "refused");
  CHECK(find(report, "empty config").advice.find("legacy") != std::string::npos);
  CHECK(report.profile.empty_config.value == std::optional(false));
  CHECK(find(report, "several tags at once").result == "one by one");  // it says so, but the tags are not there
  CHECK(report.left.empty());
}

TEST_CASE("doctor, places that are none, are usage errors") {
  Client client(quick_options());
  for (const std::string place : {"", "alpine", "a b", "localhost:5000/app:v1", "ghcr.io/Org/app", "http://x",
                                  "ghcr.io/a@sha256:1", "../x", ":5000", "ghcr.io/"})
    CHECK(diagnose(client, place, {}).error().kind == ErrorKind::usage);
  CHECK(diagnose(client, "localhost:1", {true}).error().kind == ErrorKind::usage);
  const CancelToken stop;
  stop.cancel();
  CHECK(diagnose(client, "localhost:1", {}, {}, stop).error().kind == ErrorKind::cancelled);
}

TEST_CASE("doctor, this machine, tells files, helpers and proxies without passwords") {
  auto home = TempDirectory::create(std::filesystem::temp_directory_path(), "doctor-");
  REQUIRE(home);
  const auto file = (home->path() / "config.json").string();
  REQUIRE(write_file_atomic(file,
                            R"({"auths":{"ghcr.io":{"auth":"dXNlcjpodW50ZXIyMjI="}},"credsStore":"no-such-helper"})"));
  ::setenv("https_proxy", "http://user:s3cret-word@proxy.example:3128", 1);
  ClientOptions options = quick_options();
  options.credentials->docker_config = file;
  options.state_directory = (home->path() / "state").string();
  const auto report = examine_machine(options);
  ::unsetenv("https_proxy");
  REQUIRE(report);
  INFO(shown(*report));
  CHECK(report->usable());
  CHECK(find(*report, "credential file").explanation == "logins for ghcr.io");
  CHECK(find(*report, "credential helper").verdict == Verdict::warning);
  CHECK(find(*report, "proxy").result == "http://user:***@proxy.example:3128");
  CHECK(find(*report, "state folder").verdict == Verdict::good);
  CHECK(find(*report, "certificates").name == "certificates");
  CHECK(find(*report, "buildctl").name == "buildctl");
  CHECK(report->to_json().find("s3cret-word") == std::string::npos);
  CHECK(report->to_json().find("hunter") == std::string::npos);
}
