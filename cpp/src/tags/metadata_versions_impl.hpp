// Versions as metadata-action's templates see them: `{{version}}`, `{{major}}`, `{{raw}}` and the others.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "handlebars_impl.hpp"

namespace shipset::tags::detail {

class VersionScope final : public TemplateScope {
 public:
  /// None when the text is no semantic version that the action takes.
  static std::optional<VersionScope> semver(std::string_view text);
  /// None when the text does not conform to PEP 440. Error kind usage: numbers that the action would round.
  static Result<std::optional<VersionScope>> pep440(std::string_view text);

  /// Pre-releases; for PEP 440 post-releases and development releases too.
  [[nodiscard]] bool is_passing() const { return passing_; }
  /// `{{version}}`
  [[nodiscard]] const std::string& version() const { return names_.at("version").text; }
  [[nodiscard]] Result<std::optional<Value>> value(std::string_view name) const override;
  [[nodiscard]] Result<std::optional<std::string>> call(const TemplateCall& call) const override;

 private:
  std::map<std::string, Value, std::less<>> names_;
  bool passing_ = false;
};

}  // namespace shipset::tags::detail
