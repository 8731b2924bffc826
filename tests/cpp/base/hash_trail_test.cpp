#include "shipset/base/hash_trail.hpp"

#include <string>

#include "catch_shim.hpp"
#include "shipset/base/bytes.hpp"

using namespace shipset;

namespace {
std::string numbers(std::size_t size) {
  std::string out;
  for (int i = 0; out.size() < size; ++i) out += std::to_string(i) + ",";
  out.resize(size);
  return out;
}

void walk(HashTrail& trail, const std::string& text, std::size_t step = 10) {
  while (trail.position() < text.size()) {
    const std::size_t at = static_cast<std::size_t>(trail.position());
    trail.update(as_bytes(std::string_view(text).substr(at, step)));
  }
}
}  // namespace

TEST_CASE("hash trail, taken back and walked again, has the digest of the whole") {
  const std::string text = numbers(100'000);
  for (const std::uint64_t offset :
       {std::uint64_t(0), std::uint64_t(1), std::uint64_t(55'555), std::uint64_t(99'999)}) {
    HashTrail trail("sha256", 100);
    walk(trail, text);
    CHECK(trail.digest() == Digest::of(text));
    const auto at = trail.rewind(offset);
    CHECK(at <= offset);
    CHECK(at == trail.position());
    CHECK(trail.digest() == Digest::of(text.substr(0, static_cast<std::size_t>(at))));
    walk(trail, text, 7);
    CHECK(trail.digest() == Digest::of(text));
  }
}

TEST_CASE("hash trail, going back, repeats about as much as was lost") {
  const std::string text = numbers(1'000'000);
  for (std::uint64_t lost = 1; lost < 1'000'000; lost = lost * 3 + 1) {
    HashTrail trail("sha256", 100);
    walk(trail, text, 50);
    const std::uint64_t offset = text.size() - lost;
    CHECK(offset - trail.rewind(offset) <= lost + 300);
  }
}

TEST_CASE("hash trail, other content after going back, shows in the digest; forward it does not go") {
  const std::string text = numbers(1000);
  HashTrail trail("sha512", 100);
  walk(trail, text);
  CHECK(trail.rewind(5000) == 1000);
  trail.rewind(500);
  std::string other = text;
  other[700] = 'x';
  walk(trail, other);
  Hasher right("sha512"), wrong("sha512");
  right.update(text);
  wrong.update(other);
  CHECK(trail.digest() != right.finish());
  CHECK(trail.digest() == wrong.finish());
}
