// Two programs in one source. With clang: -fsanitize=fuzzer,address -DSHIPSET_LIBFUZZER gives a libFuzzer target.
// Else a plain program:
//   tar_fuzz SECONDS FILE…      seeded mutations of the files until the time is over
//   tar_fuzz 0 FILE…            only the files themselves, to look at a finding
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

#include "tar_check.hpp"

#ifdef SHIPSET_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto broken = shipset::fuzz::check_tar({reinterpret_cast<const char*>(data), size});
  if (!broken.empty()) std::abort();
  return 0;
}
#else
namespace {
bool holds(const std::string& bytes, const std::string& name) {
  const auto broken = shipset::fuzz::check_tar(bytes);
  if (broken.empty()) return true;
  std::ofstream("finding.tar", std::ios::binary) << bytes;
  std::fprintf(stderr, "%s: %s; written to finding.tar\n", name.c_str(), broken.c_str());
  return false;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: tar_fuzz SECONDS FILE...\n");
    return 2;
  }
  std::vector<std::string> corpus;
  for (int i = 2; i < argc; ++i) {
    std::ifstream in(argv[i], std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    if (!holds(corpus.back(), argv[i])) return 1;
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::strtol(argv[1], nullptr, 10));
  std::uint32_t seed = 0;
  for (; std::chrono::steady_clock::now() < end; ++seed) {
    auto bytes = shipset::fuzz::mutate(corpus[seed % corpus.size()], seed);
    if (seed % 4 != 0) bytes = shipset::fuzz::repair_checksums(std::move(bytes));
    if (!holds(bytes, "seed " + std::to_string(seed))) return 1;
  }
  std::printf("%u inputs, nothing found\n", seed);
  return 0;
}
#endif
