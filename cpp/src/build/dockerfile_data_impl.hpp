// What a Dockerfile that was read holds. Private.
#pragma once

#include "dockerfile_impl.hpp"
#include "shipset/build/dockerfile.hpp"

namespace shipset::build {

struct Dockerfile::Data {
  std::string text, name;
  dockerfile::FileContent content;
  dockerfile::FileStages stages;
};

}  // namespace shipset::build
