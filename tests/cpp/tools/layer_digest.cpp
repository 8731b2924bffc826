// Packs a fixed input and prints its digests. Run on different processors, real or emulated, the output must be the
// same to the byte: tests/interop/test_determinism.py.
//   layer_digest DIRECTORY     (an empty directory to work in)
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "shipset/oci/layer.hpp"

namespace {

using namespace shipset;
namespace fs = std::filesystem;

class Memory final : public Writer {
 public:
  std::string text;
  Result<void> write(std::span<const std::byte> bytes) override {
    text += as_text(bytes);
    return {};
  }
};

/// A linear congruence, so that the input needs no file and no library's idea of random.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}
  std::uint32_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(state_ >> 33);
  }

 private:
  std::uint64_t state_;
};

/// Text that repeats itself near and far, with noise between: matches of every length and distance.
std::string content(std::uint64_t seed, std::size_t size) {
  Numbers numbers(seed);
  std::string text;
  while (text.size() < size) {
    const auto kind = numbers.next() % 8;
    const auto length = 1 + numbers.next() % 400;
    if (kind < 4 && text.size() > 40000)
      text += text.substr(text.size() - 1000 - numbers.next() % 39000, length);
    else if (kind < 6)
      text += "entry " + std::to_string(numbers.next() % 5000) + " of the list\n";
    else
      for (std::uint32_t i = 0; i < length; ++i) text += static_cast<char>(numbers.next());
  }
  text.resize(size);
  return text;
}

void make_input(const fs::path& directory) {
  const auto file = [&](const std::string& name, const std::string& text, ::mode_t mode) {
    fs::create_directories((directory / name).parent_path());
    std::ofstream(directory / name, std::ios::binary) << text;
    ::chmod((directory / name).c_str(), mode);
  };
  file("bin/tool", content(1, 3'000'000), 0755);
  file("lib/data-" + std::string(120, 'x'), content(2, 700'001), 0644);
  file(
      "lib/gr\xc3\xbc\xc3\x9f"
      "e",
      content(3, 5), 0600);
  file("lib.txt", "", 0664);
  fs::create_symlink("tool", directory / "bin/alias");
  fs::create_hard_link(directory / "bin/tool", directory / "bin/same");
}

Result<void> run(const fs::path& directory) {
  make_input(directory / "input");
  oci::LayerInput input;
  input.from = directory / "input";
  input.to = "/opt/app";
  input.uid = 1000;
  oci::LayerOptions options;
  options.mtime_unix_s = 1'700'000'000;
  SHIPSET_TRY(const auto digest, oci::input_digest(input, options));
  std::cout << "directory " << digest.str() << "\n";

  Memory tar;
  TarWriter writer(tar);
  for (int i = 0; i < 40; ++i) {
    const auto text = content(100 + static_cast<std::uint64_t>(i), static_cast<std::size_t>(i) * 7001);
    TarEntry entry;
    entry.path = "data/" + std::to_string(i);
    entry.size_bytes = text.size();
    SHIPSET_CHECK(writer.entry(entry));
    SHIPSET_CHECK(writer.content(as_bytes(text)));
  }
  SHIPSET_CHECK(writer.finish());
  for (const auto compression : {Compression::gzip, Compression::zstd}) {
    options.compression = compression;
    SHIPSET_TRY(const auto reader, memory_source(tar.text)->open());
    Memory out;
    SHIPSET_TRY(const auto layer, oci::pack_tar(*reader, out, options));
    std::cout << to_string(compression) << " " << layer.descriptor.digest.str() << " " << layer.diff_id.str() << "\n";
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: layer_digest DIRECTORY\n";
    return 2;
  }
  const auto done = run(argv[1]);
  if (!done) std::cerr << render(done.error()) << "\n";
  return done ? 0 : exit_code(done.error().kind);
}
