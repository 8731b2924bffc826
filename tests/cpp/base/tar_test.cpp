#include "shipset/base/tar.hpp"

#include <random>

#include "../../fuzz/tar_check.hpp"
#include "catch_shim.hpp"
#include "tar_impl.hpp"

using namespace shipset;

namespace {

struct StringWriter final : Writer {
  std::string text;
  Result<void> write(std::span<const std::byte> bytes) override {
    text += as_text(bytes);
    return {};
  }
};

/// Gives out its text in pieces of a size of its choice, as sockets and pipes do.
struct StringReader final : Reader {
  std::string text;
  std::size_t at = 0, piece;
  explicit StringReader(std::string t, std::size_t p = 1000) : text(std::move(t)), piece(p) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto count = std::min({buffer.size(), piece, text.size() - at});
    std::copy_n(reinterpret_cast<const std::byte*>(text.data()) + at, count, buffer.data());
    at += count;
    return count;
  }
};

TarEntry file(std::string path, std::uint64_t size = 0) {
  TarEntry entry;
  entry.path = std::move(path);
  entry.size_bytes = size;
  return entry;
}
TarEntry of_type(TarType type, std::string path, std::string link = {}) {
  TarEntry entry;
  entry.path = std::move(path);
  entry.type = type;
  entry.link = std::move(link);
  return entry;
}

std::string archive(const std::vector<TarEntry>& entries) {
  StringWriter out;
  TarWriter writer(out);
  for (const auto& entry : entries) {
    REQUIRE(writer.entry(entry));
    REQUIRE(writer.content(as_bytes(std::string(entry.size_bytes, 'c'))));
  }
  REQUIRE(writer.finish());
  return out.text;
}

/// A header block by hand, for what the writer refuses to write.
struct Raw {
  std::string name, link, magic{tar::ustar_magic}, prefix;
  char flag = '0';
  std::string size = "00000000000";
  std::string content;
  [[nodiscard]] std::string block() const {
    std::string b(tar::block_bytes, '\0');
    const auto put = [&](tar::Field f, const std::string& text) { b.replace(f.at, text.size(), text); };
    put(tar::name_field, name);
    put(tar::mode_field, "0000644");
    put(tar::uid_field, "0000000");
    put(tar::gid_field, "0000000");
    put(tar::size_field, size);
    put(tar::mtime_field, "00000000000");
    put(tar::link_field, link);
    put(tar::magic_field, magic);
    put(tar::prefix_field, prefix);
    b[tar::type_field.at] = flag;
    char sum[8];
    std::snprintf(sum, sizeof(sum), "%06o", static_cast<unsigned>(tar::checksum(b)));
    put(tar::checksum_field, std::string(sum, 6) + std::string("\0 ", 2));
    return b + content + std::string(tar::padding_of(content.size()), '\0');
  }
};
std::string octal(std::size_t value) {
  char text[16];
  std::snprintf(text, sizeof(text), "%011zo", value);
  return text;
}
Raw extension(char flag, std::string content) {
  Raw raw;
  raw.name = "ext";
  raw.flag = flag;
  raw.size = octal(content.size());
  raw.content = std::move(content);
  return raw;
}
std::string raw_archive(const std::vector<Raw>& blocks) {
  std::string out;
  for (const auto& each : blocks) out += each.block();
  return out + std::string(1024, '\0');
}

