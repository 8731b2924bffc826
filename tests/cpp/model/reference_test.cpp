#include "shipset/model/reference.hpp"

#include <random>
#include <unordered_set>

#include "catch_shim.hpp"

using namespace shipset;

namespace {

const std::string hex64(64, 'a');
const std::string digest_text = "sha256:" + hex64;

Reference parsed(std::string_view text) {
  INFO(text);
  auto out = Reference::parse(text);
  if (!out) FAIL(out.error().why);
  return *out;
}

std::string why(std::string_view text) {
  INFO(text);
  auto out = Reference::parse(text);
  REQUIRE_FALSE(out.ok());
  CHECK(out.error().kind == ErrorKind::usage);
  return out.error().why;
}

}  // namespace

TEST_CASE("reference, familiar names, are normalised") {
  struct Row {
    std::string text, domain, path, tag, familiar;
  };
  const Row rows[] = {
      {"alpine", "docker.io", "library/alpine", "", "alpine"},
      {"alpine:3", "docker.io", "library/alpine", "3", "alpine:3"},
      {"docker.io/alpine:3", "docker.io", "library/alpine", "3", "alpine:3"},
      {"docker.io/library/alpine", "docker.io", "library/alpine", "", "alpine"},
      {"library/alpine", "docker.io", "library/alpine", "", "alpine"},
      {"index.docker.io/u/a", "docker.io", "u/a", "", "u/a"},
      {"index.docker.io/alpine", "docker.io", "library/alpine", "", "alpine"},
      {"library/a/b", "docker.io", "library/a/b", "", "library/a/b"},
      {"localhost/app", "localhost", "app", "", "localhost/app"},
      {"localhost:5000/app:v1", "localhost:5000", "app", "v1", "localhost:5000/app:v1"},
      {"foo/bar:v1", "docker.io", "foo/bar", "v1", "foo/bar:v1"},
      {"Foo/bar", "Foo", "bar", "", "Foo/bar"},
      {"[::1]:5000/a", "[::1]:5000", "a", "", "[::1]:5000/a"},
      {"[2001:db8::1]/a/b:t", "[2001:db8::1]", "a/b", "t", "[2001:db8::1]/a/b:t"},
      {"example.com:5000", "docker.io", "library/example.com", "5000", "example.com:5000"},
      {"ghcr.io/o/app:latest", "ghcr.io", "o/app", "latest", "ghcr.io/o/app:latest"},
      {"a.b/c", "a.b", "c", "", "a.b/c"},
      {"a/b/c/d", "docker.io", "a/b/c/d", "", "a/b/c/d"},
      {"xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com", "myimage", "xn--n3h.com", "xn--n3h.com/myimage:xn--n3h.com"},
      {"a__b/c---d", "docker.io", "a__b/c---d", "", "a__b/c---d"},
      {"localhost:99999/x", "localhost:99999", "x", "", "localhost:99999/x"},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    const auto reference = parsed(row.text);
    CHECK(reference.domain() == row.domain);
    CHECK(reference.path() == row.path);
    CHECK(reference.tag() == row.tag);
    CHECK(reference.familiar() == row.familiar);
    CHECK(parsed(reference.str()) == reference);
    CHECK(parsed(reference.familiar()) == reference);
  }
}

TEST_CASE("reference, digests, stand with and without a tag") {
  const auto both = parsed("foo/bar:v1@" + digest_text);
  CHECK(both.tag() == "v1");
  CHECK(both.digest().str() == digest_text);
  CHECK(both.str() == "docker.io/foo/bar:v1@" + digest_text);
  CHECK(parsed("alpine@" + digest_text).familiar() == "alpine@" + digest_text);
  CHECK(parsed("a@sha512:" + std::string(128, '0')).digest().algorithm() == "sha512");
  CHECK(parsed("a@sha384:" + std::string(96, '0')).digest().algorithm() == "sha384");
  CHECK(why("a@sha256:" + std::string(63, 'a')).find("64") != std::string::npos);
  CHECK(why("a@sha256:" + std::string(64, 'A')).find("lower-case") != std::string::npos);
  CHECK_FALSE(why("a@sha256").empty());
  CHECK_FALSE(why("a@").empty());
  CHECK(why("a@md5:" + std::string(32, 'a')).find("sha256") != std::string::npos);
  CHECK_FALSE(why("a@" + digest_text + ":v1").empty());
  CHECK_FALSE(why("@" + digest_text).empty());
}

