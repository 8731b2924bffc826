#include "catch_shim.hpp"
#include "url_impl.hpp"

using namespace shipset::registry;

TEST_CASE("url, absolute, keeps its query and knows its default port") {
  const auto url = Url::parse("https://Reg.example/v2/a/blobs/uploads/1?_state=a%2Fb&x=%20");
  REQUIRE(url);
  CHECK(url->host == "reg.example");
  CHECK(url->port == "443");
  CHECK(url->query == "_state=a%2Fb&x=%20");
  CHECK(url->with_query("digest=sha256%3Aab").query == "_state=a%2Fb&x=%20&digest=sha256%3Aab");
  CHECK(Url::parse("https://r/u")->with_query("digest=x").query == "digest=x");
  CHECK(url->shown() == "https://reg.example:443/v2/a/blobs/uploads/1");
  CHECK(Url::parse("https://r:443/x")->origin() == Url::parse("https://r/y")->origin());
  CHECK(Url::parse("http://[::1]:5000/v2/")->host == "[::1]");
}

TEST_CASE("url, what is no web address or hides a login, is refused") {
  for (const char* text :
       {"", "ftp://a/b", "file:///etc/passwd", "/v2/", "https://user:pw@host/", "https://user@host/", "https://ho st/",
        "https://host/a\r\nX: y", "http://", "gopher://x", "javascript:alert(1)", "https://a%2fb/", "https://a%40b/",
        "http://%30177.0.0.1/", "http://a%90b/", "http://a%00b/"})
    CHECK_FALSE(Url::parse(text).has_value());
  CHECK_FALSE(Url::parse("https://h/" + std::string(20'000, 'a')).has_value());
}

TEST_CASE("url, Location in every form, is resolved") {
  const auto base = *Url::parse("https://reg:5000/v2/app/blobs/uploads/");
  CHECK(base.resolve("/v2/app/blobs/uploads/7?s=1")->str() == "https://reg:5000/v2/app/blobs/uploads/7?s=1");
  CHECK(base.resolve("7?s=1")->str() == "https://reg:5000/v2/app/blobs/uploads/7?s=1");
  CHECK(base.resolve("//cdn/x")->str() == "https://cdn:443/x");
  CHECK(base.resolve("https://other/x?sig=1")->origin() == "https://other:443");
  CHECK_FALSE(base.resolve("").has_value());
  CHECK_FALSE(base.resolve("ftp://x/y").has_value());
}

TEST_CASE("hosts, this machine in all its spellings, is recognised") {
  for (const char* host : {"localhost", "localhost:5000", "LOCALHOST", "a.localhost:1", "127.0.0.1", "127.9.9.9:5000",
                           "[::1]:5000", "::1", "[::ffff:127.0.0.1]"})
    CHECK(is_loopback_host(host));
  for (const char* host :
       {"example.com", "localhost.example.com", "128.0.0.1", "10.0.0.1:5000", "[2001:db8::1]", "notlocalhost"})
    CHECK_FALSE(is_loopback_host(host));
  for (const char* host : {"169.254.169.254", "[fe80::1]", "0.0.0.0", "[::]", "::ffff:169.254.1.1"})
    CHECK(is_local_host(host));
  CHECK_FALSE(is_local_host("10.1.2.3"));
}

TEST_CASE("redirect, less safe or to a local address, is refused") {
  const auto url = [](const char* text) { return *Url::parse(text); };
  CHECK(redirect_refusal(url("https://r/a"), url("https://cdn/b")).empty());
  CHECK(redirect_refusal(url("http://r/a"), url("https://cdn/b")).empty());
  CHECK_FALSE(redirect_refusal(url("https://r/a"), url("http://cdn/b")).empty());
  CHECK_FALSE(redirect_refusal(url("https://r/a"), url("https://127.0.0.1/b")).empty());
  CHECK_FALSE(redirect_refusal(url("https://r/a"), url("https://169.254.169.254/latest")).empty());
  CHECK_FALSE(redirect_refusal(url("https://r/a"), url("https://2130706433/b")).empty());
  CHECK(redirect_refusal(url("http://localhost:5000/a"), url("http://127.0.0.1:9000/b")).empty());
}

TEST_CASE("Link header, next page among others, is found") {
  CHECK(next_link(R"(</v2/a/tags/list?last=b&n=2>; rel="next")") == "/v2/a/tags/list?last=b&n=2");
  CHECK(next_link(R"(</first>; rel="first", </n>; title="x"; rel=next)") == "/n");
  for (const char* text : {"", "<", "<a", "<a>", "<a>; rel=\"prev\"", "rel=\"next\"", ">;<"})
    CHECK(next_link(text).empty());
}