Result<std::vector<TarEntry>> list(std::string text, TarLimits limits = {}, std::size_t piece = 1000) {
  StringReader in(std::move(text), piece);
  TarReader reader(in, limits);
  std::vector<TarEntry> entries;
  for (;;) {
    TarEntry entry;
    SHIPSET_TRY(const bool more, reader.next(entry));
    if (!more) return entries;
    entries.push_back(entry);
  }
}
/// why of the refusal, which must be of kind verify.
std::string refusal(std::string text, TarLimits limits = {}) {
  const auto listed = list(std::move(text), limits);
  if (listed) return "accepted";
  CHECK(listed.error().kind == ErrorKind::verify);
  return listed.error().what + ": " + listed.error().why;
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("tar, every kind of entry, comes back as it went in") {
  std::vector<TarEntry> entries{
      of_type(TarType::directory, "."),
      of_type(TarType::directory, "etc"),
      file("etc/passwd", 700),
      of_type(TarType::hardlink, "etc/passwd-", "etc/passwd"),
      of_type(TarType::symlink, "etc/mtab", "../proc/self/mounts"),
      of_type(TarType::fifo, "run-fifo"),
      file("empty"),
      file("exactly", 512),
  };
  auto device = of_type(TarType::char_device, "null");
  device.device_major = 1;
  device.device_minor = 3;
  entries.push_back(device);
  entries[2].mode = 04755;
  entries[2].uid = 1000;
  entries[2].gid = 2000;
  entries[2].mtime_unix_s = 1700000000;
  for (const std::size_t piece : {1u, 511u, 100000u}) {
    const auto back = list(archive(entries), {}, piece);
    REQUIRE(back);
    CHECK(*back == entries);
  }
}

TEST_CASE("tar, what ustar cannot hold, goes through pax headers and comes back") {
  std::vector<TarEntry> entries;
  entries.push_back(file(std::string(100, 'n')));
  entries.push_back(file(std::string(101, 'n')));
  entries.push_back(file(std::string(155, 'p') + "/" + std::string(100, 'n')));
  entries.push_back(file(std::string(156, 'p') + "/" + std::string(100, 'n')));
  entries.push_back(of_type(TarType::directory, std::string(255, 'p') + "/" + std::string(99, 'd')));
  entries.push_back(
      file("gr\xc3\xbc\xc3\x9f"
           "e"));
  entries.push_back(of_type(TarType::symlink, "long-link", std::string(101, 't')));
  entries.push_back(of_type(TarType::symlink, "odd-link", "\xc3\xbc"));
  auto big = file("owner");
  big.uid = 2097152;
  big.gid = 4294967295;
  entries.push_back(big);
  auto early = file("before-1970");
  early.mtime_unix_s = -86400;
  entries.push_back(early);
  auto late = file("late");
  late.mtime_unix_s = std::int64_t(1) << 34;
  entries.push_back(late);
  auto capable = file("capable");
  capable.xattrs["security.capability"] = std::string("\x01\0\0\x02=\n", 6);
  capable.xattrs["user.note"] = "hello";
  entries.push_back(capable);
  const auto back = list(archive(entries));
  REQUIRE(back);
  CHECK(*back == entries);
}

TEST_CASE("tar, a pax record whose length gains a digit by counting itself, is counted right") {
  for (std::size_t size = 80; size < 110; ++size) {
    const tar::PaxRecords records{{"path", std::string(size, 'x')}};
    const auto text = tar::format_pax(records);
    CHECK(text.starts_with(std::to_string(text.size()) + " "));
    CHECK(tar::parse_pax(text) == records);
  }
}

TEST_CASE("tar writer, entries that fit ustar, add no pax header and nothing of the host") {
  const auto text = archive({file("a", 1)});
  CHECK(text.size() == 512 + 512 + 1024);
  CHECK(tar::parse_text(std::string_view(text).substr(265, 64)).empty());  // uname, gname
  CHECK(text[156] == '0');
  CHECK(text == archive({file("a", 1)}));
}

TEST_CASE("tar writer, an entry that a reader would refuse, is a usage error") {
  StringWriter out;
  TarWriter writer(out);
  auto deep = file("x");
  deep.mode = 0100644;
  auto sized = of_type(TarType::directory, "d");
  sized.size_bytes = 1;
  auto attribute = file("x");
  attribute.xattrs["a=b"] = "c";
  for (const auto& entry :
       {file(""), file("/etc"), file("../x"), file("a//b"), file("./a"), file("a/"), file("."),
        file(std::string("a\0b", 3)), of_type(TarType::hardlink, "h", "../x"), of_type(TarType::hardlink, "h"),
        of_type(TarType::symlink, "s"), of_type(TarType::symlink, "s", std::string("a\0", 2)), deep, sized, attribute,
        of_type(TarType::file, "f", "link")}) {
    const auto done = writer.entry(entry);
    REQUIRE(!done);
    CHECK(done.error().kind == ErrorKind::usage);
  }
  CHECK(out.text.empty());
}

TEST_CASE("tar writer, content that does not match the header, is an error") {
  StringWriter out;
  TarWriter writer(out);
  REQUIRE(writer.entry(file("a", 3)));
  CHECK(!writer.content(as_bytes("toolong")));
  REQUIRE(writer.content(as_bytes("ab")));
  CHECK(!writer.entry(file("b")));
  CHECK(!writer.finish());
  REQUIRE(writer.content(as_bytes("c")));
  CHECK(writer.finish());
}

TEST_CASE("tar reader, content, is given exactly and may be left unread") {
  StringReader in(archive({file("a", 100000), file("b", 10), file("c", 513)}), 777);
  TarReader reader(in);
  TarEntry entry;
  std::string buffer(1000, '\0');
  const std::span<std::byte> space(reinterpret_cast<std::byte*>(buffer.data()), buffer.size());
  CHECK(*reader.next(entry));
  CHECK(*reader.read(space) > 0);
  CHECK(*reader.next(entry));
  CHECK(entry.path == "b");
  std::size_t total = 0;
  while (const auto count = *reader.read(space)) total += count;
  CHECK(total == 10);
  CHECK(*reader.next(entry));
  CHECK(entry.path == "c");
  CHECK(!*reader.next(entry));
  CHECK(!*reader.next(entry));
  CHECK(*reader.read(space) == 0);
}

TEST_CASE("tar reader, paths as registries hold them, are normalised") {
  Raw root, dir, etc, link;
  root.name = "./";
  root.flag = '5';
  dir.name = "./etc//";
  dir.flag = '5';
  etc.name = "./etc/./passwd";
  link.name = "etc/shadow";
  link.link = "./etc//passwd";
  link.flag = '1';
  const auto back = list(raw_archive({root, dir, etc, link}));
  REQUIRE(back);
  CHECK((*back)[0].path == ".");
  CHECK((*back)[1].path == "etc");
  CHECK((*back)[2].path == "etc/passwd");
  CHECK((*back)[3].link == "etc/passwd");
}

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
