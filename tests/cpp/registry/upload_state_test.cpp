// What one process leaves for the next: the file of an upload, and what a next client does with it.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <sstream>

#include "catch_shim.hpp"
#include "cut_proxy_support.hpp"
#include "registry_support.hpp"
#include "scripted_server_support.hpp"
#include "upload_state_impl.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;
namespace fs = std::filesystem;

namespace {
constexpr std::uint64_t mib = 1u << 20;

struct Place {
  TempDirectory directory = TempDirectory::create(fs::temp_directory_path(), "uploads-").value();
  [[nodiscard]] std::string path() const { return directory.path(); }
  [[nodiscard]] std::vector<fs::path> files(const std::string& extension) const {
    std::vector<fs::path> out;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(directory.path() / "uploads", none))
      if (entry.path().extension() == extension) out.push_back(entry.path());
    return out;
  }
};

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

oci::Descriptor some_blob(std::uint64_t size = 100 * mib) {
  oci::Descriptor out = blob_of("content");
  out.size = size;
  return out;
}

UploadState taken(const Place& place, const oci::Descriptor& blob) {
  auto out = UploadState::take(place.path(), "registry.test:5000", "team/app", blob);
  REQUIRE(out);
  REQUIRE(out->has_value());
  return std::move(**out);
}

void age(const fs::path& path, std::int64_t seconds) {
  const timespec then{std::time(nullptr) - seconds, 0};
  const timespec times[2] = {then, then};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}
}  // namespace

TEST_CASE("state of an upload, left by one, is found by the next, private, and gone when it ended") {
  const Place place;
  const auto blob = some_blob();
  {
    auto first = taken(place, blob);
    CHECK_FALSE(first.left());
    REQUIRE(first.record("https://registry.test:5000/up/1?state=one", 0));
    first.note_sent(12345);
    REQUIRE(first.record("https://registry.test:5000/up/1?state=two", 20000));
    first.note_sent(30000);
  }
  REQUIRE(place.files(".json").size() == 1);
  struct stat info {};
  REQUIRE(::stat(place.files(".json")[0].c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(place.files(".lock").empty());
  {
    auto second = taken(place, blob);
    REQUIRE(second.left());
    CHECK(second.left()->location == "https://registry.test:5000/up/1?state=two");
    CHECK(second.left()->sent == 30000);
    second.forget();
  }
  CHECK(place.files(".json").empty());
  CHECK_FALSE(taken(place, blob).left());
}

TEST_CASE("state of an upload, in use, is not given to another; of another blob, it is not found") {
  const Place place;
  auto first = taken(place, some_blob());
  REQUIRE(first.record("https://registry.test:5000/up/1", 0));
  CHECK_FALSE(UploadState::take(place.path(), "registry.test:5000", "team/app", some_blob()).value());
  CHECK(UploadState::take(place.path(), "registry.test:5000", "team/other", some_blob()).value());
  CHECK(UploadState::take(place.path(), "registry.test", "team/app", some_blob()).value());
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto other = UploadState::take(place.path(), "registry.test:5000", "team/app", some_blob());
    ::_exit(other && !*other ? 0 : 1);
  }
  int status = 1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("state of an upload, hostile, foreign, old or damaged, counts as none and is removed") {
  const Place place;
  const auto blob = some_blob();
  std::string right;
  {
    auto first = taken(place, blob);
    REQUIRE(first.record("https://registry.test:5000/up/1", 5));
    right = text_of(place.files(".json").at(0));
  }
  const fs::path file = place.files(".json").at(0);
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string out = right;
    const auto at = out.find(from);
    REQUIRE(at != std::string::npos);
    return out.replace(at, from.size(), to);
  };
  const auto at = right.find("\"started\":");
  const std::string old = right.substr(0, at) + "\"started\":" + std::to_string(std::time(nullptr) - 8 * 86400) +
                          right.substr(right.find(",\"location\""));
  const std::string future =
      right.substr(0, at) + "\"started\":99999999999" + right.substr(right.find(",\"location\""));
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), changed("\"schema\":1", "\"schema\":2"),
        changed("registry.test:5000", "elsewhere:5000"), changed("team/app", "team/apq"),
        changed("\"size\":104857600", "\"size\":104857601"), changed("\"location\":\"", "\"location\":7,\"x\":\""), old,
        future, changed("}", ",\"size\":104857600}"), changed("                   5", "         99999999999"),
        right + std::string(100'000, ' ')}) {
    std::ofstream(file, std::ios::binary) << text;
    REQUIRE(::chmod(file.c_str(), 0600) == 0);
    INFO(text.substr(0, 400));
    CHECK_FALSE(taken(place, blob).left());
    CHECK_FALSE(fs::exists(fs::symlink_status(file)));
  }
  const fs::path elsewhere = place.directory.path() / "elsewhere";
  std::ofstream(elsewhere, std::ios::binary) << right;
  REQUIRE(::chmod(elsewhere.c_str(), 0600) == 0);
  fs::create_symlink(elsewhere, file);
  CHECK_FALSE(taken(place, blob).left());
  CHECK_FALSE(fs::exists(fs::symlink_status(file)));
  CHECK(text_of(elsewhere) == right);
  std::ofstream(file, std::ios::binary) << right;
  REQUIRE(::chmod(file.c_str(), 0644) == 0);
  CHECK_FALSE(taken(place, blob).left());
  if (::geteuid() == 0) {
    std::ofstream(file, std::ios::binary) << right;
    REQUIRE(::chmod(file.c_str(), 0600) == 0);
    REQUIRE(::chown(file.c_str(), 12345, 12345) == 0);
    CHECK_FALSE(taken(place, blob).left());
  }
}

