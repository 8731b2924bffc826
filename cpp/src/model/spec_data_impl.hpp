// What a loaded release file is made of, and the steps from there to a matrix.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "levels_impl.hpp"
#include "node_impl.hpp"
#include "scope_impl.hpp"
#include "shipset/model/spec.hpp"
#include "texts_impl.hpp"

namespace shipset::detail {

struct SpecData {
  std::string text;
  std::filesystem::path file;
  Node root;
  Texts texts;
  KnownNames known;
  Declarations declarations;
  std::string name;
  VersionScheme scheme = VersionScheme::semver;
  std::vector<InputDeclaration> inputs;
  std::vector<Problem> warnings;
};

/// Lines KEY=VALUE, `#` comments, optional quotes. `name` is used in messages. Error kind spec.
Result<std::map<std::string, std::string>> parse_versions(std::string_view text, std::string_view name);

std::vector<InputDeclaration> read_inputs(const Node& root);

/// Inputs by declared type, defaults filled in; with `version`, missing ones that the file's version names are that.
/// Errors: kind usage with every problem.
Result<std::vector<std::pair<std::string, Value>>> convert_inputs(const SpecData& spec, const InputValues& given,
                                                                  const Facts& facts,
                                                                  const std::string* version = nullptr);

/// With `version`, that takes the place of the file's own, also in inputs that only the file's version needs.
Result<Matrix> make_matrix(const SpecData& spec, const InputValues& inputs, const Facts& facts,
                           const std::string* version = nullptr);

}  // namespace shipset::detail
