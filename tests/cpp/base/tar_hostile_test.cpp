#include <random>

#include "../../fuzz/tar_check.hpp"
#include "tar_support.hpp"

using namespace shipset;
using namespace shipset::test_tar;

TEST_CASE("tar reader, paths that could escape, are refused and named") {
  const auto named = [](std::string name, char flag = '0', std::string link = {}) {
    Raw raw;
    raw.name = std::move(name);
    raw.flag = flag;
    raw.link = std::move(link);
    return refusal(raw_archive({raw}));
  };
  CHECK(has(named("../evil"), "\"../evil\" is refused"));
  CHECK(has(named("a/../../evil"), ".."));
  CHECK(has(named("a/.."), ".."));
  CHECK(has(named("/etc/passwd"), "absolute"));
  CHECK(has(named(""), "empty"));
  CHECK(has(named("."), "root"));
  CHECK(has(named("link", '2'), "no target"));
  CHECK(has(named("hard", '1', "../../etc/passwd"), ".."));
  CHECK(has(named("hard", '1', "/etc/passwd"), "absolute"));
  CHECK(has(named("hard", '1', "later"), "no earlier file"));
  CHECK(has(named("hard", '1', "hard"), "no earlier file"));
  CHECK(has(named("dir/"), "ends in"));
  CHECK(has(refusal(raw_archive({extension('x', "17 path=a\0b/../c\n"), Raw{}})), "malformed"));
  Raw plain;
  plain.name = "n";
  CHECK(has(refusal(raw_archive({extension('x', std::string("12 path=a\0b\n", 12)), plain})), "NUL"));
  CHECK(has(refusal(raw_archive({extension('L', std::string("a\0b\0", 4)), plain})), "NUL"));
  CHECK(has(refusal(raw_archive({extension('x', "14 path=../up\n"), plain})), ".."));
  CHECK(has(refusal(raw_archive({extension('L', std::string("/abs\0", 5)), plain})), "absolute"));
}

TEST_CASE("tar reader, an entry below or over a symbolic link of the archive, is refused") {
  const auto link = of_type(TarType::symlink, "bin", "usr/bin");
  CHECK(has(refusal(archive({link, file("bin/sh")})), "link-through"));
  CHECK(has(refusal(archive({link, of_type(TarType::directory, "bin/a/b")})), "link-through"));
  CHECK(has(refusal(archive({link, file("bin")})), "link-through"));
  CHECK(has(refusal(archive({link, of_type(TarType::directory, "bin")})), "link-through"));
  CHECK(has(refusal(archive({file("usr/bin/sh"), link, of_type(TarType::hardlink, "x", "bin/sh")})), "link-through"));
  // A hard link to a symbolic link is a symbolic link too.
  CHECK(has(refusal(archive({link, of_type(TarType::hardlink, "alias", "bin"), file("alias/sh")})), "link-through"));
  // The link of another layer is no business of this one, and a name that only begins alike is another name.
  CHECK(list(archive({link, file("bin2/sh"), file("usr/bin/sh"), file("a/bin/sh")})));
}

TEST_CASE("tar reader, a hard link to a directory, is refused") {
  CHECK(has(refusal(archive({of_type(TarType::directory, "d"), of_type(TarType::hardlink, "h", "d")})), "no earlier"));
}

TEST_CASE("tar reader, GNU long names and base-256 numbers, are read") {
  Raw entry;
  entry.name = "short";
  entry.flag = '1';
  entry.magic = tar::gnu_magic;
  Raw target;
  target.name = "t";
  const std::string name(300, 'n');
  const auto back =
      list(raw_archive({extension('L', std::string(200, 't') + '\0'), target,
                        extension('K', std::string(200, 't') + '\0'), extension('L', name + '\0'), entry}));
  REQUIRE(back);
  CHECK((*back)[1].path == name);
  CHECK((*back)[1].link == std::string(200, 't'));

  CHECK(tar::parse_number(std::string("\x80\0\0\0\0\0\0\x02\0\0\0\0", 12)) == std::int64_t(2) << 32);
  CHECK(tar::parse_number(std::string(12, '\xff')) == -1);
  CHECK(tar::parse_number(std::string("\x80\x01", 2) + std::string(10, '\0')) == std::nullopt);
  CHECK(tar::parse_number("0000644\0") == 0644);
  CHECK(tar::parse_number("   644 \0") == 0644);
  CHECK(tar::parse_number(std::string(8, '\0')) == 0);
  CHECK(tar::parse_number("0000648\0") == std::nullopt);
  CHECK(tar::parse_number("12345678901234567890123") == std::nullopt);
  CHECK(tar::parse_number("-0000644") == std::nullopt);
}

