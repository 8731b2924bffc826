// Values that no output of a command may carry into a log or a report: build secrets of the release, and variables of
// the environment whose names say that they are secret. While the returned values live, redact() knows them. Private
// to the module.
#pragma once

#include <vector>

#include "shipset/base/secret.hpp"
#include "shipset/model/matrix.hpp"

namespace shipset::release {

/// With the release file: its build secrets too. What cannot be read is nobody's secret here.
std::vector<Secret> known_secrets(const Matrix* matrix);

}  // namespace shipset::release
