// A checked release file. load() reports all problems at once (Error::problems with file, line, column, hint);
// matrix() applies inputs and facts. Immutable and cheap to copy. product.md §3.
#pragma once

#include <filesystem>
#include <memory>

#include "shipset/model/matrix.hpp"

namespace shipset {

enum class InputType : std::uint8_t { string, boolean, integer, choice };
std::string_view to_string(InputType type) noexcept;

struct InputDeclaration {
  std::string name;
  InputType type = InputType::string;
  std::optional<std::string> default_text;  ///< template text, or true/false/integer as text
  std::vector<std::string> options;
  std::string pattern;
  std::string description;
};

/// Inputs as given by people: name → text; converted by the declared type.
using InputValues = std::map<std::string, std::string>;

class ReleaseSpec {
 public:
  /// Reads and checks the file. Kinds: io (unreadable), spec (problems).
  static Result<ReleaseSpec> load(const std::filesystem::path& file);
  /// The same from text; `file` is used for messages and relative paths.
  static Result<ReleaseSpec> parse(std::string_view text, const std::filesystem::path& file);

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] const std::vector<InputDeclaration>& inputs() const;
  [[nodiscard]] std::vector<std::string> variant_names() const;  ///< after matrix expansion, in file order
  [[nodiscard]] VersionScheme scheme() const;
  [[nodiscard]] const std::vector<Problem>& warnings() const;
  [[nodiscard]] const std::string& text() const;
  [[nodiscard]] const std::filesystem::path& file() const;

  /// Unknown, missing, ill-typed inputs: kind usage. Values that only now turn out wrong: kind spec with problems.
  [[nodiscard]] Result<Matrix> matrix(const InputValues& inputs = {}, const Facts& facts = {}) const;
  /// The same for a version that takes the place of the file's own. Inputs without a default that the file's version
  /// names may be missing: they are taken to be that version.
  [[nodiscard]] Result<Matrix> matrix_of_version(const std::string& version, const InputValues& inputs,
                                                 const Facts& facts) const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

/// JSON Schema (draft 2020-12) of the release file, made from the description that the checker uses.
std::string release_file_schema();

}  // namespace shipset
