// registries.conf, certs.d and proxies as values.
#include <cstdlib>
#include <fstream>

#include "catch_shim.hpp"
#include "hosts_impl.hpp"
#include "registry_support.hpp"

using namespace shipset;
using namespace shipset::registry;
using shipset::registry::testing::reference;

namespace {
struct Folder {
  TempDirectory directory = TempDirectory::create(std::filesystem::temp_directory_path(), "hosts-").value();
  [[nodiscard]] std::string at(const std::string& name) const { return (directory.path() / name).string(); }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(at(name)).parent_path());
    std::ofstream(at(name)) << text;
  }
};

std::vector<std::string> names(const std::vector<PullPlace>& places) {
  std::vector<std::string> out;
  for (const auto& place : places) out.push_back(place.repository.name());
  return out;
}

bool excepted(const std::string& list, const std::string& url) {
  return in_no_proxy(list, *Url::parse(url));
}
}  // namespace

TEST_CASE("registries.conf, version 2, is read with mirrors in their order") {
  const auto rules = parse_registries_conf(R"(
unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "docker.io/library"
location = "127.0.0.1:5000/hub"
[[registry.mirror]]
location = "mirror.example:5000/a/"
insecure = true
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "second.example"
[[registry]]
location = "old.example"
blocked = true
mirror-by-digest-only = true
[[registry.mirror]]
location = "third.example/x"
[[registry]]
prefix = "*.wild.example"
insecure = true
)",
                                           "f.conf");
  REQUIRE(rules);
  REQUIRE(rules->size() == 3);
  CHECK((*rules)[0].prefix == "docker.io/library");
  CHECK((*rules)[0].location == "127.0.0.1:5000/hub");
  REQUIRE((*rules)[0].mirrors.size() == 2);
  CHECK((*rules)[0].mirrors[0].location == "mirror.example:5000/a");
  CHECK((*rules)[0].mirrors[0].insecure);
  CHECK((*rules)[0].mirrors[0].pulls == Mirror::Pulls::by_digest);
  CHECK((*rules)[0].mirrors[1].pulls == Mirror::Pulls::all);
  CHECK((*rules)[1].prefix == "old.example");
  CHECK((*rules)[1].blocked);
  CHECK((*rules)[1].mirrors[0].pulls == Mirror::Pulls::by_digest);
  CHECK((*rules)[2].insecure);
}

TEST_CASE("registries.conf, version 1, insecure and blocked hosts are known") {
  const auto rules = parse_registries_conf(
      "[registries.search]\nregistries = [\"docker.io\"]\n[registries.insecure]\nregistries = [\"a.example:5000\"]\n"
      "[registries.block]\nregistries = [\"b.example\", \"a.example:5000\"]\n",
      "f.conf");
  REQUIRE(rules);
  REQUIRE(rules->size() == 2);
  CHECK((*rules)[0].insecure);
  CHECK((*rules)[0].blocked);
  CHECK((*rules)[1].prefix == "b.example");
}

TEST_CASE("registries.conf, broken, is an error that names file and place") {
  const auto problem = parse_registries_conf("[[registry]]\nprefix = \n", "/x/f.conf");
  REQUIRE_FALSE(problem);
  CHECK(problem.error().kind == ErrorKind::io);
  CHECK(problem.error().what == "cannot read /x/f.conf");
  CHECK(problem.error().why.find("line 2") == 0);
  for (const char* text :
       {"registry = 7", "registry = [7]", "[[registry]]\n", "[[registry]]\nlocation = 7",
        "[[registry]]\nlocation = \"https://a.example\"", "[[registry]]\nlocation = \"nohost\"",
        "[[registry]]\nlocation = \"a.example/x:tag\"", "[[registry]]\nprefix = \"*.\"",
        "[[registry]]\nprefix = \"*.a.example/x\"", "[[registry]]\nlocation = \"a.example\"\nblocked = \"yes\"",
        "[[registry]]\nlocation = \"a.example\"\n[[registry.mirror]]\ninsecure = true",
        "[[registry]]\nlocation = \"a.example\"\n[[registry.mirror]]\nlocation = \"b.example\"\n"
        "pull-from-mirror = \"never\"",
        "[[registry]]\nlocation = \"a.example\"\nmirror = 5", "[[registry]]\nlocation = \"a.example/../b\"",
        "[[registry]]\nlocation = \"a.exa mple\"", "[registries.insecure]\nregistries = [1]"}) {
    INFO(text);
    const auto read = parse_registries_conf(text, "f.conf");
    REQUIRE_FALSE(read);
    CHECK(read.error().kind == ErrorKind::io);
    CHECK(read.error().what == "cannot read f.conf");
    CHECK_FALSE(read.error().why.empty());
  }
}

