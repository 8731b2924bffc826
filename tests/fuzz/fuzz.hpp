// What a fuzz target is; the driver (driver.cpp) is the same for all. One source per target: <name>_fuzz.cpp, with
// small files to start from in corpus/<name>/. A check is a property ("what is accepted survives a round trip"), not
// only "it does not crash".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace shipset::fuzz {

struct Target {
  /// What the code under test broke of its promises, or empty.
  std::string (*check)(std::string_view bytes);
  /// Words of the format, for mutations.
  std::vector<std::string_view> tokens{};
  /// Repairs checksums and the like after most mutations; may be null.
  std::string (*repair)(std::string bytes) = nullptr;
  /// Bytes that belong together; pieces are moved in multiples of it too.
  std::size_t block = 16;
};

/// Defined by the target's source.
const Target& target();

}  // namespace shipset::fuzz
