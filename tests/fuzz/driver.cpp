// Two programs in one source. With clang: -fsanitize=fuzzer,address -DSHIPSET_LIBFUZZER gives a libFuzzer target.
// Else a plain program:
//   fuzz_TARGET SECONDS FILE|FOLDER…   seeded mutations of the files until the time is over
//   fuzz_TARGET 0 FILE…                only the files themselves, to look at a finding
// A finding is written to finding-TARGET and is the exit code 1.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "fuzz.hpp"

#ifdef SHIPSET_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto broken = shipset::fuzz::target().check({reinterpret_cast<const char*>(data), size});
  if (broken.empty()) return 0;
  std::fprintf(stderr, "%s\n", broken.c_str());
  std::abort();
}
#else
namespace {
namespace fs = std::filesystem;
constexpr std::size_t size_limit = 64u << 10;

bool holds(const std::string& bytes, const std::string& name, const std::string& program) {
  const auto broken = shipset::fuzz::target().check(bytes);
  if (broken.empty()) return true;
  const std::string file = "finding-" + fs::path(program).filename().string();
  std::ofstream(file, std::ios::binary) << bytes;
  std::fprintf(stderr, "%s: %s; written to %s\n", name.c_str(), broken.c_str(), file.c_str());
  return false;
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

class Mutator {
 public:
  Mutator(const std::vector<std::string>& corpus, std::uint32_t seed) : corpus_(corpus), random_(seed) {}

  std::string run() {
    std::string bytes = corpus_[below(corpus_.size())];
    for (auto round = 1 + below(6); round-- > 0;) step(bytes);
    if (bytes.size() > size_limit) bytes.resize(size_limit);
    const auto& target = shipset::fuzz::target();
    return target.repair != nullptr && below(4) != 0 ? target.repair(std::move(bytes)) : bytes;
  }

 private:
  std::size_t below(std::size_t count) { return count == 0 ? 0 : random_() % count; }

  void step(std::string& bytes) {
    const auto& target = shipset::fuzz::target();
    const std::size_t at = below(bytes.size() + 1), block = target.block;
    switch (below(9)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(random_());
        break;
      case 1:
        bytes.erase(at, 1 + below(at % 3 == 0 ? 600 : 8));
        break;
      case 2:
        bytes.insert(at, bytes.substr(below(bytes.size()), below(1100)));
        break;
      case 3:
      case 4:
        if (target.tokens.empty()) break;
        {
          const auto token = target.tokens[below(target.tokens.size())];
          bytes.replace(at, below(2) == 0 ? 0 : std::min(token.size(), bytes.size() - at), token);
        }
        break;
      case 5:
        bytes.resize(at);
        break;
      case 6: {  // the head of this, the tail of another
        const auto& other = corpus_[below(corpus_.size())];
        bytes = bytes.substr(0, at) + other.substr(below(other.size()));
        break;
      }
      case 7:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      default:  // a whole block somewhere else
        bytes.insert(at / block * block, bytes.substr(below(bytes.size()) / block * block, block));
    }
  }

  const std::vector<std::string>& corpus_;
  std::mt19937 random_;
};
}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s SECONDS FILE|FOLDER...\n", argv[0]);
    return 2;
  }
  std::vector<fs::path> files;
  for (int i = 2; i < argc; ++i)
    if (fs::is_directory(argv[i]))
      for (const auto& each : fs::directory_iterator(argv[i])) files.push_back(each.path());
    else
      files.emplace_back(argv[i]);
  std::sort(files.begin(), files.end());
  std::vector<std::string> corpus;
  for (const auto& file : files) {
    corpus.push_back(read(file));
    if (!holds(corpus.back(), file.string(), argv[0])) return 1;
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no files to start from\n", argv[0]);
    return 2;
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::strtol(argv[1], nullptr, 10));
  std::uint32_t seed = 0;
  for (; std::chrono::steady_clock::now() < end; ++seed)
    if (!holds(Mutator(corpus, seed).run(), "seed " + std::to_string(seed), argv[0])) return 1;
  std::printf("%s: %zu files, %u inputs, nothing found\n", fs::path(argv[0]).filename().c_str(), corpus.size(), seed);
  return 0;
}
#endif
