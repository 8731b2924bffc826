// Inputs, packing and unpacking that the tests of layers share.
#pragma once

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "layer_impl.hpp"
#include "shipset/oci/layer.hpp"
#include "store_fixture.hpp"

namespace shipset::oci::test {

/// Reads on and on, and asks for a stop after a while.
struct EndlessTar final : Reader {
  CancelToken cancel;
  std::string head;
  std::uint64_t given = 0;
  explicit EndlessTar(CancelToken token) : cancel(std::move(token)) {
    StringWriter out;
    TarWriter writer(out);
    TarEntry entry;
    entry.path = "big";
    entry.size_bytes = std::uint64_t(1) << 40;
    must(writer.entry(entry));
    head = out.text;
  }
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    std::fill(buffer.begin(), buffer.end(), std::byte{0});
    if (given == 0) std::copy_n(reinterpret_cast<const std::byte*>(head.data()), head.size(), buffer.data());
    given += buffer.size();
    if (given > 20u << 20) cancel.cancel();
    return buffer.size();
  }
};

struct Unpacked {
  std::vector<TarEntry> entries;
  std::map<std::string, std::string> content;
  [[nodiscard]] std::vector<std::string> paths() const {
    std::vector<std::string> out;
    for (const auto& entry : entries) out.push_back(entry.path);
    return out;
  }
  [[nodiscard]] const TarEntry& at(const std::string& path) const {
    for (const auto& entry : entries)
      if (entry.path == path) return entry;
    FAIL("no entry " + path);
    return entries.front();
  }
};

inline Unpacked untar(std::unique_ptr<Reader> packed) {
  const auto plain = must(make_decompressor(std::move(packed)));
  TarReader reader(*plain);
  Unpacked out;
  for (;;) {
    TarEntry entry;
    if (!must(reader.next(entry))) return out;
    std::string text(entry.size_bytes, '\0');
    std::size_t at = 0;
    while (const auto count = must(reader.read({reinterpret_cast<std::byte*>(text.data()) + at, text.size() - at})))
      at += count;
    if (entry.type == TarType::file) out.content[entry.path] = text;
    out.entries.push_back(std::move(entry));
  }
}

/// Root can read everything, so it steps down for a while.
struct Unprivileged {
  const bool root = ::geteuid() == 0;
  Unprivileged() {
    if (root) REQUIRE(::seteuid(65534) == 0);
  }
  ~Unprivileged() {
    if (root && ::seteuid(0) != 0) std::abort();
  }
};

struct Fixture {
  Scratch scratch;
  std::unique_ptr<LayoutStore> store = new_layout(scratch / "layout");
  fs::path input = scratch / "input";
  LayerOptions options;
  Fixture() { fs::create_directories(input); }

  void file(const std::string& name, std::string_view text, unsigned mode = 0644) const {
    fs::create_directories((input / name).parent_path());
    write_text(input / name, text);
    REQUIRE(::chmod((input / name).c_str(), mode) == 0);
  }
  [[nodiscard]] LayerInput to(std::string target) const {
    LayerInput out;
    out.from = input;
    out.to = std::move(target);
    return out;
  }
  Result<LayerResult> pack(const LayerInput& what) { return pack_layer(what, options, *store); }
  Unpacked unpack(const LayerInput& what) {
    const auto layer = must(pack(what));
    const auto blob = must(store->blob(layer.descriptor));
    return untar(must(blob->open()));
  }
  [[nodiscard]] std::size_t temporaries() const {
    std::size_t count = 0;
    for (const auto& each : fs::recursive_directory_iterator(store->path()))
      count += each.path().filename().string().starts_with(".tmp") ? 1 : 0;
    return count;
  }
};

using Paths = std::vector<std::string>;
/// A tar with a root entry, a directory, a file, both kinds of links and late times.
inline std::string some_tar() {
  StringWriter out;
  TarWriter writer(out);
  TarEntry root, file, hard, soft;
  root.type = TarType::directory;
  root.path = ".";
  root.mode = 0700;
  file.path = "bin/tool";
  file.size_bytes = 5;
  file.mode = 0711;
  file.uid = 33;
  file.mtime_unix_s = 2000000000;
  file.xattrs["security.capability"] = "cap";
  hard.type = TarType::hardlink;
  hard.path = "bin/hard";
  hard.link = "bin/tool";
  hard.mtime_unix_s = 5;
  soft.type = TarType::symlink;
  soft.path = "soft";
  soft.link = "/bin/tool";
  must(writer.entry(root));
  must(writer.entry(file));
  must(writer.content(as_bytes("hello")));
  must(writer.entry(hard));
  must(writer.entry(soft));
  must(writer.finish());
  return out.text;
}
inline std::string gzipped(const std::string& text) {
  StringWriter out;
  const auto compressor = make_compressor(Compression::gzip, out);
  must(compressor->write(as_bytes(text)));
  must(compressor->finish());
  return out.text;
}

}  // namespace shipset::oci::test
