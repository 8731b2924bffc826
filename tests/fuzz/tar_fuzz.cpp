#include "fuzz.hpp"
#include "tar_check.hpp"

const shipset::fuzz::Target& shipset::fuzz::target() {
  using namespace std::literals;
  static const Target found{check_tar,
                            {"../"sv, "/"sv, "path="sv, "size="sv, "\0"sv, "\xff\xff\xff\xff"sv, "\x80"sv, "xgLK"sv,
                             "SCHILY.xattr."sv, "77777777777"sv, "linkpath="sv, "\n"sv},
                            repair_checksums,
                            512};
  return found;
}
