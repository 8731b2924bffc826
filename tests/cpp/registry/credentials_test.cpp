#include "shipset/registry/credentials.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "catch_shim.hpp"
#include "credential_files_impl.hpp"
#include "registry_support.hpp"

using namespace shipset;
using namespace shipset::registry;
using shipset::registry::testing::reference;

namespace {
struct Home {
  TempDirectory directory = TempDirectory::create(std::filesystem::temp_directory_path(), "credentials-").value();
  CredentialSources sources;
  std::string old_path = std::getenv("PATH");
  Home() {
    sources.docker_config = file("config.json");
    sources.podman_files = {file("auth.json")};
    ::setenv("PATH", (directory.path().string() + ":" + old_path).c_str(), 1);
  }
  ~Home() { ::setenv("PATH", old_path.c_str(), 1); }
  [[nodiscard]] std::string file(const std::string& name) const { return (directory.path() / name).string(); }
  void write(const std::string& name, const std::string& text, unsigned mode = 0600) const {
    std::ofstream(file(name)) << text;
    ::chmod(file(name).c_str(), mode);
  }
  [[nodiscard]] std::string read(const std::string& name) const { return read_file(file(name), 1 << 20).value(); }
  void helper(const std::string& suffix, const std::string& body) const {
    write("docker-credential-" + suffix, "#!/bin/sh\ncat > \"$0.in\"\n" + body + "\n", 0700);
  }
  [[nodiscard]] Result<Credential> find(const std::string& text) const {
    return find_credential(sources, reference(text));
  }
};
}  // namespace

TEST_CASE("credentials, nothing anywhere, are anonymous") {
  const Home home;
  CHECK(home.find("ghcr.io/o/app")->anonymous());
}

TEST_CASE("credentials, keys in every spelling, are found") {
  const Home home;
  home.write("config.json", R"({"auths":{
    "https://index.docker.io/v1/":{"auth":"aHViOnB3MQ=="},
    "https://reg.example/v2/":{"auth":"cmVnOnB3OndpdGg6Y29sb25z"},
    "ghcr.io":{"username":"gh","password":"pw3"},
    "acr.example":{"auth":"MDA6","identitytoken":"refresh-me"},
    "tok.example":{"registrytoken":"ready-token"}}})");
  CHECK(home.find("alpine")->username == "hub");
  CHECK(home.find("docker.io/o/app")->password.reveal() == "pw1");
  CHECK(home.find("reg.example/a")->password.reveal() == "pw:with:colons");
  CHECK(home.find("ghcr.io/a/b")->username == "gh");
  CHECK(home.find("acr.example/a")->identity_token.reveal() == "refresh-me");
  CHECK(home.find("tok.example/a")->registry_token.reveal() == "ready-token");
  CHECK(home.find("ghcr.io.evil.example/a")->anonymous());
  CHECK(home.find("reg.example:5000/a")->anonymous());
  CHECK(home.find("ghcr.io/a")->source == home.file("config.json"));
}

TEST_CASE("credentials, namespaces in Podman's file, longest wins") {
  const Home home;
  home.write("auth.json", R"({"auths":{"q.io":{"auth":"aG9zdDp4"},"q.io/team":{"auth":"dGVhbTp4"},
    "q.io/team/app":{"auth":"YXBwOng="}}})");
  CHECK(home.find("q.io/other")->username == "host");
  CHECK(home.find("q.io/team/tool")->username == "team");
  CHECK(home.find("q.io/team/app")->username == "app");
  CHECK(home.find("q.io/team/app/part")->username == "app");
  CHECK(home.find("q.io/teamster")->username == "host");
}

TEST_CASE("credentials, DOCKER_AUTH_CONFIG, comes before files") {
  Home home;
  home.write("config.json", R"({"auths":{"a.io":{"auth":"ZmlsZTp4"}}})");
  home.sources.inline_config = R"({"auths":{"a.io":{"auth":"ZW52Ong="}}})";
  CHECK(home.find("a.io/x")->username == "env");
  home.sources.inline_config = R"({"auths":{"b.io":{"auth":"ZW52Ong="}}})";
  CHECK(home.find("a.io/x")->username == "file");
}