TEST_CASE("reference, malformed text, is refused with the rule that is broken") {
  CHECK(why("") == "it is empty");
  CHECK(why(hex64).find("image id") != std::string::npos);
  CHECK(parsed(std::string(63, 'a')).path() == "library/" + std::string(63, 'a'));
  CHECK(parsed("x/" + hex64).path() == "x/" + hex64);
  CHECK(why("foo/Bar").find("lower case") != std::string::npos);
  CHECK(why("Alpine").find("lower case") != std::string::npos);
  CHECK(why("https://ghcr.io/a").find("scheme") != std::string::npos);
  for (const std::string_view text : {":v1",
                                      "/a",
                                      "a/",
                                      "a//b",
                                      "-a",
                                      "a-",
                                      "a._b",
                                      "a..b",
                                      "a___b",
                                      "a:b:c",
                                      "a:",
                                      "a:-x",
                                      "a b",
                                      "a/b c",
                                      "docker.io/",
                                      "foo:v1/bar",
                                      "foo:/a",
                                      "foo:1x/a",
                                      "-foo.com/a",
                                      "foo-.com/a",
                                      "foo..com/a",
                                      "f_o.com/a",
                                      "[::1/a",
                                      "[::g]/a",
                                      "[]/a",
                                      "[::1]x/a",
                                      "[::1%25eth0]/a",
                                      "a\n",
                                      "\xc3\xa4",
                                      "a@b",
                                      "localhost:5000",
                                      "aa/asdf$$^/aa",
                                      "a/.b",
                                      "a/b_"}) {
    INFO(text);
    if (text == "localhost:5000") {
      CHECK(parsed(text).str() == "docker.io/library/localhost:5000");
    } else {
      CHECK_FALSE(why(text).empty());
    }
  }
  CHECK_FALSE(Reference::parse(std::string("a\0b", 3)).ok());
}

TEST_CASE("reference, lengths, end where Docker's end") {
  CHECK(parsed("a/" + std::string(253, 'b')).path().size() == 255);
  CHECK(why("a/" + std::string(254, 'b')).find("255") != std::string::npos);
  CHECK(parsed("host.example.com/" + std::string(255, 'b')).path().size() == 255);
  CHECK(parsed("a:" + std::string(128, 't')).tag().size() == 128);
  CHECK(why("a:" + std::string(129, 't')).find("128") != std::string::npos);
  CHECK_FALSE(Reference::parse(std::string(1 << 20, 'a')).ok());
}

TEST_CASE("reference, short form that means something else, is not used") {
  CHECK(parsed("docker.io/foo.bar/baz").familiar() == "docker.io/foo.bar/baz");
  CHECK(parsed("docker.io/localhost/baz").familiar() == "docker.io/localhost/baz");
  CHECK(parsed("docker.io/library/" + hex64).familiar() == "docker.io/library/" + hex64);
}

TEST_CASE("reference, changed parts, give another one") {
  const auto reference = parsed("foo/bar:v1@" + digest_text);
  CHECK(reference.with_tag("v2")->str() == "docker.io/foo/bar:v2");
  CHECK_FALSE(reference.with_tag("-").ok());
  CHECK(reference.repository().str() == "docker.io/foo/bar");
  CHECK(reference.repository().with_digest(Digest::of("x")).str() == "docker.io/foo/bar@" + Digest::of("x").str());
  CHECK(reference.or_latest() == reference);
  CHECK(parsed("foo/bar").or_latest().tag() == "latest");
  CHECK(reference.api_host() == "registry-1.docker.io");
  CHECK(parsed("localhost:5000/a").api_host() == "localhost:5000");
  CHECK(parsed("a") != parsed("b"));
}

