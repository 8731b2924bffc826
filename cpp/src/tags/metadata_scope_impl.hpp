// The global expressions of metadata-action: `{{branch}}`, `{{sha}}`, `{{date 'YYYYMMDD' tz='Asia/Tokyo'}}`, …
#pragma once

#include "handlebars_impl.hpp"
#include "shipset/tags/metadata.hpp"

namespace shipset::tags::detail {

enum class DatesOnly { no, yes };

/// The request must outlive it.
class MetadataScope final : public TemplateScope {
 public:
  /// With DatesOnly::yes: the patterns of schedules, which know dates alone.
  explicit MetadataScope(const MetadataRequest& request, DatesOnly dates_only = DatesOnly::no)
      : request_(request), dates_only_(dates_only == DatesOnly::yes) {}

  [[nodiscard]] Result<std::optional<Value>> value(std::string_view name) const override;
  [[nodiscard]] Result<std::optional<std::string>> call(const TemplateCall& call) const override;
  /// Error kind usage: the length that the environment asks for is no number.
  [[nodiscard]] Result<std::string> short_sha() const;

 private:
  [[nodiscard]] bool is_default_branch() const;
  [[nodiscard]] std::string base_ref() const;

  const MetadataRequest& request_;
  bool dates_only_;
};

}  // namespace shipset::tags::detail
