// Matrices as the model would make them, for tests of the tag table.
#pragma once

#include <string>
#include <vector>

#include "shipset/model/matrix.hpp"

inline shipset::ResolvedTag tag_rule(std::string rule, std::string tag, std::string shape,
                                     shipset::Moves moves = shipset::Moves::never, int line = 0) {
  shipset::ResolvedTag out;
  out.rule = std::move(rule);
  out.tag = std::move(tag);
  out.shape = std::move(shape);
  out.moves = moves;
  out.line = line;
  out.column = line > 0 ? 5 : 0;
  return out;
}

/// A variant with the rules `{version}{-suffix}` and, if wanted, the forward rule `latest{-suffix}`.
inline shipset::Variant flavour(const std::string& name, const std::string& suffix, const std::string& version,
                                bool latest = true) {
  shipset::Variant out;
  out.name = name;
  out.suffix = suffix;
  out.repositories = {"docker/model-runner"};
  const std::string dashed = suffix.empty() ? "" : "-" + suffix;
  out.tags.push_back(tag_rule("{version}{-suffix}", version + dashed, "{version}" + dashed, shipset::Moves::never, 10));
  if (latest)
    out.tags.push_back(tag_rule("latest{-suffix}", "latest" + dashed, "latest" + dashed, shipset::Moves::forward, 11));
  return out;
}

inline shipset::Matrix model_runner(const std::string& version, bool latest, bool musa_and_cann) {
  shipset::Matrix out;
  out.file = "shipset.toml";
  out.name = "model-runner";
  out.version = version;
  out.repositories = {"docker/model-runner"};
  for (const std::string name : {"cpu", "cuda", "vllm-cuda", "sglang-cuda", "rocm", "musa", "cann"})
    out.variants.push_back(flavour(name, name == "cpu" ? "" : name, version, latest));
  for (auto& variant : out.variants)
    if (variant.name == "musa" || variant.name == "cann") variant.active = musa_and_cann;
  return out;
}