TEST_CASE("tag, first bad character, is named") {
  CHECK(check_tag("v1.0.0-cuda_x").ok());
  CHECK(check_tag("_x").ok());
  CHECK(check_tag("0").ok());
  CHECK(check_tag("").error().why == "the tag is empty");
  CHECK(check_tag("-x").error().why == "a tag cannot start with \"-\"");
  CHECK(check_tag(".x").error().why == "a tag cannot start with \".\"");
  CHECK(check_tag("a+b").error().why == "\"+\" is not allowed in a tag");
  CHECK(check_tag("a\nb").error().why == "byte 0x0a is not allowed in a tag");
  CHECK(check_tag("v1.0.\xc3\xa4").error().why == "byte 0xc3 is not allowed in a tag");
  CHECK(check_tag(std::string(129, 'a')).error().why.find("129") != std::string::npos);
}

namespace {

constexpr std::size_t longest = 5;
using Texts = std::unordered_set<std::string>;

/// item (separator item)*, as far as it is short enough.
Texts joined(const Texts& items, const std::vector<std::string>& separators) {
  Texts out;
  std::vector<std::string> open(items.begin(), items.end());
  while (!open.empty()) {
    const std::string text = std::move(open.back());
    open.pop_back();
    if (text.size() > longest || !out.insert(text).second) continue;
    for (const auto& separator : separators)
      for (const auto& item : items)
        if (text.size() + separator.size() + item.size() <= longest) open.push_back(text + separator + item);
  }
  return out;
}

}  // namespace

// Every text of up to five characters of a small alphabet against the languages that the grammar generates.
TEST_CASE("reference, all short texts, agree with the grammar") {
  const Texts words = joined({"a", "5"}, {""});
  const Texts paths = joined(joined(words, {".", "_", "__", "-", "--", "---"}), {"/"});
  Texts domains = joined(joined({"a", "A", "5"}, {"", "-", "--", "---"}), {"."});
  for (const Texts hosts = domains; const auto& host : hosts)
    for (const std::string port : {":5", ":55", ":555"}) domains.insert(host + port);
  const auto is_tag = [](std::string_view text) {
    return !text.empty() && text.find_first_of("/:") == text.npos && text[0] != '.' && text[0] != '-';
  };
  const auto expected = [&](const std::string& text) {
    const std::size_t slash = text.find('/');
    const std::string first = text.substr(0, slash);
    const bool named = slash != std::string::npos && first.find_first_of(".:A") != std::string::npos;
    if (named && !domains.contains(first)) return false;  // no falling back to a path
    const std::string rest = named ? text.substr(slash + 1) : text;
    const std::size_t colon = rest.find(':');
    return paths.contains(rest.substr(0, colon)) && (colon == rest.npos || is_tag(rest.substr(colon + 1)));
  };
  std::vector<std::string> texts = {""};
  std::size_t valid = 0;
  for (std::size_t length = 1; length <= longest; ++length) {
    std::vector<std::string> longer;
    for (const auto& text : texts)
      for (const char c : std::string_view("aA.-_/:5")) longer.push_back(text + c);
    texts = std::move(longer);
    for (const auto& text : texts) {
      const auto out = Reference::parse(text);
      if (out.ok() != expected(text)) FAIL(text << ": " << (out ? "accepted" : out.error().why));
      if (!out) continue;
      ++valid;
      if (*Reference::parse(out->str()) != *out || *Reference::parse(out->familiar()) != *out) FAIL(text);
    }
  }
  CHECK(valid > 1000);
}