TEST_CASE("rules, the longest prefix that ends at a separator decides") {
  const auto rules = parse_registries_conf(
      "[[registry]]\nlocation=\"a.example\"\n[[registry]]\nlocation=\"a.example/team\"\n"
      "[[registry]]\nprefix=\"*.a.example\"\nlocation=\"all.example/sub\"\n",
      "f");
  REQUIRE(rules);
  CHECK(find_rule(*rules, "a.example/x")->prefix == "a.example");
  CHECK(find_rule(*rules, "a.example/team/x")->prefix == "a.example/team");
  CHECK(find_rule(*rules, "a.example/team2/x")->prefix == "a.example");
  CHECK(find_rule(*rules, "b.a.example:5000/x")->prefix == "*.a.example");
  CHECK(find_rule(*rules, "xa.example/x") == nullptr);
  CHECK(find_rule(*rules, "a.example.evil/x") == nullptr);
  CHECK(rewritten("a.example/team/x", "a.example/team", "b.example/t") == "b.example/t/x");
  CHECK(rewritten("b.a.example:5000/x/y", "*.a.example", "all.example/sub") == "all.example/sub/x/y");
  CHECK(rewritten("c.example/x", "a.example", "b.example") == "c.example/x");
  CHECK(rewritten("a.example/x", "a.example", "") == "a.example/x");
}

TEST_CASE("rules, files and folders, later ones replace the same prefix") {
  const Folder folder;
  folder.write("main.conf",
               "[[registry]]\nlocation=\"a.example\"\nblocked=true\n[[registry]]\nlocation=\"b.example\"\n");
  folder.write("d/10-x.conf", "[[registry]]\nprefix=\"a.example\"\nlocation=\"c.example\"\n");
  folder.write("d/ignored.txt", "this is no TOML at all");
  HostSources sources;
  sources.registries_files = {folder.at("main.conf")};
  sources.registries_folders = {folder.at("d"), folder.at("not-there")};
  const auto rules = load_rules(sources);
  REQUIRE(rules);
  CHECK(rules->size() == 2);
  CHECK(find_rule(*rules, "a.example/x")->location == "c.example");
  folder.write("d/20-broken.conf", "[[");
  CHECK(load_rules(sources).error().what.find("20-broken.conf") != std::string::npos);
}

TEST_CASE("pull places, option before file, origin last and rewritten") {
  const Folder folder;
  folder.write("main.conf",
               "[[registry]]\nprefix=\"docker.io\"\nlocation=\"hub.example\"\n[[registry.mirror]]\n"
               "location=\"m.example/hub\"\n[[registry]]\nlocation=\"no.example\"\nblocked=true\n");
  auto options = testing::quick_options();
  options.hosts->registries_files = {folder.at("main.conf")};
  options.mirrors = {{"docker.io", {"127.0.0.1:5000"}}, {"docker.io/team", {"t.example/copies", "u.example"}}};
  const HostBook book(options);
  CHECK(names(book.pull_places(reference("alpine")).value()) ==
        std::vector<std::string>{"127.0.0.1:5000/library/alpine", "m.example/hub/library/alpine",
                                 "hub.example/library/alpine"});
  CHECK(names(book.pull_places(reference("team/app")).value()) ==
        std::vector<std::string>{"t.example/copies/app", "u.example/app", "m.example/hub/team/app",
                                 "hub.example/team/app"});
  CHECK(names(book.pull_places(reference("quay.io/a/b")).value()) == std::vector<std::string>{"quay.io/a/b"});
  const auto blocked = book.pull_places(reference("no.example/x"));
  REQUIRE_FALSE(blocked);
  CHECK(blocked.error().kind == ErrorKind::policy);
  for (const char* wrong : {"http://m.example", "nohost", "", "a.example:5000/x:tag"}) {
    options.mirrors = {{"docker.io", {wrong}}};
    const auto places = HostBook(options).pull_places(reference("alpine"));
    REQUIRE_FALSE(places);
    CHECK(places.error().kind == ErrorKind::usage);
  }
}

