// What single texts of the release file must look like, by Format. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <string_view>

#include "description_impl.hpp"
#include "shipset/model/template.hpp"

namespace shipset::detail {

/// What is wrong with an evaluated text; nothing when it fits. The text itself is never repeated for secrets.
std::optional<TextProblem> check_format(Format format, std::string_view text);

/// Whether the text begins like a credential of a well-known service, or is a private key.
bool looks_like_secret(std::string_view text) noexcept;

/// A version that is computed: "auto:minor".
inline constexpr std::string_view automatic_prefix = "auto:";

bool is_variant_name(std::string_view text) noexcept;

/// "variant:NAME" → NAME; empty when it is something else.
std::string_view variant_of_base(std::string_view base) noexcept;

}  // namespace shipset::detail
