#include <sys/stat.h>

#include <ctime>

#include "catch_shim.hpp"
#include "observe_impl.hpp"
#include "profile_impl.hpp"
#include "registry_support.hpp"
#include "scripted_server_support.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;

namespace {
const std::string host = "registry.example:5000";

struct State {
  TempDirectory directory = *TempDirectory::create(std::filesystem::temp_directory_path(), "profile-");
  std::vector<std::string> told;
  [[nodiscard]] std::string path() const { return directory.path().string(); }
  [[nodiscard]] std::filesystem::path file() const {
    return directory.path() / "registries/registry.example_5000.json";
  }
  Profiles open() {
    return {path(), [this](const Event& event) { told.push_back(event.message); }};
  }
  void write(const std::string& text) const {
    Profiles(path(), {}).learn(host, &Profile::server, std::string("makes the folder"));
    REQUIRE(write_file_atomic(file(), text, 0600));
  }
};

std::string file_with(std::int64_t learnt, const std::string& version = "1", const std::string& of = host) {
  return R"({"schema_version":)" + version + R"(,"host":")" + of + R"(","facts":{"referrers_api":{"value":true,)" +
         R"("learnt_unix_s":)" + std::to_string(learnt) + R"(,"learnt_by":"request"}}})";
}

HttpResponse answer(int status, std::vector<std::pair<std::string, std::string>> headers = {}, std::string body = {}) {
  HttpResponse out;
  out.status = status;
  for (const auto& [name, value] : headers) out.headers.add(name, value);
  out.body = std::move(body);
  return out;
}

Profile after(const Asked& asked, const HttpResponse& response) {
  Profiles profiles({}, {});
  learn_from(profiles, host, asked, response);
  return profiles.of(host);
}

HttpResponse refusal(int status, const std::string& code) {
  return answer(status, {{"Content-Type", "application/json"}}, R"({"errors":[{"code":")" + code + R"("}]})");
}
}  // namespace

