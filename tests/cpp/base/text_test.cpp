#include "shipset/base/text.hpp"

#include "catch_shim.hpp"

using namespace shipset;

TEST_CASE("nearest name, a misspelling, is found and a stranger is not") {
  const std::vector<std::string> names{"platforms", "target", "repositories", "args"};
  CHECK(nearest_name("platfroms", names) == "platforms");
  CHECK(nearest_name("Target", names) == "target");
  CHECK(nearest_name("arg", names) == "args");
  CHECK(nearest_name("compression", names).empty());
  CHECK(nearest_name("", names).empty());
  CHECK(nearest_name(std::string(100'000, 'x'), names).empty());
}

TEST_CASE("base64, RFC 4648 vectors, both ways and without padding") {
  const std::pair<const char*, const char*> rows[] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
                                                      {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : rows) {
    CHECK(base64_encode(plain) == encoded);
    std::string out;
    CHECK(base64_decode(encoded, out));
    CHECK(out == plain);
  }
  std::string out;
  CHECK(base64_decode("Zg", out));
  CHECK(out == "f");
  CHECK_FALSE(base64_decode("Zg!=", out));
  CHECK_FALSE(base64_decode("Z", out));
}

TEST_CASE("utf-8, hostile sequences, are not taken for text") {
  CHECK(is_utf8("grün 😀"));
  CHECK_FALSE(is_utf8("\xC0\xAF"));
  CHECK_FALSE(is_utf8("\xED\xA0\x80"));
  CHECK_FALSE(is_utf8("\xF4\x90\x80\x80"));
  CHECK_FALSE(is_utf8("\xE2\x82"));
}

TEST_CASE("printable, control characters and bad bytes, become visible") {
  CHECK(printable("a\nb\x1b[31m\x7f") == "a\\x0ab\\x1b[31m\\x7f");
  CHECK(printable("\xff ü") == "\\xff ü");
  CHECK(printable(std::string(500, 'x'), 10) == "xxxxxxxxxx…");
  CHECK(printable("\xC2\x9B") == "\\xc2\\x9b");
}

TEST_CASE("times, around leap days and the epoch, as RFC 3339 in UTC") {
  CHECK(rfc3339(0) == "1970-01-01T00:00:00Z");
  CHECK(rfc3339(951782400) == "2000-02-29T00:00:00Z");
  CHECK(rfc3339(1767225599) == "2025-12-31T23:59:59Z");
  CHECK(rfc3339(-1) == "1969-12-31T23:59:59Z");
  CHECK(rfc3339(4107542400) == "2100-03-01T00:00:00Z");
}

TEST_CASE("split, join, trim, percent, bytes, as named") {
  CHECK(split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
  CHECK(join({"a", "b"}, ", ") == "a, b");
  CHECK(trim(" \t x y\r\n") == "x y");
  CHECK(percent_encode("a/b c+d", "/") == "a/b%20c%2Bd");
  CHECK(human_bytes(1023) == "1023 B");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_bytes(std::uint64_t(100) << 30) == "100 GiB");
}
