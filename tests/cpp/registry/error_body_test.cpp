#include "catch_shim.hpp"
#include "error_body_impl.hpp"
#include "shipset/base/secret.hpp"

using namespace shipset;
using namespace shipset::registry;

namespace {
HttpResponse answer(int status, const std::string& type, std::string body) {
  HttpResponse out;
  out.status = status;
  if (!type.empty()) out.headers.add("Content-Type", type);
  out.body = std::move(body);
  return out;
}
}  // namespace

TEST_CASE("refusal, error document, gives code and message") {
  const auto response =
      answer(400, "application/json; charset=utf-8",
             R"({"errors":[{"code":"MANIFEST_INVALID","message":"manifest\n invalid","detail":{}}]})");
  const Error error = refused("cannot push x", response, "reg.example");
  CHECK(error.kind == ErrorKind::registry);
  CHECK(error.why == "HTTP 400 Bad Request, MANIFEST_INVALID: manifest invalid");
  CHECK(error.context.at("code") == "MANIFEST_INVALID");
  CHECK(error.context.at("status") == "400");
  CHECK(error.context.at("host") == "reg.example");
}

TEST_CASE("refusal, status decides the kind") {
  CHECK(refused("x", answer(401, "", ""), "h").kind == ErrorKind::auth);
  CHECK(refused("x", answer(403, "", ""), "h").kind == ErrorKind::auth);
  CHECK(refused("x", answer(404, "", ""), "h").kind == ErrorKind::not_found);
  CHECK(refused("x", answer(500, "", ""), "h").kind == ErrorKind::registry);
  CHECK(refused("x", answer(401, "", ""), "h").hint == "log in with `shipset login h`");
}

TEST_CASE("refusal, web page, says so and is the registry's fault") {
  const auto page = answer(404, "text/html", "<html><body>nginx \x1b[31m red</body></html>");
  const Error error = refused("cannot look", page, "h:1");
  CHECK(error.kind == ErrorKind::registry);
  CHECK(error.why.find("web page") != std::string::npos);
  CHECK(render(error).find('\x1b') == std::string::npos);
  CHECK(error.hint.find("h:1 is the address of a registry") != std::string::npos);
  CHECK_FALSE(from_registry(page));
  CHECK(is_html(answer(200, "", "  <!DOCTYPE html><p>")));
}

TEST_CASE("refusal, hostile bodies, are cut and printable") {
  for (const std::string& body :
       {std::string(1 << 20, '{'), std::string(1 << 20, '['), std::string("{\"errors\":7}"),
        std::string("{\"errors\":[7]}"), std::string("{\"errors\":[{\"code\":7,\"message\":[]}]}"),
        std::string("\0\x01\x02\xff", 4), std::string("null"),
        std::string("{\"errors\":[{\"code\":\"") + std::string(100'000, 'A') + "\"}]}"}) {
    const Error error = refused("x", answer(500, "application/json", body), "h");
    CHECK(error.why.size() < 1000);
    for (const char c : render(error)) CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
  }
}

TEST_CASE("refusal, a secret in the registry's message, is removed") {
  const Secret secret("very-secret-token");
  const auto error = refused(
      "x", answer(500, "application/json", R"({"errors":[{"code":"X","message":"bad very-secret-token"}]})"), "h");
  CHECK(render(error).find("very-secret-token") == std::string::npos);
}

TEST_CASE("refusal, registry repeats the request, shows neither its token nor the query of its address") {
  HttpResponse response;
  response.status = 403;
  response.headers.add("Content-Type", "application/json");
  response.body =
      R"({"errors":[{"code":"DENIED","message":"PUT /v2/a/blobs/uploads/1?_state=abc&digest=x authorization=Bearer eyJhbGciOi, is it? no"}]})";
  const auto error = refused("cannot push", response, "example.org");
  CHECK(error.why.find("PUT /v2/a/blobs/uploads/1?*** authorization=Bearer ***, is it? no") != std::string::npos);
}

TEST_CASE("unreachable, kinds of failure, have their exit codes") {
  CHECK(exit_code(unreachable("x", {FailureKind::connect, "refused"}, "h").kind) == 6);
  CHECK(exit_code(unreachable("x", {FailureKind::certificate, "bad"}, "h").kind) == 6);
  CHECK(exit_code(unreachable("x", {FailureKind::not_http, "?"}, "h").kind) == 5);
  CHECK(exit_code(unreachable("x", {FailureKind::cancelled, ""}, "h").kind) == 130);
}
