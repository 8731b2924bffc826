#include "shipset/model/matrix.hpp"

namespace shipset {

std::string_view to_string(Moves moves) noexcept {
  switch (moves) {
    case Moves::never:
      return "never";
    case Moves::forward:
      return "forward";
    case Moves::always:
      return "always";
  }
  return "never";
}

std::string_view to_string(Required required) noexcept {
  switch (required) {
    case Required::yes:
      return "true";
    case Required::no:
      return "false";
    case Required::if_present:
      return "if-present";
  }
  return "true";
}

std::string_view to_string(Gate::At at) noexcept {
  switch (at) {
    case Gate::At::before_build:
      return "before-build";
    case Gate::At::staged:
      return "staged";
    case Gate::At::external:
      return "external";
  }
  return "before-build";
}

std::string_view to_string(SbomFormat format) noexcept {
  return format == SbomFormat::spdx ? "spdx" : "none";
}

std::string_view to_string(ProvenanceMode mode) noexcept {
  switch (mode) {
    case ProvenanceMode::none:
      return "none";
    case ProvenanceMode::min:
      return "min";
    case ProvenanceMode::max:
      return "max";
  }
  return "max";
}

std::string_view to_string(AttestationForm form) noexcept {
  return form == AttestationForm::legacy ? "legacy" : "oci-artifact";
}

const Variant* Matrix::find(std::string_view variant) const {
  for (const auto& candidate : variants)
    if (candidate.name == variant) return &candidate;
  return nullptr;
}

}  // namespace shipset