TEST_CASE("tar reader, the GNU form of the header, has no prefix") {
  Raw gnu;
  gnu.name = "name";
  gnu.magic = tar::gnu_magic;
  gnu.prefix = "13371337";  // there GNU tar keeps access times
  CHECK((*list(raw_archive({gnu})))[0].path == "name");
  gnu.magic = tar::ustar_magic;
  CHECK((*list(raw_archive({gnu})))[0].path == "13371337/name");
  gnu.magic = std::string(8, '\0');
  CHECK((*list(raw_archive({gnu})))[0].path == "name");
}

TEST_CASE("tar reader, a pax size, overrides the header") {
  Raw entry;
  entry.name = "big";
  entry.content = "hello";
  const auto text = raw_archive({extension('x', "10 size=5\n"), entry});
  const auto back = list(text);
  REQUIRE(back);
  CHECK(back->size() == 1);
  CHECK((*back)[0].size_bytes == 5);
  CHECK(has(refusal(raw_archive({extension('x', "11 size=-5\n"), entry})), "malformed"));
  CHECK(has(refusal(raw_archive({extension('x', "28 size=99999999999999999999\n"), entry})), "malformed"));
}

TEST_CASE("tar reader, pax times, are rounded down") {
  CHECK(tar::parse_time("12") == 12);
  CHECK(tar::parse_time("12.9") == 12);
  CHECK(tar::parse_time("-1.5") == -2);
  CHECK(tar::parse_time("-1.0") == -1);
  CHECK(tar::parse_time("12.") == 12);
  CHECK(tar::parse_time("") == std::nullopt);
  CHECK(tar::parse_time("--1") == std::nullopt);
  CHECK(tar::parse_time("1e9") == std::nullopt);
  CHECK(tar::parse_time("1.x") == std::nullopt);
}

TEST_CASE("tar reader, malformed pax headers, are refused") {
  Raw entry;
  entry.name = "n";
  for (const std::string bad : {"x", "5", "99 path=a\n", "0 a=b\n", "3 =\n", "7 a=bcX", "8 path\n", "6 =ab\n",
                                "-6 a=b\n", "99999999999999999999999 a=b\n"})
    CHECK(has(refusal(raw_archive({extension('x', bad), entry})), "malformed"));
  CHECK(has(refusal(raw_archive({extension('x', "6 a=b\n"), extension('x', "6 a=b\n"), entry})), "two pax"));
  CHECK(has(refusal(raw_archive({extension('x', "6 a=b\n")})), "ends after"));
  CHECK(has(refusal(raw_archive({extension('x', "10 path=p\n"), extension('L', "q"), entry})), "GNU"));
}

TEST_CASE("tar reader, a global pax header, may only comment") {
  Raw entry;
  entry.name = "n";
  CHECK(list(raw_archive({extension('g', "52 comment=0123456789012345678901234567890123456789\n"), entry})));
  CHECK(has(refusal(raw_archive({extension('g', "10 path=p\n"), entry})), "global"));
  CHECK(has(refusal(raw_archive({extension('g', "9 uid=12\n"), entry})), "global"));
}

TEST_CASE("tar reader, sparse files and odd types, are refused with their reason") {
  Raw entry;
  entry.name = "n";
  CHECK(has(refusal(raw_archive({extension('x', "22 GNU.sparse.major=1\n"), entry})), "sparse"));
  entry.flag = 'S';
  CHECK(has(refusal(raw_archive({entry})), "sparse"));
  entry.flag = 'V';
  CHECK(has(refusal(raw_archive({entry})), "volume"));
  entry.flag = 'Q';
  CHECK(has(refusal(raw_archive({entry})), "not supported"));
  entry.flag = '5';
  entry.size = octal(512);
  entry.content = std::string(512, 'x');
  CHECK(has(refusal(raw_archive({entry})), "with content"));
}

