#include <algorithm>

#include "buildinfo_impl.hpp"
#include "catch_shim.hpp"
#include "image_support.hpp"

using namespace shipset::attest;
using namespace shipset::attest::testing;

namespace {

struct Outcome {
  bool found = false;
  int passes = 0;
  BuildInfo info;
};

Outcome scan(const std::string& file, std::size_t piece = 1u << 18) {
  BuildInfoScan scan;
  Outcome out;
  do {
    ++out.passes;
    for (std::size_t at = 0; at < file.size(); at += piece)
      if (!scan.feed(std::string_view(file).substr(at, piece))) break;
  } while (out.passes < 5 && scan.rewind());
  out.found = scan.take(out.info);
  return out;
}

/// The form before Go 1.18: pointers to string headers, which point to the strings in read-only data.
std::string pointer_program(bool wide, bool big_endian, std::string_view version, std::string_view modules,
                            std::uint64_t bend = 0) {
  Elf elf;
  elf.wide = wide;
  elf.big_endian = big_endian;
  const std::size_t word = wide ? 8 : 4;
  elf.read_only = std::string(64, 'r') + std::string(version) + std::string(modules);
  const auto version_at = Elf::read_only_address + 64, modules_at = version_at + version.size();
  elf.writable = std::string(48, 'w') + "\xff Go buildinf:";
  elf.writable += static_cast<char>(word);
  elf.writable += static_cast<char>(big_endian ? 1 : 0);
  elf.writable += elf.number(Elf::writable_address + 256 + bend, word) + elf.number(Elf::writable_address + 512, word);
  elf.writable.resize(256);
  elf.writable += elf.number(version_at, word) + elf.number(version.size(), word);
  elf.writable.resize(512);
  elf.writable += elf.number(modules_at, word) + elf.number(modules.size(), word);
  elf.writable.resize(1024);
  return elf.str();
}

}  // namespace

TEST_CASE("build information, inline strings, is found in pieces of any size") {
  const auto file =
      Elf{std::string(5000, 'r'), std::string(160, 'w') + inline_buildinfo("go1.22.1", marked("mod\ta\n"))}.str();
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{16}, std::size_t{4096}, file.size()}) {
    CAPTURE(piece);
    const auto out = scan(file, piece);
    REQUIRE(out.found);
    CHECK(out.passes == 1);
    CHECK(out.info.go_version == "go1.22.1");
    CHECK(out.info.modules == "mod\ta\n");
  }
}

TEST_CASE("build information, pointer form of all word sizes and byte orders, is found in two passes at most") {
  for (const bool wide : {true, false}) {
    for (const bool big_endian : {true, false}) {
      for (const std::size_t piece : {std::size_t{13}, std::size_t{1} << 18}) {
        CAPTURE(wide, big_endian, piece);
        const auto out = scan(pointer_program(wide, big_endian, "go1.17.13", marked("mod\told\tv1\n")), piece);
        REQUIRE(out.found);
        CHECK(out.passes == (piece == 13 ? 2 : 1));  // in one piece nothing has gone by
        CHECK(out.info.go_version == "go1.17.13");
        CHECK(out.info.modules == "mod\told\tv1\n");
      }
    }
  }
}

TEST_CASE("build information, pointers to nowhere, ends without a result") {
  const auto out = scan(pointer_program(true, false, "go1.17.13", "x", 1u << 30));
  CHECK_FALSE(out.found);
  CHECK(out.passes == 1);
}

TEST_CASE("build information, copy of another program in read-only data, is not taken for the own") {
  const auto other = inline_buildinfo("go1.1", marked("mod\tembedded\n"));
  const auto own = inline_buildinfo("go1.22.1", marked("mod\town\n"));
  CHECK(scan(Elf{other, own}.str()).info.modules == "mod\town\n");
  CHECK(scan(Elf{other, std::string(512, 'w')}.str()).info.modules == "mod\tembedded\n");
}

TEST_CASE("build information, magic that is no header, is passed over") {
  std::string fakes;
  for (int i = 0; i < 40'000; ++i) fakes += "\xff Go buildinf:\x08\x02";
  const auto out = scan(Elf{"", fakes + inline_buildinfo("go1.22.1", "")}.str());
  REQUIRE(out.found);
  CHECK(out.info.go_version == "go1.22.1");
}

TEST_CASE("build information, at an offset that is not aligned, is not found") {
  CHECK_FALSE(scan(Elf{"", "12345678" + inline_buildinfo("go1.22.1", "")}.str()).found);
}

TEST_CASE("build information, huge counts, are refused") {
  std::string huge("\xff Go buildinf:\x08\x02", 16);
  huge.resize(32);
  huge += "\x08go1.22.1\xff\xff\xff\xff\x7f";
  CHECK_FALSE(scan(Elf{"", huge + std::string(4096, 'x')}.str()).found);
  auto program = Elf{"", inline_buildinfo("go1.22.1", "")}.str();
  program[56] = program[57] = '\xff';  // number of program headers
  CHECK_FALSE(scan(program).found);
  program = Elf{"", inline_buildinfo("go1.22.1", "")}.str();
  std::fill_n(program.begin() + 64 + 56 + 8, 8, '\xff');  // offset of the writable segment
  CHECK_FALSE(scan(program).found);
}

TEST_CASE("build information, file cut at any place, never fails") {
  const auto inlined = Elf{std::string(100, 'r'), inline_buildinfo("go1.22.1", marked("mod\ta\n"))}.str();
  const auto pointers = pointer_program(true, false, "go1.17.13", marked("mod\told\n"));
  for (const auto& file : {inlined, pointers}) {
    for (std::size_t length = 0; length < file.size(); length += length < 200 || length > 8000 ? 1 : 97) {
      const auto out = scan(file.substr(0, length), 64);
      if (out.found) CHECK(out.info.go_version.starts_with("go1."));
    }
  }
}

TEST_CASE("build information, files of other kinds, are left after their first piece") {
  for (const std::string& text : {std::string(1000, '#'),
                                  std::string("\x7f"
                                              "ELG") +
                                      std::string(100, 0),
                                  std::string("MZ")}) {
    BuildInfoScan scan;
    const bool more = scan.feed(text);
    BuildInfo info;
    CHECK_FALSE(more);
    CHECK_FALSE(scan.take(info));
  }
}