TEST_CASE("state of uploads, older than a week, is removed unless it is in use") {
  const Place place;
  auto used = taken(place, some_blob());
  REQUIRE(used.record("https://registry.test:5000/up/used", 0));
  const auto kept = place.files(".json").at(0);
  const fs::path folder = kept.parent_path();
  const auto make = [&](const char* name, std::int64_t seconds) {
    std::ofstream(folder / name) << "x";
    age(folder / name, seconds);
  };
  make("old.json", 8 * 86400);
  make("old.lock", 8 * 86400);
  make(".tmp-left", 8 * 86400);
  make("young.json", 6 * 86400);
  fs::create_symlink("/etc/passwd", folder / "link.json");
  age(folder / "link.json", 8 * 86400);
  age(kept, 8 * 86400);
  remove_old_uploads(place.path());
  CHECK_FALSE(fs::exists(folder / "old.json"));
  CHECK_FALSE(fs::exists(folder / "old.lock"));
  CHECK_FALSE(fs::exists(folder / ".tmp-left"));
  CHECK_FALSE(fs::exists(fs::symlink_status(folder / "link.json")));
  CHECK(fs::exists("/etc/passwd"));
  CHECK(fs::exists(folder / "young.json"));
  CHECK(fs::exists(kept));
}

namespace {
/// Stops when so much of the blob has gone out, as a killed process does: nothing is tidied up.
void stop_at(const Place& place, const std::string& host, const std::string& bytes, std::uint64_t at) {
  auto options = quick_options();
  options.state_directory = place.path();
  Client client(options);
  auto store = client.repository(reference(host + "/team/app"));
  const CancelToken cancel;
  const auto put = store->put_blob(
      blob_of(bytes), *memory_source(bytes),
      [&](const Event& event) {
        if (event.kind == EventKind::blob_progress && event.bytes >= at) cancel.cancel();
      },
      cancel);
  REQUIRE_FALSE(put);
  CHECK(put.error().kind == ErrorKind::cancelled);
}

oci::BlobPut go_on(const Place& place, const std::string& host, const std::string& bytes) {
  auto options = quick_options();
  options.state_directory = place.path();
  Client client(options);
  auto store = client.repository(reference(host + "/team/app"));
  const auto put = store->put_blob(blob_of(bytes), *memory_source(bytes), {}, {});
  INFO((put ? std::string() : render(put.error())));
  REQUIRE(put);
  CHECK(read_source(*store->blob(blob_of(bytes)).value()).value() == bytes);
  return *put;
}
}  // namespace

