#include "tar_support.hpp"

using namespace shipset;
using namespace shipset::test_tar;

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
