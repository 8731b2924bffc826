// A matrix as plain text for people and for tables in tests: variants × platforms × tags with what each is made of.
// Stable: the same matrix gives the same text. Thread-safe: pure functions.
#pragma once

#include <string>

#include "shipset/model/matrix.hpp"

namespace shipset {

/// One block per variant: name, condition, platforms, tags. Below the last of several platforms with the same settings
/// stand those that differ from the defaults.
/// Lines end with a line feed.
std::string to_table(const Matrix& matrix);

}  // namespace shipset