TEST_CASE("credentials, damaged files, are errors without their content") {
  const Home home;
  for (const char* text : {"{", "[]", "not json", R"({"auths":{"a.io":{"auth":"%%%"}}})",
                           R"({"auths":{"a.io":{"auth":"bm9jb2xvbg=="}}})", R"({"auths":{"a.io":{},"a.io":{}}})"}) {
    home.write("config.json", text);
    const auto found = home.find("a.io/x");
    REQUIRE_FALSE(found);
    CHECK(found.error().kind == ErrorKind::io);
    CHECK(render(found.error()).find("bm9jb2xvbg") == std::string::npos);
  }
  // The parser would quote what stands near the fault.
  home.write("config.json", R"({"auths":{"a.io":{"auth":"cGxhbnRlZDpzZWNyZXQ=, "b.io": {"auth":"x"}}})");
  const auto broken = home.find("a.io/x");
  REQUIRE_FALSE(broken);
  CHECK(render(broken.error()).find("cGxhbnRl") == std::string::npos);
  CHECK(broken.error().what == "cannot read credentials from " + home.file("config.json"));
  CHECK(broken.error().why.find("it is not valid JSON, at byte ") == 0);
  home.write("config.json", R"({"auths":{"a.io":{"auth":7},"b.io":"text"},"credHelpers":[],"credsStore":{}})");
  CHECK(home.find("a.io/x")->anonymous());
}

TEST_CASE("helper, answers, is asked before auths and only for its host") {
  const Home home;
  home.write("config.json",
             R"({"credHelpers":{"h.io":"mine"},"auths":{"h.io":{"auth":"ZmlsZTp4"},"f.io":{"auth":"ZmlsZTp4"}}})");
  home.helper("mine", R"(echo '{"ServerURL":"h.io","Username":"helped","Secret":"s3cret-value"}')");
  const auto found = home.find("h.io/a");
  REQUIRE(found);
  CHECK(found->username == "helped");
  CHECK(found->source == "helper docker-credential-mine");
  CHECK(home.read("docker-credential-mine.in") == "h.io");
  CHECK(home.find("f.io/a")->username == "file");
}

TEST_CASE("helper, identity token and Docker Hub's address") {
  const Home home;
  home.write("config.json", R"({"credsStore":"mine"})");
  home.helper("mine", R"(echo '{"Username":"<token>","Secret":"refresh-value"}')");
  const auto found = home.find("alpine");
  REQUIRE(found);
  CHECK(found->identity_token.reveal() == "refresh-value");
  CHECK(found->username.empty());
  CHECK(home.read("docker-credential-mine.in") == "https://index.docker.io/v1/");
}

TEST_CASE("helper, knows nothing, falls back; fails, is an error without secrets") {
  const Home home;
  home.write("config.json", R"({"credsStore":"mine","auths":{"a.io":{"auth":"ZmlsZTp4"}}})");
  home.helper("mine", "echo 'credentials not found in native keychain'; exit 1");
  CHECK(home.find("a.io/x")->username == "file");
  CHECK(home.find("b.io/x")->anonymous());
  home.helper("mine", "echo 'the vault is on fire'; exit 1");
  const auto failed = home.find("a.io/x");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().kind == ErrorKind::auth);
  CHECK(failed.error().why == "the vault is on fire");
  home.helper("mine", "echo 'no json'");
  CHECK(home.find("a.io/x").error().kind == ErrorKind::auth);
  home.write("config.json", R"({"credsStore":"missing"})");
  CHECK(home.find("a.io/x").error().kind == ErrorKind::auth);
  home.write("config.json", R"({"credsStore":"../../bin/evil"})");
  CHECK(home.find("a.io/x").error().why == "its name is not a plain word");
}