TEST_CASE("upload, stopped, goes on in the next client where the registry keeps it, else begins anew and says so") {
  const std::string bytes = noise(40 * mib, 31);
  for (const std::string kind : {"distribution", "plain", "crane"}) {
    INFO(kind);
    const auto server = RealRegistry::start(kind);
    if (!server) continue;
    const Place place;
    CutProxy proxy(server->host());
    stop_at(place, proxy.host(), bytes, 24 * mib);
    REQUIRE(place.files(".json").size() == 1);
    const auto put = go_on(place, proxy.host(), bytes);
    CHECK(place.files(".json").empty());
    CHECK(place.files(".lock").empty());
    if (kind == "distribution") {
      CHECK(put.kept > 12 * mib);
      CHECK(put.sent == 40 * mib - put.kept);
      CHECK(proxy.to_server() <= 48 * mib);  // what the first one had on its way was lost
    } else {
      CHECK(put.kept == 0);
      CHECK(put.again > 12 * mib);
      CHECK(put.sent == 40 * mib);
    }
  }
}

TEST_CASE("upload, source changed after the stop, is refused before it completes") {
  const auto server = RealRegistry::start("distribution");
  if (!server) return;
  const Place place;
  const std::string bytes = noise(40 * mib, 32);
  stop_at(place, server->host(), bytes, 24 * mib);
  std::string other = bytes;
  other[100] = static_cast<char>(other[100] ^ 1);
  auto options = quick_options();
  options.state_directory = place.path();
  Client client(options);
  auto store = client.repository(reference(server->host() + "/team/app"));
  const auto put = store->put_blob(blob_of(bytes), *memory_source(other), {}, {});
  REQUIRE_FALSE(put);
  CHECK(put.error().kind == ErrorKind::verify);
  CHECK_FALSE(store->has_blob(blob_of(bytes)).value());
  CHECK(place.files(".json").empty());
}

TEST_CASE("upload, left location that leads elsewhere or is none, is not used") {
  std::atomic<int> asked{0};
  ScriptedServer stranger([&](const Request&) {
    ++asked;
    return Reply{204, {{"Range", "0-9437183"}}, {}};
  });
  const std::string bytes = noise(10 * mib, 33);
  ScriptedServer server([&](const Request& request) {
    if (request.method == "POST") return Reply{202, {{"Location", "/upload/new"}}, {}};
    if (request.method == "PUT") return Reply{201, {}, {}};
    return Reply::error(404, "BLOB_UNKNOWN");
  });
  const Reference repository = reference(server.host() + "/team/app");
  for (const std::string location :
       {"file:///etc/passwd", "http://user:password@127.0.0.1/", "", "ftp://127.0.0.1/x"}) {
    const Place place;
    {
      auto state = UploadState::take(place.path(), repository.api_host(), repository.path(), blob_of(bytes)).value();
      REQUIRE(state->record(location, 9 * mib));
    }
    auto options = quick_options();
    options.state_directory = place.path();
    Client client(options);
    const auto put = client.repository(repository)->put_blob(blob_of(bytes), *memory_source(bytes), {}, {});
    REQUIRE(put);
    CHECK(put->kept == 0);
    CHECK(put->again == 9 * mib);
  }
  CHECK(asked == 0);
}

TEST_CASE("upload, state folder that cannot be used, goes on without and says so once") {
  const auto server = RealRegistry::start("plain");
  if (!server) return;
  const Place place;
  std::ofstream(place.directory.path() / "uploads") << "a file in the way";
  auto options = quick_options();
  options.state_directory = place.path();
  Client client(options);
  auto store = client.repository(reference(server->host() + "/team/app"));
  int warnings = 0;
  for (unsigned i = 0; i < 2; ++i) {
    const std::string bytes = noise(9 * mib, 40 + i);
    CHECK(store->put_blob(blob_of(bytes), *memory_source(bytes),
                          [&](const Event& event) { warnings += event.kind == EventKind::warning ? 1 : 0; }, {}));
  }
  CHECK(warnings == 1);
}

TEST_CASE("upload, small blob, leaves no file") {
  const Place place;
  ScriptedServer server([&](const Request& request) {
    if (request.method == "POST") return Reply{202, {{"Location", "/upload/new"}}, {}};
    if (request.method == "PUT") return Reply{201, {}, {}};
    return Reply::error(404, "BLOB_UNKNOWN");
  });
  auto options = quick_options();
  options.state_directory = place.path();
  Client client(options);
  const std::string bytes = noise(7 * mib, 50);
  CHECK(client.repository(reference(server.host() + "/a"))->put_blob(blob_of(bytes), *memory_source(bytes), {}, {}));
  CHECK_FALSE(fs::exists(place.directory.path() / "uploads"));
}
