#include "catch_shim.hpp"
#include "registry_support.hpp"
#include "scripted_server_support.hpp"

using namespace shipset;
using namespace shipset::registry;
using namespace shipset::registry::testing;

namespace {
using Names = std::vector<std::string>;

std::string tag_list(const Names& names) {
  std::string out = R"({"name":"app","tags":[)";
  for (std::size_t i = 0; i < names.size(); ++i) out += (i == 0 ? "\"" : ",\"") + names[i] + "\"";
  return out + "]}";
}

Result<Names> list_with(ScriptedServer::Handler handler, std::vector<std::string>* log = nullptr) {
  ScriptedServer server(std::move(handler));
  Client client(quick_options());
  auto found = client.repository(reference(server.host() + "/app"))->tags();
  if (log != nullptr) *log = server.log();
  return found;
}

Result<Names> list_of(const Reply& reply) {
  return list_with([&](const Request&) { return reply; });
}

Reply index_of(const std::vector<oci::Descriptor>& entries) {
  oci::Index index;
  index.manifests = entries;
  return {200, {{"Content-Type", std::string(oci::media_type::index)}}, index.to_bytes()};
}

oci::Descriptor referrer(const std::string& bytes, const std::string& type) {
  auto out = oci::describe(oci::media_type::manifest, bytes);
  out.artifact_type = type;
  return out;
}
}  // namespace

TEST_CASE("tags, pages by Link, relative and absolute, are joined and sorted") {
  std::vector<std::string> log;
  const auto found = list_with(
      [](const Request& request) {
        if (request.target.find("last=c") != std::string::npos) return Reply{200, {}, tag_list({"a", "b"})};
        return Reply{200, {{"Link", R"(</v2/app/tags/list?last=c&n=2>; rel="next")"}}, tag_list({"d", "c"})};
      },
      &log);
  CHECK(found.value() == Names{"a", "b", "c", "d"});
  CHECK(log == Names{"GET /v2/app/tags/list?n=1000", "GET /v2/app/tags/list?last=c&n=2"});
}

TEST_CASE("tags, full page without a Link, the rest is asked for") {
  const auto names = [](int from, int to) {
    Names out;
    for (int i = from; i < to; ++i) out.push_back("t" + std::to_string(100'000 + i));
    return out;
  };
  std::vector<std::string> log;
  const auto found = list_with(
      [&](const Request& request) {
        const bool second = request.target.find("last=t100999") != std::string::npos;
        return Reply{200, {}, tag_list(second ? names(1000, 1200) : names(0, 1000))};
      },
      &log);
  CHECK(found.value().size() == 1200);
  // A registry that ignores n and last, and has exactly so many tags, is asked once more and believed.
  const auto ignoring = list_with([&](const Request&) { return Reply{200, {}, tag_list(names(0, 1000))}; }, &log);
  CHECK(ignoring.value().size() == 1000);
  CHECK(log.size() == 2);
  CHECK(list_with(
            [&](const Request&) {
              return Reply{200, {}, tag_list(names(0, 5000))};
            },
            &log)
            .value()
            .size() == 5000);
  CHECK(log.size() == 1);
}

TEST_CASE("tags, null, empty, unknown repository and names that are no tags, are handled") {
  CHECK(list_of({200, {}, R"({"name":"app","tags":null})"}).value().empty());
  CHECK(list_of({200, {}, R"({"name":"app","tags":[]})"}).value().empty());
  CHECK(list_of(Reply::error(404, "NAME_UNKNOWN")).value().empty());
  CHECK(list_of({200, {}, tag_list({"v1", "sha256:abc", "-bad", "v1"})}).value() == Names{"v1"});
}

TEST_CASE("tags, cut, refused or senseless lists, are errors and never short lists") {
  CHECK(list_of({200, {{"Content-Type", "text/html"}}, "<html>"}).error().kind == ErrorKind::registry);
  CHECK(list_of({200, {}, "{}"}).error().kind == ErrorKind::registry);
  CHECK(list_of({200, {}, R"({"tags":7})"}).error().kind == ErrorKind::registry);
  CHECK(list_of({200, {}, R"({"tags":["a",7]})"}).error().kind == ErrorKind::registry);
  CHECK(list_of({404, {{"Content-Type", "text/html"}}, "<html>"}).error().kind == ErrorKind::registry);
  CHECK(list_of(Reply::error(403, "DENIED")).error().kind == ErrorKind::auth);
  CHECK(list_of({200, {}, tag_list({"a", "b"}), {}, 10}).error().kind == ErrorKind::network);
  CHECK(list_of({200, {{"Link", R"(</v2/app/tags/list?n=1000>; rel="next")"}}, tag_list({"a"})}).error().kind ==
        ErrorKind::registry);  // a circle
  CHECK(list_of({200, {{"Link", R"(<https://evil.example/steal>; rel="next")"}}, tag_list({"a"})}).error().kind ==
        ErrorKind::registry);
}

TEST_CASE("referrers, API, filtered here and paged") {
  const auto subject = Digest::of(std::string_view("subject"));
  const auto sbom = referrer("1", "application/spdx"), other = referrer("2", "application/other");
  ScriptedServer server([&](const Request& request) {
    if (request.target.find("page=2") != std::string::npos) return index_of({other, sbom});
    auto first = index_of({sbom});
    first.headers.emplace_back("Link", "</v2/app/referrers/" + subject.str() + "?page=2>; rel=\"next\"");
    return first;
  });
  Client client(quick_options());
  auto store = client.repository(reference(server.host() + "/app"));
  CHECK(store->referrers(subject, "").value().size() == 2);
  const auto only = store->referrers(subject, "application/spdx").value();
  REQUIRE(only.size() == 1);
  CHECK(only[0].digest == sbom.digest);
}

TEST_CASE("referrers, no API, the tag is read; the API is not asked again") {
  const auto subject = Digest::of(std::string_view("subject"));
  const auto sbom = referrer("1", "application/spdx");
  for (const int status : {404, 400, 405, 200}) {
    ScriptedServer server([&](const Request& request) {
      if (request.target.find("/referrers/") != std::string::npos)
        return status == 200 ? Reply{200, {{"Content-Type", "text/html"}}, "<html>"} : Reply::error(status, "X");
      return request.target.ends_with("/manifests/sha256-" + std::string(subject.encoded())) ? index_of({sbom})
                                                                                             : Reply::error(404, "X");
    });
    Client client(quick_options());
    auto store = client.repository(reference(server.host() + "/app"));
    CHECK(store->referrers(subject, "").value().size() == 1);
    CHECK(store->referrers(subject, "application/none").value().empty());
    CHECK(store->referrers(Digest::of(std::string_view("lonely")), "").value().empty());
    CHECK(server.log().size() == 4);
  }
}

TEST_CASE("referrers, tag that points at the subject itself, means none; refusal is an error") {
  const SmallImage image("layer");
  ScriptedServer server([&](const Request& request) {
    if (request.target.find("/referrers/") != std::string::npos) return Reply::error(404, "X");
    return Reply{200, {{"Content-Type", std::string(oci::media_type::manifest)}}, image.manifest};
  });
  Client client(quick_options());
  CHECK(client.repository(reference(server.host() + "/app"))->referrers(image.descriptor.digest, "").value().empty());
  ScriptedServer denied([](const Request&) { return Reply::error(403, "DENIED"); });
  CHECK(client.repository(reference(denied.host() + "/app"))->referrers(image.descriptor.digest, "").error().kind ==
        ErrorKind::auth);
}