TEST_CASE("reference, random parts, survive the round trip") {
  std::mt19937 random(2026);
  const auto pick = [&](const std::vector<std::string>& from) { return from[random() % from.size()]; };
  const auto word = [&](std::string_view alphabet) {
    std::string out;
    for (std::size_t n = 1 + random() % 8; n > 0; --n) out += alphabet[random() % alphabet.size()];
    return out;
  };
  for (int i = 0; i < 20000; ++i) {
    std::string text = pick({"", "docker.io/", "index.docker.io/", "localhost/", "localhost:80/", "ghcr.io/",
                             "[::1]:5000/", "[fe80::1]/", "UPPER/", "a.b-c.example:65535/"});
    // Without a registry a first part with a dot would be read as one.
    const std::vector<std::string> dots = text.empty() ? std::vector<std::string>{"_", "__", "-", "----"}
                                                       : std::vector<std::string>{".", "_", "__", "-", "----"};
    for (std::size_t parts = 1 + random() % 3; parts > 0; --parts) {
      text += word("abcxyz019");
      for (std::size_t more = random() % 3; more > 0; --more) text += pick(dots) + word("ab01");
      if (parts > 1) text += "/";
    }
    if (random() % 2) text += ":" + pick({"_", "a", "9"}) + word("abcXYZ_.-0");
    if (random() % 3 == 0) text += "@" + Digest::of(text).str();
    const auto reference = parsed(text);
    CHECK(parsed(reference.str()) == reference);
    CHECK(parsed(reference.familiar()) == reference);
  }
}

TEST_CASE("location, layouts, split at the last colon behind the last slash") {
  struct Row {
    std::string text, path, tag;
  };
  const Row rows[] = {
      {"oci:dist", "dist", ""},
      {"oci:dist:v1", "dist", "v1"},
      {"oci:./a/b:v1.0-cuda", "./a/b", "v1.0-cuda"},
      {"oci:/a:b/c", "/a:b/c", ""},
      {"oci:/a:b/c:d", "/a:b/c", "d"},
      {"oci:a:b:c", "a:b", "c"},
      {"oci:with space", "with space", ""},
      {"oci:me@home:x", "me@home", "x"},
      {"oci:alpine", "alpine", ""},
      {"oci:/", "/", ""},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    const auto location = Location::parse(row.text);
    REQUIRE(location.ok());
    CHECK(location->kind == Location::Kind::layout);
    CHECK(location->path == row.path);
    CHECK(location->tag == row.tag);
    CHECK(location->digest.empty());
    CHECK(location->str() == row.text);
    CHECK(*Location::parse(location->str()) == *location);
  }
}

TEST_CASE("location, layout with a digest, keeps its path") {
  const auto location = Location::parse("oci:a/b@" + digest_text);
  REQUIRE(location.ok());
  CHECK(location->path == "a/b");
  CHECK(location->tag.empty());
  CHECK(location->digest.str() == digest_text);
  CHECK(location->str() == "oci:a/b@" + digest_text);
  const auto both = Location::parse("oci:a/b:v1@" + digest_text);
  REQUIRE(both.ok());
  CHECK(both->tag == "v1");
  CHECK(both->str() == "oci:a/b:v1@" + digest_text);
}

TEST_CASE("location, archives and references, are told by their prefix") {
  const auto archive = Location::parse("docker-archive:/tmp/x.tar:localhost:5000/a/b:v1");
  REQUIRE(archive.ok());
  CHECK(archive->kind == Location::Kind::docker_archive);
  CHECK(archive->path == "/tmp/x.tar");
  CHECK(archive->tag == "localhost:5000/a/b:v1");
  CHECK(archive->str() == "docker-archive:/tmp/x.tar:localhost:5000/a/b:v1");
  CHECK(Location::parse("docker-archive:x.tar")->tag.empty());
  const auto reference = Location::parse("docker.io/library/alpine:3");
  REQUIRE(reference.ok());
  CHECK(reference->kind == Location::Kind::registry);
  CHECK(reference->str() == "alpine:3");
}

TEST_CASE("location, malformed text, is refused") {
  const std::vector<std::string> texts = {"",
                                          "oci:",
                                          "oci::v1",
                                          "oci:a:",
                                          "oci:a:+",
                                          "oci:a@sha256:12",
                                          "oci:@" + digest_text,
                                          "docker-archive:",
                                          "docker-archive:x:",
                                          "docker-archive::x",
                                          "docker-archive:x:Y",
                                          std::string("oci:a\0b", 7)};
  for (const auto& text : texts) {
    INFO(text);
    const auto out = Location::parse(text);
    REQUIRE_FALSE(out.ok());
    CHECK(out.error().kind == ErrorKind::usage);
    CHECK_FALSE(out.error().why.empty());
  }
}
