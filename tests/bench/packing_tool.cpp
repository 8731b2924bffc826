// Packs a tar with pack_tar and says how long it took and how much memory it needed, as one JSON object.
//   packing_tool COMPRESSION THREADS INPUT.tar OUTPUT
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "shipset/base/file.hpp"
#include "shipset/base/json.hpp"
#include "shipset/oci/layer.hpp"

namespace {

using namespace shipset;

/// A line of /proc/self/status in bytes, e.g. VmHWM; 0 where there is none.
std::uint64_t memory(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":")) return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10) * 1024;
  return 0;
}

struct Run {
  oci::LayerResult layer;
  double seconds = 0;
};

Result<Run> run(char** argv) {
  oci::LayerOptions options;
  SHIPSET_TRY(options.compression, parse_compression(argv[1]));
  options.threads = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
  const std::filesystem::path output = argv[4];
  const auto begin = std::chrono::steady_clock::now();
  SHIPSET_TRY(const auto source, file_source(argv[3]));
  SHIPSET_TRY(const auto tar, source->open());
  SHIPSET_TRY(auto file, TempFile::create(output.parent_path()));
  Run out;
  SHIPSET_TRY(out.layer, oci::pack_tar(*tar, file, options));
  SHIPSET_CHECK(file.commit(output, false));
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: packing_tool COMPRESSION THREADS INPUT.tar OUTPUT\n";
    return 2;
  }
  const auto idle = memory("VmRSS");
  const auto done = run(argv);
  if (!done) {
    std::cerr << render(done.error()) << "\n";
    return exit_code(done.error().kind);
  }
  JsonWriter json;
  json.begin_object()
      .member("used", to_string(done->layer.used))
      .member("seconds", done->seconds)
      .member("diff_id", done->layer.diff_id.str())
      .member("digest", done->layer.descriptor.digest.str())
      .member("size_bytes", done->layer.descriptor.size)
      .member("uncompressed_bytes", done->layer.uncompressed_bytes)
      .member("idle_bytes", idle)
      .member("peak_bytes", memory("VmHWM"))
      .end_object();
  std::cout << json.str() << "\n";
  return 0;
}
