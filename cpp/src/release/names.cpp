#include "shipset/release/plan.hpp"
#include "shipset/release/report.hpp"

namespace shipset::release {

std::string_view to_string(VariantAction action) noexcept {
  switch (action) {
    case VariantAction::build:
      return "build";
    case VariantAction::present:
      return "present";
    case VariantAction::copy:
      return "copy";
    case VariantAction::repair:
      return "repair";
    case VariantAction::inactive:
      return "inactive";
    case VariantAction::absent:
      return "absent";
    case VariantAction::excluded:
      return "excluded";
  }
  return "build";
}

std::string_view to_string(TagAction action) noexcept {
  switch (action) {
    case TagAction::create:
      return "create";
    case TagAction::move:
      return "move";
    case TagAction::keep:
      return "keep";
    case TagAction::decide:
      return "decide";
    case TagAction::refuse:
      return "refuse";
  }
  return "decide";
}

std::string_view to_string(Status status) noexcept {
  switch (status) {
    case Status::not_started:
      return "not_started";
    case Status::done:
      return "done";
    case Status::present:
      return "present";
    case Status::failed:
      return "failed";
    case Status::skipped:
      return "skipped";
    case Status::undone:
      return "undone";
    case Status::foreign:
      return "foreign";
  }
  return "not_started";
}

}  // namespace shipset::release
