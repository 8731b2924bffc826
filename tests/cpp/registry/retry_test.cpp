#include <thread>

#include "catch_shim.hpp"
#include "retry_impl.hpp"

using namespace shipset;
using namespace shipset::registry;
using std::chrono::seconds;

namespace {
Outcome status(int code, const char* retry_after = nullptr) {
  Outcome out;
  out.response.status = code;
  if (retry_after != nullptr) out.response.headers.add("Retry-After", retry_after);
  return out;
}
}  // namespace

TEST_CASE("Retry-After, seconds and HTTP date, is read") {
  CHECK(parse_retry_after("7", 0) == seconds(7));
  CHECK(parse_retry_after(" 0 ", 0) == seconds(0));
  CHECK(parse_retry_after("-5", 0) == seconds(0));
  CHECK(parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT", 946684790) == seconds(9));
  CHECK(parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT", 946684800) == seconds(0));
  CHECK(parse_retry_after("999999999999999999999999", 0).value() > seconds(86400));
  for (const char* text : {"", "soon", "7 apples of wisdom", "1e9"}) {
    const auto parsed = parse_retry_after(text, 0);
    CHECK((!parsed || *parsed >= seconds(0)));
  }
}

TEST_CASE("retry, final answers, are not repeated") {
  Retry retry(5);
  for (const int code : {200, 201, 301, 400, 401, 403, 404, 405, 409, 413, 501})
    CHECK_FALSE(retry.again(status(code), {}).value());
  Outcome certificate;
  certificate.failure = {FailureKind::certificate, "x"};
  CHECK_FALSE(retry.again(certificate, {}).value());
  CHECK(retry.done() == 0);
}

TEST_CASE("retry, passing trouble, is repeated as often as allowed") {
  Retry retry(3);
  CHECK(retry.again(status(503), {}).value());
  CHECK(retry.again(status(429), {}).value());
  CHECK_FALSE(retry.again(status(500), {}).value());
  CHECK(retry.done() == 2);
  Retry never(1);
  CHECK_FALSE(never.again(status(503), {}).value());
}

TEST_CASE("retry, Retry-After, is waited for, and too much of it is refused") {
  const auto began = std::chrono::steady_clock::now();
  Retry retry(2);
  CHECK(retry.again(status(429, "1"), {}).value());
  CHECK(std::chrono::steady_clock::now() - began >= seconds(1));
  Retry patient(2);
  CHECK_FALSE(patient.again(status(429, "86400"), {}).value());
}

TEST_CASE("retry, stop while waiting, ends at once") {
  Stop stop;
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stop.repository.cancel();
  });
  const auto began = std::chrono::steady_clock::now();
  Retry retry(2);
  const auto waited = retry.again(status(503, "60"), stop);
  later.join();
  REQUIRE_FALSE(waited);
  CHECK(waited.error().kind == ErrorKind::cancelled);
  CHECK(std::chrono::steady_clock::now() - began < seconds(1));
}
