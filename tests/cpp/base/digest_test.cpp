#include "shipset/base/digest.hpp"

#include "catch_shim.hpp"

using namespace shipset;

TEST_CASE("digest of known bytes, whole and in pieces, equals the published vectors") {
  CHECK(Digest::of(std::string_view("")).str() ==
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(Digest::of(std::string_view("{}")).str() ==
        "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  Hasher hasher;
  hasher.update("{");
  hasher.update("}");
  CHECK(hasher.finish() == Digest::of(std::string_view("{}")));
  Hasher wide("sha512");
  wide.update("abc");
  CHECK(wide.finish().encoded().substr(0, 16) == "ddaf35a193617aba");
}

TEST_CASE("digest text, every rule of the grammar, is kept or refused") {
  const std::string hex(64, 'a');
  CHECK(Digest::parse("sha256:" + hex).ok());
  CHECK(Digest::parse("sha512:" + hex + hex).ok());
  CHECK(Digest::parse("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8").ok());
  for (const std::string& bad :
       {std::string(""), std::string("sha256"), "sha256:" + hex.substr(1), "sha256:" + hex + "a",
        "sha256:" + std::string(64, 'A'), "sha256:" + std::string(64, 'g'), ":" + hex, "SHA256:" + hex,
        "sha256+:" + hex, std::string("sha256:../../../etc/passwd"), std::string("x:") + std::string(300, 'a')}) {
    INFO(bad);
    CHECK_FALSE(Digest::parse(bad).ok());
  }
  const auto error = Digest::parse("sha256:xyz").error();
  CHECK(error.kind == ErrorKind::usage);
  CHECK(error.why.find("64") != std::string::npos);
}

TEST_CASE("digest parts, for people and for paths") {
  const auto digest = Digest::of(std::string_view("{}"));
  CHECK(digest.algorithm() == "sha256");
  CHECK(digest.brief() == "44136fa355b3");
  CHECK(digest.computable());
  CHECK_FALSE(Digest::parse("blake3:" + std::string(64, 'a'))->computable());
  CHECK(Digest().empty());
}