TEST_CASE("profile, learnt in one client, is known in the next") {
  State state;
  {
    auto profiles = state.open();
    profiles.learn(host, &Profile::referrers_api, false);
    profiles.learn(host, &Profile::chunk_min_bytes, std::uint64_t(5) << 20);
    {
      const Profiles::Probing probing(profiles);
      profiles.learn(host, &Profile::broken_upload, BrokenUpload::keeps_chunks);
    }
    profiles.learn(host, &Profile::server, std::string("nginx \"1\""));
    profiles.count(host, &Profile::rate_remaining, 17);
    CHECK_FALSE(std::filesystem::exists(state.file()));  // written once, at the end
  }
  struct stat info {};
  REQUIRE(::stat(state.file().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  auto profiles = state.open();
  const Profile known = profiles.of(host);
  CHECK(known.referrers_api.value == std::optional(false));
  CHECK(known.referrers_api.how == Learnt::by_request);
  CHECK(known.chunk_min_bytes.value == std::optional<std::uint64_t>(5u << 20));
  CHECK(known.broken_upload.value == std::optional(BrokenUpload::keeps_chunks));
  CHECK(known.broken_upload.how == Learnt::by_probe);
  CHECK(known.server.value == std::optional<std::string>("nginx \"1\""));
  CHECK(known.rate_remaining.value == std::optional<std::uint64_t>(17));
  CHECK_FALSE(known.multi_tag.value);
  CHECK(state.told.empty());
  // What an earlier process saw is known, but was not seen by this one.
  CHECK(profiles.known(host, &Profile::referrers_api) == std::optional(false));
  CHECK_FALSE(profiles.seen(host, &Profile::referrers_api));
  profiles.learn(host, &Profile::referrers_api, true);
  CHECK(profiles.seen(host, &Profile::referrers_api) == std::optional(true));
}

TEST_CASE("profile, two clients at once, both keep what they learnt") {
  State state;
  {
    auto first = state.open();
    auto second = state.open();
    first.learn(host, &Profile::referrers_api, true);
    second.learn(host, &Profile::chunked_upload, true);
    first.save();
  }
  auto profiles = state.open();
  CHECK(profiles.known(host, &Profile::referrers_api) == std::optional(true));
  CHECK(profiles.known(host, &Profile::chunked_upload) == std::optional(true));
}

TEST_CASE("profile, older than thirty days or from the future, counts as unknown") {
  State state;
  const std::int64_t now = std::time(nullptr);
  const auto known_of = [&](std::int64_t at) {
    state.write(file_with(at));
    auto profiles = state.open();
    return profiles.known(host, &Profile::referrers_api);
  };
  CHECK(known_of(now - 29 * 86400) == std::optional(true));
  CHECK_FALSE(known_of(now - 31 * 86400));
  CHECK_FALSE(known_of(now + 7 * 86400));
  CHECK_FALSE(known_of(-5));
}

TEST_CASE("profile, unreadable, foreign or newer file, counts as absent with one warning") {
  State state;
  const std::int64_t now = std::time(nullptr);
  const std::string deep(10'000, '[');
  for (const std::string& text :
       {std::string("{"), std::string(), deep, std::string("[]"), file_with(now, "2"), file_with(now, "\"1\""),
        file_with(now, "1", "other.example"), std::string(R"({"schema_version":1,"host":"registry.example:5000"})")}) {
    state.told.clear();
    state.write(text);
    auto profiles = state.open();
    CHECK_FALSE(profiles.known(host, &Profile::referrers_api));
    CHECK_FALSE(profiles.known(host, &Profile::server));
    CHECK(state.told.size() == 1);
  }
  // A value of another type is left out, the others stay.
  state.told.clear();
  std::string odd = file_with(now);
  odd.replace(odd.find("true"), 4, "7");
  state.write(odd);
  CHECK_FALSE(state.open().known(host, &Profile::referrers_api));
  CHECK(state.told.empty());
}

TEST_CASE("profile, file of a newer version, is left alone; a damaged one is written anew") {
  State state;
  const std::string newer = file_with(std::time(nullptr), "2");
  state.write(newer);
  state.open().learn(host, &Profile::multi_tag, true);
  CHECK(read_file(state.file(), 1 << 20).value() == newer);
  state.write("{\"schema_version\":1,");
  state.open().learn(host, &Profile::multi_tag, true);
  CHECK(state.open().known(host, &Profile::multi_tag) == std::optional(true));
}

TEST_CASE("profile, hosts of this machine and hostile names, are kept in memory only") {
  State state;
  for (const std::string name :
       {"localhost:5000", "127.0.0.1:5001", "[::1]:5000", "x.localhost", "../../etc", ".lock"}) {
    auto profiles = state.open();
    profiles.learn(name, &Profile::referrers_api, true);
    CHECK(profiles.known(name, &Profile::referrers_api) == std::optional(true));
  }
  auto hostile = state.open();
  hostile.learn("a/../../b", &Profile::referrers_api, true);
  hostile.save();
  std::error_code ignored;
  CHECK_FALSE(std::filesystem::exists(state.directory.path().parent_path() / "b.json", ignored));
  CHECK(std::filesystem::exists(state.directory.path() / "registries/a_.._.._b.json"));
}

TEST_CASE("profile, state folder that cannot be written, nothing is kept and nothing fails") {
  Profiles profiles("/proc/no-such-place", {});
  profiles.learn(host, &Profile::referrers_api, true);
  profiles.save();
  CHECK(profiles.known(host, &Profile::referrers_api) == std::optional(true));
}

TEST_CASE("profile, public services, are known by name until an answer says otherwise") {
  Profiles profiles({}, {});
  CHECK(profiles.known("ghcr.io", &Profile::delete_tag) == std::optional(false));
  CHECK(profiles.of("quay.io").sweeps_untagged.how == Learnt::by_name);
  CHECK_FALSE(profiles.seen("ghcr.io", &Profile::referrers_api));
  profiles.learn("ghcr.io", &Profile::referrers_api, true);
  CHECK(profiles.known("ghcr.io", &Profile::referrers_api) == std::optional(true));
}

TEST_CASE("profile, answers to ordinary requests, are learnt from") {
  const auto hub = after(
      {"GET", "/v2/a/manifests/x", {}},
      answer(200, {{"RateLimit-Limit", "100;w=21600"}, {"RateLimit-Remaining", "76;w=21600"}, {"Server", "hub"}}));
  CHECK(hub.rate_limit.value == std::optional<std::uint64_t>(100));
  CHECK(hub.rate_window_s.value == std::optional<std::uint64_t>(21600));
  CHECK(hub.rate_remaining.value == std::optional<std::uint64_t>(76));
  CHECK(hub.server.value == std::optional<std::string>("hub"));
  const auto draft = after({"GET", "/v2/", {}},
                           answer(200, {{"RateLimit-Policy", "\"d\";q=50;w=60"}, {"RateLimit", "\"d\";r=3;t=9"}}));
  CHECK(draft.rate_limit.value == std::optional<std::uint64_t>(50));
  CHECK(draft.rate_remaining.value == std::optional<std::uint64_t>(3));
  CHECK_FALSE(after({"GET", "/v2/", {}}, answer(200, {{"X-RateLimit-Limit", "many"}})).rate_limit.value);
  CHECK(after({"GET", "/v2/", {}}, answer(429, {{"Retry-After", "7"}})).retry_after_s.value ==
        std::optional<std::uint64_t>(7));

  CHECK(after({"POST", "/v2/a/blobs/uploads/", {}}, answer(202, {{"OCI-Chunk-Min-Length", "5242880"}}))
            .chunk_min_bytes.value == std::optional<std::uint64_t>(5242880));
  CHECK(after({"PATCH", "https://h/u?x", {}}, answer(202)).chunked_upload.value == std::optional(true));
  CHECK(after({"PATCH", "https://h/u?x", {}}, answer(405)).chunked_upload.value == std::optional(false));
  CHECK_FALSE(after({"PATCH", "https://h/u?x", {}}, answer(416)).chunked_upload.value);

  CHECK(after({"DELETE", "/v2/a/manifests/v1", {}}, answer(202)).delete_tag.value == std::optional(true));
  CHECK(after({"DELETE", "/v2/a/manifests/v1", {}}, refusal(400, "DIGEST_INVALID")).delete_tag.value ==
        std::optional(false));
  CHECK(after({"DELETE", "/v2/a/manifests/sha256:ab", {}}, refusal(404, "MANIFEST_UNKNOWN")).delete_digest.value ==
        std::optional(true));
  CHECK(after({"DELETE", "/v2/a/manifests/sha256:ab", {}}, refusal(405, "UNSUPPORTED")).delete_digest.value ==
        std::optional(false));
  CHECK_FALSE(after({"DELETE", "/v2/a/manifests/sha256:ab", {}}, refusal(403, "DENIED")).delete_digest.value);
  CHECK_FALSE(after({"DELETE", "/v2/a/manifests/v1", {}}, answer(404, {{"Content-Type", "text/html"}}, "<html>"))
                  .delete_tag.value);

  CHECK(after({"PUT", "/v2/a/manifests/sha256:ab?tag=x&tag=y", {}}, answer(201, {{"OCI-Tag", "x"}})).multi_tag.value ==
        std::optional(true));
  CHECK(after({"PUT", "/v2/a/manifests/sha256:ab?tag=x", {}}, answer(201)).multi_tag.value == std::optional(false));
  CHECK_FALSE(after({"PUT", "/v2/a/manifests/x", {}}, answer(201)).multi_tag.value);
  CHECK(after({"PUT", "/v2/a/manifests/x", {}}, answer(201, {{"OCI-Subject", "sha256:ab"}})).referrers_api.value ==
        std::optional(true));

  oci::Manifest artifact;
  artifact.config = oci::empty_descriptor();
  const std::string bytes = artifact.to_bytes();
  CHECK(after({"PUT", "/v2/a/manifests/x", bytes}, answer(201)).empty_config.value == std::optional(true));
  CHECK(after({"PUT", "/v2/a/manifests/x", bytes}, refusal(400, "MANIFEST_INVALID")).empty_config.value ==
        std::optional(false));
  CHECK_FALSE(after({"PUT", "/v2/a/manifests/x", bytes}, refusal(400, "MANIFEST_BLOB_UNKNOWN")).empty_config.value);
  CHECK_FALSE(after({"PUT", "/v2/a/manifests/x", bytes}, refusal(403, "DENIED")).empty_config.value);
  const SmallImage image("layer");
  CHECK_FALSE(after({"PUT", "/v2/a/manifests/x", image.manifest}, answer(201)).empty_config.value);
}

TEST_CASE("warning header, text by the rules of the specification, else nothing") {
  CHECK(parse_warning(R"(299 - "deprecated")") == "deprecated");
  CHECK(parse_warning(R"(299 - "a \"b\" \\ c")") == R"(a "b" \ c)");
  CHECK(parse_warning("299 - \"a\tb\"") == "a\tb");
  for (const std::string bad :
       {R"(299 registry "x")", R"(199 - "x")", R"(299 - x)", R"(299 - "x)", R"(299  - "x")", R"(299 - "a"b")",
        R"(299 - "x\")", R"(299 - "x" )", "299 - \"a\nb\"", "299 - \"a\x7f\"", R"(299 - ")", ""})
    CHECK(parse_warning(bad).empty());
  CHECK(parse_warning("299 - \"" + std::string(5000, 'x') + "\"").empty());
}

TEST_CASE("warning header, sent with every answer, is shown once per text and changes nothing") {
  ScriptedServer server([](const Request& request) {
    Reply reply{200,
                {{"Content-Type", "application/json"}, {"Warning", R"(299 - "this repository moves")"}},
                R"({"tags":["a"]})"};
    if (request.target.find("other") != std::string::npos)
      reply.headers.emplace_back("Warning", R"(299 - "and ends soon")");
    return reply;
  });
  std::vector<Event> told;
  auto options = quick_options();
  options.notes = [&](const Event& event) { told.push_back(event); };
  Client client(options);
  for (int i = 0; i < 3; ++i) CHECK(client.repository(reference(server.host() + "/app"))->tags());
  CHECK(client.repository(reference(server.host() + "/other"))->tags());
  REQUIRE(told.size() == 2);
  CHECK(told[0].kind == EventKind::warning);
  CHECK(told[0].message == server.host() + " says: this repository moves");
  CHECK(told[1].message == server.host() + " says: and ends soon");
}