TEST_CASE("insecure hosts of registries.conf, and only they, go unchecked") {
  const Folder folder;
  folder.write("main.conf",
               "[[registry]]\nlocation=\"a.example\"\n[[registry.mirror]]\nlocation=\"m.example:5000/x\"\n"
               "insecure=true\n[[registry]]\nlocation=\"i.example\"\ninsecure=true\n"
               "[[registry]]\nprefix=\"*.w.example\"\ninsecure=true\n");
  auto options = testing::quick_options();
  options.hosts->registries_files = {folder.at("main.conf")};
  options.insecure_tls = {"o.example:5000"};
  const HostBook book(options);
  const auto unchecked = [&](const char* url) { return book.unchecked(*Url::parse(url)); };
  for (const char* url :
       {"https://m.example:5000/", "https://i.example/", "https://x.w.example:7/", "https://o.example:5000/"})
    CHECK(unchecked(url));
  for (const char* url : {"https://m.example/", "https://a.example/", "https://i.example:5000/", "https://o.example/",
                          "https://w.example/", "https://i.example.evil/"})
    CHECK_FALSE(unchecked(url));
}

TEST_CASE("certs.d, CAs and the client's pair of one host, are found under its name and port") {
  const Folder folder;
  folder.write("one/reg.example:5000/a.crt", "CA-A");
  folder.write("one/reg.example:5000/me.cert", "cert");
  folder.write("one/reg.example:5000/me.key", "key");
  folder.write("two/reg.example:5000/b.crt", "CA-B");
  folder.write("two/reg.example:5000/z.cert", "cert");
  folder.write("two/reg.example:5000/z.key", "key");
  const std::vector<std::string> folders{folder.at("one"), folder.at("none"), folder.at("two")};
  const auto found = read_host_folders(folders, {"reg.example:5000"});
  REQUIRE(found);
  CHECK(found->ca_text == "CA-A\nCA-B\n");
  CHECK(found->client.cert_file == folder.at("one/reg.example:5000/me.cert"));
  CHECK(found->client.key_file == folder.at("one/reg.example:5000/me.key"));
  CHECK(read_host_folders(folders, {"reg.example"})->ca_text.empty());
  CHECK(read_host_folders(folders, {"..", "../one/reg.example:5000", ""})->ca_text.empty());
  std::filesystem::remove(folder.at("one/reg.example:5000/me.key"));
  const auto lonely = read_host_folders(folders, {"reg.example:5000"});
  REQUIRE_FALSE(lonely);
  CHECK(lonely.error().kind == ErrorKind::io);
  CHECK(lonely.error().why == "me.cert has no me.key");
}

TEST_CASE("proxy, chosen by scheme, with exceptions, never for loopback") {
  ProxySettings settings{"http://plain:1", "http://user:proxy-secret@tls:2", "socks5h://all:3",
                         "in.example,10.0.0.0/8"};
  const auto proxy = [&](const char* url) { return proxy_for(settings, *Url::parse(url)); };
  CHECK(proxy("https://reg.example/") == settings.https);
  CHECK(proxy("http://reg.example/") == settings.http);
  CHECK(proxy("https://reg.in.example/") == "");
  CHECK(proxy("https://10.1.2.3:5000/") == "");
  CHECK(proxy("http://localhost:5000/") == "");
  CHECK(proxy("http://127.0.0.1:5000/") == "");
  settings.https.clear();
  CHECK(proxy("https://reg.example/") == settings.all);
  settings.no_proxy = "*";
  CHECK(proxy("https://reg.example/") == "");
}