TEST_CASE("tar reader, damage and truncation, are errors") {
  const auto whole = archive({file("a", 1000), file("b", 10)});
  auto flipped = whole;
  flipped[3] ^= 1;
  CHECK(has(refusal(flipped), "checksum"));
  CHECK(has(refusal("this is not a tar archive at all" + std::string(600, ' ')), "checksum"));
  CHECK(has(refusal(whole.substr(0, 100)), "truncated"));
  CHECK(has(refusal(whole.substr(0, 900)), "truncated"));
  TarLimits strict;
  strict.strict_end = true;
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK(!list(whole.substr(0, size), strict));
  CHECK(list(whole, strict));
  CHECK(list(whole + std::string(8192, '\0'), strict));
  CHECK(has(refusal(whole + std::string(8192, '\0') + "x", strict), "after its end"));
  CHECK(list(whole.substr(0, whole.size() - 1024)));
  CHECK(has(refusal(std::string(512, '\0') + whole), "lone zero block"));
}

TEST_CASE("tar reader, after an error, gives no more entries") {
  Raw bad, good;
  bad.name = "/abs";
  good.name = "good";
  StringReader in(raw_archive({bad, good}));
  TarReader reader(in);
  TarEntry entry;
  CHECK(!reader.next(entry));
  const auto more = reader.next(entry);
  CHECK((more && !*more));
}

TEST_CASE("tar reader, its limits, hold") {
  TarLimits limits;
  limits.entries = 2;
  CHECK(list(archive({file("a"), file("b")}), limits));
  CHECK(has(refusal(archive({file("a"), file("b"), file("c")}), limits), "more than 2 entries"));
  limits = {};
  limits.path_bytes = 10;
  CHECK(has(refusal(archive({file(std::string(11, 'a'))}), limits), "longer than 10"));
  CHECK(has(refusal(archive({of_type(TarType::symlink, "s", std::string(11, 'a'))}), limits), "link target"));
  limits = {};
  limits.pax_bytes = 50;
  CHECK(has(refusal(archive({file(std::string(150, 'a'))}), limits), "limit is 50"));
  limits = {};
  limits.total_bytes = 100;
  CHECK(list(archive({file("a", 50), file("b", 50)}), limits));
  CHECK(has(refusal(archive({file("a", 50), file("b", 51)}), limits), "more than 100 bytes"));
  Raw huge;
  huge.name = "h";
  huge.flag = 'x';
  huge.size = "77777777777";
  CHECK(has(refusal(huge.block()), "limit"));
}

TEST_CASE("tar reader, a hundred thousand entries, keep their hard links checked") {
  std::vector<TarEntry> entries;
  for (int i = 0; i < 50000; ++i) entries.push_back(file("d/" + std::to_string(i)));
  for (int i = 0; i < 50000; ++i)
    entries.push_back(of_type(TarType::hardlink, "h/" + std::to_string(i), "d/" + std::to_string(i)));
  CHECK(list(archive(entries), {}, 1 << 20));
  entries.push_back(of_type(TarType::hardlink, "last", "d/50000"));
  CHECK(has(refusal(archive(entries)), "no earlier file"));
}

TEST_CASE("tar reader, seeded damage of many kinds, never breaks its promises") {
  auto odd = of_type(TarType::char_device, "device");
  odd.device_major = 5;
  auto capable = file("capable", 3);
  capable.xattrs["security.capability"] = "x";
  Raw entry;
  entry.name = "short";
  const std::vector<std::string> corpus{
      archive({of_type(TarType::directory, "a"), file("a/b", 700), of_type(TarType::hardlink, "a/c", "a/b"),
               of_type(TarType::symlink, "link", "a"), odd, capable, file(std::string(300, 'n'), 10)}),
      raw_archive({extension('L', std::string(200, 't') + '\0'), entry, extension('g', "13 comment=x\n"), entry,
                   extension('x', "16 mtime=-12.25\n10 size=0\n"), entry}),
  };
  for (const auto& each : corpus) REQUIRE(fuzz::check_tar(each).empty());
  REQUIRE(list(corpus[0]));
  for (std::uint32_t seed = 0; seed < 6000; ++seed) {
    auto bytes = fuzz::mutate(corpus[seed % corpus.size()], seed);
    if (seed % 4 != 0) bytes = fuzz::repair_checksums(std::move(bytes));
    INFO(seed);
    const auto broken = fuzz::check_tar(bytes);
    REQUIRE(broken == "");
  }
}