TEST_CASE("helper, missing, error names program, member and file") {
  const Home home;
  home.write("config.json", R"({"credHelpers":{"a.io":"not-installed"}})");
  const auto found = home.find("a.io/x");
  REQUIRE_FALSE(found);
  CHECK(found.error().kind == ErrorKind::auth);
  CHECK(found.error().what == "credential helper docker-credential-not-installed failed for a.io");
  CHECK(found.error().hint == "install docker-credential-not-installed into PATH, or take it out of credHelpers in " +
                                  home.file("config.json"));
  CHECK(home.find("b.io/x")->anonymous());
}

TEST_CASE("helper, hangs with its children, is ended as a group after the time limit") {
  Home home;
  home.sources.helper_timeout = std::chrono::milliseconds(300);
  home.write("config.json", R"({"credsStore":"mine"})");
  home.helper("mine", "(trap '' TERM; while :; do sleep 0.1; date +%N > \"$0.alive\"; done) &\nsleep 60");
  const auto found = home.find("a.io/x");
  REQUIRE_FALSE(found);
  CHECK(found.error().kind == ErrorKind::auth);
  CHECK(found.error().why.find("did not answer within 1 s") != std::string::npos);
  const auto last = home.read("docker-credential-mine.alive");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  CHECK(home.read("docker-credential-mine.alive") == last);
}

TEST_CASE("helper, answers garbage, is an error that shows nothing of it") {
  const Home home;
  home.write("config.json", R"({"credsStore":"mine"})");
  for (const char* body :
       {R"(echo '{"Username":7,"Secret":{"a":"garbage-secret"}}'; exit 1)", R"(echo '["garbage-secret"]')",
        R"(echo 'Secret=garbage-secret')", R"(printf '{"Username":"u","Secret":"garbage-secret"')",
        R"(printf '\377\376garbage-secret')", R"(head -c 1000000 /dev/zero | tr '\0' 'x')",
        R"(echo '{"Username":"u","Secret":"garbage-secret"}'; exit 3)",
        R"(echo 'wrong password garbage-secret' >&2; exit 1)"}) {
    home.helper("mine", body);
    const auto found = home.find("a.io/x");
    INFO(body);
    REQUIRE_FALSE(found);
    CHECK(found.error().kind == ErrorKind::auth);
    CHECK(render(found.error()).find("garbage-secret") == std::string::npos);
    CHECK(render(found.error()).size() < 1000);
  }
  home.helper("mine", R"(echo '{"Username":7,"Secret":null}')");
  CHECK(home.find("a.io/x")->anonymous());
}

TEST_CASE("credentials, exact key before other spellings, halves of a browser login are none") {
  const Home home;
  home.write("config.json", R"({"auths":{"https://z.io/v1/":{"auth":"dXJsOng="},"z.io":{"auth":"aG9zdDp4"},
    "https://index.docker.io/v1/access-token":{"auth":"dG9rZW46eA=="},"https://w.io/v2/some/path":{"auth":"dzp4"}}})");
  CHECK(home.find("z.io/x")->username == "host");
  CHECK(home.find("docker.io/x/y")->anonymous());
  CHECK(home.find("w.io/x")->username == "w");
}

TEST_CASE("credentials, file that cannot be read, names it") {
  const Home home;
  std::filesystem::create_directory(home.file("config.json"));
  const auto found = home.find("a.io/x");
  REQUIRE_FALSE(found);
  CHECK(found.error().kind == ErrorKind::io);
  CHECK(found.error().what.find(home.file("config.json")) != std::string::npos);
}

TEST_CASE("helper, hangs, can be stopped") {
  const Home home;
  home.write("config.json", R"({"credsStore":"mine"})");
  home.helper("mine", "sleep 60");
  const CancelToken cancel;
  cancel.cancel();
  const auto found = find_credential(home.sources, reference("a.io/x"), cancel);
  REQUIRE_FALSE(found);
  CHECK(found.error().kind == ErrorKind::cancelled);
}