TEST_CASE("proxy exceptions, names, ports, addresses and networks, mean what they say") {
  for (const auto& [list, url] :
       std::vector<std::pair<const char*, const char*>>{{"a.example", "https://a.example/"},
                                                        {"a.example", "https://b.a.example:5000/"},
                                                        {".a.example", "https://a.example/"},
                                                        {"*.a.example", "https://b.a.example/"},
                                                        {"x, A.Example ,y", "https://a.example./"},
                                                        {"x a.example", "https://a.example/"},
                                                        {"a.example:5000", "https://a.example:5000/"},
                                                        {"10.0.0.0/8", "http://10.255.0.1/"},
                                                        {"10.1.2.128/25", "http://10.1.2.129/"},
                                                        {"10.1.2.3", "http://10.1.2.3:5000/"},
                                                        {"10.1.2.3:5000", "http://10.1.2.3:5000/"},
                                                        {"2001:db8::/32", "http://[2001:db8:1::5]:5000/"},
                                                        {"[2001:db8::1]:5000", "http://[2001:db8::1]:5000/"},
                                                        {"2001:db8::1", "http://[2001:db8:0::1]/"},
                                                        {"0.0.0.0/0", "http://8.8.8.8/"},
                                                        {"*", "http://8.8.8.8/"}}) {
    INFO(list << " " << url);
    CHECK(excepted(list, url));
  }
  for (const auto& [list, url] :
       std::vector<std::pair<const char*, const char*>>{{"", "https://a.example/"},
                                                        {",, ,", "https://a.example/"},
                                                        {"a.example", "https://xa.example/"},
                                                        {"a.example", "https://a.example.evil/"},
                                                        {"a.example:5000", "https://a.example:5001/"},
                                                        {"a.example:5000", "https://a.example/"},
                                                        {"10.0.0.0/8", "http://11.0.0.1/"},
                                                        {"10.1.2.128/25", "http://10.1.2.127/"},
                                                        {"10.0.0.0/33", "http://10.0.0.1/"},
                                                        {"10.0.0.0/-1", "http://10.0.0.1/"},
                                                        {"10.0.0.0/x", "http://10.0.0.1/"},
                                                        {"10.0.0.0/8", "http://10.example/"},
                                                        {"0.1", "http://10.0.0.1/"},
                                                        {"2001:db8::/32", "http://10.0.0.1/"},
                                                        {".", "https://a.example/"}}) {
    INFO(list << " " << url);
    CHECK_FALSE(excepted(list, url));
  }
}

TEST_CASE("environment, proxies and host files, lower case first and HTTP_PROXY never") {
  const std::vector<const char*> variables{
      "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",     "all_proxy",     "ALL_PROXY",
      "no_proxy",   "NO_PROXY",   "HOME",        "XDG_CONFIG_HOME", "DOCKER_CONFIG", "CONTAINERS_REGISTRIES_CONF"};
  std::map<const char*, std::optional<std::string>> old;
  for (const char* name : variables) {
    const char* value = std::getenv(name);
    old[name] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
    ::unsetenv(name);
  }
  ::setenv("HTTP_PROXY", "http://cgi:1", 1);
  ::setenv("HTTPS_PROXY", "http://upper:1", 1);
  ::setenv("NO_PROXY", "a.example", 1);
  auto proxy = ProxySettings::from_environment();
  CHECK(proxy.http.empty());
  CHECK(proxy.https == "http://upper:1");
  CHECK(proxy.no_proxy == "a.example");
  ::setenv("https_proxy", "http://lower:1", 1);
  CHECK(ProxySettings::from_environment().https == "http://lower:1");
  const Folder home;
  home.write(".config/containers/registries.conf", "");
  ::setenv("HOME", home.directory.path().c_str(), 1);
  auto sources = HostSources::from_environment();
  CHECK(sources.registries_files == std::vector<std::string>{home.at(".config/containers/registries.conf")});
  CHECK(sources.certificate_folders.front() == home.at(".config/containers/certs.d"));
  ::setenv("CONTAINERS_REGISTRIES_CONF", "/named.conf", 1);
  ::setenv("DOCKER_CONFIG", "/dock", 1);
  sources = HostSources::from_environment();
  CHECK(sources.registries_files == std::vector<std::string>{"/named.conf"});
  CHECK(std::count(sources.certificate_folders.begin(), sources.certificate_folders.end(), "/dock/certs.d") == 1);
  for (const auto& [name, value] : old)
    if (value)
      ::setenv(name, value->c_str(), 1);
    else
      ::unsetenv(name);
}
