// Fuzzing of the tar reader and the decompressors before it. check_tar is the property; around it stand a libFuzzer
// entry, a plain program (tar_fuzz.cpp) and a short run in the unit tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shipset::fuzz {

/// Reads `bytes` as an archive, maybe compressed. What the reader broke of its promises, or empty.
std::string check_tar(std::string_view bytes);
/// A damaged copy, the same for the same seed.
std::string mutate(std::string bytes, std::uint32_t seed);
/// Makes the header checksums right again, so that damage gets past them.
std::string repair_checksums(std::string bytes);

}  // namespace shipset::fuzz