TEST_CASE("login and logout, file, keep other entries and nobody else's eyes") {
  const Home home;
  home.write("config.json",
             R"({"auths":{"https://a.io/v1/":{"auth":"b2xkOng="},"b.io":{"auth":"a2VlcDp4"}},"psFormat":"t"})", 0644);
  CHECK(store_credential(home.sources, "a.io", "new", Secret("password")).value() == home.file("config.json"));
  CHECK(home.find("a.io/x")->username == "new");
  CHECK(home.find("b.io/x")->username == "keep");
  CHECK(home.read("config.json").find("psFormat") != std::string::npos);
  CHECK(home.read("config.json").find("b2xkOng") == std::string::npos);
  struct stat info {};
  ::stat(home.file("config.json").c_str(), &info);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(store_credential(home.sources, "docker.io", "hub", Secret("password")).ok());
  CHECK(home.read("config.json").find("https://index.docker.io/v1/") != std::string::npos);
  CHECK(erase_credential(home.sources, "a.io").value() == home.file("config.json"));
  CHECK(home.find("a.io/x")->anonymous());
  CHECK(home.find("b.io/x")->username == "keep");
  CHECK(erase_credential(home.sources, "a.io").value().empty());
}

TEST_CASE("login, a new file in a new folder, is made") {
  Home home;
  home.sources.docker_config = home.file("new/deep/config.json");
  CHECK(store_credential(home.sources, "a.io", "u", Secret("password")).ok());
  CHECK(home.find("a.io/x")->username == "u");
  home.sources.docker_config.clear();
  CHECK(store_credential(home.sources, "a.io", "u", Secret("p")).error().kind == ErrorKind::io);
}

TEST_CASE("login and logout with a helper, secret goes to the helper alone") {
  const Home home;
  home.write("config.json", R"({"credsStore":"mine"})");
  home.helper("mine", "echo \"$1\" > \"$0.verb\"");
  CHECK(store_credential(home.sources, "a.io", "u", Secret("pass\"word")).value() == "helper docker-credential-mine");
  CHECK(home.read("docker-credential-mine.verb") == "store\n");
  CHECK(home.read("docker-credential-mine.in") == R"({"ServerURL":"a.io","Username":"u","Secret":"pass\"word"})");
  CHECK(home.read("config.json").find("word") == std::string::npos);
  CHECK(erase_credential(home.sources, "a.io").ok());
  CHECK(home.read("docker-credential-mine.verb") == "erase\n");
  CHECK(home.read("docker-credential-mine.in") == "a.io");
}

TEST_CASE("environment, decides where to look") {
  const auto set = [](const char* name, const char* value) {
    if (value == nullptr)
      ::unsetenv(name);
    else
      ::setenv(name, value, 1);
  };
  const std::vector<const char*> names{"DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
                                       "HOME",          "DOCKER_AUTH_CONFIG"};
  std::map<const char*, std::optional<std::string>> old;
  for (const char* name : names) {
    const char* value = std::getenv(name);
    old[name] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
    set(name, nullptr);
  }
  set("HOME", "/h");
  auto found = CredentialSources::from_environment();
  CHECK(found.docker_config == "/h/.docker/config.json");
  CHECK(found.podman_files == std::vector<std::string>{"/h/.config/containers/auth.json"});
  set("DOCKER_CONFIG", "/d");
  set("REGISTRY_AUTH_FILE", "/r.json");
  set("XDG_RUNTIME_DIR", "/run/u");
  set("DOCKER_AUTH_CONFIG", "{}");
  found = CredentialSources::from_environment();
  CHECK(found.docker_config == "/d/config.json");
  CHECK(found.podman_files ==
        std::vector<std::string>{"/r.json", "/run/u/containers/auth.json", "/h/.config/containers/auth.json"});
  CHECK(found.inline_config == "{}");
  for (const auto& [name, value] : old) set(name, value ? value->c_str() : nullptr);
}
