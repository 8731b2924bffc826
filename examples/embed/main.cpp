// Releases from C++, without Python: reads a release file, shows its tag table, and carries the release out.
//   embed shipset.toml 1.2.0 oci:out
#include <cstdio>
#include <string>

#include "shipset/model/spec.hpp"
#include "shipset/release/release.hpp"
#include "shipset/tags/table.hpp"

namespace {

using shipset::Result;

Result<int> release(const std::string& file, const std::string& version, const std::string& destination) {
  SHIPSET_TRY(const auto spec, shipset::ReleaseSpec::load(file));
  SHIPSET_TRY(const auto matrix, spec.matrix({{"version", version}}));
  SHIPSET_TRY(const auto table, shipset::tags::make_table(matrix));
  for (const auto& entry : table.entries) {
    std::printf("%s (%s)\n", entry.familiar().c_str(), entry.variant.c_str());
  }
  shipset::release::Options options;
  options.destination = destination;
  SHIPSET_TRY(const auto plan, shipset::release::make_plan(matrix, options));
  const auto outcome = shipset::release::execute(plan, shipset::release::Goal::release);
  if (outcome.error) return *outcome.error;
  std::printf("%s: %llu bytes, %llu tags moved\n", outcome.report.outcome.c_str(),
              static_cast<unsigned long long>(outcome.report.bytes_moved()),
              static_cast<unsigned long long>(outcome.report.tags_moved()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: embed RELEASE_FILE VERSION DESTINATION\n");
    return 2;
  }
  const auto done = release(argv[1], argv[2], argv[3]);
  if (!done) {
    std::fprintf(stderr, "%s\n", shipset::render(done.error()).c_str());
    return shipset::exit_code(done.error().kind);
  }
  return *done;
}
